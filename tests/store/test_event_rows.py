"""Events are written many rows a statement: each id once, whatever their number."""

import pytest

from tacit.store.events import Event, EventStore, Receipt


def events(numbers: range, user: str = "u") -> list[Event]:
    return [
        Event(f"e{n}", "user", user, f"i{n}", "view", float(n), n / 3 if n % 2 else None) for n in numbers
    ]


@pytest.mark.parametrize("count", [1, 99, 100, 101, 250, 1_000])
def test_any_number_of_events_is_stored_in_order(store: EventStore, count: int) -> None:
    sent = events(range(count))
    assert store.append(sent) == Receipt(count, [])
    assert list(store.events()) == sent


def test_ids_that_are_stored_or_given_twice_are_found_in_every_statement(
    store: EventStore,
) -> None:
    store.append([*events(range(3), "other"), *events(range(200, 203))])
    batch = [*events(range(150)), *events(range(140, 205))]
    assert store.append(batch) == Receipt(len(batch) - 3, [0, 1, 2])
    assert len(list(store.events())) == 205
