"""A lane refuses at once what it could not do in time."""

import asyncio
import threading

import pytest

from tacit.server.lane import Lane
from tacit.server.problems import OverloadedError


def test_work_is_done_off_the_loop_and_errors_come_back() -> None:
    lane = Lane("test", threads=1, waiting=1, patience=5)
    assert asyncio.run(lane.run(lambda: threading.current_thread().name)).startswith("tacit-test")
    with pytest.raises(ZeroDivisionError):
        asyncio.run(lane.run(lambda: 1 // 0))
    lane.close()


def test_beyond_the_queue_it_refuses_and_recovers() -> None:
    lane = Lane("test", threads=1, waiting=2, patience=5)
    gate = threading.Event()

    async def crowd() -> list[object]:
        inside = [asyncio.ensure_future(lane.run(gate.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await lane.run(gate.wait)
        gate.set()
        return [await asyncio.gather(*inside), await lane.run(lambda: "again")]

    assert asyncio.run(crowd()) == [[True, True, True], "again"]
    lane.close()


def test_work_that_waited_too_long_is_not_done() -> None:
    lane = Lane("test", threads=1, waiting=2, patience=0.02)
    gate = threading.Event()
    done: list[int] = []

    async def crowd() -> None:
        first = asyncio.ensure_future(lane.run(gate.wait))
        late = asyncio.ensure_future(lane.run(lambda: done.append(1)))
        await asyncio.sleep(0.05)
        gate.set()
        assert await first
        with pytest.raises(OverloadedError, match="too long"):
            await late

    asyncio.run(crowd())
    lane.close()
    assert not done
