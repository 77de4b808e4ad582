"""PostgreSQL past SQLAlchemy: reads and notices survive a server that closes connections."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from tests.store.conftest import emptied

from tacit.core.errors import ConfigError
from tacit.store import item_listener, postgres_connection
from tacit.store.database import StorageError
from tacit.store.events import Event, EventStore
from tacit.store.item_listener import ItemListener
from tacit.store.postgres_reader import PostgresReader
from tacit.store.read_only import StoreReader
from tacit.store.verifying import verify_store


@pytest.fixture
def address(postgres: str) -> str:
    emptied(postgres)
    return postgres


def terminate(address: str, query: str) -> int:
    """End the sessions whose last statement holds a text; return how many."""
    with psycopg.connect(address) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database() AND query LIKE %s",
            (f"%{query}%",),
        )
        return len(ended.fetchall())


def soon(check: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not check() and time.monotonic() < until:
        time.sleep(0.01)
    return check()


def test_a_change_is_known_at_once_and_within_a_second_where_the_notice_is_lost(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_listener, "_PAUSE", 60.0)  # what comes sooner came by its notice
    one, other = EventStore(address), EventStore(address)
    time.sleep(0.3)
    one.put_items({"a": {}}, 1.0)
    assert soon(lambda: other.item_number() == 1, 20)
    other.close()
    monkeypatch.setattr(item_listener, "_PAUSE", 1.0)
    other = EventStore(address)
    with psycopg.connect(address) as connection:  # a change without a notice
        connection.execute("INSERT INTO tacit_item_number VALUES ('b', 2, NULL, 2)")
    assert soon(lambda: other.item_number() == 2, 20)
    one.close()
    other.close()


def test_a_listener_that_lost_its_connection_listens_again(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = EventStore(address), EventStore(address)
    one.put_items({"a": {}}, 1.0)
    assert soon(lambda: other.item_number() == 1, 20)
    with caplog.at_level(logging.WARNING, "tacit"):
        assert terminate(address, "max(number)") >= 2
        one.put_items({"b": {}}, 1.0)
        assert soon(lambda: other.item_number() == 2, 20)
        assert soon(lambda: "items are followed again" in caplog.text, 20)
    one.put_items({"c": {}}, 1.0)
    assert soon(lambda: other.item_number() == 3, 20)
    one.close()
    other.close()


def test_a_listener_whose_server_is_away_waits_and_ends_when_closed() -> None:
    tries = threading.Semaphore(0)

    def refused() -> psycopg.Connection[object]:
        tries.release()
        raise psycopg.OperationalError("no server")

    listener = ItemListener(refused)
    assert tries.acquire(timeout=2) and tries.acquire(timeout=2)
    assert listener.numbers[0] == 0
    listener.close()


@pytest.mark.fault(31)
def test_reads_go_on_after_the_server_closed_the_connections(address: str) -> None:
    store = EventStore(address)
    store.append([Event("e", "user", "u", "i", "view", 1.0)])
    assert len(store.recent("user", "u", 5)) == 1
    assert terminate(address, "tacit_event") >= 1
    assert len(store.recent("user", "u", 5)) == 1
    store.close()
    with pytest.raises(StorageError):
        store.recent("user", "u", 5)


def test_many_threads_read_at_once_with_few_connections(address: str) -> None:
    opened = []

    def connect() -> psycopg.Connection[object]:
        opened.append(1)
        return psycopg.connect(address, autocommit=True)

    reader = PostgresReader(connect)
    with ThreadPoolExecutor(32) as pool:
        rows = list(pool.map(lambda n: reader.rows("SELECT ?::int + 1", (n,)), range(400)))
    assert rows == [[(n + 1,)] for n in range(400)]
    assert len(opened) <= 8
    with pytest.raises(StorageError, match="nowhere"):
        reader.rows("SELECT * FROM nowhere", ())
    assert reader.rows("SELECT 1", ()) == [(1,)]
    reader.close()


@pytest.mark.fault(21)
def test_two_processes_that_are_sent_the_same_events_in_another_order_both_take_them(address: str) -> None:
    one, other = EventStore(address), EventStore(address)
    for turn in range(6):
        events = [Event(f"{turn}-{n}", "user", "u", "i", "view", 1.0) for n in range(100)]
        with ThreadPoolExecutor(2) as pool:
            receipts = [pool.submit(one.append, events), pool.submit(other.append, events[::-1])]
            assert [receipt.result().accepted for receipt in receipts] == [100, 100]
    assert len(list(one.events())) == 600
    one.close()
    other.close()


@pytest.mark.fault(31)
def test_a_turn_that_lost_its_connection_is_given_up_and_taken_on_a_new_one(address: str) -> None:
    one, other = EventStore(address), EventStore(address)
    with one.item_turn():
        assert terminate(address, "pg_advisory_lock") == 1
        with other.item_turn():
            pass
    with one.item_turn():
        pass
    assert terminate(address, "pg_advisory_unlock") == 2
    with one.item_turn():
        pass
    one.close()
    other.close()


@pytest.mark.fault(31)
@pytest.mark.parametrize("read", [StoreReader, verify_store])
def test_commands_give_up_a_server_that_says_nothing(
    read: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_connection, "_CONNECT_SECONDS", 2)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(ConfigError, match=r"cannot .* is the server up"),
    ):
        read(f"postgresql://somebody@127.0.0.1:{silent.getsockname()[1]}/store")
