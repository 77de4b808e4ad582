"""A changed bit of a store is found, or changes nothing that is read."""

import json
import random
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.examples import TIMES

from tacit.core.errors import TacitError
from tacit.store.events import Event, EventStore
from tacit.store.records import ItemChange, TextVector
from tacit.store.verifying import verify_store

NOW = 1_750_000_000.0
FLIPS = round(60 * max(1.0, TIMES))
USERS = [f"user {n}" for n in range(6)]


def fill(store: EventStore) -> None:
    kinds = ["view", "purchase", "dislike"]
    for batch in range(4):
        store.append([
            Event(
                f"e{batch}-{n}", "user", USERS[n % 6], f"item {n % 7}", kinds[n % 3], NOW + batch + n / 8,
                value=n / 4 if n % 5 == 0 else None,
                has_time=n % 2 == 0,
                recommendation_id=f"r{n}" if n % 4 == 0 else None,
                position=n + 1 if n % 4 == 0 else None,
                source="web" if n % 3 == 0 else None,
                received=NOW + batch + 1,
            )
            for n in range(12)
        ])  # fmt: skip
    store.append([Event(f"s{n}", "session", "s", "item 1", "view", NOW + n) for n in range(3)])
    store.merge("user 1", "s", NOW)
    vector = TextVector("model", b"d" * 32, bytes(range(64)))
    changes = [ItemChange(f"item {n}", "put", {"title": f"Kettle {n}", "price": n / 2}) for n in range(4)]
    store.change_items([*changes, ItemChange("item 1", "patch", {"price": 9})], NOW, {"item 2": vector})
    for user in USERS[:3]:
        store.put_user(user, {"age": 34, "country": "NZ"}, NOW)
    row = {"subject": "user", "model": "m", "items": '["item 1"]', "propensities": "[0.5]", "at": NOW}
    store.put_exposures([{**row, "recommendation_id": f"r{n}", "subject_id": USERS[n % 6]} for n in range(8)])
    store.forget("user", "user 5", lambda: NOW + 99)


def told(file: Path) -> Any:
    """Everything that a service would read of a store."""
    store = EventStore(f"sqlite:///{file}")
    try:
        return (
            [vars(one) for one in store.events()],
            [store.recent("user", user, 50) for user in USERS],
            [store.recent("user", user, 50, ["view"]) for user in USERS],
            [store.items_of("user", user) for user in USERS],
            store.item_rows(),
            [store.user_attributes(user) for user in USERS],
            [store.known("user", user) for user in USERS],
            store.numbers(),
            store.tombstones(),
            store.exposures(),
        )
    finally:
        store.close()


@pytest.mark.promise("P13")
@pytest.mark.fault(5)
def test_every_changed_bit_is_found_or_changes_nothing_that_is_read(tmp_path: Path) -> None:
    file, copy = tmp_path / "store.db", tmp_path / "copy.db"
    store = EventStore(f"sqlite:///{file}")
    fill(store)
    store.close()
    assert verify_store(f"sqlite:///{file}").faults == []
    whole, expected = file.read_bytes(), told(file)
    rng = random.Random(22)
    unnoticed = harmless = 0
    for _ in range(FLIPS):
        place, bit = rng.randrange(len(whole)), 1 << rng.randrange(8)
        copy.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
        if verify_store(f"sqlite:///{copy}").faults:
            continue
        harmless += 1
        with suppress(TacitError, sqlite3.Error):  # it cannot be read, and says so: that is not wrong
            unnoticed += told(copy) != expected
        for left in tmp_path.glob("copy.db*"):
            left.unlink()
    assert unnoticed == 0
    assert harmless < FLIPS  # free space and the like


@pytest.mark.promise("P13")
def test_damaged_rows_are_named(address: str) -> None:
    store = EventStore(address)
    fill(store)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE tacit_event SET item_id = 'other' WHERE event_id = 'e1-1'"))
        connection.execute(text("UPDATE tacit_event SET at = at - 1 WHERE event_id = 'e2-2'"))
        connection.execute(text("UPDATE tacit_exposure SET items = '[]' WHERE recommendation_id = 'r3'"))
        connection.execute(text("UPDATE tacit_exposure SET digest = NULL WHERE recommendation_id = 'r4'"))
        connection.execute(text("UPDATE tacit_item_vector SET model = 'other'"))
    store.close()
    found = verify_store(address)
    assert found.faults == [
        "the event 'e1-1' does not fit its digest",
        "the event 'e2-2' does not fit its digest",
        "the list 'r3' does not fit its digest",
        "the vector of the item 'item 2' does not fit its digest",
    ]
    assert (found.events, found.lists, found.without_digest) == (43, 7, 1)


def test_a_store_that_is_none_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("my thesis, not a database" * 100)
    assert "not a database" in verify_store(f"sqlite:///{tmp_path / 'text.db'}").faults[0]
    shutil.copy(__file__, tmp_path / "other.db")
    assert verify_store(f"sqlite:///{tmp_path / 'other.db'}").faults
    assert json.dumps(verify_store(f"sqlite:///{tmp_path / 'other.db'}").faults)
