"""What is decided before a request is parsed: which data are one request for a list, and its refusal."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn

from tacit.engine.engine import Engine
from tacit.engine.requests import Recommended, Request, Response
from tacit.server.app import create_app
from tacit.server.pace import PacedProtocol

LIST = b"GET /v1/users/a%2Fb/recommendations?k=3 HTTP/1.1\r\nHost: localhost\r\n\r\n"
SESSION = b"POST /v1/sessions/recommendations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
PARSED = b"HTTP/1.1 200 OK\r\n"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\n"


class Application:
    """Answers 200 to everything, with a lane that is full when the test says so."""

    def __init__(self) -> None:
        self.is_full = True
        self.state = SimpleNamespace(answers=SimpleNamespace(reserve=lambda: not self.is_full, connections=0))

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        more = True
        while more:
            more = (await receive()).get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
def application() -> Application:
    return Application()


@contextmanager
def served(application: Any) -> Iterator[tuple[uvicorn.Server, tuple[str, int]]]:
    config = uvicorn.Config(application, http=PacedProtocol, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        while not server.started:
            thread.join(0.01)
        yield server, bound.getsockname()
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def address(application: Application) -> Iterator[tuple[str, int]]:
    with served(application) as (_, bound):
        yield bound


def answers(address: tuple[str, int], *parts: bytes, count: int = 1) -> list[bytes]:
    """Send parts, each in a packet of its own, and return the first lines of the answers."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place, part in enumerate(parts):
            if place:
                threading.Event().wait(0.05)
            connection.sendall(part)
        received = b""
        while received.count(b"HTTP/1.1 ") < count or not received.endswith((b"ok", b"}", b"received.")):
            received += connection.recv(65_536) or pytest.fail(f"closed after {received!r}")
        return [b"HTTP/1.1 " + one.split(b"\r\n")[0] + b"\r\n" for one in received.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize(
    "request_",
    [
        LIST,
        b"GET /v1/items/i/similar HTTP/1.1\r\nHost: localhost\r\nUser-Agent: x\r\n\r\n",
        SESSION,
        SESSION.replace(b"Content-Length: 2", b"content-length:2"),
    ],
    ids=repr,
)
def test_a_whole_request_for_a_list_is_refused_and_the_connection_lives(
    address: tuple[str, int], request_: bytes
) -> None:
    assert answers(address, request_, request_, b"GET /healthz HTTP/1.1\r\n\r\n", count=3) == [
        REFUSED,
        REFUSED,
        PARSED,
    ]


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v1/users/a/b/recommendations HTTP/1.1\r\n\r\n",
        b"GET /v1/users/a HTTP/1.1\r\n\r\n",
        b"PUT" + LIST[3:],
        LIST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        LIST.replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\ncontent-length: 0\r\n\r\n"),
        SESSION.replace(b"Content-Length: 2", b"Content-Length:\t2"),
        SESSION.replace(b"Content-Length: 2", b"Content-Length: 2\r\nConnection: Close"),
        SESSION.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked").replace(b"{}", b"0\r\n\r\n"),
    ],
    ids=repr,
)
def test_any_other_is_parsed(address: tuple[str, int], request_: bytes) -> None:
    assert answers(address, request_) in ([PARSED], [b"HTTP/1.1 400 Bad Request\r\n"])


def test_a_request_in_parts_or_several_at_once_are_parsed(address: tuple[str, int]) -> None:
    assert answers(address, LIST[:20], LIST[20:]) == [PARSED]
    assert answers(address, SESSION[:-1], SESSION[-1:]) == [PARSED]
    assert answers(address, LIST + LIST, count=2) == [PARSED, PARSED]


def test_a_body_that_looks_like_a_request_is_no_request(address: tuple[str, int]) -> None:
    """What follows the headers of a request is its body, whatever it says."""
    head = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(LIST)
    assert answers(address, head, LIST) == [PARSED]


