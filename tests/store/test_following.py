"""Events are read on by their numbers, in both kinds of store."""

import pytest

from tacit.store.events import Event, EventStore


def event(number: int) -> Event:
    return Event(f"e{number}", "user", "u", f"i{number}", "view", float(number), None)


@pytest.mark.promise("P25")
def test_events_are_read_on_after_a_number(store: EventStore) -> None:
    assert (store.last_event(), store.events_after(0, 10)) == (0, [])
    store.append([event(n) for n in range(5)])
    rows = store.events_after(0, 3)
    assert [one.event_id for _, one in rows] == ["e0", "e1", "e2"]
    rest = store.events_after(rows[-1][0], 10)
    assert [one.item_id for _, one in rest] == ["i3", "i4"]
    assert store.last_event() == rest[-1][0]
    numbers = [number for number, _ in (*rows, *rest)]
    assert numbers == sorted(numbers)
    assert store.events_numbered([numbers[4], numbers[1], 10**9]) == [(numbers[1], rows[1][1]), rest[1]]
    assert store.events_numbered([]) == []
