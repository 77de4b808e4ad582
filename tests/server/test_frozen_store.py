"""A PostgreSQL that is frozen, killed and started again beneath a running service."""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from tests.fleet import Fleet, fleet, wait_until
from tests.served import small_snapshot
from tests.store.postgres_server import Server, server

from tacit.engine.snapshot import save


@pytest.fixture(scope="module")
def store() -> Iterator[Server]:
    with server() as running:
        yield running


class Sender(threading.Thread):
    """Sends events with ids, each until it is acknowledged."""

    def __init__(self, address: str, number: int) -> None:
        super().__init__(daemon=True)
        self.address, self.number = address, number
        self.over = threading.Event()
        self.acknowledged: list[str] = []
        self.other: set[int] = set()

    def run(self) -> None:
        with httpx.Client(base_url=self.address, timeout=30) as client:
            while not self.over.is_set():
                id_ = f"{self.number}-{len(self.acknowledged)}"
                event = {"user_id": f"u{self.number}", "item_id": "i00001", "event": "view", "event_id": id_}
                try:
                    status = client.post("/v1/events", json={"events": [event]}).status_code
                except httpx.TransportError:  # of a service that ends
                    status = 503
                if status == 200:
                    self.acknowledged.append(id_)
                    self.over.wait(0.02)  # its processor time is the service's
                else:
                    self.other.add(status)
                    self.over.wait(0.1)


def asked(service: Fleet) -> tuple[float, dict[str, object]]:
    begun = time.monotonic()
    answer = service.get("/v1/users/someone/recommendations")
    assert answer.status_code == 200
    return time.monotonic() - begun, answer.json()


def median_of(service: Fleet, count: int = 15) -> tuple[float, list[dict[str, object]]]:
    """Return the median time of lists, and the lists."""
    found = [asked(service) for _ in range(count)]
    return sorted(seconds for seconds, _ in found)[count // 2], [answer for _, answer in found]


def is_whole(service: Fleet) -> bool:
    return not any("degraded" in asked(service)[1] for _ in range(6))


@pytest.mark.promise("P29", "P30", "P42")
@pytest.mark.fault(31)
def test_a_frozen_store_delays_no_list_and_everything_resumes(store: Server, tmp_path: Path) -> None:
    save(small_snapshot(), tmp_path / "model")
    with fleet(tmp_path / "model", tmp_path, workers=2, store=store.address, store_wait=0.05) as service:
        senders = [Sender(service.address, number) for number in range(3)]
        for sender in senders:
            sender.start()
        wait_until(lambda: all(sender.acknowledged for sender in senders) and is_whole(service), 30)
        usual, _ = median_of(service)
        store.freeze()
        frozen, answers = median_of(service)
        assert all("the latest events were not read in time" in one["degraded"] for one in answers)
        assert frozen < 4 * usual + 0.25  # 50 ms at most, on a machine that may be busy; else it is seconds
        wait_until(lambda: all(sender.other for sender in senders), 30)
        store.thaw()
        before = [len(sender.acknowledged) for sender in senders]
        wait_until(lambda: is_whole(service), 30)
        wait_until(lambda: all(len(s.acknowledged) > n for s, n in zip(senders, before, strict=True)), 30)
        store.kill()
        assert median_of(service)[0] < 4 * usual + 0.25
        store.start()
        before = [len(sender.acknowledged) for sender in senders]
        wait_until(lambda: is_whole(service), 30)
        wait_until(lambda: all(len(s.acknowledged) > n for s, n in zip(senders, before, strict=True)), 30)
        store.freeze()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(60) == 0
        assert "does not end" not in service.said()  # the parent had to kill nobody
        store.thaw()
        for sender in senders:
            sender.over.set()
            sender.join()
    assert {status for sender in senders for status in sender.other} == {503}
    with psycopg.connect(store.address) as connection:
        stored = [row[0] for row in connection.execute("SELECT event_id FROM tacit_event")]
    assert len(stored) == len(set(stored))
    assert {id_ for sender in senders for id_ in sender.acknowledged} <= set(stored)
