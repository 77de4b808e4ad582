"""A disk that takes long, a process that may open no more files: lists go on, and the rest comes later."""

import asyncio
import os
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event as listening
from tests.fleet import WORKER, Fleet, fleet, wait_until
from tests.served import small_snapshot

from tacit.engine.engine import Engine
from tacit.engine.snapshot import save
from tacit.server.app import create_app
from tacit.store.events import EventStore

EVENT = {"user_id": "u", "item_id": "i00001", "event": "view", "event_id": "e1"}


@pytest.mark.fault(10)
def test_lists_and_probes_do_not_wait_for_a_slow_disk(tmp_path: Path) -> None:
    store = EventStore(f"sqlite:///{tmp_path / 'x.db'}")
    committing, released = threading.Event(), threading.Event()

    def flush_slowly(_: object) -> None:
        committing.set()
        assert released.wait(120)

    listening.listen(store._engine, "commit", flush_slowly)
    app = create_app(Engine(small_snapshot(), store))

    async def ask() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as http:
            write = asyncio.create_task(http.post("/v1/events", json={"events": [EVENT]}))
            assert await asyncio.to_thread(committing.wait, 60)
            for _ in range(20):
                answer = await asyncio.wait_for(http.get("/v1/users/u/recommendations"), 60)
                assert len(answer.raise_for_status().json()["items"]) == 10
            assert (await asyncio.wait_for(http.get("/healthz"), 60)).status_code == 200
            assert not write.done()  # nothing is acknowledged that is not on the disk
            released.set()
            assert (await write).json()["accepted"] == 1

    asyncio.run(ask())
    store.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    place = tmp_path_factory.mktemp("shop")
    save(small_snapshot(), place / "shop.tacit")
    with fleet(place / "shop.tacit", place, workers=1) as service:
        yield service


def _limit_files(pid: int) -> tuple[int, int]:
    """Let a process open no further file; return the limits before."""
    held = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}  # noqa: PTH208
    lowest = next(n for n in range(1 << 20) if n not in held)
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest, before[1]))
    return before


def _seconds(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.fault(11)
def test_without_a_file_descriptor_open_connections_go_on_and_new_ones_come_later(shop: Fleet) -> None:
    (worker,) = shop.pids(WORKER)
    with httpx.Client(base_url=shop.address, timeout=60) as open_one:
        path = "/v1/users/u/recommendations"
        for _ in range(3):
            open_one.get(path).raise_for_status()
        before = _limit_files(worker)
        try:
            with pytest.raises(httpx.TimeoutException):
                httpx.get(shop.address + path, timeout=2)
            spent, begun = _seconds(worker), time.monotonic()
            wait_until(lambda: time.monotonic() - begun > 2, 60)
            assert _seconds(worker) - spent < 1  # it waits, it does not try all the time
            assert open_one.get(path).status_code == 200
        finally:
            resource.prlimit(worker, resource.RLIMIT_NOFILE, before)
        assert httpx.get(shop.address + path, timeout=60).status_code == 200
    assert shop.pids(WORKER) == [worker]
    assert "no connection can be accepted" in shop.said()
