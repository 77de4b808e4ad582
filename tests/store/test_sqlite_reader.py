"""The reads that every request pays for."""

import sqlite3
import threading
from pathlib import Path

import pytest

from tacit.store.database import StorageError
from tacit.store.events import Event, EventStore
from tacit.store.sqlite_reader import SQLiteReader
from tacit.store.store_file import StoreFile


def made(file: Path) -> SQLiteReader:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE number (n INTEGER)")
        connection.execute("INSERT INTO number VALUES (1), (2)")
    connection.close()
    return SQLiteReader(StoreFile(file))


def test_rows_come_as_they_are_stored_now(tmp_path: Path) -> None:
    reader = made(tmp_path / "store")
    assert reader.rows("SELECT n FROM number WHERE n > ? ORDER BY n", (0,)) == [(1,), (2,)]
    with sqlite3.connect(tmp_path / "store") as connection:
        connection.execute("INSERT INTO number VALUES (3)")
    connection.close()
    assert reader.rows("SELECT n FROM number WHERE n > ?", (2,)) == [(3,)]
    reader.close()


def test_it_never_writes(tmp_path: Path) -> None:
    reader = made(tmp_path / "store")
    with pytest.raises(StorageError, match="readonly"):
        reader.rows("DELETE FROM number", ())
    assert len(reader.rows("SELECT n FROM number", ())) == 2
    reader.close()


def test_many_threads_read_at_once(tmp_path: Path) -> None:
    reader = made(tmp_path / "store")
    found: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: found.extend(len(reader.rows("SELECT n FROM number", ())) for _ in range(50))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [2] * 400
    reader.close()


def test_after_closing_a_read_is_an_error_of_the_store(tmp_path: Path) -> None:
    reader = made(tmp_path / "store")
    reader.rows("SELECT n FROM number", ())
    reader.close()
    with pytest.raises(StorageError, match="closed"):
        reader.rows("SELECT n FROM number", ())


def test_an_acknowledged_event_is_in_the_next_read(tmp_path: Path) -> None:
    store = EventStore(f"sqlite:///{tmp_path / 'store'}")
    for place in range(30):
        event = Event(f"e{place}", "user", "u", f"i{place}", "view", float(place), None)
        store.append([event])
        assert store.recent("user", "u", 1) == [event]
        store.put_user("u", {"place": place}, 0.0)
        assert store.user("u") == {"place": place}
    assert [event.item_id for event in store.recent("user", "u", 3)] == ["i27", "i28", "i29"]
    assert store.user("nobody") is None
    store.close()
