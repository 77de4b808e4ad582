"""The store keeps what it acknowledged: once, apart, in order, across restarts, on SQLite and PostgreSQL."""

import hashlib
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event as listening
from sqlalchemy import text

from tacit.core.errors import ArtifactError, ConfigError
from tacit.store.events import Event, EventStore, Receipt, StorageError, StorageFullError
from tacit.store.records import ItemChange, StoredItem


def event(name: str, user: str = "u", at: float = 1.0, **more: object) -> Event:
    return Event(name, more.pop("subject", "user"), user, "i", "view", at, **more)  # type: ignore[arg-type]


def test_what_was_appended_is_there_after_a_restart(address: str) -> None:
    first = EventStore(address)
    events = [event("a", at=2.5, value=4.0), event("b", at=3.0), event("c", "ünï/ <&>\u6771", at=1.0)]
    assert first.append(events) == Receipt(3, [])
    first.close()
    second = EventStore(address)
    assert list(second.events()) == events
    assert second.recent("user", "ünï/ <&>\u6771", 5) == [events[2]]
    second.close()


@pytest.mark.fault(15)
def test_a_retry_is_stored_once_and_answered_the_same(store: EventStore) -> None:
    batch = [event("a"), event("b")]
    assert [store.append(batch) for _ in range(3)] == [Receipt(2, [])] * 3
    assert len(list(store.events())) == 2


def test_a_retry_of_an_event_without_a_time_is_the_same_event(store: EventStore) -> None:
    assert store.append([event("a", at=10.0, has_time=False)]) == Receipt(1, [])
    assert store.append([event("a", at=11.0, has_time=False)]) == Receipt(1, [])
    assert [kept.at for kept in store.events()] == [10.0]


@pytest.mark.fault(16)
def test_the_same_id_with_another_content_is_a_conflict_and_the_first_stays(store: EventStore) -> None:
    store.append([event("a", "first")])
    assert store.append([event("b"), event("a", "second")]) == Receipt(1, [1])
    assert store.append([event("c", "one"), event("c", "two")]) == Receipt(1, [1])
    assert [e.subject_id for e in store.events()] == ["first", "u", "one"]


@pytest.mark.fault(18)
def test_recent_is_the_last_ones_oldest_first_whatever_the_order_of_arrival(store: EventStore) -> None:
    store.append([event(str(at), at=at) for at in (5.0, 1.0, 4.0, 2.0, 3.0)])
    assert [e.at for e in store.recent("user", "u", 3)] == [3.0, 4.0, 5.0]
    store.append([event("later", at=5.0)])
    assert [e.event_id for e in store.recent("user", "u", 2)] == ["5.0", "later"]


def test_a_user_and_a_session_of_one_name_are_two(store: EventStore) -> None:
    store.append([event("a", "x"), event("b", "x", subject="session")])
    assert [e.event_id for e in store.recent("user", "x", 9)] == ["a"]
    assert [e.event_id for e in store.recent("session", "x", 9)] == ["b"]


def test_nothing_to_append_is_nothing(store: EventStore) -> None:
    assert store.append([]) == Receipt(0, [])


@pytest.mark.fault(21)
def test_concurrent_appends_are_all_stored_once(store: EventStore) -> None:
    def send(worker: int) -> None:
        for number in range(30):
            batch = [event(f"{worker}-{number}"), event(f"shared-{number}")]
            assert store.append(batch) == Receipt(2, [])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(8)))
    ids = [e.event_id for e in store.events()]
    assert len(ids) == len(set(ids)) == 8 * 30 + 30


@pytest.mark.fault(21)
def test_two_services_on_one_postgres_agree(postgres: str) -> None:
    one, two = EventStore(postgres), EventStore(postgres)
    with ThreadPoolExecutor(8) as pool:  # both are sent every event, at the same time
        sent = [(s, f"pg-{n}") for n in range(40) for s in (one, two)]
        receipts = list(pool.map(lambda pair: pair[0].append([event(pair[1], "shared")]), sent))
    assert receipts == [Receipt(1, [])] * 80
    assert len(one.recent("user", "shared", 100)) == len(two.recent("user", "shared", 100)) == 40
    one.close()
    two.close()


