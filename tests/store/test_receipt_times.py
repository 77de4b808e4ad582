"""The order of events holds whatever the clock does: a year ahead and back, in two processes; far behind."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import text

from tacit.store import receipt_times
from tacit.store.events import Event, EventStore

NOW = 1_750_000_000.0
DAY = 86_400.0
YEAR = 365 * DAY


def event(name: str, received: float, told: float | None = None, user: str = "u") -> Event:
    at = received if told is None else told
    return Event(name, "user", user, name, "view", at, has_time=told is not None, received=received)


def names(store: EventStore, user: str = "u", count: int = 100) -> list[str]:
    return [one.event_id for one in store.recent("user", user, count)]


def times(store: EventStore) -> list[float]:
    return [one.at - NOW for one in store.recent("user", "u", 100)]


def check_receipts_never_decrease(store: EventStore) -> None:
    received = [one.received for one in store.events()]
    assert received == sorted(received)  # type: ignore[type-var]


@pytest.mark.promise("P17")
def test_order_is_that_of_the_earlier_of_two_times_then_that_of_arrival(store: EventStore) -> None:
    store.append([event("a", NOW)])
    store.append([event("late", NOW + 1, NOW - 50)])
    store.append([event("fast clock", NOW + 2, NOW + 200), event("b", NOW + 2), event("c", NOW + 2)])
    assert names(store) == ["late", "a", "fast clock", "b", "c"]
    assert times(store) == [-50, 0, 2, 2, 2]


@pytest.mark.promise("P17")
@pytest.mark.fault(20)
def test_what_was_taken_while_the_clock_was_a_year_ahead_is_not_the_newest(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt_times, "_STRETCH", 3)
    store.append([event("before", NOW)])
    for number in range(8):
        store.append([event(f"ahead {number}", NOW + YEAR + number, NOW + YEAR - 9 if number == 4 else None)])
    store.append([event("right", NOW + 60)])
    store.append([event("told", NOW + 61, NOW + 30)])
    for number in range(3):  # stretch by stretch the times are lowered
        store.append([event(f"after {number}", NOW + 70 + number)])
    ahead = [f"ahead {number}" for number in range(8)]
    assert names(store) == ["before", "told", *ahead, "right", "after 0", "after 1", "after 2"]
    assert times(store) == [0, 30, *[60] * 9, 70, 71, 72]
    check_receipts_never_decrease(store)


@pytest.mark.fault(20)
def test_a_clock_that_is_behind_stands_until_it_has_caught_up(store: EventStore) -> None:
    for day in range(40):
        store.append([event(f"day {day}", NOW + day * DAY)])
    last = 39 * DAY
    for number, clock in enumerate([NOW - YEAR, NOW + 10 * DAY, NOW + last - 5, 0.0]):
        store.append([event(f"behind {number}", clock)], NOW - 3 * YEAR)
    store.append([event("caught up", NOW + last + 1)], NOW - 3 * YEAR)
    assert names(store)[-6:] == ["day 39", *[f"behind {number}" for number in range(4)], "caught up"]
    assert times(store)[-6:] == [last] * 5 + [last + 1]
    assert names(store)[0] == "day 0" and times(store)[0] == 0
    check_receipts_never_decrease(store)


@pytest.mark.fault(20)
def test_a_new_store_that_began_with_a_clock_ahead_is_mended_too(store: EventStore) -> None:
    store.append([event("a", NOW + YEAR), event("b", NOW + YEAR, NOW + 9)])
    store.append([event("c", NOW + 10)], NOW - YEAR)
    assert (names(store), times(store)) == (["b", "a", "c"], [9, 10, 10])


def test_events_of_an_older_version_are_lowered_and_keep_the_time_that_was_told(store: EventStore) -> None:
    store.append([event("told", NOW + YEAR, NOW + YEAR), event("untold", NOW + YEAR)])
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE tacit_event SET told = NULL, received = NULL"))
    store.append([event("c", NOW)])
    assert (names(store), times(store)) == (["told", "untold", "c"], [0, 0, 0])
    told = {one.event_id: one.told for one in store.events()}
    assert told["untold"] is None


_PROCESS = """
import sys
from tacit.store.events import Event, EventStore
store = EventStore(sys.argv[1], lock=False)
print("ready", flush=True)
for line in sys.stdin:
    name, received = line.split()
    at = float(received)
    store.append([Event(name, "user", "u", name, "view", at, has_time=False, received=at)])
    print(*[one.event_id for one in store.recent("user", "u", 9)], flush=True)
store.close()
"""


@pytest.mark.promise("P17")
@pytest.mark.fault(20)
def test_a_clock_that_jumps_a_year_ahead_and_back_in_two_processes(address: str) -> None:
    EventStore(address).close()
    command = [sys.executable, "-c", _PROCESS, address]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both: Sequence[subprocess.Popen[str]] = [subprocess.Popen(command, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    for process in both:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    clock = [NOW, NOW + 1, NOW + YEAR, NOW + YEAR + 1, NOW + 2, NOW + 3, NOW + YEAR + 2, NOW + 4]
    for number, at in enumerate(clock):
        process = both[number % 2]
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"e{number} {at}\n")
        process.stdin.flush()
        assert process.stdout.readline().split() == [f"e{earlier}" for earlier in range(number + 1)]
    for process in both:
        process.communicate(timeout=60)
        assert process.returncode == 0
    store = EventStore(address)
    assert times(store) == [0, 1, 2, 2, 2, 3, 4, 4]
    check_receipts_never_decrease(store)
    store.close()


def test_a_retry_after_the_clock_was_set_right_is_the_same_event(store: EventStore) -> None:
    one = event("a", NOW + YEAR, NOW + 1)
    store.append([one])
    assert store.append([replace(one, received=NOW + 2)]).conflicts == []
    assert len(list(store.events())) == 1
