"""A copy of a store in use is whole, and what was deleted since does not come back with it."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tacit.core.errors import ArtifactError, ConfigError
from tacit.store.backup import Deletions, back_up, forget_again, restore, write_deletions
from tacit.store.events import Event, EventStore
from tacit.store.verifying import verify_store

NOW = 1_750_000_000.0
_BACK_UP = """
import pathlib, sys
from tacit.store.backup import back_up
back_up(sys.argv[1], pathlib.Path(sys.argv[2]))
"""


def event(number: int, user: str) -> Event:
    return Event(f"e{number}", "user", user, f"i{number}", "view", NOW + number)


@pytest.mark.promise("P12")
@pytest.mark.fault(14)
def test_a_copy_of_a_store_in_use_is_a_beginning_of_what_it_acknowledged(tmp_path: Path) -> None:
    address, file = f"sqlite:///{tmp_path / 'store.db'}", tmp_path / "copy.db"
    store = EventStore(address)
    written = threading.Event()
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            store.append([event(number + n, "u") for n in range(5)])
            number += 5
            if number == 100:
                written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(30)
        subprocess.run([sys.executable, "-c", _BACK_UP, address, str(file)], check=True, timeout=60)
    finally:
        stop.set()
        writer.join()
    every = [one.event_id for one in store.events()]
    (noted,) = store.backups()
    assert noted["file"] == str(file)
    store.close()
    assert verify_store(f"sqlite:///{file}").faults == []
    assert file.stat().st_mode & 0o077 == 0
    assert sorted(one.name for one in tmp_path.glob("copy*")) == ["copy.db"]
    copied = EventStore(f"sqlite:///{file}")
    kept = [one.event_id for one in copied.events()]
    copied.close()
    assert 100 <= len(kept) <= len(every) and kept == every[: len(kept)] and len(kept) % 5 == 0


def forgetful(tmp_path: Path) -> tuple[str, Path]:
    """A store, and a copy of it from before two users were forgotten."""
    address, file = f"sqlite:///{tmp_path / 'store.db'}", tmp_path / "copy.db"
    store = EventStore(address)
    store.append([event(n, f"canary {n}") for n in range(5)])
    store.put_user("canary 1", {"age": 1}, NOW)
    store.forget("user", "canary 0", lambda: NOW)
    store.close()
    back_up(address, file)
    store = EventStore(address)
    store.forget("user", "canary 1", lambda: NOW + 50, "model", lambda *_: 7)
    store.forget("user", "nobody in the copy", lambda: NOW + 51)
    store.forget("user", "canary 2", lambda: NOW + 52)
    store.append([event(9, "canary 1")])  # somebody new of that name, after the copy
    store.close()
    return address, file


def users(address: str) -> set[str]:
    store = EventStore(address)
    found = {one.subject_id for one in store.events()}
    store.close()
    return found


@pytest.mark.promise("P12")
@pytest.mark.parametrize("lost", [False, True])
def test_a_restore_repeats_the_deletions_since(tmp_path: Path, lost: bool) -> None:
    address, file = forgetful(tmp_path)
    store = EventStore(address)
    stones = store.tombstones()
    store.close()
    known = None
    if lost:
        assert write_deletions(address, tmp_path / "deletions.json") == 4
        known = Deletions.read(tmp_path / "deletions.json")
        assert b"canary" not in (tmp_path / "deletions.json").read_bytes()
        for left in tmp_path.glob("store.db*"):
            left.unlink()
    else:
        with pytest.raises(ConfigError, match="--replace"):
            restore(file, address, None)
    assert restore(file, address, known, replace=not lost) == 2
    assert users(address) == {"canary 3", "canary 4"}
    store = EventStore(address)
    assert store.tombstones() == stones
    assert store.user("canary 1") is None
    store.close()
    raw = b"".join(one.read_bytes() for one in tmp_path.glob("store.db*"))
    assert [n for n in range(5) if f"canary {n}".encode() in raw] == [3, 4]
    assert verify_store(address).faults == []


def test_a_list_of_deletions_replaces_an_earlier_one_of_the_same_store_and_nothing_else(
    tmp_path: Path,
) -> None:
    address, _ = forgetful(tmp_path)
    file = tmp_path / "deletions.json"
    assert write_deletions(address, file) == 4
    store = EventStore(address)
    store.forget("user", "canary 4", lambda: NOW)
    store.close()
    assert write_deletions(address, file) == 5
    (tmp_path / "other").mkdir()
    other, _ = forgetful(tmp_path / "other")
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    for source, target in ((other, file), (address, notes)):
        before = target.read_bytes()
        with pytest.raises(ConfigError, match="is there; a copy replaces nothing"):
            write_deletions(source, target)
        assert target.read_bytes() == before


@pytest.mark.promise("P12")
def test_a_restore_forgets_the_sessions_that_were_joined_with_who_was_deleted(tmp_path: Path) -> None:
    """In a copy of before they were joined, and in one of a session that was never joined elsewhere."""
    address = f"sqlite:///{tmp_path / 'store.db'}"
    store = EventStore(address)
    store.append([Event(f"e{n}", "session", f"s{n}", "i", "view", NOW) for n in range(2)])
    store.merge("anna", "s0", NOW)
    back_up(address, tmp_path / "copy.db")
    store.merge("anna", "s1", NOW)
    store.forget("user", "anna", lambda: NOW)
    deletions = Deletions.read(written(address, tmp_path / "deletions.json"))
    store.close()
    assert [one.subject for one in deletions.tombstones] == ["session", "session", "user"]
    target = f"sqlite:///{tmp_path / 'target.db'}"
    restore(tmp_path / "copy.db", target, deletions)
    assert users(target) == set()
    # Of a list of deletions that knows the user alone, the copy's own notes tell the session.
    alone = Deletions(deletions.secret, deletions.tombstones[2:])
    target = f"sqlite:///{tmp_path / 'other.db'}"
    restore(tmp_path / "copy.db", target, alone)
    assert users(target) == {"s1"}
    store = EventStore(target)
    assert [(one.number, one.subject) for one in store.tombstones()] == [(3, "user"), (4, "session")]
    store.close()


def written(address: str, file: Path) -> Path:
    write_deletions(address, file)
    return file


def test_a_restore_refuses_what_it_cannot_do_and_leaves_the_store(tmp_path: Path) -> None:
    address, file = forgetful(tmp_path)
    before = users(address)
    running = EventStore(address)
    with pytest.raises(ConfigError, match="in use"):
        restore(file, address, None, replace=True)
    running.close()
    damaged = tmp_path / "damaged.db"
    whole = bytearray(file.read_bytes())
    whole[8_192:12_288] = bytes(4_096)
    damaged.write_bytes(whole)
    with pytest.raises(ArtifactError, match=r"damaged|cannot be copied"):
        restore(damaged, address, None, replace=True)
    with pytest.raises(ConfigError, match="there is no file"):
        restore(tmp_path / "none", address, None)
    with pytest.raises(ConfigError, match="is there"):
        back_up(address, file)
    with pytest.raises(ConfigError, match="pg_dump"):
        back_up("postgresql://u@h/d", tmp_path / "x")
    assert users(address) == before
    shutil.copy(file, tmp_path / "broken.db")
    (tmp_path / "store.db").write_bytes(b"no store")
    with pytest.raises(ArtifactError, match="who was forgotten since cannot be read"):
        restore(file, address, None, replace=True)
    assert restore(file, address, Deletions(b"", []), replace=True) == 0


@pytest.mark.promise("P12")
def test_deletions_are_repeated_in_any_store(store: EventStore) -> None:
    store.append([event(n, f"canary {n}") for n in range(4)])
    store.forget("user", "canary 0", lambda: NOW)
    with store.engine.connect() as connection:
        secret = Deletions.of(connection).secret
    store.forget("user", "canary 1", lambda: NOW + 5)
    since = Deletions(secret, store.tombstones())
    store.append([event(9, "canary 2")])
    assert forget_again(store, since) == 0  # they are done
    with pytest.raises(ArtifactError, match="another store"):
        forget_again(store, Deletions(b"x" * 32, since.tombstones))
