"""What a service says of itself from its first moment to its last, over real sockets."""

import http.client
import os
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.fleet import WORKER, command, fleet, wait_until
from tests.served import small_snapshot

from tacit.engine.snapshot import save
from tacit.server.accepting import Board, open_board
from tacit.server.front import Front
from tacit.server.listening import listen
from tacit.store.events import EventStore

LIST = "/v1/users/u/recommendations"
RESTARTS = int(os.environ.get("TACIT_RESTARTS", "3"))
"""50 before a release."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("health") / "model"
    save(small_snapshot(), place)
    return place


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def answer_of(address: str, path: str) -> httpx.Response | None:
    """Ask over a connection of its own; None where nobody listens."""
    try:
        return httpx.get(address + path, timeout=20)
    except (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError):
        return None


@pytest.mark.promise("P28")
@pytest.mark.fault(24, 25)
def test_from_the_first_moment_to_the_last_a_service_says_how_it_is(directory: Path, tmp_path: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    options = ["--port", str(port), "--workers", "2", "--drain", "3"]
    options += ["--store", f"sqlite:///{tmp_path / 'x.sqlite3'}"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command(directory, *options), stdout=subprocess.DEVNULL, stderr=log)
    try:
        wait_until(lambda: answer_of(address, "/livez"), 60)
        first = {path: answer_of(address, path) for path in ("/livez", "/healthz", "/readyz", LIST)}
        assert [one.status_code for one in first.values()] == [200, 200, 503, 503]  # type: ignore[union-attr]
        for path in ("/readyz", LIST):
            assert int(first[path].headers["retry-after"]) >= 1  # type: ignore[union-attr]
            assert "being loaded" in first[path].json()["detail"]  # type: ignore[union-attr]
        wait_until(lambda: answer_of(address, "/readyz").status_code == 200, 60)  # type: ignore[union-attr]
        # Ready once is ready: whoever answers has a whole model.
        answers = [answer_of(address, LIST) for _ in range(20)]
        refused = [one and one.text for one in answers if one is None or not one.is_success]
        assert refused == [], (tmp_path / "log").read_text()
        kept = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        kept.request("GET", LIST)
        assert kept.getresponse().read()
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: answer_of(address, "/readyz").status_code == 503, 3)  # type: ignore[union-attr]
        assert answer_of(address, "/livez").status_code == 200  # type: ignore[union-attr]
        last = answer_of(address, LIST)
        assert last is not None and last.is_success
        kept.request("GET", LIST)
        answer = kept.getresponse()
        assert answer.read() and answer.getheader("connection") == "close"  # the client goes elsewhere
        assert process.wait(60) == 0
        assert answer_of(address, "/livez") is None
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.promise("P28", "P43")
@pytest.mark.fault(7)
def test_while_writes_fail_no_process_is_ready_and_lists_go_on(directory: Path, tmp_path: Path) -> None:
    with fleet(directory, tmp_path, workers=2) as service:

        def limit(size: int) -> None:
            for pid in service.pids(WORKER):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

        def ready(times: int = 8) -> list[int]:
            return [service.get("/readyz").status_code for _ in range(times)]

        def send() -> int:
            event = {"user_id": "u", "item_id": "i00001", "event": "view"}
            return httpx.post(
                f"{service.address}/v1/events", json={"events": [event]}, timeout=30
            ).status_code

        assert send() == 200
        limit(1)
        assert send() in (503, 507)
        wait_until(lambda: ready() == [503] * 8, 30)  # also of the process that has written nothing
        answer = service.get("/readyz")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"]
        assert "lists go on" in answer.json()["detail"]
        assert service.get("/livez").status_code == service.get(LIST).status_code == 200
        limit(resource.RLIM_INFINITY)
        wait_until(lambda: ready() == [200] * 8, 30)


@pytest.mark.promise("P28")
def test_head_is_get_without_its_body_on_every_route(directory: Path, tmp_path: Path) -> None:
    with fleet(directory, tmp_path, workers=1) as service:
        described = service.get("/openapi.json").json()["paths"]
        paths = [path for path, of in described.items() if "get" in of and path != "/metrics"]
        for path in [*paths, "/docs", "/openapi.json", "/nowhere"]:
            asked = path.replace("{user_id}", "u").replace("{item_id}", "i00001")
            got = service.get(asked)
            head = httpx.head(service.address + asked, timeout=20)
            changing = {"date", "x-request-id"}
            names = [(name, of) for name, of in got.headers.items() if name not in changing]
            assert [(name, of) for name, of in head.headers.items() if name not in changing] == names
            assert (head.status_code, head.content) == (got.status_code, b"")


@pytest.fixture
def front() -> Iterator[tuple[Front, tuple[str, int]]]:
    listener = listen("127.0.0.1", 0)
    opened = Front(listener, lambda: False)
    opened.open()
    yield opened, listener.getsockname()
    opened.close()
    listener.close()


def sent(address: tuple[str, int], *parts: bytes) -> bytes:
    with socket.create_connection(address, timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.02)
        received = b""
        while data := connection.recv(65_536):
            received += data
        return received


@pytest.mark.promise("P28")
@pytest.mark.fault(25, 27)
def test_while_nobody_else_does_the_parent_answers_what_is_whole(
    front: tuple[Front, tuple[str, int]],
) -> None:
    _, address = front
    slow = socket.create_connection(address, timeout=20)  # holds nobody up
    slow.sendall(b"GET /livez HT")
    assert sent(address, b"GET /livez?x=1 HTTP/1.1\r\nHo", b"st: a\r\n\r\n").startswith(b"HTTP/1.1 200 OK")
    assert sent(address, b"HEAD /livez HTTP/1.1\r\n\r\n").endswith(b"\r\n\r\n")
    body = b"x" * 200_000
    refused = sent(address, b"POST /v1/events HTTP/1.1\r\nContent-Length: 200000\r\n\r\n", body)
    assert refused.startswith(b"HTTP/1.1 503") and b"\r\nretry-after: 1\r\n" in refused
    assert sent(address, b"GET / HTTP/1.1\r\nX: " + b"y" * 40_000).startswith(b"HTTP/1.1 503")
    assert sent(address, b"GET /livezz HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 503")
    slow.sendall(b"TP/1.1\r\n\r\n")
    assert slow.recv(100).startswith(b"HTTP/1.1 200 OK")
    slow.close()


@pytest.mark.promise("P28")
def test_the_parent_leaves_connections_to_a_worker_that_has_begun_to_accept() -> None:
    listener, board = listen("127.0.0.1", 0), Board(open_board(2), 1)
    opened = Front(listener, board.any_accepts)
    opened.open()
    request = b"GET /readyz HTTP/1.1\r\n\r\n"
    assert sent(listener.getsockname(), request).startswith(b"HTTP/1.1 503")
    board.set(0)  # its parent has not heard yet that it is ready
    with socket.create_connection(listener.getsockname(), timeout=0.5) as waiting:
        waiting.sendall(request)
        with pytest.raises(TimeoutError):
            waiting.recv(100)
        board.clear()  # it ended
        waiting.settimeout(20)
        assert waiting.recv(100).startswith(b"HTTP/1.1 503")
    opened.close()
    listener.close()


def test_a_closed_front_takes_no_connection_from_a_worker(front: tuple[Front, tuple[str, int]]) -> None:
    opened, address = front
    assert sent(address, b"GET /livez HTTP/1.1\r\n\r\n")
    opened.close()
    end = time.monotonic() + 20
    while time.monotonic() < end and [one for one in threading.enumerate() if one.name == "tacit-front"]:
        time.sleep(0.01)
    waiting = socket.create_connection(address, timeout=0.3)
    waiting.sendall(b"GET /livez HTTP/1.1\r\n\r\n")
    with pytest.raises(TimeoutError):
        waiting.recv(1)
    opened.open()
    waiting.settimeout(20)
    assert waiting.recv(100).startswith(b"HTTP/1.1 200 OK")
    waiting.close()


@pytest.mark.promise("P28")
@pytest.mark.fault(24)
def test_restarts_behind_a_client_that_tries_again_fail_nothing(directory: Path, tmp_path: Path) -> None:
    """A service is ended and started again on its port while clients ask and write."""
    port, over, failures = free_port(), threading.Event(), []
    acknowledged: list[str] = []

    def client(number: int) -> None:
        turn = 0
        while not over.is_set():
            turn += 1
            event = {"user_id": "u", "item_id": "i00001", "event": "view", "event_id": f"{number}-{turn}"}
            if until_taken("POST", "/v1/events", {"events": [event]}):
                acknowledged.append(f"{number}-{turn}")
            until_taken("GET", LIST)
            over.wait(0.02)  # its processor time is the service's

    def until_taken(method: str, path: str, body: object = None) -> bool:
        """Send again, as a balancer does, what was refused for now or lost with its connection."""
        while not over.is_set():
            try:
                answer = httpx.request(method, f"http://127.0.0.1:{port}{path}", json=body, timeout=60)
            except httpx.TransportError as error:
                if isinstance(error, httpx.TimeoutException):
                    failures.append(repr(error))
            else:
                if answer.status_code == 200:
                    return True
                if answer.status_code != 503 or not answer.headers["retry-after"]:
                    failures.append(f"{path}: {answer.status_code}")
            over.wait(0.05)
        return False

    threads = [threading.Thread(target=client, args=(number,), daemon=True) for number in range(3)]
    store = f"sqlite:///{tmp_path / 'x.sqlite3'}"
    options = ["--port", str(port), "--workers", "1", "--drain", "0.2", "--store", store]
    for thread in threads:
        thread.start()
    for _ in range(RESTARTS):
        process = subprocess.Popen(
            command(directory, *options), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            assert process.stdout is not None and process.stdout.readline()
            before = len(acknowledged)
            wait_until(lambda before=before: len(acknowledged) > before + 3, 60)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.communicate()
    over.set()
    for thread in threads:
        thread.join()
    assert failures == []
    opened = EventStore(store)
    kept = [event.event_id for event in opened.events()]
    opened.close()
    assert len(kept) == len(set(kept))
    assert set(acknowledged) <= set(kept)
