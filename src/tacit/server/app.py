"""The HTTP API over an engine: thin routes, one error form, work off the event loop."""

import gc
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, BeforeValidator
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from threadpoolctl import threadpool_limits

from tacit.core.version import __version__
from tacit.engine import requests
from tacit.engine.checking import LONGEST_LIST
from tacit.engine.engine import Engine
from tacit.pipeline.similar import SimilarKind
from tacit.server.accepting import Board
from tacit.server.admission import Admission, caller
from tacit.server.bodies import attributes_in, attributes_like, in_words, json_response
from tacit.server.bulk import LINE_TYPES, put_lines
from tacit.server.docs import docs_page
from tacit.server.documented import documented
from tacit.server.guard import FAULT, App, Guard, Receive, Scope, Send
from tacit.server.health_routes import ALIVE, READY, Health
from tacit.server.hot import hot_routes, session_of
from tacit.server.ingest import observed
from tacit.server.keyring import Keyring
from tacit.server.lane import Lane
from tacit.server.listening import LOOPBACK
from tacit.server.metrics_routes import add_metrics
from tacit.server.model_routes import ModelRoutes, NothingElse, Served
from tacit.server.path_ids import Id
from tacit.server.problems import OURS, problem_response, response_of, retry_after, status_of
from tacit.server.rates import Rates
from tacit.server.schemas import EventIn, EventsIn, SessionIn
from tacit.server.user_routes import add_user_routes
from tacit.server.watch import Watch, Watchers


def _whole(text: object) -> object:
    """Refuse 3.0 for a whole number, as a body does."""
    if isinstance(text, str) and not re.fullmatch(r"[-+]?\d+", text.strip()):
        raise ValueError("it must be a whole number, for example 10")
    return text


_NOT_OF_ITEMS = ("item_id", "text", "line")
_OF_ITEMS = {"available": {"type": ["boolean", "null"]}}


