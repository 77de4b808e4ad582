"""What is decided before a request is parsed: which data are one request for a list, and its refusal."""

import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import uvicorn

from tacit.server.pace import PacedProtocol

LIST = b"GET /v1/users/a%2Fb/recommendations?k=3 HTTP/1.1\r\nHost: localhost\r\n\r\n"
SESSION = b"POST /v1/sessions/recommendations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
PARSED = b"HTTP/1.1 200 OK\r\n"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\n"


class Application:
    """Answers 200 to everything, with a lane that is full when the test says so."""

    def __init__(self) -> None:
        self.is_full = True
        lane = SimpleNamespace(reserve=lambda: not self.is_full, connections=0, retry_after=lambda: 7)
        self.state = SimpleNamespace(answers=lane)

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        more = True
        while more:
            more = (await receive()).get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
def application() -> Application:
    return Application()


@pytest.fixture(scope="module")
def address(application: Application) -> Iterator[tuple[str, int]]:
    config = uvicorn.Config(application, http=PacedProtocol, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        while not server.started:
            thread.join(0.01)
        yield bound.getsockname()
        server.should_exit = True
        thread.join()


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
        b"retry-after: 7",
        b"content-type: application/problem+json",
        b"x-content-type-options: nosniff",
    } <= {*lines}
    assert b"too many requests are waiting; come back in 7 seconds" in body


def test_while_there_is_room_everything_is_parsed(address: tuple[str, int], application: Application) -> None:
    application.is_full = False
    assert answers(address, LIST) == [PARSED]
    application.is_full = True
