"""Routes that go around FastAPI answer as FastAPI's do, byte for byte, whatever is sent."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.served import small_snapshot

from tacit.engine import engine as engine_module
from tacit.engine.engine import Engine
from tacit.server.app import create_app
from tacit.server.guard import Message
from tacit.server.routes import Route, Routes
from tacit.store.events import EventStore

Sent = tuple[str, bytes, bytes, bytes]
"""Method, path, query string and body."""
ITEM = small_snapshot().catalogue.items.ids[3].encode()
USER = small_snapshot().interactions.users.ids[3].encode()
LIST, SESSION, SIMILAR = (
    b"/v1/users/%s/recommendations",
    b"/v1/sessions/recommendations",
    b"/v1/items/%s/similar",
)
EVENT = b'{"user_id":"u","item_id":"%s","event":"view","event_id":"%%s"}' % ITEM


class Paths:
    """The application, and the same without the handlers of its table, so that FastAPI answers everything."""

    def __init__(self, engine: Engine) -> None:
        self.hot, self.plain = create_app(engine), create_app(engine)
        self.handled = 0
        table = self.hot.guard.routes
        for route in table:
            if route.handle is not None:
                self._count(route)
        self.plain.guard.routes = Routes([])

    def _count(self, route: Route) -> None:
        handle = route.handle
        assert handle is not None

        def counted(id_: str, query: bytes, body: bytes) -> Any:
            reply = handle(id_, query, body)
            self.handled += reply is not None
            return reply

        object.__setattr__(route, "handle", counted)

    def answers(self, *sent: Sent) -> list[tuple[Any, Any]]:
        async def both() -> list[tuple[Any, Any]]:
            return [(await answer(self.hot, *one), await answer(self.plain, *one)) for one in sent]

        return asyncio.run(both())

    def check(self, *sent: Sent) -> None:
        for hot, plain in self.answers(*sent):
            assert hot == plain


async def answer(app: FastAPI, method: str, path: bytes, query: bytes, body: bytes) -> tuple[Any, ...]:
    """Return status, headers and body."""
    sent: list[Message] = []
    parts = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        return next(parts, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"x-request-id", b"the-request")] + [
        (b"content-length", b"%d" % len(body))
    ] * bool(body)
    scope = {
        "type": "http",
        "method": method,
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "headers": headers,
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    await app(scope, receive, send)
    return sent[0]["status"], sorted(sent[0]["headers"]), b"".join(one.get("body", b"") for one in sent)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paths]:
    engine = Engine(small_snapshot(), EventStore(f"sqlite:///{tmp_path_factory.mktemp('hot') / 'x.db'}"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_module, "new_event_id", lambda: "the id of a list")
        yield Paths(engine)
    engine.close()


USUAL: list[Sent] = [
    ("GET", b"/healthz", b"", b""),
    ("GET", b"/readyz", b"probe=1", b""),
    ("GET", LIST % USER, b"", b""),
    ("GET", LIST % USER, b"k=1", b""),
    ("GET", LIST % USER, b"k=1000&allow_seen=true", b""),
    ("GET", LIST % USER, b"allow_seen=false&k=7", b""),
    ("GET", LIST % b"unknown", b"", b""),
    ("GET", LIST % b"a%2Fb", b"", b""),
    ("GET", LIST % b"%E6%9D%B1", b"", b""),
    ("GET", LIST % b"a+b", b"", b""),
    ("GET", LIST % b"%20", b"", b""),
    ("GET", LIST % b"%00", b"", b""),
    ("GET", LIST % (b"x" * 256), b"", b""),
    ("GET", LIST % (b"%E6%9D%B1" * 85), b"", b""),
    ("GET", SIMILAR % ITEM, b"", b""),
    ("GET", SIMILAR % ITEM, b"k=3&kind=together", b""),
    ("GET", SIMILAR % ITEM, b"kind=next", b""),
    ("GET", SIMILAR % b"unknown", b"k=3", b""),
    ("POST", SESSION, b"", b"{}"),
    ("POST", SESSION, b"", b'{"items":["%s","x"],"k":3}' % ITEM),
    ("POST", SESSION, b"", b'{"items":["%s"],"allow_seen":true,"session_id":"s"}' % ITEM),
    ("POST", SESSION, b"", b'{"items":["%s"],"context":{"a":1},"attributes":{"b":null}}' % ITEM),
    ("POST", SESSION, b"", b"{"),
    ("POST", SESSION, b"", b""),
    ("POST", SESSION, b"", b"[]"),
    ("POST", SESSION, b"", b'{"items":"i"}'),
    ("POST", SESSION, b"", b'{"items":[1]}'),
    ("POST", SESSION, b"", b'{"items":["\\u0007"]}'),
    ("POST", SESSION, b"", b'{"k":0}'),
    ("POST", SESSION, b"", b'{"k":1e9}'),
    ("POST", SESSION, b"", b'{"more":1}'),
    ("POST", SESSION, b"", b'{"items":[' + b'"i",' * 999 + b'"i"],"k":2}'),
    ("POST", SESSION, b"", b'{"items":[' + b'"i",' * 9_999 + b'"i"],"k":2}'),
    ("POST", SESSION, b"", b'{"context":{"a":"' + b"x" * 20_000 + b'"}}'),
    ("POST", b"/v1/events", b"", b'{"events":[]}'),
    ("POST", b"/v1/events", b"", b'{"events":[%s]}' % (EVENT % b"e-1")),
    ("POST", b"/v1/events", b"", b'{"events":[%s,{"user_id":7},{}]}' % (EVENT % b"e-2")),
    ("POST", b"/v1/events", b"", b'{"events":[{"user_id":7}]}'),
    ("POST", b"/v1/events", b"", b'{"events":[%s]}' % (EVENT % b"e-2").replace(b"view", b"buy")),
    ("POST", b"/v1/events", b"", b'{"events":' + b"[" * 100_000),
    ("POST", b"/v1/events", b"", b"\xff"),
]
UNUSUAL: list[Sent] = [
    ("GET", LIST % USER, query, b"")
    for query in (
        b"k=0",
        b"k=1001",
        b"k=010",
        b"k=%20 10",
        b"k=+10",
        b"k=%31",
        b"k=ten",
        b"k=",
        b"k",
        b"=",
        b"&",
        b"k=1&",
        b"k=1&k=2",
        b"k=1;k=2",
        b"k=1=2",
        b"k=3.0",
        b"k=%ff",
        b"k=\xff",
        b"kk=1",
        b"allow_seen=1",
        b"allow_seen=True",
        b"allow_seen=perhaps",
        b"allow_seen=",
        b"K=1",
        b"k=" + b"9" * 5_000,
    )
]
UNUSUAL += [
    ("GET", LIST % b"", b"", b""),
    ("GET", LIST % (b"x" * 257), b"", b""),
    ("GET", LIST % (b"%E6%9D%B1" * 86), b"", b""),
    ("GET", LIST % b"a/b", b"", b""),
    ("GET", LIST % USER + b"/", b"", b""),
    ("PUT", LIST % USER, b"", b""),
    ("GET", SIMILAR % ITEM, b"kind=like", b""),
    ("GET", SIMILAR % ITEM, b"allow_seen=true", b""),
    ("POST", SESSION, b"k=1", b"{}"),
    ("POST", b"/v1/events", b"k=1", b'{"events":[]}'),
    ("GET", b"/v1/users/{id}/recommendations/x", b"", b""),
    ("GET", b"/v1/sessions/recommendations", b"", b""),
    ("GET", b"//v1/users/u/recommendations", b"", b""),
    ("POST", b"/healthz", b"", b""),
]


def named(sent: Sent) -> str:
    method, path, query, body = sent
    return f"{method} {path[:30]!r}?{query[:20]!r} {body[:30]!r}"


@pytest.mark.parametrize("sent", USUAL, ids=named)
def test_usual_requests_are_answered_alike_and_without_fastapi(paths: Paths, sent: Sent) -> None:
    before = paths.handled
    paths.check(sent)
    assert paths.handled == before + 1


@pytest.mark.parametrize("sent", UNUSUAL, ids=named)
def test_unusual_requests_are_left_to_fastapi(paths: Paths, sent: Sent) -> None:
    before = paths.handled
    paths.check(sent)
    assert paths.handled == before


def test_a_path_that_is_no_utf8_is_refused_alike(paths: Paths) -> None:
    ((hot, plain),) = paths.answers(("GET", LIST % b"%ff", b"", b""))
    assert hot == plain
    assert hot[0] == 400


PART = st.sampled_from([USER, ITEM, b"x", b"%2F", b"%", b"%zz", b".", b"..", b"a b", b"~"]) | st.binary(
    max_size=4
).map(lambda raw: b"".join(b"%%%02X" % byte for byte in raw))
PATH = st.tuples(st.sampled_from([LIST, SIMILAR]), st.lists(PART, min_size=1, max_size=2)).map(
    lambda drawn: drawn[0] % b"".join(drawn[1])
)
PAIR = st.tuples(
    st.sampled_from([b"k", b"kind", b"allow_seen", b"", b"x"]),
    st.sampled_from([b"", b"="]),
    st.sampled_from([b"", b"3", b"1001", b"true", b"next", b"alike", b"together", b"%33", b"-1", b" 3"]),
).map(b"".join)
LEAF = st.none() | st.booleans() | st.integers(-5, 1_005) | st.floats() | st.text(max_size=3)
VALUE = st.recursive(
    LEAF, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=2), part, max_size=2)
)
NAMES = ["items", "k", "session_id", "allow_seen", "attributes", "context", "more"]
BODY = (
    st.dictionaries(st.sampled_from(NAMES), VALUE, max_size=4)
    | st.fixed_dictionaries({"items": st.lists(st.sampled_from([ITEM.decode(), "", "\ud800", "x"]))})
    | VALUE
).map(lambda document: json.dumps(document).encode())


@examples(75)
@given(path=PATH, query=st.lists(PAIR, max_size=2).map(b"&".join))
def test_any_get_is_answered_alike(paths: Paths, path: bytes, query: bytes) -> None:
    paths.check(("GET", path, query, b""))


@examples(50)
@given(body=BODY | st.binary(max_size=20))
def test_any_session_is_answered_alike(paths: Paths, body: bytes) -> None:
    paths.check(("POST", SESSION, b"", body))


def test_the_documents_describe_every_route_of_the_table(paths: Paths) -> None:
    table = paths.hot.guard.routes
    described = paths.hot.openapi()["paths"]
    for route in table:
        names = [
            path for path in described if path.replace("user_id", "id").replace("item_id", "id") == route.path
        ]
        method = route.method.replace("HEAD", "GET").lower()  # HEAD is GET without a body
        assert [method in described[name] for name in names] == [True]
