"""The routes that are called most, as plain functions: lists, related items, events, probes.

FastAPI's routes of the same paths (`tacit.server.app`) describe them, answer every request of an unusual
form, and say what is wrong with it. A test sends the same requests to both.
"""

import re
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

import orjson

from tacit.engine.checking import LONGEST_ID, LONGEST_LIST
from tacit.engine.engine import Engine
from tacit.engine.requests import Request
from tacit.pipeline.similar import KINDS, SimilarKind
from tacit.server.admission import caller
from tacit.server.bodies import parsed
from tacit.server.health_routes import Health, health_routes
from tacit.server.ingest import observed
from tacit.server.lane import Lane
from tacit.server.problems import MEDIA_TYPE, OURS, problem, retry_after, status_of
from tacit.server.routes import Reply, Route, Routes
from tacit.server.schemas import SessionIn

_JSON = "application/json"
_K = re.compile(rb"[1-9][0-9]{0,3}")
_FLAGS = {b"true": True, b"false": False}
_KINDS: dict[bytes, SimilarKind] = {kind.encode(): kind for kind in KINDS}
_SHORT_BODY = 16_384
"""Bytes of a body that is parsed in the event loop: 50 us."""


def hot_routes(engine: Engine, answers: Lane, writes: Lane, health: Health) -> Routes:
    """Return the table of routes.

    Parameters
    ----------
    engine : Engine
    answers, writes : Lane
        Where lists are computed, and where events are stored.
    health : Health
    """

    def for_user(id_: str, query: bytes, _: bytes) -> Awaitable[Reply] | None:
        user_id, parameters = _id(id_), _parameters(query)
        k = _k(parameters)
        allow_seen = _FLAGS.get(parameters.pop(b"allow_seen", b"false")) if parameters is not None else None
        if user_id is None or k is None or allow_seen is None or parameters:
            return None
        request = Request(user_id, k=k, allow_seen=allow_seen)
        return _listed(answers, lambda: engine.recommend(request), ("user", _size(k)))

    def for_session(_: str, query: bytes, body: bytes) -> Awaitable[Reply] | None:
        return None if query else _for_session(engine, answers, body)

    def similar(id_: str, query: bytes, _: bytes) -> Awaitable[Reply] | None:
        item_id, parameters = _id(id_), _parameters(query)
        k = _k(parameters)
        kind = _KINDS.get(parameters.pop(b"kind", b"alike")) if parameters is not None else None
        if item_id is None or k is None or kind is None or parameters:
            return None
        return _listed(answers, lambda: engine.similar(item_id, k, kind), (kind, _size(k)))

    def events(_: str, query: bytes, body: bytes) -> Awaitable[Reply] | None:
        if query:
            return None
        sender = caller()  # asked here: the work may be done in a thread
        return _run(writes, lambda: (*observed(engine, body, sender), _JSON), "events")

    return Routes([
        *health_routes(health),
        Route("GET", "/v1/users/{id}/recommendations", for_user, answers),
        Route("POST", "/v1/sessions/recommendations", for_session, answers),
        Route("GET", "/v1/items/{id}/similar", similar, answers),
        Route("POST", "/v1/events", events, writes),
        Route("POST", "/v1/items", streams=True),
    ])  # fmt: skip


def session_of(body: bytes) -> Request:
    """Return the request of a body.

    Raises
    ------
    HTTPException
    """
    session = parsed(body, SessionIn)
    return Request(
        session_id=session.session_id,
        items=tuple(session.items),
        k=session.k,
        allow_seen=session.allow_seen,
        attributes=session.attributes,
        context=session.context,
    )


async def _for_session(engine: Engine, answers: Lane, body: bytes) -> Reply:
    if len(body) > _SHORT_BODY:
        return await _listed(answers, lambda: engine.recommend(session_of(body)), "large")
    try:
        request = session_of(body)
    except OURS as error:
        return _problem(error)
    long = len(request.items) > 100
    return await _listed(answers, lambda: engine.recommend(request), ("session", long, _size(request.k)))


def _listed(answers: Lane, make: Callable[[], object], kind: object) -> Awaitable[Reply]:
    return _run(answers, lambda: (200, orjson.dumps(make()), _JSON), kind)


async def _run(lane: Lane, work: Callable[[], Reply], kind: object) -> Reply:
    try:
        return await lane.run(work, kind)
    except OURS as error:
        return _problem(error)


def _problem(error: Exception) -> Reply:
    status, detail = status_of(error)
    return status, problem(status, detail), MEDIA_TYPE, retry_after(error)


def _size(k: int) -> int:
    """Return the class of a length: lists of one class take about the same time."""
    return (k > 50) + (k > 200)


def _id(part: str) -> str | None:
    """Return the id of a part of a path; None if it is not of the usual form."""
    id_ = unquote(part) if "%" in part else part
    return (
        id_ if id_ and (id_.isascii() or len(id_.encode()) <= LONGEST_ID) and len(id_) <= LONGEST_ID else None
    )


def _parameters(query: bytes) -> dict[bytes, bytes] | None:
    """Return the parameters of a query string; None if it is not of the usual form."""
    if not query:
        return {}
    if b"%" in query or b"+" in query:
        return None
    pairs = [part.split(b"=") for part in query.split(b"&")]
    if any(len(pair) != 2 for pair in pairs):
        return None
    parameters = {pair[0]: pair[1] for pair in pairs}
    return parameters if len(parameters) == len(pairs) else None


def _k(parameters: dict[bytes, bytes] | None) -> int | None:
    """Take the length of the list out of the parameters; None if it is not of the usual form."""
    given = b"10" if parameters is None else parameters.pop(b"k", b"10")
    k = int(given) if _K.fullmatch(given) else 0
    return k if 1 <= k <= LONGEST_LIST else None
