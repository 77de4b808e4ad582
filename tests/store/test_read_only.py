"""A store that is read while a service has it open."""

import sqlite3
import threading
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy.exc import SQLAlchemyError

from tacit.core.errors import ConfigError
from tacit.store import read_only
from tacit.store.events import EventStore
from tacit.store.read_only import StoreReader, name_of
from tacit.store.records import Event, ItemChange


def events(count: int, first: int = 0) -> list[Event]:
    return [
        Event(f"e{n}", "user", f"u{n % 3}", f"i{n}", "view", 1e9 + n) for n in range(first, first + count)
    ]


def numbers(reader: StoreReader, after: int = 0) -> list[int]:
    parts = [*reader.events(after, reader.last_number())]
    return pl.concat(parts)["number"].to_list() if parts else []


def test_events_items_and_users_are_read_while_the_store_is_open(
    address: str, store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_only, "_TOGETHER", 7)
    store.append(events(30))
    store.change_items([ItemChange("new", "put", {"title": "one"})], 1e9)
    store.put_user("u1", {"club": "gold"}, 1e9)
    with StoreReader(address) as reader:
        assert [len(part) for part in reader.events(0, reader.last_number())] == [7, 7, 7, 7, 2]
        first = next(reader.events(0, 1)).row(0, named=True)
        assert (first["subject_id"], first["item_id"], first["at"]) == ("u0", "i0", 1e9)
        assert first["source"] is None or "source" not in first
        assert reader.item_number() == 1
        assert [row.item_id for row in reader.item_rows()] == ["new"]
        assert reader.users() == {"u1": {"club": "gold"}}
        last = reader.last_number()
        store.append(events(5, 30))  # the reader holds nothing up
        assert len(numbers(reader, last)) == 5


def test_a_reader_writes_nothing_and_takes_no_lock(tmp_path: Path) -> None:
    file = tmp_path / "events.sqlite3"
    store = EventStore(f"sqlite:///{file}")
    store.append(events(10))
    store.close()
    before, content = {*tmp_path.iterdir()}, file.read_bytes()
    with StoreReader(f"sqlite:///{file}") as reader:
        assert len(numbers(reader)) == 10
        with (
            pytest.raises((SQLAlchemyError, sqlite3.Error), match="readonly"),
            reader._engine.connect() as one,
        ):
            one.exec_driver_sql("DELETE FROM tacit_event")
        EventStore(f"sqlite:///{file}").close()  # a service can be started meanwhile
    assert file.read_bytes() == content
    new = {one.name for one in {*tmp_path.iterdir()} - before}
    assert new <= {f"{file.name}-wal", f"{file.name}-shm"}  # SQLite's own, as beside any open store
    assert (tmp_path / f"{file.name}-wal").stat().st_size == 0


def test_deleted_numbers_that_are_given_again_are_noticed(address: str, store: EventStore) -> None:
    store.append(events(10))
    with StoreReader(address) as reader:
        last = reader.last_number()
        mark = reader.mark(last)
        assert mark and reader.mark(last + 1) == ""
        store.append(events(3, 10))
        assert reader.mark(last) == mark
        assert reader.mark(last + 1) != mark


def test_events_of_transactions_that_still_run_are_waited_for(empty_postgres: str) -> None:
    """A number that was given and not committed is not passed by."""
    import psycopg

    store = EventStore(empty_postgres)
    store.append(events(1))
    with psycopg.connect(empty_postgres) as slow, StoreReader(empty_postgres) as reader:
        slow.execute(
            "INSERT INTO tacit_event (event_id, subject, subject_id, item_id, event, at, digest) "
            "VALUES ('slow', 'user', 'u', 'i', 'view', 1e9, '')"
        )
        store.append(events(1, 1))
        found: list[list[int]] = []
        thread = threading.Thread(target=lambda: found.append(numbers(reader)))
        thread.start()
        thread.join(0.5)
        assert found == []
        slow.commit()
        thread.join(20)
        assert found == [[1, 2, 3]]
    store.close()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda file: None, "there is no store"),
        (lambda file: sqlite3.connect(file).execute("CREATE TABLE x (y)"), "no table"),
    ],
)
def test_what_is_no_store_is_refused(make: object, said: str, tmp_path: Path) -> None:
    file = tmp_path / "x.sqlite3"
    make(file)  # type: ignore[operator]
    with pytest.raises(ConfigError, match=said):
        StoreReader(f"sqlite:///{file}")


def test_stores_are_told_apart_by_their_place_and_without_a_password(tmp_path: Path) -> None:
    assert (
        name_of("postgresql://a:secret@h/d") == name_of("postgresql://a@h/d") != name_of("postgresql://a@h/e")
    )
    (tmp_path / "link").symlink_to(tmp_path / "x")
    assert name_of(f"sqlite:///{tmp_path / 'link'}") == name_of(f"sqlite:///{tmp_path / 'x'}")
