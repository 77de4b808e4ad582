"""A large log read and cleaned by executors: the log of one process, for any parts, with a node lost."""

from pathlib import Path

import polars as pl
import pytest
from tests.buckets import assert_same
from tests.scale.claims import check_folder_of_parquet
from tests.scale.clusters import At
from tests.scale.logs import RULES, in_parts, log_of, read_and_cleaned, read_in_memory

import tacit
from tacit.core.errors import ConfigError, DataError
from tacit.core.executor import LocalExecutor
from tacit.data import buckets
from tacit.data.clean import Cleaned
from tacit.reading import read as reader
from tacit.reading.choices import NO_CHOICES
from tacit.reading.read import read_large
from tacit.reading.text_log import TextLog
from tacit.scale.processes import ProcessExecutor


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("logs") / "log.csv"
    file.write_bytes(log_of())
    return file


@pytest.fixture(scope="module")
def whole(path: Path) -> Cleaned:
    """The log, read and cleaned in memory."""
    return read_in_memory(path)


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_the_log_is_the_same_for_any_number_of_parts_and_executor(
    parts: int, several: ProcessExecutor, path: Path, whole: Cleaned
) -> None:
    assert_same(read_and_cleaned(path, several, parts), whole)


def test_a_folder_of_parquet_is_the_same_by_executors(
    several: ProcessExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_folder_of_parquet(several, tmp_path, monkeypatch)


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
