"""Changes of items are numbered in the order of their commits, whoever makes them."""

import threading
import time
from collections.abc import Iterator

import pytest

from tacit.store.events import EventStore
from tacit.store.records import ItemChange, ItemRow, Numbers, StoredItem, TextVector


@pytest.fixture
def stores(address: str) -> Iterator[list[EventStore]]:
    """Three processes' stores of one service."""
    opened = [EventStore(address, lock=False) for _ in range(3)]
    yield opened
    for store in opened:
        store.close()


def test_every_change_has_the_next_number(stores: list[EventStore]) -> None:
    one, other, _ = stores
    assert one.item_rows() == []
    put = [ItemChange("a", "put", {"n": 1}), ItemChange("b", "put", {"n": 2})]
    assert one.change_items(put, 1.0) == Numbers(1, 2)
    vector = TextVector("m", b"digest", b"\x00\x01")
    assert other.change_items([ItemChange("a", "patch", {"n": 3})], 2.0, {"a": vector}) == Numbers(3, 3)
    first = ItemRow("a", 3, 1, StoredItem({"n": 1}, {"n": 3}, False), vector)
    assert one.item_rows() == [first, ItemRow("b", 2, 2, StoredItem({"n": 2}, {}, False), None)]
    assert one.item_rows(2) == one.item_rows_of(["a", "nobody"]) == [first]
    assert one.item_rows(3) == []
    again = [ItemChange("b", "delete"), ItemChange("c", "patch", {"x": 1}), ItemChange("b", "put", {})]
    assert one.change_items(again, 3.0) == Numbers(4, 6)
    assert [(row.item_id, row.number, row.put_number) for row in other.item_rows(3)] == [
        ("b", 6, 6),
        ("c", 5, None),
    ]
    assert one.item_rows_of(["b"])[0].stored == StoredItem({}, {}, False)


def test_a_vector_is_replaced_and_changes_no_number(stores: list[EventStore]) -> None:
    one, other, _ = stores
    one.put_items({"a": {}}, 1.0)
    for vector in (TextVector("m", b"d", b"1"), TextVector("n", b"e", b"2")):
        one.put_vectors({"a": vector})
        assert [(row.number, row.vector) for row in other.item_rows()] == [(1, vector)]
    one.put_vectors({})


def test_who_follows_by_number_misses_nothing(stores: list[EventStore]) -> None:
    writers, reader = stores[:2], stores[2]
    done = threading.Event()

    def write(place: int) -> None:
        for number in range(60):
            writers[place].change_items(
                [ItemChange(f"{place}-{number}-{part}", "put", {}) for part in range(1 + number % 5)], 1.0
            )

    found: list[str] = []
    seen = 0

    def follow() -> None:
        nonlocal seen
        rows = reader.item_rows(seen)
        assert [row.number for row in rows] == list(range(seen + 1, seen + len(rows) + 1))
        found.extend(row.item_id for row in rows)
        seen += len(rows)

    threads = [threading.Thread(target=write, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        follow()
    done.set()
    follow()
    assert len(found) == len(set(found)) == 2 * sum(1 + number % 5 for number in range(60))


def test_the_last_number_is_that_of_any_process(stores: list[EventStore], address: str) -> None:
    one, other, _ = stores
    assert other.item_number() == 0
    changed = threading.Event()
    other.on_items_changed(changed.set)
    one.put_items({"a": {}, "b": {}}, 1.0)
    if address.startswith("postgresql"):
        assert changed.wait(1)
    assert other.item_number() == 2
    one.put_user("u", {}, 1.0)
    assert other.item_number() == 2


def test_one_process_at_a_time_has_the_turn_to_change_items(stores: list[EventStore]) -> None:
    inside, most = 0, 0
    counting = threading.Lock()

    def take(store: EventStore) -> None:
        nonlocal inside, most
        for _ in range(10):
            with store.item_turn():
                with counting:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.002)
                with counting:
                    inside -= 1

    threads = [threading.Thread(target=take, args=(store,)) for store in stores for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)
    with pytest.raises(ValueError, match="goes on"), stores[0].item_turn():
        raise ValueError("goes on")
    with stores[1].item_turn():
        pass
