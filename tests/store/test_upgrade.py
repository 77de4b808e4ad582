"""Stores of older versions are upgraded: nothing is lost, whoever starts, wherever a process is killed."""

import hashlib
import logging
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from tests.examples import share_of
from tests.store import kept

from tacit.core.errors import ArtifactError, ConfigError
from tacit.store import schema
from tacit.store.database import open_database
from tacit.store.events import EventStore, Receipt
from tacit.store.records import ItemChange
from tacit.store.upgrade import _LOCK, Migration, migrations, upgrade

DUMPS = Path(__file__).parent / "data"
OLD = ["5914a68", "dcfcc9d"]
NEWEST = migrations("sqlite")[-1].number


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    """The database of `address`, without opening it as a store."""
    opened, lock = open_database(address)
    if lock is not None:
        lock.close()  # the store that a test opens takes it
    yield opened
    opened.dispose()


def load(address: str, commit: str) -> None:
    """Make the store that the code of a commit wrote."""
    url = make_url(address)
    dump = (DUMPS / f"{commit}.{url.get_backend_name()}.sql").read_text("utf-8")
    if url.get_backend_name() == "postgresql":
        import psycopg

        with psycopg.connect(address) as connection:
            connection.execute(dump)  # type: ignore[call-overload]
        return
    connection = sqlite3.connect(str(url.database))
    connection.execute("PRAGMA journal_mode = WAL")  # as the store had it
    connection.executescript(dump)
    connection.close()


def version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return connection.execute(
            text("SELECT value FROM tacit_meta WHERE key = 'version'")
        ).scalar_one_or_none()


def described(engine: Engine) -> dict[str, Any]:
    """The schema of a database as it tells it itself."""
    seen = inspect(engine)
    tables: dict[str, Any] = {
        table: (
            {column["name"]: repr(sorted(column.items(), key=str)) for column in seen.get_columns(table)},
            seen.get_pk_constraint(table),
            seen.get_unique_constraints(table),
            seen.get_indexes(table),
        )
        for table in sorted(seen.get_table_names())
    }
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            sequences = text("SELECT sequence_name, data_type FROM information_schema.sequences")
            tables["sequences"] = sorted(map(tuple, connection.execute(sequences)))
    return tables


