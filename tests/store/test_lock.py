"""One service holds a SQLite file, whatever the file is called, and SQLite's own locks stay whole."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from tacit.core.errors import ConfigError
from tacit.store import lock as module
from tacit.store.events import Event, EventStore
from tacit.store.lock import StoreLock, Turn, create, hold

_HOLDER = """
import sys
from tacit.store.lock import hold
from tacit.store.events import EventStore
held = hold(sys.argv[2]) if sys.argv[1] == "hold" else EventStore(sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""
_EXCLUSIVE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0)
try:
    connection.execute("PRAGMA journal_mode = DELETE")  # for this nobody else may have it open
except sqlite3.OperationalError as error:
    print(error)
else:
    print("alone")
"""


@contextmanager
def held(kind: str, address: str) -> Iterator[int]:
    """Another process that holds a store, in the one way or the other."""
    command = [sys.executable, "-c", _HOLDER, kind, address]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process.pid
    process.kill()
    process.communicate()


def address(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.mark.parametrize("kind", ["hold", "open"])
@pytest.mark.fault(12)
def test_a_second_service_is_refused_by_every_name_of_the_file(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "a" / "store"
    other = tmp_path / "b"
    file.parent.mkdir()
    other.mkdir()
    with held(kind, address(file)) as pid:
        (other / "soft").symlink_to(file)
        names = [file, other / "soft", file.parent / ".." / "a" / "store"]
        if sys.platform == "linux":
            (other / "hard").hardlink_to(file)
            names.append(other / "hard")
        for name in names:
            for attempt in (EventStore, hold):
                with pytest.raises(ConfigError, match=f"in use by process {pid}; stop it"):
                    attempt(address(name))
    EventStore(address(other / "soft")).close()  # a killed process holds nothing


def test_workers_open_what_their_parent_holds(tmp_path: Path) -> None:
    place = address(tmp_path / "store")
    with held("hold", place):
        one, two = EventStore(place, lock=False), EventStore(place, lock=False)
        one.append([Event("e", "user", "u", "i", "view", 1.0)])
        assert len(two.recent("user", "u", 9)) == 1
        one.close()
        two.close()


def test_what_this_process_holds_is_refused_and_the_locks_of_sqlite_stay(tmp_path: Path) -> None:
    file = tmp_path / "store"
    store = EventStore(address(file))
    store.append([Event("e", "user", "u", "i", "view", 1.0)])
    (tmp_path / "soft").symlink_to(file)
    (tmp_path / "hard").hardlink_to(file)
    for name in ("store", "soft", "hard"):
        with pytest.raises(ConfigError, match=f"in use by process {os.getpid()}"):
            EventStore(address(tmp_path / name))
    # A descriptor of the file that was closed meanwhile would have dropped them.
    command = [sys.executable, "-c", _EXCLUSIVE, str(file)]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "database is locked\n"
    store.close()
    assert subprocess.run(command, capture_output=True, text=True).stdout == "alone\n"


def test_a_child_that_inherits_the_lock_holds_the_store_on(tmp_path: Path) -> None:
    lock = hold(address(tmp_path / "store"))
    assert lock is not None
    child = subprocess.Popen(["sleep", "60"], pass_fds=[lock.descriptor])
    lock.close()
    with pytest.raises(ConfigError, match="in use"):
        hold(address(tmp_path / "store"))
    child.kill()
    child.wait()
    StoreLock(tmp_path / "store").close()


def test_a_closed_lock_can_be_taken_again_and_closed_twice(tmp_path: Path) -> None:
    for _ in range(2):
        lock = StoreLock(tmp_path / "store")
        lock.close()
        lock.close()
    assert module._held == {one for one in module._held if one != module._identity(tmp_path / "store")}


def test_a_new_file_is_for_its_owner_alone_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    sqlite3.connect(old).close()
    old.touch()
    old.chmod(0o640)
    for file in (old, new):
        create(file)
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    store = EventStore(address(tmp_path / "by a worker"), lock=False)
    store.put_items({"a": {}}, 1.0)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("by a worker*")}
    assert modes == {0o600}
    store.close()


def test_the_lock_of_an_earlier_version_counts(tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / "store.lock").open("w") as earlier:
        fcntl.flock(earlier, fcntl.LOCK_EX)
        earlier.write("4711")
        earlier.flush()
        with pytest.raises(ConfigError, match="process 4711"):
            hold(address(tmp_path / "store"))


def test_nothing_is_held_in_postgres_and_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    assert hold("postgresql://nobody@/nowhere") is None
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere" / "store")
    for wrong in (tmp_path / "dangling", tmp_path / "none" / "store", tmp_path):
        with pytest.raises(ConfigError, match="cannot open the store"):
            hold(address(wrong))


def test_who_waits_for_a_turn_has_the_next_one(tmp_path: Path) -> None:
    one, other = Turn(tmp_path / "store", ".turn"), Turn(tmp_path / "store", ".turn")  # as of two processes
    had: list[str] = []
    stop = threading.Event()

    def take(turn: Turn, name: str) -> None:
        while not stop.is_set():
            with turn:
                had.append(name)
                time.sleep(0.005)

    takers = [threading.Thread(target=take, args=pair) for pair in ((one, "one"), (other, "other"))]
    for taker in takers:
        taker.start()
    time.sleep(1)
    stop.set()
    for taker in takers:
        taker.join()
    one.close()
    other.close()
    first = next(n for n, name in enumerate(had) if name != had[0])
    middle = had[first : len(had) - 2]
    assert len(middle) > 20
    repeated = sum(a == b for a, b in pairwise(middle))
    assert repeated <= len(middle) // 10
