"""A large log read and cleaned by executors: the log of one process, for any parts, with a node lost."""

import csv
import io
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from tests.buckets import assert_same, tiny
from tests.reading.logs import NOW, T
from tests.scale.clusters import At, Nodes

import tacit
from tacit.core.errors import ConfigError, DataError
from tacit.core.executor import Executor, LocalExecutor
from tacit.core.progress import SILENT, Progress
from tacit.data import buckets
from tacit.data.clean import Cleaned, clean
from tacit.data.clean_buckets import clean_in_buckets
from tacit.data.rules import Rules
from tacit.reading import parquet_log
from tacit.reading import read as reader
from tacit.reading.choices import NO_CHOICES
from tacit.reading.read import read_events, read_large
from tacit.reading.text_log import TextLog
from tacit.scale.processes import ProcessExecutor
from tacit.scale.ray_cluster import RayExecutor

ROWS = 900
RULES = Rules(min_item_events=2, outliers="mad", bot_items_per_minute=20)


def log_of(rows: int = ROWS, *, noted: bool = True) -> bytes:
    """Return a log with notes over several lines, double clicks, a bot and rows that are no events."""
    rng = np.random.default_rng(5)
    stream = io.StringIO()
    out = csv.writer(stream)
    out.writerow(["user_id", "item_id", "event", "timestamp", "value", "note"])
    for n in range(rows):
        note = 'a "note"\nover\r\nlines' if noted and n % 3 == 0 else "short"
        who = "bot" if n % 5 == 0 else f"u{rng.integers(60)}"
        at = T + (n // 5 if who == "bot" else 7 * n)
        row = [who, f"i{rng.integers(80)}", ("view", "click", "purchase")[n % 3], at, n % 4, note]
        out.writerow(row)
        if n % 50 == 7:
            out.writerow(row)
        if n % 90 == 11:
            out.writerow(["", "i1", "view", T, 1, "nobody"])
    return stream.getvalue().encode()


def in_parts(path: Path, parts: int) -> AbstractContextManager[None]:
    """Make blocks so small that there are about so many parts, and as many buckets."""
    return tiny(-(-ROWS // parts), path.stat().st_size // (4 * parts) + 20)


def read_and_cleaned(path: Path, executor: Executor, parts: int, progress: Progress = SILENT) -> Cleaned:
    with in_parts(path, parts), TemporaryDirectory() as folder:
        log = read_large(path, Path(folder), progress=progress, executor=executor)
        return clean_in_buckets(log, RULES, now=NOW, progress=progress, executor=executor)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("logs") / "log.csv"
    file.write_bytes(log_of())
    return file


@pytest.fixture(scope="module")
def whole(path: Path) -> Cleaned:
    """The log, read and cleaned in memory."""
    found = clean(read_events(path), RULES, now=NOW)
    assert {"duplicate", "bot"} <= set(found.reasons) and len(found.events) > 100
    return found


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_the_log_is_the_same_for_any_number_of_parts_and_executor(
    parts: int, executor: Executor, path: Path, whole: Cleaned
) -> None:
    assert_same(read_and_cleaned(path, executor, parts), whole)


def test_a_folder_of_parquet_is_the_same_by_executors(
    executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_log, "_ROWS_OF_A_PART", 150)
    frame = pl.read_csv(log_of(noted=False)).with_columns(pl.from_epoch("timestamp"))
    for place, some in enumerate(frame.iter_slices(400)):
        some.write_parquet(tmp_path / f"{place}.parquet")
    whole = clean(read_events(tmp_path), RULES, now=NOW)
    assert len(whole.events) > 100
    with tiny(200), TemporaryDirectory() as folder:
        log = read_large(tmp_path, Path(folder), executor=executor)
        assert_same(clean_in_buckets(log, RULES, now=NOW, executor=executor), whole)


def test_the_parts_of_a_file_do_not_cut_a_record(path: Path) -> None:
    log = TextLog.of(path, NO_CHOICES)
    with in_parts(path, 60):
        parts = log.parts(LocalExecutor(2))
    assert 10 < len(parts) < 60  # some were cut within a note and are one now
    tables = [next(log.tables(part))[0] for part in parts]
    content = path.read_bytes()
    assert [part.start for part in parts[1:]] == [part.end for part in parts[:-1]]  # type: ignore[union-attr]
    assert parts[-1].end == len(content)  # type: ignore[union-attr]
    lines = [line for table in tables for line in table["line"].to_list()]
    assert lines == next(log.tables(None))[0]["line"].to_list()


def test_a_read_goes_on_when_a_node_is_killed_in_the_middle_of_it(
    nodes: Nodes, on_ray: RayExecutor, path: Path, whole: Cleaned
) -> None:
    killed: list[int] = []

    def kill() -> None:
        nodes.kill_one()
        killed.append(1)

    assert_same(read_and_cleaned(path, on_ray, 7, At(3, kill)), whole)
    assert killed
    nodes.complete()


def test_a_killed_worker_does_not_change_the_log(path: Path, whole: Cleaned) -> None:
    executor = ProcessExecutor(2)

    def kill() -> None:
        pool = executor._pool
        assert pool is not None
        next(iter(pool._processes.values())).kill()

    assert_same(read_and_cleaned(path, executor, 7, At(12, kill)), whole)
    executor.close()


def test_a_large_log_is_read_by_the_executor_of_the_call(
    path: Path, monkeypatch: pytest.MonkeyPatch, several: ProcessExecutor
) -> None:
    used: list[object] = []
    monkeypatch.setattr(reader, "LARGE", 100)
    kept = several.map
    monkeypatch.setattr(several, "map", lambda *given, **more: used.append(given[0]) or kept(*given, **more))
    small = tacit.read(path, rules=RULES)
    assert not used
    with in_parts(path, 3):
        assert_same(tacit.read(path, rules=RULES, executor=several), small)
        read = len(used)
        assert read > 5
        tacit.check(path, rules=RULES, encoder="none", executor=several)
    assert len(used) == 2 * read


def test_an_error_in_a_part_is_that_of_the_log(several: ProcessExecutor, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    other = "item_id,user_id,event,timestamp,value,note\n"
    path.write_bytes(log_of(300, noted=False) + other.encode() + b"i1,u1,view,5,1,x\n" * 9)
    with in_parts(path, 3), pytest.raises(DataError) as alone:
        read_large(path, tmp_path / "alone")
    with in_parts(path, 3), pytest.raises(DataError) as found:
        read_large(path, tmp_path / "several", executor=several)
    assert "is a second header with the columns in another order" in str(alone.value)
    assert str(found.value) == str(alone.value)


def test_workers_that_do_not_see_the_folder_say_what_to_share(several: ProcessExecutor, path: Path) -> None:
    folder = path.parent / "not" / "shared"
    with pytest.raises(ConfigError, match=r"does not see the folder .*shared.*TMPDIR"):
        list(several.map(write_part, [1], shared=[folder]))


def write_part(folders: list[Path], number: int) -> None:
    buckets.write_part(folders, number, pl.DataFrame({"user_id": ["u"]}))