def rows(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that a database holds."""
    with engine.connect() as connection:
        return {
            table: sorted(map(tuple, connection.execute(text(f"SELECT * FROM {table}"))), key=repr)
            for table in inspect(connection).get_table_names()
        }


def check_whole(address: str, *, users: bool = True) -> None:
    """Open a store and find everything of `kept` in it."""
    store = EventStore(address)
    try:
        assert list(store.events()) == kept.EVENTS
        assert store.recent("session", "s1", 9) == [kept.EVENTS[3], kept.EVENTS[2]]
        assert dict(store.items()) == kept.ITEMS
        assert store.exposures() == len(kept.EXPOSURES)
        assert [store.user(user) for user in kept.USERS] == [
            attributes if users else None for attributes in kept.USERS.values()
        ]
    finally:
        store.close()


# What an older store becomes


@pytest.mark.parametrize("commit", OLD)
@pytest.mark.fault(14)
def test_all_that_an_older_store_holds_is_read_back(address: str, commit: str) -> None:
    load(address, commit)
    for _ in range(2):
        check_whole(address, users=commit == "5914a68")


@pytest.mark.parametrize("commit", OLD)
def test_an_upgraded_store_takes_all_that_a_new_one_takes(address: str, commit: str) -> None:
    load(address, commit)
    store = EventStore(address)
    assert store.append(kept.EVENTS) == Receipt(len(kept.EVENTS), [])  # as retries
    store.append([kept.Event("new", "user", "u1", "i1", "view", 3.0)])
    store.put_items({"new": {"title": "Lamp"}}, at=9.0)
    store.change_items([ItemChange("i1", "patch", {"price": 3})], at=9.0)
    store.put_user("new", {"age": 1}, at=9.0)
    store.put_exposures([{**kept.EXPOSURES[0], "recommendation_id": "new"}])
    assert [event.event_id for event in store.events()] == ["e1", "e2", "e3", "e4", "new"]
    assert store.items()[-1] == ("new", {"title": "Lamp"})
    assert store.item("i1").patch == {"price": 3}
    assert store.user("new") == {"age": 1}
    assert store.exposures() == len(kept.EXPOSURES) + 1
    store.close()


def test_a_retry_with_another_content_is_a_conflict_with_what_the_old_code_stored(address: str) -> None:
    load(address, "5914a68")
    store = EventStore(address)
    changed = kept.Event("e1", "user", "somebody else", "i1", "view", 1.0)
    assert store.append([changed]) == Receipt(0, [0])
    store.close()
    check_whole(address)


@pytest.mark.parametrize("commit", OLD)
def test_an_upgraded_store_has_the_schema_of_a_new_one(address: str, engine: Engine, commit: str) -> None:
    EventStore(address).close()
    new = described(engine)
    _drop_all(engine)
    load(address, commit)
    old = described(engine)
    changed = ("tacit_exposure", "tacit_event")  # by later migrations
    alike = (old[table][:3] == new[table][:3] for table in old if table not in changed)  # but for indexes
    same = "tacit_user" in old and all(alike)
    assert same == (commit == "5914a68")  # version 1 had two shapes
    assert version(engine) == "1"
    EventStore(address).close()
    assert described(engine) == new
    assert version(engine) == str(NEWEST)


def test_the_migrations_make_the_tables_that_queries_use(address: str, engine: Engine) -> None:
    EventStore(address).close()
    migrated = described(engine)
    _drop_all(engine)
    schema.metadata.create_all(engine)
    assert described(engine) == migrated


def test_opening_again_changes_nothing(address: str, engine: Engine) -> None:
    load(address, "5914a68")
    EventStore(address).close()
    before = described(engine), rows(engine)
    EventStore(address).close()
    assert (described(engine), rows(engine)) == before


@pytest.mark.parametrize("reached", share_of(range(NEWEST), 2))
def test_each_migration_may_run_again(address: str, engine: Engine, reached: int) -> None:
    load(address, "5914a68")
    EventStore(address).close()
    before = described(engine), rows(engine)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE tacit_meta SET value = '{reached}'"))
    EventStore(address).close()
    assert (described(engine), rows(engine)) == before


def test_tables_whose_version_was_never_written_are_upgraded(address: str, engine: Engine) -> None:
    load(address, "5914a68")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM tacit_meta"))
    check_whole(address)
    assert version(engine) == str(NEWEST)


@pytest.mark.parametrize("commit", OLD)
def test_items_of_an_older_store_have_numbers_below_zero_in_the_order_they_were_read_in(
    address: str, engine: Engine, commit: str
) -> None:
    load(address, commit)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO tacit_item VALUES ('a', '{}', 9.0), ('z', '{}', 1.0)"))
    store = EventStore(address)
    assert store.item_number() == 0
    found = [(row.item_id, row.number, row.put_number) for row in store.item_rows()]
    assert found == [("z", -4, -4), ("i1", -3, -3), ("i3", -2, -2), ("a", -1, -1)]
    store.put_items({"z": {"title": "Lamp"}, "new": {}}, 9.0)
    assert [(row.item_id, row.number) for row in store.item_rows()] == [
        ("z", 1), ("i1", -3), ("i3", -2), ("a", -1), ("new", 2),
    ]  # fmt: skip
    assert [row.item_id for row in store.item_rows(0)] == ["z", "new"]
    store.close()


def test_an_early_store_in_postgres_goes_on_after_the_last_number_of_4_bytes(postgres: str) -> None:
    import psycopg

    with psycopg.connect(postgres) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    load(postgres, "dcfcc9d")
    with psycopg.connect(postgres) as connection:
        connection.execute("SELECT setval('tacit_event_number_seq', 2147483647)")
    store = EventStore(postgres)
    late = kept.Event("late", "user", "u", "i", "view", 1.0)
    assert store.append([late]) == Receipt(1, [])
    assert list(store.events())[-1] == late
    store.close()


def test_an_upgrade_is_logged_and_nothing_else_is(address: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "tacit"):
        EventStore(address).close()
        EventStore(address).close()
        assert caplog.messages == []
        _reset(address)
        load(address, "5914a68")
        EventStore(address).close()
    assert caplog.messages == [
        "the store was upgraded to version 2 (one_shape)",
        "the store was upgraded to version 3 (item_changes)",
        "the store was upgraded to version 4 (item_numbers)",
        "the store was upgraded to version 5 (forgetting)",
        "the store was upgraded to version 6 (events)",
    ]


# What is refused


@pytest.mark.fault(14)
def test_a_newer_store_is_refused_and_left_as_it_is(address: str, engine: Engine, tmp_path: Path) -> None:
    EventStore(address).close()
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE tacit_meta SET value = '{NEWEST + 1}'"))
        connection.execute(text("DROP TABLE tacit_user"))  # as a newer version might
    engine.dispose()
    before = described(engine), rows(engine)
    engine.dispose()
    contents = _hashes(tmp_path)
    for _ in range(2):  # the lock of a SQLite file is given back
        with pytest.raises(ArtifactError) as refused:
            EventStore(address)
    said = f"the store has version {NEWEST + 1}, this tacit reads up to {NEWEST}: upgrade tacit"
    assert str(refused.value) == said
    assert _hashes(tmp_path) == contents
    assert (described(engine), rows(engine)) == before


@pytest.mark.parametrize("value", ["NULL", "''", "'one'", "'-1'", "'1.5'", "'\u0661'", "'9999999999'"])
def test_a_version_that_is_no_number_is_refused(address: str, engine: Engine, value: str) -> None:
    load(address, "5914a68")
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE tacit_meta SET value = {value}"))
    before = described(engine), rows(engine)
    engine.dispose()
    with pytest.raises(ArtifactError, match="is not a number: restore it from a copy"):
        EventStore(address)
    assert (described(engine), rows(engine)) == before


def test_a_store_that_is_up_to_date_opens_for_a_role_that_may_not_change_tables(postgres: str) -> None:
    import psycopg

    _reset(postgres)
    load(postgres, "5914a68")
    grants = (
        "GRANT USAGE ON SCHEMA public TO clerk;"
        "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO clerk;"
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO clerk"
    )
    with psycopg.connect(postgres) as connection:
        connection.execute("DROP ROLE IF EXISTS clerk; CREATE ROLE clerk LOGIN;" + grants)
    clerk = postgres.replace("tacit@", "clerk@")
    with pytest.raises(ConfigError, match="cannot open the store"):  # an upgrade is for the owner
        EventStore(clerk)
    EventStore(postgres).close()
    with psycopg.connect(postgres) as connection:
        connection.execute(grants)  # of the tables that the upgrade added
    check_whole(clerk)


# The mechanism, with further migrations


def further(engine: Engine, sql: str) -> list[Migration]:
    """The migrations of this version and one more."""
    return [*migrations(engine.dialect.name), Migration(NEWEST + 1, "further", sql)]


def test_a_migration_that_fails_leaves_the_store_at_the_one_before(address: str, engine: Engine) -> None:
    load(address, "dcfcc9d")
    sql = (
        "CREATE TABLE tacit_half (a TEXT);\nUPDATE tacit_event SET item_id = 'lost';\nDELETE FROM nowhere;\n"
    )
    with pytest.raises(SQLAlchemyError, match="nowhere"):
        upgrade(engine, further(engine, sql))
    assert version(engine) == str(NEWEST)
    assert "tacit_half" not in described(engine)
    check_whole(address, users=False)
    upgrade(engine, further(engine, "CREATE TABLE tacit_half (a TEXT);"))
    assert version(engine) == str(NEWEST + 1)


def test_sql_may_hold_semicolons_percents_colons_and_lack_its_last_semicolon(engine: Engine) -> None:
    upgrade(
        engine,
        further(
            engine,
            "-- a comment; with one\n"
            "INSERT INTO tacit_meta VALUES ('first;\n', ':a %s %(x)s');\n"
            "INSERT INTO tacit_meta VALUES ('second', '100%')",
        ),
    )
    expected = [("first;\n", ":a %s %(x)s"), ("second", "100%"), ("version", str(NEWEST + 1))]
    assert rows(engine)["tacit_meta"] == expected


_SLOW = {
    "postgresql": "SELECT pg_sleep({seconds});",
    "sqlite": "SELECT tacit_sleep({seconds});",
}
_CHILD = """
import sys, time
from sqlalchemy import create_engine, event
from tacit.store.upgrade import _LOCK, Migration, migrations, upgrade
engine = create_engine(sys.argv[1])
def sleep(seconds):
    print("asleep", flush=True)
    time.sleep(seconds)
if engine.dialect.name == "sqlite":
    event.listen(engine, "connect", lambda connection, _: connection.create_function("tacit_sleep", 1, sleep))
steps = migrations(engine.dialect.name)
upgrade(engine, [*steps, Migration(len(steps) + 1, "slow", sys.argv[2])])
print("done", flush=True)
"""


def child(address: str, sql: str) -> "subprocess.Popen[str]":
    """A process that upgrades a store with one more migration."""
    address = address.replace("postgresql:", "postgresql+psycopg:")
    command = [sys.executable, "-c", _CHILD, address, sql]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_of_processes_that_start_at_once_one_upgrades_and_the_others_wait(
    address: str, engine: Engine
) -> None:
    load(address, "dcfcc9d")
    # Not idempotent on purpose: run by two of them, the second would fail.
    sql = f"{_SLOW[engine.dialect.name].format(seconds=1)}\nINSERT INTO tacit_meta VALUES ('ran', 'once');\n"
    together = [child(address, sql) for _ in range(2)]
    for process in together:
        said, errors = process.communicate(timeout=60)
        assert said.splitlines()[-1:] == ["done"], errors
    assert ("ran", "once") in rows(engine)["tacit_meta"]
    assert version(engine) == str(NEWEST + 1)


def test_a_store_that_is_up_to_date_opens_without_waiting_for_an_upgrade(
    address: str, engine: Engine
) -> None:
    load(address, "5914a68")
    EventStore(address).close()
    locks = {"postgresql": f"SELECT pg_advisory_xact_lock({_LOCK})", "sqlite": "BEGIN IMMEDIATE"}
    with engine.connect() as connection, ThreadPoolExecutor(1) as pool:
        connection.exec_driver_sql(locks[engine.dialect.name])
        try:
            pool.submit(check_whole, address).result(10)
        finally:
            connection.rollback()


def test_of_services_that_start_at_once_on_an_empty_postgres_all_start(postgres: str) -> None:
    _reset(postgres)
    code = """
import sys
from tacit.store.events import EventStore
print("ready", flush=True)
sys.stdin.read(1)
EventStore(sys.argv[1])
"""
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-c", code, postgres]
    together = [subprocess.Popen(command, text=True, **pipes) for _ in range(2)]
    for process in together:
        assert process.stdout.readline() == "ready\n"
    for process in together:
        process.stdin.write("x")
        process.stdin.flush()
    for process in together:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors


@pytest.mark.fault(13)
def test_kill_minus_nine_in_a_migration_undoes_it_and_the_next_start_goes_on(
    address: str, engine: Engine
) -> None:
    load(address, "dcfcc9d")
    slow = _SLOW[engine.dialect.name].format(seconds=3)
    sql = f"CREATE TABLE tacit_half (a TEXT);\nUPDATE tacit_event SET item_id = 'lost';\n{slow}\n"
    process = child(address, sql)
    _wait_asleep(process, engine)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert version(engine) == str(NEWEST)  # the steps before it stay
    assert "tacit_half" not in described(engine)
    check_whole(address, users=False)
    # PostgreSQL ends the statement of a dead client first; whoever starts then waits for that.
    upgrade(engine, further(engine, "CREATE TABLE tacit_half (a TEXT);"))
    assert version(engine) == str(NEWEST + 1)
    assert rows(engine)["tacit_half"] == []


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: it kills at a write")
@pytest.mark.fault(2)
@pytest.mark.promise("P42")
def test_kill_minus_nine_at_a_write_to_disk_loses_nothing(tmp_path: Path) -> None:
    code = "import sys; from tacit.store.events import EventStore; EventStore(sys.argv[1]).close()"
    versions = []
    for write in range(1, 500, 23):  # some 120 writes; each run takes about a second
        file = tmp_path / f"{write}.sqlite3"
        address = f"sqlite:///{file}"
        load(address, "dcfcc9d")
        inject = f"inject=pwrite64:signal=KILL:when={write}"
        strace = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64", "-e", inject]
        command = [*strace, sys.executable, "-c", code, address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if "ptrace" in done.stderr:
            pytest.skip("strace may not trace here")
        assert done.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL), done.stderr
        connection = sqlite3.connect(file)
        versions.append(connection.execute("SELECT value FROM tacit_meta").fetchone()[0])
        connection.close()
        check_whole(address, users=False)
        if done.returncode == 0:
            break
    assert done.returncode == 0
    assert len(versions) > 2
    reached = {str(number) for number in range(1, NEWEST + 1)}
    assert {"1", str(NEWEST)} <= set(versions) <= reached  # killed before, between and after the commits


# The files


def test_migrations_are_numbered_without_gaps_and_the_same_for_both_databases() -> None:
    kinds = [[(step.number, step.name) for step in migrations(kind)] for kind in ("sqlite", "postgresql")]
    assert kinds[0] == kinds[1]
    assert [number for number, _ in kinds[0]] == list(range(1, NEWEST + 1))


def test_every_file_beside_the_migrations_is_one() -> None:
    names = {file.name for file in (files("tacit.store") / "migrations").iterdir() if file.is_file()}
    expected = {
        f"{step.number:03}_{step.name}.{kind}.sql"
        for kind in ("sqlite", "postgresql")
        for step in migrations(kind)
    }
    assert names == expected


def _wait_asleep(process: "subprocess.Popen[str]", engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        assert process.stdout is not None
        assert process.stdout.readline() == "asleep\n"
        return
    active = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event = 'PgSleep' AND pid <> pg_backend_pid() AND state = 'active'"
    )
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with engine.connect() as connection:
            if connection.execute(active).scalar_one():
                return
        time.sleep(0.02)
    raise AssertionError("the child never slept")


def _hashes(directory: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in directory.iterdir()
        if not file.name.endswith((".lock", "-shm"))
    }


def _drop_all(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in inspect(connection).get_table_names():
            connection.execute(text(f"DROP TABLE {table}"))
    engine.dispose()


def _reset(address: str) -> None:
    if address.startswith("postgresql"):
        import psycopg

        with psycopg.connect(address) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    else:
        Path(str(make_url(address).database)).unlink()
