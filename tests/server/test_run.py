"""One process on a socket: connections whose requests never come, and the number of connections."""

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tacit.server import accepting, pace, run
from tacit.server.accepting import ABSENT, Board, open_board
from tacit.server.listening import listen


async def app(scope: dict, receive: object, send: object) -> None:  # type: ignore[type-arg]
    if scope["type"] == "lifespan":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"ok"})  # type: ignore[operator]


@contextmanager
def running(board: Board) -> Iterator[int]:
    """Serve on a free port in a thread."""
    ready = threading.Event()
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        server = run.server_of(app, listener, board, on_ready=ready.set)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
        thread.start()
        assert ready.wait(20)
        try:
            yield port
        finally:
            server.handle_exit(signal.SIGTERM, None)
            thread.join()


@pytest.mark.fault(27)
def test_a_half_said_request_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_HEADER_SECONDS", 0.3)
    with running(Board(open_board(1), 0)) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as slow:
            slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
            assert slow.recv(100) == b""  # closed, long before any timeout of ours
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as quick:
            for _ in range(3):  # a connection that is kept alive may pause between requests
                assert quick.get("/healthz").status_code == 200
                time.sleep(0.4)


def test_open_connections_are_counted() -> None:
    descriptor = open_board(1)
    board, seen = Board(descriptor, 0), Board(descriptor, 0)
    assert seen.number() == ABSENT
    with running(board) as port:
        assert seen.number() == 0
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            client.get("/")
            assert seen.number() == 1
        deadline = time.monotonic() + 5
        while seen.number() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert seen.number() == 0


def test_a_process_with_more_connections_lets_others_accept_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "_HEAD_START", 0.3)
    descriptor = open_board(2)
    Board(descriptor, 1).set(0)  # another process, which has none and accepts none
    with running(Board(descriptor, 0)) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as first:
        first.get("/")
        begun = time.monotonic()
        assert httpx.get(f"http://127.0.0.1:{port}/").text == "ok"  # accepted at last
        assert time.monotonic() - begun > 0.2


def test_a_process_accepts_on_as_soon_as_the_others_have_caught_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "_HEAD_START", 5.0)
    descriptor = open_board(2)
    other = Board(descriptor, 1)
    other.set(0)
    with running(Board(descriptor, 0)) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as first:
        first.get("/")
        begun = time.monotonic()
        threading.Timer(0.1, other.set, [1]).start()
        assert httpx.get(f"http://127.0.0.1:{port}/").text == "ok"
        assert 0.05 < time.monotonic() - begun < 3


@pytest.mark.parametrize(
    ("own", "least", "behind"), [(1, 0, True), (1, 1, False), (8, 7, False), (9, 7, True)]
)
def test_a_process_leaves_connections_to_one_with_clearly_fewer(own: int, least: int, behind: bool) -> None:
    descriptor = open_board(3)
    boards = [Board(descriptor, place) for place in range(3)]
    for board, number in zip(boards, (own, least, own), strict=True):
        board.set(number)
    assert boards[0].is_behind() == behind