def test_items_are_replaced_by_id_and_come_in_a_fixed_order(store: EventStore) -> None:
    store.put_items({"b": {"title": "old"}, "a": {"title": "A", "price": 2.5, "tags": ["x", "\u6771"]}}, 1.0)
    store.put_items({"b": {"title": "new"}}, 2.0)
    store.put_items({}, 3.0)
    assert store.items() == [
        ("b", {"title": "new"}),
        ("a", {"title": "A", "price": 2.5, "tags": ["x", "\u6771"]}),
    ]


def test_what_is_known_of_a_user_is_replaced_whole(address: str) -> None:
    first = EventStore(address)
    assert first.user("u") is None
    first.put_user("u", {"age": 34, "country": "NZ"}, at=1.0)
    first.put_user("v", {"age": 1}, at=1.0)
    first.put_user("u", {"country": "Ünï"}, at=2.0)
    first.close()
    second = EventStore(address)
    assert second.user("u") == {"country": "Ünï"}
    second.put_user("u", {}, at=3.0)
    assert second.user("u") == {}
    second.close()


def test_exposures_are_counted(store: EventStore) -> None:
    row = {"subject": "user", "subject_id": "u", "model": "m", "items": "[]", "at": 1.0}
    store.put_exposures([{"recommendation_id": str(n), **row} for n in range(3)])
    store.put_exposures([])
    assert store.exposures() == 3


@pytest.mark.fault(13)
def test_one_bad_piece_of_work_does_not_take_its_neighbours_down(store: EventStore) -> None:
    twice = text("INSERT INTO tacit_meta (key, value) VALUES ('version', 'twice')")
    begun, gate = threading.Event(), threading.Event()

    def hold(_: object) -> bool:
        begun.set()
        return gate.wait(5)

    with ThreadPoolExecutor(3) as pool:
        slow = pool.submit(store._writer.write, hold)  # makes the other two one group
        assert begun.wait(5)
        bad = pool.submit(store.write, lambda connection: connection.execute(twice))
        good = pool.submit(store.append, [event("good")])
        while len(store._writer._waiting) < 2:
            time.sleep(0.001)
        gate.set()
        assert slow.result()
        assert good.result() == Receipt(1, [])
        with pytest.raises(StorageError):
            bad.result()
    assert len(list(store.events())) == 1


def test_a_closed_store_refuses_and_does_not_hang(tmp_path: Path) -> None:
    store = EventStore(f"sqlite:///{tmp_path / 'x.db'}")
    store.close()
    with pytest.raises(StorageError, match="closed"):
        store.append([event("a")])


@pytest.mark.fault(12)
def test_a_second_service_on_one_file_is_refused_by_name(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path / 'x.db'}"
    store = EventStore(place)
    with pytest.raises(ConfigError, match=f"in use by process {os.getpid()}"):
        EventStore(place)
    store.close()
    EventStore(place).close()


@pytest.mark.fault(14)
def test_a_newer_store_is_refused(address: str) -> None:
    store = EventStore(address)
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE tacit_meta SET value = '99'"))
    store.close()
    with pytest.raises(ArtifactError, match="upgrade"):
        EventStore(address)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "nonsense",
        "mysql://root@host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "oracle://x",
        "sqlite:////no/such/x.db",
    ],
)
def test_an_address_that_cannot_be_used_is_said_so(wrong: str) -> None:
    with pytest.raises(ConfigError, match="store"):
        EventStore(wrong)


@pytest.mark.fault(11)
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(b"my thesis, not a database" * 100)
    before = file.read_bytes()
    with pytest.raises(ConfigError, match="not a database"):
        EventStore(f"sqlite:///{file}")
    assert file.read_bytes() == before


