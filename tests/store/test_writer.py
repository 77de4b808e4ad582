"""The writer commits in groups: on disk before it answers, in order, each piece of work for itself."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError

from tacit.store import writer as module
from tacit.store.database import (
    StorageError,
    StorageFullError,
    StorageLateError,
    StorageUnsureError,
    open_database,
    reading,
)
from tacit.store.writer import Writer


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened, lock = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    with opened.begin() as connection:
        connection.execute(text("CREATE TABLE word (number INTEGER PRIMARY KEY, word TEXT UNIQUE)"))
    yield opened
    opened.dispose()
    assert lock is not None
    lock.close()


@pytest.fixture
def writer(engine: Engine) -> Iterator[Writer]:
    built = Writer(engine)
    yield built
    built.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(80) as built:
        yield built


def insert(word: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(text("INSERT INTO word (word) VALUES (:word)"), {"word": word})
        return word.upper()

    return work


def words(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.execute(text("SELECT word FROM word ORDER BY number")).scalars())


@contextmanager
def held(writer: Writer, pool: ThreadPoolExecutor) -> Iterator[None]:
    """Keep the writer busy, so that what is written meanwhile waits together."""
    begun, gate = threading.Event(), threading.Event()

    def hold(_: Connection) -> bool:
        begun.set()
        return gate.wait(30)

    slow = pool.submit(writer.write, hold)
    assert begun.wait(30)
    try:
        yield
    finally:
        gate.set()
    assert slow.result(30)


def wait(
    writer: Writer, pool: ThreadPoolExecutor, jobs: list[Callable[[Connection], Any]]
) -> list[Future[Any]]:
    """Hand work in, one after the other, while the writer is held."""
    handed = []
    for job in jobs:
        handed.append(pool.submit(writer.write, job))
        end = time.monotonic() + 30
        while len(writer._waiting) < len(handed):
            assert time.monotonic() < end
            time.sleep(0.001)
    return handed


def commits(engine: Engine) -> list[int]:
    """A list that grows by one with each commit."""
    seen: list[int] = []
    event.listen(engine, "commit", lambda _: seen.append(1))
    return seen


def test_a_write_answers_with_the_result_when_others_can_read_it(engine: Engine, writer: Writer) -> None:
    for word in ("one", "two"):
        assert writer.write(insert(word)) == word.upper()
        assert words(engine)[-1] == word


@pytest.mark.promise("P42")
def test_no_answer_comes_before_the_commit(engine: Engine, writer: Writer, pool: ThreadPoolExecutor) -> None:
    reached, gate = threading.Event(), threading.Event()

    def stop(_: Connection) -> None:
        reached.set()
        assert gate.wait(30)

    event.listen(engine, "commit", stop)
    answer = pool.submit(writer.write, insert("one"))
    assert reached.wait(30)
    assert not answer.done()
    assert words(engine) == []
    gate.set()
    assert answer.result(30) == "ONE"


def test_what_waits_together_is_one_transaction_in_order(
    engine: Engine, writer: Writer, pool: ThreadPoolExecutor
) -> None:
    names = [f"w{number}" for number in range(20)]
    seen = commits(engine)
    with held(writer, pool):
        answers = wait(writer, pool, [insert(name) for name in names])
    assert [answer.result(30) for answer in answers] == [name.upper() for name in names]
    assert words(engine) == names
    assert len(seen) == 2  # of what held it, and of the group


def test_a_group_has_a_largest_size(engine: Engine, writer: Writer, pool: ThreadPoolExecutor) -> None:
    seen = commits(engine)
    with held(writer, pool):
        answers = wait(writer, pool, [insert(str(n)) for n in range(module._LARGEST_GROUP + 1)])
    for answer in answers:
        answer.result(30)
    assert words(engine) == [str(n) for n in range(module._LARGEST_GROUP + 1)]
    assert len(seen) == 3


def fail(error: Exception) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        insert("half")(connection)
        raise error

    return work


def test_work_that_the_database_refuses_is_undone_alone(
    engine: Engine, writer: Writer, pool: ThreadPoolExecutor
) -> None:
    writer.write(insert("taken"))
    with held(writer, pool):
        first, twice, last = wait(writer, pool, [insert("a"), insert("taken"), insert("b")])
    assert (first.result(30), last.result(30)) == ("A", "B")
    with pytest.raises(StorageError, match="nothing of this request was stored") as refused:
        twice.result(30)
    assert not isinstance(refused.value, StorageFullError)
    assert words(engine) == ["taken", "a", "b"]


@pytest.mark.parametrize("error", [ValueError("a fault of ours"), OSError(5, "Input/output error")])
def test_any_error_of_work_is_reported_and_the_writer_goes_on(
    engine: Engine, writer: Writer, error: Exception
) -> None:
    with pytest.raises(StorageError, match=str(error).replace("[", r"\[").replace("]", r"\]")):
        writer.write(fail(error))
    assert writer.write(insert("after")) == "AFTER"
    assert words(engine) == ["after"]


@pytest.mark.fault(48)
def test_a_refusal_does_not_tell_the_values_of_the_request(
    writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    writer.write(insert("personal"))
    with pytest.raises(StorageError) as refused:
        writer.write(insert("personal"))
    assert "UNIQUE constraint failed" in str(refused.value)
    assert "personal" not in str(refused.value)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "personal" not in caplog.text


@pytest.mark.fault(9)
def test_after_a_refusal_by_the_database_files_are_opened_anew(engine: Engine, writer: Writer) -> None:
    writer.write(insert("taken"))
    opened: list[int] = []
    event.listen(engine, "connect", lambda *_: opened.append(1))
    writer.write(insert("same connection"))
    with pytest.raises(StorageError):
        writer.write(fail(ValueError("not the database")))
    writer.write(insert("same connection still"))
    assert opened == []
    with pytest.raises(StorageError):
        writer.write(insert("taken"))
    writer.write(insert("new connection"))
    assert opened == [1]


@pytest.mark.fault(7)
@pytest.mark.promise("P43")
def test_a_full_disk_refuses_the_whole_group_at_once_and_writing_resumes(
    engine: Engine, writer: Writer, pool: ThreadPoolExecutor
) -> None:
    def limit(pages: int) -> Callable[[Connection], None]:
        return lambda connection: connection.execute(text(f"PRAGMA max_page_count = {pages}")) and None

    tried: list[str] = []

    def large(name: str) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            tried.append(name)
            insert(name + "x" * 20_000)(connection)

        return work

    with held(writer, pool):
        first, *group = wait(writer, pool, [limit(1), insert("small"), large("a"), large("b")])
    for answer in (first, *group):
        with pytest.raises(StorageFullError, match="make room and send again"):
            answer.result(30)
    assert tried == ["a"]  # nobody is tried again one by one
    assert words(engine) == []
    assert writer.write(large("after")) is None  # a new connection has no limit
    assert len(words(engine)) == 1


def test_close_commits_what_waits_and_later_writes_are_refused(
    engine: Engine, writer: Writer, pool: ThreadPoolExecutor
) -> None:
    with held(writer, pool):
        answers = wait(writer, pool, [insert("a"), insert("b")])
        closing = pool.submit(writer.close)
        while not writer._closed:
            time.sleep(0.001)
        with pytest.raises(StorageError, match="the store is closed"):
            writer.write(insert("late"))
    closing.result(30)
    assert not writer._thread.is_alive()
    assert [answer.result(30) for answer in answers] == ["A", "B"]
    assert words(engine) == ["a", "b"]
    writer.close()  # twice is once


def insert_once(word: str) -> Callable[[Connection], None]:
    statement = text("INSERT INTO word (word) VALUES (:word) ON CONFLICT (word) DO NOTHING")
    return lambda connection: connection.execute(statement, {"word": word}) and None


@pytest.mark.promise("P42")
@pytest.mark.fault(31)
@pytest.mark.parametrize("durable", [True, False])
def test_what_a_lost_connection_may_have_committed_is_written_once(
    engine: Engine, writer: Writer, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    commit, lost = Connection.commit, []

    def lose(connection: Connection) -> None:
        if len(lost) < 3:
            lost.append(1)
            if durable:
                commit(connection)
            raise OperationalError("COMMIT", {}, Exception("gone"), connection_invalidated=True)
        commit(connection)

    monkeypatch.setattr(module, "_BREATH", 0.001)
    monkeypatch.setattr(Connection, "commit", lose)
    writer.write(insert_once("one"))
    assert words(engine) == ["one"]
    assert writer.failure is None and not writer.is_stuck


def wait_until_free(writer: Writer) -> None:
    end = time.monotonic() + 30
    while writer._working_since is not None and time.monotonic() < end:
        time.sleep(0.01)


def test_of_a_database_that_stays_away_it_is_said_that_nothing_is_known(
    engine: Engine, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(_: Connection) -> None:
        raise OperationalError("COMMIT", {}, Exception("gone"), connection_invalidated=True)

    monkeypatch.setattr(module, "_BREATH", 0.001)
    monkeypatch.setattr(module, "_LONGEST", 0.05)
    with monkeypatch.context() as away:
        away.setattr(Connection, "commit", lose)
        with pytest.raises(StorageUnsureError):
            writer.write(insert_once("one"))
        wait_until_free(writer)
    writer.write(insert_once("two"))
    assert words(engine) == ["two"]


@pytest.mark.promise("P30")
@pytest.mark.fault(10, 31)
def test_nobody_waits_for_ever_and_who_comes_later_not_at_all(
    engine: Engine, writer: Writer, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, gate = threading.Event(), threading.Event()

    def hold(_: Connection) -> bool:
        begun.set()
        return gate.wait(30)

    with monkeypatch.context() as hasty:
        hasty.setattr(module, "_LONGEST", 0.3)
        slow = pool.submit(writer.write, hold)
        assert begun.wait(30)
        with pytest.raises(StorageLateError):  # it waits behind the other, and is never done
            writer.write(insert("late"))
        with pytest.raises(StorageUnsureError):
            slow.result(30)
        assert writer.is_stuck
        began = time.monotonic()
        with pytest.raises(StorageLateError):
            writer.write(insert("later"))
        assert time.monotonic() - began < 0.2
    gate.set()
    wait_until_free(writer)
    writer.write(insert("now"))
    assert words(engine) == ["now"]
