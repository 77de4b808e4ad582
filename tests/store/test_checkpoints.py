"""What is committed is moved from the log into the file beside the writers, and the log does not grow on."""

import logging
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from tacit.store import checkpoints as module
from tacit.store.checkpoints import Checkpoints
from tacit.store.events import Event, EventStore
from tacit.store.store_file import StoreFile


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "_PAUSE", 0.02)
    yield


def soon(holds: object) -> bool:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if holds():  # type: ignore[operator]
            return True
        time.sleep(0.01)
    return False


def events(n: int) -> list[Event]:
    return [Event(f"{n}-{m}", "user", f"u{m}", "i", "view", 1.0) for m in range(50)]


def test_the_file_alone_holds_what_was_committed_a_moment_before(tmp_path: Path) -> None:
    store = EventStore(f"sqlite:///{tmp_path / 'x.db'}")
    store.append(events(0))

    def is_in_file() -> bool:
        # By another process: this one would lose SQLite's locks with the descriptor of a copy.
        subprocess.run(["cp", tmp_path / "x.db", tmp_path / "copy.db"], check=True)
        connection = sqlite3.connect(tmp_path / "copy.db")
        try:
            (count,) = connection.execute("SELECT count(*) FROM tacit_event").fetchone()
        except sqlite3.OperationalError:  # not even the tables yet
            return False
        finally:
            connection.close()
        return bool(count == 50)

    assert soon(is_in_file)
    store.close()


def test_the_log_begins_anew_while_writers_write_all_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_LOG", 200)
    store = EventStore(f"sqlite:///{tmp_path / 'x.db'}")
    log = tmp_path / "x.db-wal"
    stop = threading.Event()

    def write(name: int) -> None:
        n = 0
        while not stop.is_set():
            store.append(events(name + n))
            n += 2

    writers = [threading.Thread(target=write, args=(name,)) for name in (0, 1)]
    for writer in writers:
        writer.start()
    size = 0

    def was_begun_anew() -> bool:
        nonlocal size
        with log.open("rb") as file:
            file.seek(12)
            salt = file.read(4)  # another one each time that the log begins anew
        seen.add(salt)
        size = max(size, log.stat().st_size)
        return len(seen) > 3

    seen: set[bytes] = set()
    assert soon(was_begun_anew)
    stop.set()
    for writer in writers:
        writer.join()
    assert size < 64 * 2**20
    store.close()


def test_a_store_that_cannot_be_moved_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "store"
    checkpoints = Checkpoints(StoreFile(file), nullcontext())
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            checkpoints.note()
            time.sleep(0.05)
    checkpoints.close()
    assert [record.getMessage() for record in caplog.records] == [
        f"the log of the store is not moved into it: the file {file} was moved, deleted or replaced while it "
        "was open; move it back"
    ]
