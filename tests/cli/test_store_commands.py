"""``tacit backup``, ``restore`` and ``verify``, and how long a service keeps what it stores."""

import random
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.served import serving, small_snapshot

from tacit.cli.app import run
from tacit.engine.snapshot import save
from tacit.store.events import Event, EventStore
from tacit.store.versions import Versions


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model") / "shop.tacit"
    save(small_snapshot(), place)
    return place


@pytest.mark.promise("P12")
def test_a_store_goes_there_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "store.db"
    address = f"sqlite:///{file}"
    store = EventStore(address)
    store.append([Event(f"e{n}", "user", f"u{n}", "i", "view", 1.7e9 + n) for n in range(3)])
    store.close()
    assert run(["backup", str(tmp_path / "copy.db"), "--store", address]) == 0
    store = EventStore(address)
    store.forget("user", "u1", lambda: 1.8e9)
    store.close()
    assert run(["backup", str(tmp_path / "gone.json"), "--store", address, "--deletions"]) == 0
    assert run(["restore", str(tmp_path / "copy.db"), "--store", address]) == 2
    assert run(["restore", "--store", address]) == 2
    assert run(["restore", str(tmp_path / "copy.db"), "--store", address, "--replace"]) == 0
    other = f"sqlite:///{tmp_path / 'other.db'}"
    deletions = str(tmp_path / "gone.json")
    assert run(["restore", str(tmp_path / "copy.db"), "--store", other, "--deletions", deletions]) == 0
    assert run(["restore", "--store", other, "--deletions", deletions]) == 0
    for place in (address, other):
        assert run(["verify", place]) == 0
        store = EventStore(place)
        assert {event.subject_id for event in store.events()} == {"u0", "u2"}
        store.close()
    typo = tmp_path / "typo.db"
    for command in (["restore", "--deletions", deletions], ["forget", str(tmp_path)]):
        assert run([*command, "--store", f"sqlite:///{typo}"]) == 2
    assert not typo.exists()
    told = capsys.readouterr()
    assert told.err.count(f"there is no store {typo}") == 2
    assert told.out.count("1 users and sessions were forgotten again") == 2
    assert "give --replace" in told.err


@pytest.mark.promise("P13")
@pytest.mark.fault(5)
def test_a_changed_row_of_a_store_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "store.db"
    store = EventStore(f"sqlite:///{file}")
    store.append([Event("the one", "user", "u", "an item", "view", 1.7e9)])
    store.close()
    assert run(["verify", str(file)]) == 0
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"an item", b"an itep"))
    assert run(["verify", str(file)]) == 2
    assert "the event 'the one' does not fit its digest" in capsys.readouterr().out
    assert run(["verify", str(tmp_path / "none")]) == 2


@pytest.mark.promise("P13")
@pytest.mark.fault(6)
def test_every_changed_bit_of_a_snapshot_is_found(snapshot: Path, tmp_path: Path) -> None:
    assert run(["verify", str(snapshot)]) == 0
    copy = tmp_path / "copy.tacit"
    shutil.copytree(snapshot, copy)
    files = sorted(copy.iterdir())
    sizes = [file.stat().st_size for file in files]
    rng = random.Random(22)
    for file in [*files, *rng.choices(files, sizes, k=80)]:
        place, bit = rng.randrange(file.stat().st_size), 1 << rng.randrange(8)
        with file.open("r+b") as stream:
            stream.seek(place)
            was = stream.read(1)[0]
            stream.seek(place)
            stream.write(bytes([was ^ bit]))
        assert run(["verify", str(copy)]) == 2, (file, place, bit)
        with file.open("r+b") as stream:
            stream.seek(place)
            stream.write(bytes([was]))
    assert run(["verify", str(copy)]) == 0


def test_every_version_of_a_model_directory_is_looked_at(
    snapshot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    versions = Versions(tmp_path / "model")
    for name in ("one", "two"):
        shutil.copytree(snapshot, tmp_path / "model" / "versions" / name)
    assert run(["verify", str(tmp_path / "model")]) == 2
    versions.switch("one")
    assert run(["verify", str(tmp_path / "model")]) == 0
    (tmp_path / "model" / "versions" / "two" / "config.toml").unlink()
    assert run(["verify", str(tmp_path / "model")]) == 2
    assert "two is damaged: missing or unexpected file config.toml" in capsys.readouterr().out


@pytest.mark.promise("P11")
def test_a_service_deletes_what_is_older_than_it_was_told(snapshot: Path, tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'store.db'}"
    store = EventStore(address)
    store.append([Event("old", "user", "u", "i00001", "view", 1.7e9, received=1.7e9)])
    shown = {"subject": "user", "subject_id": "u", "model": "m", "items": "[]", "recommendation_id": "r"}
    store.put_exposures([{**shown, "at": 1.7e9}])
    store.close()
    for option in (("--keep-events", "0d"), ("--keep-exposures", "a month")):
        assert run(["serve", str(snapshot), "--store", address, *option]) == 2
    options = ("--workers", "1", "--store", address, "--keep-events", "400d")
    with serving(snapshot, *options) as service:
        assert service.send({"user_id": "u", "item_id": "i00002", "event": "view"}).status_code == 200
        end = time.monotonic() + 60
        while left(tmp_path / "store.db") != [("i00002",)] and time.monotonic() < end:
            time.sleep(0.05)
        assert left(tmp_path / "store.db") == [("i00002",)]


def left(file: Path) -> list[tuple[str]]:
    """Items of the events that are stored, and ids of the lists."""
    with closing(sqlite3.connect(file)) as connection:
        query = "SELECT item_id FROM tacit_event UNION ALL SELECT recommendation_id FROM tacit_exposure"
        return connection.execute(query).fetchall()