class GuardedAPI(FastAPI):
    """FastAPI behind the guard: what the guard answers passes none of FastAPI's own layers, which take 40 us.

    Attributes
    ----------
    guard : Guard
    watch : Watch
        Around the guard.
    """

    guard: Guard
    watch: Watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        await self.watch(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the description of the routes, with all that they answer and refuse."""
        if self.openapi_schema is None:
            self.openapi_schema = documented(super().openapi(), needs_keys=self.guard.needs_keys)
        return self.openapi_schema

    @property
    def unguarded(self) -> App:
        """The application behind the guard."""
        return super().__call__


K = Annotated[int, BeforeValidator(_whole), Query(ge=1, le=LONGEST_LIST, description="Length of the list")]
Seen = Annotated[bool, Query(description="Keep items of the history in the list")]
Kind = Annotated[
    SimilarKind, Query(description="alike: in place of it; together: along with it; next: what follows it")
]


def create_app(
    engine: Engine,
    *,
    keys: Keyring | None = None,
    rates: Rates | None = None,
    allowed_hosts: Sequence[str] = LOOPBACK,
    served: Served | None = None,
    directory: FilePath | None = None,
    board: Board | None = None,
    watchers: Watchers | None = None,
) -> GuardedAPI:
    """Return the ASGI application; when it stops, it closes the engine.

    Parameters
    ----------
    engine : Engine
    keys : Keyring, optional
        Where it is given, every route but those of the health needs a key of it.
    rates : Rates, optional
        How many requests a key may send.
    allowed_hosts : sequence of str
        Accepted values of the Host header; ``*`` accepts all.
    served : Served, optional
        What is known of the version that the engine serves.
    directory : Path, optional
        The model directory whose versions may be chosen.
    board : Board, optional
        Of the processes of a service.
    watchers : Watchers, optional
        Who counts the requests and writes of them; metrics of this process alone by default.
    """
    watchers = watchers or Watchers()
    health = Health(engine, board)
    # Writers wait for the disk, so many of them share one flush; recommendations take a processor each.
    answers = Lane("answers", threads=2, waiting=500, patience=1.0, in_loop=engine.reads_locally)
    writes = Lane("writes", threads=16, waiting=100, patience=10.0, wait=1.0)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # What is loaded by now stays: a collection that walks it stops the service for a tenth of a second.
        gc.collect()
        gc.freeze()
        with threadpool_limits(1):
            yield
        gc.unfreeze()
        answers.close()
        writes.close()
        engine.close()
        watchers.close()

    app = GuardedAPI(
        title="Tacit",
        version=__version__,
        description="Recommendations from what people do.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(_check_query)],
        lifespan=lifespan,
    )
    _add_errors(app)
    _add_health(app, health)
    _add_events(app, engine, writes)
    _add_lists(app, engine, answers)
    _add_items(app, engine, writes)
    add_user_routes(app, engine, writes)
    ModelRoutes(engine, served or NothingElse(), directory).add_to(app)
    add_metrics(app, engine, watchers.metrics)
    app.add_api_route("/", lambda: RedirectResponse("docs"), include_in_schema=False)
    app.add_api_route("/docs", lambda: HTMLResponse(docs_page(app.openapi())), include_in_schema=False)
    routes = hot_routes(engine, answers, writes, health)
    admission = Admission(keys, rates)
    app.guard = Guard(app.unguarded, admission, allowed_hosts, routes=routes, is_ending=health.is_ending)
    ours = [one for one in app.routes if isinstance(one, Route)]
    templates = [(method, one.path) for one in ours for method in one.methods or ()]
    app.watch = Watch(app.guard, watchers, [*templates, *((one.method, one.path) for one in routes)])
    app.state.health = health
    app.state.answers = answers  # for `tacit.server.pace`, which refuses before a request is parsed
    return app


async def _check_query(request: Request) -> None:
    """Refuse parameters that a route does not know or that are given twice, as a body refuses such keys."""
    if not request.scope["path"].startswith("/v1/"):  # not request.url: it is made from the Host header
        return  # those who ask for the health may add what they like
    known = [one.alias for one in request.scope["route"].dependant.query_params]
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            hint = f"known: {', '.join(known)}" if known else "this route takes none"
            raise HTTPException(422, f"there is no query parameter {name[:64]!r}; {hint}")
        if given.count(name) > 1:
            raise HTTPException(422, f"the query parameter {name!r} is given twice")


def _add_health(app: FastAPI, health: Health) -> None:
    async def alive() -> Response:
        return response_of(*health.alive())

    for path in ALIVE:
        app.get(path, summary="Is the process alive?", name=path[1:])(alive)

    @app.get(READY, summary="Is it ready, and from what does it answer? 503 while it ends or fails to write")
    async def readyz() -> Response:
        return response_of(*health.ready())


def _add_events(app: FastAPI, engine: Engine, writes: Lane) -> None:
    @app.post("/v1/events", summary="Store events", openapi_extra=_body_of(EventsIn, EventIn))
    async def post_events(request: Request) -> Response:
        body, sender = await request.body(), caller()
        status, report = await writes.run(lambda: observed(engine, body, sender), "events")
        return Response(report, status, media_type="application/json")


def _add_lists(app: FastAPI, engine: Engine, answers: Lane) -> None:
    @app.get("/v1/users/{user_id}/recommendations", summary="Recommend to a user")
    async def for_user(user_id: Id, k: K = 10, allow_seen: Seen = False) -> Response:
        request = requests.Request(user_id=user_id, k=k, allow_seen=allow_seen)
        return await answers.run(lambda: json_response(engine.recommend(request)), "unusual")

    @app.post(
        "/v1/sessions/recommendations",
        summary="Recommend to an anonymous history",
        openapi_extra=_body_of(SessionIn),
    )
    async def for_session(request: Request) -> Response:
        body = await request.body()
        return await answers.run(lambda: json_response(engine.recommend(session_of(body))), "unusual")

    @app.get("/v1/items/{item_id}/similar", summary="What is like an item, goes with it or comes next")
    async def similar(item_id: Id, k: K = 10, kind: Kind = "alike") -> Response:
        return await answers.run(lambda: json_response(engine.similar(item_id, k, kind)), "unusual")


def _add_items(app: FastAPI, engine: Engine, writes: Lane) -> None:
    example = {"title": "Trail running shoes", "description": "Light, for muddy paths", "price": 89.5}

    def answer(item_id: str, warnings: Sequence[str] = ()) -> Response:
        more = {"warnings": warnings} if warnings else {}
        return json_response({"item_id": item_id, "model": engine.version} | more)

    @app.put(
        "/v1/items/{item_id}",
        summary="Add or replace an item",
        openapi_extra=attributes_like(example, *_NOT_OF_ITEMS, **_OF_ITEMS),
    )
    async def put_item(item_id: Id, request: Request) -> Response:
        body = await request.body()
        return await writes.run(lambda: answer(item_id, engine.put_item(item_id, attributes_in(body))))

    @app.patch(
        "/v1/items/{item_id}",
        summary="Set some attributes of an item, or hide it; the others stay, and null changes nothing",
        openapi_extra=attributes_like({"available": False}, *_NOT_OF_ITEMS, **_OF_ITEMS),
    )
    async def patch_item(item_id: Id, request: Request) -> Response:
        body = await request.body()
        return await writes.run(lambda: answer(item_id, engine.patch_item(item_id, attributes_in(body))))

    def got(item_id: str) -> Response:
        return json_response(
            {"item_id": item_id, "attributes": engine.item(item_id), "model": engine.version}
        )

    @app.get("/v1/items/{item_id}", summary="What is known of an item")
    async def get_item(item_id: Id) -> Response:
        return await writes.run(lambda: got(item_id))

    def delete(item_id: str) -> Response:
        engine.delete_item(item_id)
        return answer(item_id)

    @app.delete("/v1/items/{item_id}", summary="Take an item out of every list")
    async def delete_item(item_id: Id) -> Response:
        return await writes.run(lambda: delete(item_id))

    @app.post(
        "/v1/items",
        summary="Add or replace many items: one JSON object a line ",
        openapi_extra=_lines_like({"item_id": "new-1"} | example),
    )
    async def post_items(request: Request) -> Response:
        coding = request.headers.get("content-encoding", "identity")
        if coding.lower() != "identity":
            raise HTTPException(415, f"the body is encoded as {coding[:64]}; send it as it is")
        kind = request.headers.get("content-type", LINE_TYPES[0])
        if kind.partition(";")[0].strip().lower() not in LINE_TYPES:
            raise HTTPException(415, f"the content type is {kind[:64]}; send {LINE_TYPES[0]}, an item a line")
        report = await put_lines(engine, writes, request.stream())
        return json_response(report, report.status)


def _lines_like(example: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "description": "A line: item_id and any attributes", "example": example}
    return {"requestBody": {"content": {"application/x-ndjson": {"schema": schema}}}}


def _without_route(method: str, path: str, status: int) -> str:
    """Return why a request has no route, and how an id with a slash is written."""
    reason = "there is no such route" if status == 404 else f"this route does not take {method}"
    if method == "OPTIONS":
        reason += ": pages of other sites cannot call this service; let your own server call it"
    for kind, suffix in (("items", "similar"), ("users", "recommendations")):
        start = f"/v1/{kind}/"
        if not path.startswith(start):
            continue
        id_ = path.removeprefix(start)
        # What was meant by GET is a list; by other methods an item or a user whose id ends like its route.
        last = f"/{suffix}" if method == "GET" and id_.endswith(f"/{suffix}") else ""
        id_ = id_.removesuffix(last) if last else id_
        if "/" in id_.strip("/"):
            written = id_.replace("/", "%2F")
            return f"{reason}; an id is one part of the path, / in it is %2F: {start}{written[:768]}{last}"
    return reason


def _methods_of(app: FastAPI, request: Request) -> list[str]:
    """Return the methods that the path of a request takes; a route of this very path goes before others."""
    routes = [one for one in app.routes if isinstance(one, Route)]
    exact = [one for one in routes if one.path == request.scope["path"]]
    matching = exact or [one for one in routes if one.matches(request.scope)[0] != Match.NONE]
    return sorted({method for one in matching for method in one.methods or ()})


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        detail = str(error.detail)
        if detail in (HTTPStatus.NOT_FOUND.phrase, HTTPStatus.METHOD_NOT_ALLOWED.phrase):  # of the router
            detail = _without_route(request.method, request.scope["path"], error.status_code)
        response = problem_response(error.status_code, detail)
        response.headers.update(error.headers or {})
        if error.status_code == 405:  # the router names the methods of the first route of this path alone
            response.headers["allow"] = ", ".join(_methods_of(app, request))
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return problem_response(422, f"{'.'.join(map(str, first['loc'][1:]))}: {in_words(first['msg'])}")

    async def ours(_: Request, error: Exception) -> Response:
        return problem_response(*status_of(error), retry_after(error))

    @app.exception_handler(Exception)
    async def fault(_: Request, __: Exception) -> Response:
        response = problem_response(500, FAULT)  # the guard logs it: the exception is raised again
        response.headers["connection"] = "close"
        return response

    for kind in OURS:
        if kind is not HTTPException:
            app.add_exception_handler(kind, ours)


def _body_of(kind: type[BaseModel], part: type[BaseModel] | None = None) -> dict[str, Any]:
    schema = kind.model_json_schema()
    if part is not None:
        schema["properties"]["events"]["items"] = part.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
