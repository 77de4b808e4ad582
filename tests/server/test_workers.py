"""A service of several processes: what a client notices when one of them is killed, which is nothing."""

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.fleet import ENCODER, WORKER, Fleet, command, fleet, wait_until
from tests.served import small_snapshot

from tacit.engine.snapshot import save
from tacit.store.events import EventStore
from tacit.store.lock import hold

HEAVY = ("torch", "transformers", "sklearn", "matplotlib", "optuna", "pandas", "tokenizers")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("workers") / "model"
    save(small_snapshot(), place)
    return place


@pytest.fixture(scope="module")
def shared(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A service that no test kills for good."""
    with fleet(directory, tmp_path_factory.mktemp("shared"), workers=2) as running:
        yield running


class Client:
    """Sends one request after the other on a connection, each at most twice, until it is stopped."""

    def __init__(self, address: str, number: int) -> None:
        self._host = address.removeprefix("http://")
        self._number = number
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.acknowledged: list[str] = []
        self.failures: list[str] = []
        self.answers = 0
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        self._connection = http.client.HTTPConnection(self._host, timeout=60)
        while not self._stopped.is_set():
            id_ = f"{self._number}-{self.answers}"
            event = f'{{"user_id":"u{self._number}","item_id":"i00001","event":"view","event_id":"{id_}"}}'
            if self._sent("POST", "/v1/events", f'{{"events":[{event}]}}') == 200:
                self.acknowledged.append(id_)
            self._sent("GET", f"/v1/users/u{self._number}/recommendations")
            self.answers += 1
            self._stopped.wait(0.02)  # its processor time is the service's
        self._connection.close()

    def _sent(self, method: str, path: str, body: str | None = None) -> int:
        problem = ""
        for _ in range(2):
            try:
                self._connection.request(method, path, body, {"content-type": "application/json"})
                answer = self._connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
                self._connection.close()  # the next request opens it again
            else:
                if answer.status == 200:
                    return 200
                problem = str(answer.status)
        self.failures.append(f"{method} {path}: {problem}")
        return 0


def test_all_workers_answer_and_hold_no_language_model(shared: Fleet) -> None:
    assert len(shared.pids(WORKER)) == 2
    assert httpx.put(f"{shared.address}/v1/items/new-1", json={"title": "A lamp"}, timeout=60).is_success
    assert len(shared.pids(ENCODER)) == 1
    for pid in [shared.process.pid, *shared.pids(WORKER)]:
        mapped = Path(f"/proc/{pid}/maps").read_text()
        assert not [name for name in HEAVY if f"/{name}/" in mapped]
    assert "/sklearn/" in Path(f"/proc/{shared.pids(ENCODER)[0]}/maps").read_text()


@pytest.mark.parametrize("module", ["tacit.server.worker", "tacit.server.supervisor", "tacit.cli.serve"])
def test_what_a_service_imports(module: str) -> None:
    code = f"import {module}, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_connections_that_arrive_together_are_shared(shared: Fleet) -> None:
    host = shared.address.removeprefix("http://")
    connections = [http.client.HTTPConnection(host, timeout=60) for _ in range(12)]
    for connection in connections:
        connection.request("GET", "/healthz")
    for connection in connections:
        assert connection.getresponse().read()
    open_now = [_connections(pid, int(host.rpartition(":")[2])) for pid in shared.pids(WORKER)]
    for connection in connections:
        connection.close()
    assert sum(open_now) >= 12
    assert min(open_now) >= 2


def _connections(pid: int, port: int) -> int:
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    established = {row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"}
    links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    return len(established & {link.removeprefix("socket:[").removesuffix("]") for link in links})


@pytest.mark.promise("P42")
@pytest.mark.fault(1)
def test_a_killed_worker_is_replaced_and_nobody_notices(tmp_path: Path) -> None:
    place = tmp_path / "model"
    save(small_snapshot(), place)
    with fleet(place, tmp_path, workers=2) as service:
        for file in place.iterdir():  # as a fit to the same directory removes them
            file.unlink()
        clients = [Client(service.address, number) for number in range(6)]
        time.sleep(0.5)
        killed, other = service.pids(WORKER)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: "is ready again" in service.said(), 60)
        time.sleep(0.5)
        for client in clients:
            client.stop()
        assert [client.failures for client in clients] == [[]] * 6
        assert min(client.answers for client in clients) > 5
        assert killed not in service.pids(WORKER)
        assert len(service.pids(WORKER)) == 2
        seconds = float(service.said().partition("is ready again after ")[2].split()[0])
        assert seconds < max(10.0, 2 * service.started)  # a busy machine may be slow
        assert f"(process {killed}) was ended by SIGKILL; starting it again" in service.said()
        os.kill(other, signal.SIGKILL)  # the new one answers alone, with the snapshot that all have
        assert service.get("/readyz").json()["model"] == small_snapshot().version
        assert service.stop() == 0
    stored = {event.event_id for event in EventStore(f"sqlite:///{tmp_path / 'store.sqlite3'}").events()}
    acknowledged = {id_ for client in clients for id_ in client.acknowledged}
    assert acknowledged
    assert acknowledged <= stored


@pytest.mark.fault(31)
def test_a_killed_encoding_process_is_replaced_and_lists_do_not_wait(shared: Fleet) -> None:
    def put(number: int) -> httpx.Response:
        body = {"title": f"A lamp of number {number}"}
        return httpx.put(f"{shared.address}/v1/items/lamp-{number}", json=body, timeout=60)

    assert put(1).is_success
    killed = shared.pids(ENCODER)[0]
    os.kill(killed, signal.SIGKILL)
    begun = time.monotonic()
    assert shared.get("/v1/users/u/recommendations").is_success
    assert time.monotonic() - begun < 1.0
    assert put(2).is_success
    assert shared.pids(ENCODER) != [killed]


@pytest.mark.fault(35)
def test_processes_that_hang_are_ended_and_replaced_and_all_end_with_their_parent(
    directory: Path, tmp_path: Path
) -> None:
    with fleet(directory, tmp_path, workers=2) as service:
        put = f"{service.address}/v1/items/lamp"
        assert httpx.put(put, json={"title": "A lamp"}, timeout=60).is_success
        stopped = [service.pids(WORKER)[0], service.pids(ENCODER)[0]]
        time.sleep(3)  # each has given a sign of life
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        for _ in range(10):  # the other one serves
            assert service.get("/v1/users/u/recommendations").is_success
        wait_until(lambda: service.said().count("hangs: it gave no sign of life") == 2, 40)
        wait_until(lambda: not set(stopped) & {*service.pids(WORKER), *service.pids(ENCODER)}, 20)
        wait_until(lambda: len(service.pids(WORKER)) == 2 and len(service.pids(ENCODER)) == 1, 20)
        assert httpx.put(put, json={"title": "Another lamp"}, timeout=60).is_success
        wait_until(lambda: "worker 1 is ready again" in service.said(), 60)
        pids = service.pids(WORKER) + service.pids(ENCODER)
        assert len(pids) == 3
        service.process.kill()
        wait_until(lambda: not [pid for pid in pids if _runs(pid)], 8)
    hold(f"sqlite:///{tmp_path / 'store.sqlite3'}").close()  # the store is free again


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.fault(24)
def test_requests_in_flight_are_answered_after_sigterm(directory: Path, tmp_path: Path) -> None:
    with fleet(directory, tmp_path, workers=1) as service:
        connection = http.client.HTTPConnection(service.address.removeprefix("http://"), timeout=60)
        body = b'{"events":[{"user_id":"u","item_id":"i00001","event":"view"}]}'
        connection.putrequest("POST", "/v1/events")
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body[:10])
        time.sleep(0.3)
        for pid in (service.process.pid, *service.pids(WORKER)):  # as to a group of processes
            os.kill(pid, signal.SIGTERM)
        time.sleep(0.5)
        connection.send(body[10:])
        assert connection.getresponse().status == 200
        connection.close()
        assert service.process.wait(30) == 0
        assert "starting it again" not in service.said()
        assert "Traceback" not in service.said()
        with pytest.raises(httpx.ConnectError):
            service.get("/healthz")


@pytest.mark.fault(12)
def test_a_store_is_for_one_service(shared: Fleet, directory: Path, tmp_path: Path) -> None:
    opened = {str(link.readlink()) for link in Path(f"/proc/{shared.process.pid}/fd").iterdir()}
    file = next(name for name in opened if name.endswith(".sqlite3.lock")).removesuffix(".lock")
    done = subprocess.run(
        command(directory, "--port", "0", "--store", f"sqlite:///{file}"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert f"is in use by process {shared.process.pid}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.fault(13)
def test_a_service_whose_workers_crash_ends_with_a_sentence(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif 'tacit.server.worker' in sys.orig_argv: os.abort()\n"
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        command(directory, "--port", "0", "--store", f"sqlite:///{tmp_path / 'x.sqlite3'}"),
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 1
    assert "no worker can start: the last of 4 in a row was ended by SIGABRT" in done.stderr
    assert done.stdout == ""
    assert "fault of tacit" not in done.stderr


@pytest.mark.fault(11)
def test_a_store_that_no_worker_can_open_is_said_once(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "x.sqlite3").write_bytes(b"this is no database" * 100)
    done = subprocess.run(
        command(directory, "--port", "0", "--store", f"sqlite:///{tmp_path / 'x.sqlite3'}"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot open the store" in done.stderr
