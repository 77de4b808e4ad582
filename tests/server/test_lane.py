"""A lane refuses at once what it could not begin in time, and knows where to do what."""

import asyncio
import threading
import time
from collections.abc import Iterator
from math import ceil

import pytest

from tacit.server import lane as module
from tacit.server.lane import Lane, _Queue
from tacit.server.problems import OverloadedError


@pytest.fixture
def lane() -> Iterator[Lane]:
    opened = Lane("test", threads=1, waiting=50, patience=5, in_loop=True)
    yield opened
    opened.close()


def busy(seconds: float) -> str:
    """Use the processor for so long; return the name of the thread."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    return threading.current_thread().name


def test_work_is_done_off_the_loop_and_errors_come_back() -> None:
    lane = Lane("test", threads=1, waiting=1, patience=5)
    for _ in range(20):  # without `in_loop` it stays there, however short it is
        assert asyncio.run(lane.run(lambda: threading.current_thread().name)).startswith("tacit-test")
    with pytest.raises(ZeroDivisionError):
        asyncio.run(lane.run(lambda: 1 // 0))
    lane.close()


def test_work_after_the_end_is_refused_as_for_a_moment() -> None:
    lane = Lane("test", threads=1, waiting=1, patience=5)
    lane.close()
    with pytest.raises(OverloadedError, match="the service is ending"):
        asyncio.run(lane.run(lambda: 1))


def test_short_work_moves_into_the_loop_and_out_of_it_when_it_becomes_long(lane: Lane) -> None:
    async def names(seconds: float, count: int) -> list[str]:
        return [await lane.run(lambda: busy(seconds), "a") for _ in range(count)]

    assert asyncio.run(names(0.0005, 30))[-1] == "MainThread"
    assert asyncio.run(names(0.03, 30))[-1].startswith("tacit-test")
    assert asyncio.run(names(0.0005, 60))[-1].startswith("tacit-test")  # for a minute at least


def test_long_work_stays_in_a_thread_and_kinds_are_apart(lane: Lane) -> None:
    async def names() -> list[str]:
        for _ in range(30):
            await lane.run(lambda: busy(0.0005), "short")
        return [await lane.run(lambda: busy(0.012), "long") for _ in range(10)]

    assert all(name.startswith("tacit-test") for name in asyncio.run(names()))


def test_work_that_waits_for_something_leaves_the_loop(lane: Lane) -> None:
    async def names() -> list[str]:
        for _ in range(30):
            await lane.run(lambda: busy(0.0005))
        for _ in range(30):
            await lane.run(lambda: time.sleep(0.06))
        return [await lane.run(lambda: threading.current_thread().name)]

    assert asyncio.run(names())[-1].startswith("tacit-test")


def test_errors_in_the_loop_come_back_and_the_next_piece_is_done(lane: Lane) -> None:
    async def outcomes() -> list[object]:
        for _ in range(20):
            await lane.run(int)
        return await asyncio.gather(lane.run(lambda: 1 // 0), lane.run(int), return_exceptions=True)

    failed, done = asyncio.run(outcomes())
    assert isinstance(failed, ZeroDivisionError)
    assert done == 0


def test_between_pieces_in_the_loop_others_have_their_turn(lane: Lane) -> None:
    async def longest_pause() -> float:
        for _ in range(20):
            await lane.run(lambda: busy(0.002))
        crowd = [asyncio.ensure_future(lane.run(lambda: busy(0.002))) for _ in range(20)]
        longest, before = 0.0, time.monotonic()
        while not all(one.done() for one in crowd):
            await asyncio.sleep(0)
            now = time.monotonic()
            longest, before = max(longest, now - before), now
        return longest

    assert asyncio.run(longest_pause()) < 0.03  # all of them take 0.04


def entered(queue: _Queue, now: float, each: float) -> int:
    """Fill a queue until it is full; return how many pieces are inside."""
    while not queue.is_full(now):
        queue.enter(each, now)
    return queue.inside


def worked(queue: _Queue, now: float, seconds: float, each: float, pace: float = 1.0) -> float:
    """Do pieces of work for some seconds, while others come in their place; return the time at the end."""
    for _ in range(ceil(seconds / (pace * each))):
        now += pace * each
        queue.leave(each, now)
        queue.enter(each, now)
    return now


def drained(queue: _Queue, now: float, each: float, left: int, pace: float = 1.0) -> float:
    """Do what waits but for some pieces; return the time at the end."""
    while queue.inside > left:
        now += pace * each
        queue.leave(each, now)
    return now


@pytest.mark.parametrize(
    ("each", "burst", "overload"),
    [(0.001, 201, 21), (0.004, 51, 9), (0.036, 9, 9), (0.3, 2, 2)],
)
@pytest.mark.fault(26)
def test_a_burst_may_wait_longer_than_an_overload(each: float, burst: int, overload: int) -> None:
    """What is admitted waits 200 ms of a burst; 20 ms, or 8 pieces, or one piece, where it never ends."""
    queue = _Queue(1, None)
    assert abs(entered(queue, 50.0, each) - burst) <= 1  # sums of floats stand on either side of a limit
    now = drained(queue, worked(queue, 50.0, 0.6, each), each, 1)
    assert abs(entered(queue, now, each) - overload) <= 1
    now = drained(queue, now, each, 0)
    assert abs(entered(queue, now, each) - burst) <= 1


@pytest.mark.fault(26)
def test_a_wait_is_as_long_as_the_work_takes_and_not_as_it_should_take() -> None:
    """Between two pieces a crowd is refused: where work takes three times as long, a third of it may wait."""
    queue, each = _Queue(1, None), 0.001
    burst = entered(queue, 50.0, each)
    queue.retry_after(50.0)
    now = drained(queue, worked(queue, 50.0, 2.0, each, pace=3.0), each, 1, pace=3.0)
    assert abs(entered(queue, now, each) - 8) <= 1  # the least, see above: 20 ms are 7
    now = drained(queue, now, each, 0, pace=3.0)
    assert abs(entered(queue, now, each) - burst) <= 1


@pytest.mark.fault(26)
def test_a_long_piece_of_a_new_kind_says_little_of_the_others() -> None:
    queue, each = _Queue(1, None), 0.001
    for expected in (each, 0.0, each):
        queue.enter(expected, 50.0)
    queue.retry_after(50.0)
    for expected, now in ((each, 50.001), (0.0, 53.0)):
        queue.leave(expected, now)
    assert entered(queue, 53.0, each) >= 8


@pytest.mark.fault(26)
def test_a_crowd_has_no_burst_from_when_more_are_refused_than_admitted() -> None:
    queue, each = _Queue(1, None), 0.002
    burst = entered(queue, 50.0, each)
    for _ in range(2 * burst):
        queue.retry_after(50.0)
    now = drained(queue, 50.0, each, burst // 2)
    assert queue.is_full(now)
    now = drained(queue, now, each, 0)
    assert abs(entered(queue, now, each) - 6) <= 1  # half of what waits in an overload


@pytest.mark.fault(26)
def test_a_moment_without_work_ends_no_overload() -> None:
    """While more are refused than admitted, a queue that was empty gets no burst; later it does."""
    queue, each = _Queue(1, None), 0.002

    def emptied(now: float) -> None:
        drained(queue, now - each * queue.inside, each, 0)

    burst = entered(queue, 50.0, each)
    emptied(50.7)
    assert abs(entered(queue, 50.7, each) - burst) <= 1
    for _ in range(1_000):
        queue.retry_after(50.8)
    emptied(51.3)
    assert entered(queue, 51.3, each) < burst / 5
    emptied(60.0)
    assert abs(entered(queue, 60.0, each) - burst) <= 1


def test_places_kept_for_requests_that_are_being_read_count_until_the_next_turn(lane: Lane) -> None:
    async def kept() -> tuple[int, bool]:
        for _ in range(20):
            await lane.run(lambda: busy(0.004))
        lane._loop_queue.enter(0.01, time.monotonic())
        reserved = 0
        while lane.reserve():
            reserved += 1
        await asyncio.sleep(0)
        return reserved, lane.reserve()

    reserved, again = asyncio.run(kept())
    assert reserved == 20  # of a hundredth of a second each
    assert again


@pytest.mark.fault(26)
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


def test_threads_refuse_by_the_expected_wait_and_never_while_one_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_BURST", 0.0)
    lane = Lane("test", threads=2, waiting=100, patience=5)

    async def crowd() -> int:
        for _ in range(3):
            await lane.run(lambda: time.sleep(0.3))
        begun = time.monotonic()
        tried = await asyncio.gather(
            *(lane.run(lambda: time.sleep(0.3)) for _ in range(10)), return_exceptions=True
        )
        assert time.monotonic() - begun < 1.5
        return sum(isinstance(one, OverloadedError) for one in tried)

    assert asyncio.run(crowd()) in (5, 6, 7)  # of ten two are at work, and about two may wait
    lane.close()


def test_work_that_waited_too_long_is_not_done() -> None:
    patience = 1.0  # the first one must begin within it, whatever else keeps the processors busy
    lane = Lane("test", threads=1, waiting=2, patience=patience)
    gate = threading.Event()
    done: list[int] = []

    async def crowd() -> None:
        first = asyncio.ensure_future(lane.run(gate.wait))
        late = asyncio.ensure_future(lane.run(lambda: done.append(1)))
        await asyncio.sleep(1.2 * patience)
        gate.set()
        assert await first
        with pytest.raises(OverloadedError, match="too long"):
            await late

    asyncio.run(crowd())
    lane.close()
    assert not done


@pytest.mark.promise("P32")
@pytest.mark.fault(26)
def test_who_is_refused_is_told_when_there_may_be_room() -> None:
    queue = _Queue(2, None)
    assert queue.retry_after(0.0) == 1  # nothing is known of the work
    for _ in range(40):
        queue.enter(0.1, 50.0)
    one = [queue.retry_after(100.0)]
    assert one == [3]  # 4 s of work for two, and its own turn
    # 100 a second are refused, of which 20 a second could be done: they are spread over five seconds.
    crowd = [queue.retry_after(101 + n / 100) for n in range(1_000)][500:]
    assert {min(crowd), max(crowd)} <= {2, 3, 7, 8}
    assert max(crowd.count(second) for second in range(3, 7)) < 2 * min(crowd.count(n) for n in range(3, 7))
    assert queue.retry_after(200.0) == 3  # the crowd is gone
    assert max(queue.retry_after(300 + n / 10_000) for n in range(20_000)) == 30
