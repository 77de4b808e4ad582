"""Old events and lists are deleted in small groups, by one process, and nothing else is."""

import sqlite3
import threading
from pathlib import Path

import pytest

from tacit.store import retention
from tacit.store.events import Event, EventStore
from tacit.store.retention import Ages

NOW = 1_750_000_000.0
DAY = 86_400.0


def fill(store: EventStore) -> None:
    for day in range(10):
        at = NOW - (10 - day) * DAY
        store.append([
            Event(f"{day}-{n}", "user", f"user {day}", "i", "view", at - n, has_time=n > 0, received=at)
            for n in range(4)
        ])  # fmt: skip
        row = {"subject": "user", "subject_id": f"user {day}", "model": "m", "items": '["i"]', "at": at}
        store.put_exposures([{**row, "recommendation_id": f"{day}-{n}"} for n in range(4)])


def wait_for(store: EventStore, events: int, lists: int) -> None:
    waiting = threading.Event()
    for _ in range(600):
        if len(list(store.events())) <= events and store.exposures() <= lists:
            return
        waiting.wait(0.05)


@pytest.mark.promise("P11")
def test_what_is_older_than_said_is_deleted_and_the_rest_stays(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_GROUP", 3)
    fill(store)
    store.keep(Ages(events=5.5 * DAY, exposures=2.5 * DAY), lambda: NOW)
    wait_for(store, 20, 8)
    kept = {event.subject_id for event in store.events()}
    assert (kept, len(list(store.events()))) == ({f"user {day}" for day in range(5, 10)}, 20)
    assert store.exposures() == 8
    assert store.recent("user", "user 4", 9) == []
    assert store.append([Event("new", "user", "new", "i", "view", NOW)]).accepted == 1


@pytest.mark.promise("P11")
def test_without_an_age_everything_stays_and_one_process_at_a_time_deletes(address: str) -> None:
    one, two = EventStore(address), EventStore(address, lock=False)
    fill(one)
    for store in (one, two):
        store.keep(Ages(), lambda: NOW)
        assert store._retention is None
    lock = retention.FileLock(Path(address.removeprefix("sqlite:///"))) if "sqlite" in address else (
        retention.ServerLock(one._connected)
    )  # fmt: skip
    other = retention.FileLock(Path(address.removeprefix("sqlite:///"))) if "sqlite" in address else (
        retention.ServerLock(two._connected)
    )  # fmt: skip
    assert lock.taken() and not other.taken()
    lock.give_back()
    assert other.taken()
    other.close()
    assert (len(list(one.events())), one.exposures()) == (40, 40)
    for store in (two, one):
        store.close()


@pytest.mark.promise("P11")
def test_no_byte_of_what_was_deleted_stays_in_the_files_of_sqlite(tmp_path: Path) -> None:
    store = EventStore(f"sqlite:///{tmp_path / 'x.db'}")
    fill(store)
    store.keep(Ages(events=5.5 * DAY, exposures=5.5 * DAY), lambda: NOW)
    wait_for(store, 20, 20)
    store.close()
    whole = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert [day for day in range(10) if f"user {day}".encode() in whole] == [5, 6, 7, 8, 9]
    with sqlite3.connect(tmp_path / "x.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