def test_a_refusal_is_the_problem_document_with_the_security_headers(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(LIST)
        head, _, body = connection.recv(65_536).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert b"content-length: %d" % len(body) in lines
    assert {
        b"retry-after: 1",
        b"content-type: application/problem+json",
        b"x-content-type-options: nosniff",
    } <= {*lines}
    assert b"too many requests are waiting" in body


def test_while_there_is_room_everything_is_parsed(address: tuple[str, int], application: Application) -> None:
    application.is_full = False
    assert answers(address, LIST) == [PARSED]
    application.is_full = True


class Stub(Engine):
    """An engine that needs a moment for its one answer, and fails for one user."""

    reads_locally = True
    seconds = 0.0

    def __init__(self) -> None:
        pass

    def recommend(self, request: Request) -> Response:
        time.sleep(self.seconds)
        if request.user_id == "broken":
            raise RuntimeError("a secret")
        who = request.user_id or f"session {request.items}"
        return Response("id", "m", [Recommended(f"{who} {n}", 1.0, "x" * 3_000) for n in range(request.k)])

    def similar(self, item_id: str, k: int = 10, kind: str = "alike") -> Response:
        return Response(kind, "m", [Recommended(item_id, 1.0, "x")] * k)


@pytest.fixture
def engine() -> Stub:
    return Stub()


@pytest.fixture
def direct(engine: Stub) -> Iterator[tuple[uvicorn.Server, tuple[str, int]]]:
    with served(create_app(engine, api_key="key")) as found:
        yield found


def said(address: tuple[str, int], *parts: bytes, count: int = 1) -> list[bytes]:
    """Send parts, each in a packet of its own, and return the answers without their date."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place, part in enumerate(parts):
            if place:
                time.sleep(0.03)
            connection.sendall(part)
        return [received(connection) for _ in range(count)]


def received(connection: socket.socket) -> bytes:
    """Read one answer and no more."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1) or pytest.fail(f"closed after {head!r}")
    size = re.search(rb"content-length: ([0-9]+)", head)
    assert size is not None
    body = b""
    while len(body) < int(size[1]):
        body += connection.recv(int(size[1]) - len(body)) or pytest.fail("closed in a body")
    return re.sub(rb"date: [^\r]*\r\n", b"", head) + body


KEYED = LIST.replace(b"\r\n\r\n", b"\r\nX-API-Key: key\r\nAccept: */*\r\n\r\n")
SESSIONS = (
    b"POST /v1/sessions/recommendations HTTP/1.1\r\nHost: localhost\r\nX-API-Key: key\r\nContent-Length: "
)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (KEYED, 200),
        (KEYED.replace(b"?k=3", b""), 200),
        (KEYED.replace(b"users/a%2Fb/recommendations", b"items/i/similar"), 200),
        (KEYED.replace(b"X-API-Key: key", b"authorization: Bearer key"), 200),
        (SESSIONS + b'15\r\n\r\n{"items":["a"]}', 200),
        (SESSIONS + b"2\r\n\r\n[]", 422),
        (SESSIONS + b"2\r\nOrigin: http://elsewhere\r\n\r\n{}", 403),
        (LIST, 401),
        (KEYED.replace(b"X-API-Key: key", b"X-API-Key: another"), 401),
        (KEYED.replace(b"localhost", b"elsewhere"), 400),
        (KEYED.replace(b"k=3", b"k=0"), 422),
        (KEYED.replace(b"k=3", b"k=%33"), 200),
        (KEYED.replace(b"a%2Fb", b"a|b"), 200),
        (KEYED.replace(b"a%2Fb", b"%ff"), 400),
        (KEYED.replace(b"a%2Fb", b"broken"), 500),
        (KEYED.replace(b"*/*", b"x" * 20_000), 431),
    ],
    ids=lambda value: repr(value)[:90],
)
def test_a_plain_request_is_answered_as_the_parser_would(
    direct: tuple[uvicorn.Server, tuple[str, int]], request_: bytes, status: int
) -> None:
    (at_once,) = said(direct[1], request_)
    (in_parts,) = said(direct[1], request_[:9], request_[9:])
    assert sorted(at_once.split(b"\r\n")) == sorted(in_parts.split(b"\r\n"))
    assert at_once.startswith(b"HTTP/1.1 %d " % status)


def test_what_comes_while_a_list_is_computed_is_answered_after_it(
    direct: tuple[uvicorn.Server, tuple[str, int]], engine: Stub
) -> None:
    engine.seconds = 0.1
    other = KEYED.replace(b"a%2Fb", b"c")
    found = said(direct[1], KEYED, other, KEYED[:30], KEYED[30:] + other, count=4)
    assert [re.search(rb"[a-c/]+ 0", one)[0] for one in found] == [b"a/b 0", b"c 0", b"a/b 0", b"c 0"]  # type: ignore[index]


def test_a_server_that_stops_sends_the_list_that_it_computes(
    direct: tuple[uvicorn.Server, tuple[str, int]], engine: Stub
) -> None:
    engine.seconds = 0.5
    server, address = direct
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(KEYED)
        time.sleep(0.1)
        server.should_exit = True
        answer = received(connection)
        assert answer.startswith(PARSED)
        assert b"connection: close\r\n" in answer
        assert connection.recv(1) == b""


def test_a_client_that_leaves_while_its_list_is_computed_hurts_nobody(
    direct: tuple[uvicorn.Server, tuple[str, int]], engine: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    engine.seconds = 0.2
    with socket.create_connection(direct[1], timeout=10) as connection:
        connection.sendall(KEYED)
        time.sleep(0.05)
    engine.seconds = 0.0
    time.sleep(0.3)
    assert said(direct[1], KEYED)[0].startswith(PARSED)
    assert not caplog.records
