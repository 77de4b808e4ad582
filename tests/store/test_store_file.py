"""A file of a store that is moved away while it is open."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fleet import wait_until

from tacit.core.errors import ConfigError, TacitError
from tacit.store import checkpoints
from tacit.store.events import Event, EventStore, StorageError
from tacit.store.read_only import StoreReader
from tacit.store.verifying import verify_store


def event(name: str) -> Event:
    return Event(name, "user", "u", "i", "view", 1.0)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(checkpoints, "_PAUSE", 0.05)
    return tmp_path / "a store.sqlite3"


@pytest.fixture
def store(file: Path) -> Iterator[EventStore]:
    opened = EventStore(f"sqlite:///{file}")
    yield opened
    opened.close()


def names(file: Path) -> list[str]:
    store = EventStore(f"sqlite:///{file}")
    found = [one.event_id for one in store.events()]
    store.close()
    return found


@pytest.mark.promise("P42", "P28")
@pytest.mark.fault(11)
def test_nothing_is_taken_nor_lost_while_the_file_is_elsewhere(
    store: EventStore, file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.append([event("before")])
    assert len(store.recent("user", "u", 5)) == 1
    wait_until(lambda: "-wal" in "".join(one.name for one in tmp_path.iterdir()), 10)
    moved = tmp_path / "moved"
    file.rename(moved)
    assert store.writing == "failing"
    with pytest.raises(StorageError, match="was moved, deleted or replaced while it was open; move it back"):
        store.append([event("lost?")])
    assert [one.event_id for one in store.recent("user", "u", 5)] == ["before"]  # lists go on
    with pytest.raises(ConfigError, match="is not there, but its log"):
        EventStore(f"sqlite:///{file}", lock=False)
    assert not file.exists()
    moved.rename(file)
    wait_until(lambda: store.writing == "ok", 10)
    assert store.append([event("after")]).accepted == 1
    store.close()
    assert names(file) == ["before", "after"]


def test_a_file_that_was_put_in_its_place_is_not_taken_for_it(
    store: EventStore, file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.sqlite3"
    assert names(other) == []
    store.append([event("ours")])
    file.rename(tmp_path / "moved")
    shutil.copy(other, file)
    assert store.writing == "failing"
    with pytest.raises(StorageError, match="was moved, deleted or replaced"):
        store.append([event("whose?")])
    store.close()  # SQLite leaves the log where it is
    address = f"sqlite:///{file}"
    for opens in (EventStore, verify_store, StoreReader):
        with pytest.raises(TacitError, match="is that of another file, in whose place"):
            refused = opens(address)
            raise TacitError(*refused.faults)
    (tmp_path / "moved").rename(file)
    assert names(file) == ["ours"]


def test_a_folder_that_was_copied_whole_is_a_store(store: EventStore, file: Path, tmp_path: Path) -> None:
    store.append([event("ours")])
    copy = tmp_path / "copy"
    copy.mkdir()
    for one in tmp_path.glob(f"{file.name}*"):
        shutil.copy(one, copy)
    assert (copy / f"{file.name}-wal").stat().st_size
    assert names(copy / file.name) == ["ours"]


@pytest.mark.fault(11)
def test_a_folder_that_cannot_be_written_is_said(
    store: EventStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere but on such a disk
    assert f"copy {file.name}, and {file.name}-wal" in verify_store(f"sqlite:///{file}").faults[0]
