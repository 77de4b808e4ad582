"""What stays of a store and of a snapshot when the power, or the process, ends at any moment."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.store.recorded import CALLS, Disk, Step, steps

from tacit.core.errors import ArtifactError
from tacit.core.manifest import publish, verify
from tacit.store.events import Event, EventStore

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
EVENTS = 24

_WRITE = """
import os, sys
from tacit.store.events import Event, EventStore
store = EventStore(sys.argv[1])
for n in range(int(sys.argv[2])):
    store.append([Event(f"e{n}-{m}", "user", "u", f"i{m}", "view", float(n)) for m in range(1 + n % 3)])
    os.write(1, f"acknowledged {n}\\n".encode())
    if n == 12:  # the log is moved into the file in the middle of it
        store._checkpoints._move()
os._exit(0)
"""


def ids_of(n: int) -> list[str]:
    return [f"e{n}-{m}" for m in range(1 + n % 3)]


def stored(file: Path) -> list[str]:
    """Return the events of a store as SQLite finds it, which must be whole."""
    connection = sqlite3.connect(file)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [id_ for (id_,) in connection.execute("SELECT event_id FROM tacit_event ORDER BY number")]
    finally:
        connection.close()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes], list[Step]]:
    """A store that some events were written to: its place, its files before, and what was done to them."""
    place = tmp_path_factory.mktemp("recorded")
    file = place / "store.sqlite3"
    EventStore(f"sqlite:///{file}").close()
    before = {str(one): one.read_bytes() for one in place.iterdir() if one.name.startswith("store.sqlite3")}
    record = place / "record"
    strace = ["strace", "-f", "-qq", "-y", "-xx", "-s", "1000000", "-o", str(record), "-e", f"trace={CALLS}"]
    command = [*strace, sys.executable, "-c", _WRITE, f"sqlite:///{file}", str(EVENTS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    if "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.stdout.count("acknowledged") == EVENTS, done.stderr
    return file, before, steps(record)


def write_image(files: dict[str, bytes], original: Path, place: Path) -> Path:
    """Write the files of a store, without the index of its log, which is in memory, elsewhere."""
    place.mkdir()
    for name, content in files.items():
        if Path(name).name in (original.name, f"{original.name}-wal"):
            (place / Path(name).name).write_bytes(content)
    return place / original.name


@needs_strace
@pytest.mark.fault(3)
@pytest.mark.promise("P42")
@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_a_power_cut_at_any_moment_loses_no_acknowledged_event(
    recorded: tuple[Path, dict[str, bytes], list[Step]], kept: int, tmp_path: Path
) -> None:
    original, before, done = recorded
    disk, acknowledged, images = Disk(before), -1, 0
    for step in done:
        if step.kind == "said":
            if step.data.startswith(b"acknowledged "):
                acknowledged = int(step.data.split()[1])
        else:
            disk.do(step)
        if step.kind == "write" and kept == 0:
            continue  # nothing of it is on the disk
        file = write_image(disk.after_power_cut(kept), original, tmp_path / str(images))
        images += 1
        found = stored(file)
        shutil.rmtree(file.parent)
        promised = [id_ for n in range(acknowledged + 1) for id_ in ids_of(n)]
        assert found[: len(promised)] == promised, step
        assert found[len(promised) :] in ([], ids_of(acknowledged + 1)), step  # a batch whole or not at all
    assert acknowledged == EVENTS - 1 and images > 2 * EVENTS


@needs_strace
@pytest.mark.fault(3)
def test_the_image_of_a_power_cut_lacks_what_was_not_flushed(
    recorded: tuple[Path, dict[str, bytes], list[Step]],
) -> None:
    original, before, done = recorded
    disk = Disk(before)
    for step in done:
        if step.kind not in ("said", "begin flush", "flushed"):
            disk.do(step)  # a disk that flushes nothing
    assert disk.after_power_cut(0) == before
    assert len(disk.after_power_cut(1)[f"{original}-wal"]) > 4_096


@needs_strace
@pytest.mark.fault(4)
def test_a_log_that_ends_anywhere_in_its_last_record_loses_that_one_alone(
    recorded: tuple[Path, dict[str, bytes], list[Step]], tmp_path: Path
) -> None:
    original, before, done = recorded
    disk = Disk(before)
    said = [place for place, step in enumerate(done) if step.kind == "said"]
    last = [one for one in done[said[-2] : said[-1]] if one.file == f"{original}-wal" and one.kind == "write"]
    for step in done[: said[-1]]:
        if step.kind != "said":
            disk.do(step)
    files = disk.after_power_cut(1)
    whole = [id_ for n in range(EVENTS) for id_ in ids_of(n)]
    log = files[f"{original}-wal"]
    start, end = min(one.at for one in last), max(one.at + len(one.data) for one in last)
    assert start < end <= len(log)  # what follows is of an earlier round of the log
    lengths = sorted({*range(start, end, 97), start + 1, end - 1, end})
    for place, length in enumerate(lengths):
        files[f"{original}-wal"] = log[:length]
        file = write_image(files, original, tmp_path / str(place))
        expected = whole if length == end else whole[: -len(ids_of(EVENTS - 1))]
        if place % 20:
            assert stored(file) == expected, length
        else:  # as a service opens it, and goes on
            store = EventStore(f"sqlite:///{file}")
            assert [event.event_id for event in store.events()] == expected
            assert store.append([Event("next", "user", "u", "i", "view", 1.0)]).accepted == 1
            store.close()
        shutil.rmtree(file.parent)


_PUBLISH = """
import sys
from pathlib import Path
from tacit.core.manifest import publish

def write(place):
    for name in ("one.bin", "two.bin"):
        (place / name).write_bytes(sys.argv[2].encode() * 1_000)

publish(Path(sys.argv[1]), write, {"model": sys.argv[2]})
"""


@needs_strace
@pytest.mark.fault(2, 8)
def test_kill_minus_nine_at_any_step_of_publishing_leaves_a_whole_snapshot_for_the_next(
    tmp_path: Path,
) -> None:
    target = tmp_path / "model"

    def write(place: Path) -> None:
        (place / "one.bin").write_bytes(b"old")

    found: list[str] = []
    # strace counts each call of these apart.
    moments = [
        (calls, when)
        for calls in ("mkdir", "fsync", "renameat2,rename", "unlinkat,unlink,rmdir")
        for when in range(1, 20)
    ]
    ended: set[str] = set()
    for calls, when in moments:
        if calls in ended:
            continue
        publish(target, write, {"model": "old"})
        inject = f"inject={calls}:signal=KILL:when={when}"
        strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", inject]
        command = [*strace, sys.executable, "-B", "-c", _PUBLISH, str(target), "new"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        if "ptrace" in done.stderr:
            pytest.skip("strace may not trace here")
        assert done.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL), done.stderr
        try:
            found.append(str(verify(target)["model"]))
        except ArtifactError:
            # The instant between two renames: the old one stands beside it, whole, and the next write heals.
            assert not target.exists()
            (beside,) = [one for one in tmp_path.iterdir() if _model(one) == "old"]
            verify(beside)
            found.append("beside")
        if done.returncode == 0:
            ended.add(calls)
    assert len(ended) == 4
    assert {"old", "new"} <= set(found)
    assert found.count("beside") <= 1 and len(found) > 12
    publish(target, write, {"model": "last"})
    assert verify(target)["model"] == "last"
    assert [one.name for one in tmp_path.iterdir()] == ["model"]


def _model(directory: Path) -> str:
    try:
        return str(json.loads((directory / "manifest.json").read_text())["model"])
    except OSError:
        return ""