@pytest.mark.fault(48)
def test_a_password_is_never_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        EventStore("postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    EventStore(f"sqlite:///{tmp_path / 'x.db'}").close()
    assert (tmp_path / "x.db").stat().st_mode & 0o077 == 0


@pytest.mark.fault(7)
@pytest.mark.promise("P43")
def test_a_full_disk_is_reported_reads_go_on_and_writes_resume(tmp_path: Path) -> None:
    store = EventStore(f"sqlite:///{tmp_path / 'x.db'}")
    store.append([event("before")])

    def limit(pages: int) -> None:
        def work(connection: object) -> None:
            connection.execute(text(f"PRAGMA max_page_count = {pages}"))  # type: ignore[attr-defined]

        store._writer.write(work)

    limit(1)
    with pytest.raises(StorageFullError):
        for n in range(200):
            store.append([event(f"{n}-{m}" + "x" * 200) for m in range(20)])
    assert store.writing == "full"
    kept = [e.event_id for e in store.recent("user", "u", 10_000)]
    assert kept[0] == "before" and len(kept) % 20 == 1  # whole batches or nothing
    limit(1_000_000)
    assert store.writing == "ok"
    assert store.append([event("after")]) == Receipt(1, [])
    store.close()


@pytest.mark.fault(7)
@pytest.mark.promise("P43")
def test_a_store_that_was_full_is_tried_again_though_nobody_writes(tmp_path: Path) -> None:
    store = EventStore(f"sqlite:///{tmp_path / 'x.db'}")
    failing = True

    def refuse(connection: object, *_: object) -> None:
        if failing:
            raise sqlite3.OperationalError("database or disk is full")

    listening.listen(store._engine, "before_cursor_execute", refuse)
    with pytest.raises(StorageError):
        store.append([event("a")])
    assert store.writing == "full"
    time.sleep(1.3)
    assert store.writing == "full"  # it was tried, and failed
    failing = False
    end = time.monotonic() + 10
    while store.writing != "ok" and time.monotonic() < end:
        time.sleep(0.05)
    assert store.writing == "ok"
    assert store.append([event("a")]) == Receipt(1, [])
    store.close()


_INGEST = """
import sys
from tacit.store.events import Event, EventStore
from tacit.store.records import ItemChange, StoredItem
store = EventStore(sys.argv[1])
for n in range(10**6):
    names = [f"{sys.argv[2]}-{n}-{m}" for m in range(5)]
    store.append([Event(name, "user", "u", "i", "view", 1.0) for name in names])
    print(*names, flush=True)
"""


@pytest.mark.fault(1)
@pytest.mark.promise("P42")
def test_kill_minus_nine_loses_nothing_acknowledged(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path / 'x.db'}"
    acknowledged: list[str] = []
    for cycle in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", _INGEST, place, str(cycle)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(10 + 37 * cycle)]
        child.send_signal(signal.SIGKILL)
        rest, _ = child.communicate()
        whole = "".join(lines) + rest[: rest.rfind("\n") + 1]
        acknowledged += whole.split()
    store = EventStore(place)
    kept = [e.event_id for e in store.events()]
    store.close()
    assert len(kept) == len(set(kept))
    assert set(acknowledged) <= set(kept)
    assert len(kept) <= len(acknowledged) + 3 * 5  # at most the batch in flight of each cycle
    with sqlite3.connect(tmp_path / "x.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.mark.fault(7)
def test_a_file_size_limit_is_an_error_and_no_crash(tmp_path: Path) -> None:
    code = """
import resource, signal, sys
from tacit.store.events import Event, EventStore, StorageError
from tacit.store.records import ItemChange, StoredItem
store = EventStore(sys.argv[1])
store.append([Event("before", "user", "u", "i", "view", 1.0)])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, resource.RLIM_INFINITY))
try:
    for n in range(1000):
        store.append([Event(f"{n}" + "x" * 200, "user", "u", "i", "view", 1.0)])
except StorageError as error:
    print("refused")
kept = store.recent("user", "u", 10_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.append([Event("after", "user", "u", "i", "view", 2.0)])
print(kept[0].event_id, store.recent("user", "u", 1)[0].event_id)
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    place = f"sqlite:///{tmp_path / 'x.db'}"
    done = subprocess.run([sys.executable, "-c", code, place], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["refused", "before", "after"], done.stderr


_FLUSHES = """
import sys
from tacit.store.events import Event, EventStore, StorageError
from tacit.store.records import ItemChange, StoredItem
store = EventStore(sys.argv[1])
for n in range(12):
    try:
        store.append([Event(str(n), "user", "u", "i", "view", 1.0)])
        print(n)
    except StorageError:
        print("refused", n)
store.close()
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: it makes flushes fail")
@pytest.mark.parametrize("failing", [4, 5, 8])
@pytest.mark.fault(9)
@pytest.mark.promise("P42")
def test_a_flush_that_fails_is_not_acknowledged_and_writing_resumes(tmp_path: Path, failing: int) -> None:
    place = f"sqlite:///{tmp_path / 'x.db'}"
    EventStore(place).close()  # the flushes of a new file are not what is to fail
    inject = f"inject=fdatasync,fsync:error=EIO:when={failing}"
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", inject]
    command = [*strace, sys.executable, "-c", _FLUSHES, place]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    lines = done.stdout.splitlines()
    acknowledged = [line for line in lines if not line.startswith("refused")]
    assert len(lines) == 12, done.stderr
    assert len(acknowledged) == 11
    store = EventStore(place)
    kept = [e.event_id for e in store.events()]
    store.close()
    assert set(acknowledged) <= set(kept)
    assert len(kept) == len(set(kept))


def test_a_patch_sets_some_attributes_and_a_put_ends_all_patches(address: str) -> None:
    first = EventStore(address)
    first.put_items({"a": {"title": "A", "price": 2}}, 1.0)
    first.change_items([ItemChange("a", "patch", {"price": 3}), ItemChange("b", "patch", {"x": [1]})], 2.0)
    first.change_items([ItemChange("a", "patch", {"available": False}), ItemChange("b", "delete")], 3.0)
    first.close()
    second = EventStore(address)
    assert second.items() == [("a", {"title": "A", "price": 2})]
    assert second.item("a") == StoredItem({"title": "A", "price": 2}, {"price": 3, "available": False}, False)
    assert second.item("b") == StoredItem(None, {"x": [1]}, True)
    assert second.item("c") == StoredItem(None, {}, False)
    second.change_items([ItemChange("a", "patch", {"price": 4}), ItemChange("a", "put", {"title": "B"})], 4.0)
    second.put_items({"b": {}}, 5.0)
    assert second.item("a") == StoredItem({"title": "B"}, {}, False)
    second.change_items([ItemChange("b", "put", {"n": 1}), ItemChange("b", "delete")], 6.0)
    assert second.item("b") == StoredItem({"n": 1}, {}, True)
    second.change_items([ItemChange("b", "patch", {"n": 2})], 7.0)  # of a process that has not heard of it
    assert second.item("b") == StoredItem({"n": 1}, {"n": 2}, True)
    second.close()


def test_patches_of_one_item_at_the_same_time_all_count(postgres: str) -> None:
    one, two = EventStore(postgres), EventStore(postgres)
    with ThreadPoolExecutor(8) as pool:
        changes = [(s, ItemChange("a", "patch", {f"{n}": n})) for n in range(20) for s in (one, two)]
        list(pool.map(lambda pair: pair[0].change_items([pair[1]], 1.0), changes))
    assert one.item("a").patch == {f"{n}": n for n in range(20)}
    one.close()
    two.close()


@given(
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.floats(0, 4e9) | st.integers(0, 2**53) | st.none(),
    st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.none(),
)
def test_the_digest_of_an_event_is_that_of_its_json(
    text_: str, at: float | None, value: float | None
) -> None:
    moment = 0.0 if at is None else at
    one = Event("e", "user", text_, text_ + "\u6771", "view", moment, value, has_time=at is not None)
    written = json.dumps(["user", text_, text_ + "\u6771", "view", at if one.has_time else None, value])
    assert one.digest() == hashlib.sha256(written.encode()).digest()
    fraction = Event("e", "user", text_, "i", "view", np.float64(1.5), value)  # a subclass of float
    assert fraction.digest() == Event("e", "user", text_, "i", "view", 1.5, value).digest()
