"""A log in several Parquet files is read as one file with all of their rows."""

import json
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from tests.buckets import assert_same, tiny
from tests.reading.logs import NOW

import tacit
from tacit.cli.app import run
from tacit.core.errors import ConfigError, DataError
from tacit.core.executor import LOCAL
from tacit.data.clean import Cleaned, clean
from tacit.data.clean_buckets import clean_in_buckets
from tacit.reading import parquet_log as logs
from tacit.reading import read as reader
from tacit.reading.choices import Reading
from tacit.reading.parquet_log import ParquetLog, parquet_log
from tacit.reading.read import is_large, read_events, read_large
from tacit.reporting.table_rows import reason_rows


def log(rows: int = 120) -> pl.DataFrame:
    """Return a log with double clicks, a row without a user and columns of several types.

    Every tenth row is the one before it.
    """
    n = pl.int_range(rows) - (pl.int_range(rows) % 10 == 9).cast(pl.Int64)
    return pl.select(
        user_id=pl.when(n == 50).then(None).otherwise(n % 11),
        item_id=pl.format("i{}", n * 7 % 5),
        event=pl.when(n % 4 == 0).then(pl.lit("purchase")).otherwise(pl.lit("view")),
        timestamp=pl.lit(datetime(2024, 3, 1)) + pl.duration(minutes=n),
        value=n / 4,
        tags=pl.concat_list(pl.lit("a"), pl.format("t{}", n % 3)),
    )


def in_files(frame: pl.DataFrame, folder: Path, *cuts: int) -> Path:
    folder.mkdir()
    ends = [*cuts, len(frame)]
    for place, (start, end) in enumerate(zip([0, *cuts], ends, strict=True)):
        frame[start:end].write_parquet(folder / f"part-{place}.parquet")
    return folder


def over_all_files(found: Cleaned, log: ParquetLog) -> Cleaned:
    """Return a cleaned log whose quarantine counts the rows over all files, as that of one file does."""
    starts = dict(zip(log.files, log.file_rows.starts, strict=True))
    rows = found.quarantine.with_columns(pl.col("line") + pl.col("file").replace_strict(starts)).drop("file")
    return replace(found, quarantine=rows)


def read_in_parts(place: str | Path, folder: Path) -> Cleaned:
    with tiny():
        return clean_in_buckets(read_large(place, folder), now=NOW)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make parts of a few rows."""
    monkeypatch.setattr(logs, "_ROWS_OF_A_PART", 17)
    monkeypatch.setattr(logs, "_ROWS_OF_A_BLOCK", 5)


def alone(frame: pl.DataFrame, folder: Path) -> Cleaned:
    """Return the cleaned log of one file."""
    folder.mkdir()
    frame.write_parquet(folder / "log.parquet")
    return clean(read_events(folder / "log.parquet"), now=NOW)


@pytest.mark.parametrize("cuts", [(), (40,), (1, 2, 100)])
@pytest.mark.usefixtures("short")
def test_the_rows_are_those_of_one_file(cuts: tuple[int, ...], tmp_path: Path) -> None:
    folder = in_files(log(), tmp_path / "log", *cuts)
    found, one = parquet_log(folder), alone(log(), tmp_path / "one")
    assert found is not None
    assert one.reasons == {"duplicate": 12, "no user id": 1}
    names = (str(folder), f"{folder}/*.parquet", Path(f"{folder}/part-*")) if cuts == (40,) else ()
    for place in (folder, *names):
        assert_same(over_all_files(clean(read_events(place), now=NOW), found), one)
    assert_same(over_all_files(read_in_parts(folder, tmp_path / "work"), found), one)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.usefixtures("short")
def test_a_rejected_row_names_its_file_and_its_row_there(whole: bool, tmp_path: Path) -> None:
    folder = in_files(log(), tmp_path / "log", 40, 40, 41)  # the second file has no rows
    found = clean(read_events(folder), now=NOW) if whole else read_in_parts(folder, tmp_path / "work")
    rows = found.quarantine.select("file", "line", "reason", "raw").rows(named=True)
    assert len(rows) == 13
    for row in rows:
        of_file = pl.read_parquet(row["file"]).row(row["line"] - 1, named=True)
        raw = json.loads(row["raw"])
        assert (raw["item_id"], raw["value"]) == (of_file["item_id"], of_file["value"])
    (nobody,) = (row for row in rows if row["reason"] == "no user id")
    assert (nobody["file"], nobody["line"]) == (str(folder / "part-3.parquet"), 10)
    assert [row["file"] for row in rows] == sorted(row["file"] for row in rows)


def test_the_report_names_the_file_of_an_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = in_files(log(), tmp_path / "log", 45)
    (tmp_path / "alone").mkdir()
    log().write_parquet(tmp_path / "alone" / "log.parquet")
    for place, file, row in (
        (folder, str(folder / "part-1.parquet"), 6),
        (tmp_path / "alone/log.parquet", None, 51),
    ):
        assert run(["check", str(place), "--json", "-", "--quarantine", str(tmp_path / "q.csv")]) == 0
        (example,) = (
            one for one in json.loads(capsys.readouterr().out)["examples"] if one["reason"] == "no user id"
        )
        assert (example["file"], example["line"]) == (file, row)
        written = pl.read_csv(tmp_path / "q.csv")
        assert written.columns == [*(["file"] if file else []), "line", "reason", "raw"]
    shown = {reason: example for reason, _, example in reason_rows(tacit.check(folder))}
    assert shown["no user id"].startswith(f"{folder}/part-1.parquet, row 6: ")


@pytest.mark.usefixtures("short")
def test_columns_that_some_files_lack_are_empty_there(tmp_path: Path) -> None:
    folder = in_files(log(), tmp_path / "log", 60)
    log()[60:].with_columns(pl.col("user_id").cast(pl.Int16), colour=pl.lit("red")).drop(
        "tags"
    ).write_parquet(folder / "part-1.parquet")
    found = tacit.read(folder)
    assert found.events["colour"].to_list().count("red") == found.events["tags"].null_count() > 50
    assert_same(read_in_parts(folder, tmp_path / "work"), found)


def test_marks_of_other_programs_are_no_files_of_the_log(tmp_path: Path) -> None:
    folder = in_files(log(), tmp_path / "log", 40)
    for name in ("_SUCCESS", ".part-0.parquet.crc"):
        (folder / name).write_text("")
    assert len(parquet_log(folder).files) == 2  # type: ignore[union-attr]


def test_other_files_are_refused(tmp_path: Path) -> None:
    folder = in_files(log(), tmp_path / "log")
    (folder / "more.csv").write_text("user,item\n")
    with pytest.raises(DataError, match=r"holds other files than Parquet \(.*more.csv\)"):
        tacit.read(folder)
    assert len(tacit.read(f"{folder}/*.parquet").events) > 100


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    for place in (tmp_path / "none", f"{tmp_path}/no*.parquet"):
        with pytest.raises(DataError, match="there is no Parquet file in"):
            tacit.read(place)
    empty = in_files(log(0), tmp_path / "empty")
    with pytest.raises(DataError, match="is empty: there is no event in it"):
        tacit.read(empty)
    folder = in_files(log(), tmp_path / "log", 40)
    (folder / "part-1.parquet").write_bytes((folder / "part-1.parquet").read_bytes()[:-50])
    with pytest.raises(DataError, match=r"part-1.parquet is not a whole Parquet file"):
        tacit.read(folder)
    with pytest.raises(ConfigError, match="cannot be used"):
        tacit.read("strange://shop/log")


@pytest.mark.parametrize(
    ("other", "words", "kind", "mend"),
    [
        (pl.col("timestamp").dt.epoch("s"), "whole numbers", "Int64", "from_epoch makes times of numbers"),
        (pl.col("timestamp").dt.epoch("s") / 1, "decimal numbers", "Float64", "from_epoch makes times"),
        (pl.col("timestamp").dt.replace_time_zone("UTC"), "times", "time_zone='UTC'", "replace_time_zone"),
    ],
)
def test_types_that_do_not_fit_are_refused_with_both_files(
    other: pl.Expr, words: str, kind: str, mend: str, tmp_path: Path
) -> None:
    folder = in_files(log(), tmp_path / "log", 40, 60)
    log()[60:].with_columns(other).write_parquet(folder / "part-2.parquet")
    with pytest.raises(DataError) as refused:
        tacit.read(folder)
    said = str(refused.value)
    assert f"the column timestamp of {folder} holds times in {folder}/part-0.parquet (Datetime(" in said
    assert f" and {words} in {folder}/part-2.parquet (" in said
    assert kind in said.partition("part-2.parquet")[2]
    assert mend in said


def id_notes(found: Cleaned) -> list[str]:
    return [note for note in found.notes if "ids are text" in note]


@pytest.mark.parametrize("whole", [True, False])
def test_ids_that_are_text_in_one_file_and_numbers_in_another_are_said_once(
    whole: bool, tmp_path: Path
) -> None:
    folder = in_files(log().drop_nulls("user_id"), tmp_path / "log", 40, 80)
    user = pl.col("user_id")
    first = pl.read_parquet(folder / "part-0.parquet").with_columns(pl.format("00{}", user))
    first.write_parquet(folder / "part-0.parquet")
    found = clean(read_events(folder), now=NOW) if whole else read_in_parts(folder, tmp_path / "work")
    said = (
        f"user_id holds text in {folder}/part-0.parquet and whole numbers in {folder}/part-1.parquet: ids "
        "are text and read as they are written, so 007 and 7 are two ids; --ids trim-zeros makes them one"
    )
    assert id_notes(found) == [said]
    assert {"007", "7"} <= set(found.events["user_id"].cast(pl.String))
    chosen = tacit.read(folder, reading=Reading(ids=("trim-zeros",)))
    assert id_notes(chosen) == []
    assert "007" not in set(chosen.events["user_id"])


def test_ids_that_are_text_and_decimal_numbers_are_said_and_those_of_one_kind_are_not(tmp_path: Path) -> None:
    folder = in_files(log().drop_nulls("user_id"), tmp_path / "log", 40)
    assert id_notes(tacit.read(folder)) == []
    second = pl.read_parquet(folder / "part-1.parquet")
    second.with_columns(pl.col("user_id").cast(pl.Float64)).write_parquet(folder / "part-1.parquet")
    assert id_notes(tacit.read(folder)) == []  # numbers all: 7.0 is 7
    first = pl.read_parquet(folder / "part-0.parquet").with_columns(pl.col("user_id").cast(pl.String))
    first.write_parquet(folder / "part-0.parquet")
    found = tacit.read(folder)
    assert {"7", "7.0"} <= set(found.events["user_id"])
    (note,) = id_notes(found)
    assert note.endswith("so 7.0 and 7 are two ids; --ids trim-float makes them one")


def test_a_file_without_any_id_says_nothing_of_ids(tmp_path: Path) -> None:
    folder = in_files(log().drop_nulls("user_id"), tmp_path / "log", 40)
    first = pl.read_parquet(folder / "part-0.parquet").with_columns(pl.lit(None).alias("user_id"))
    first.write_parquet(folder / "part-0.parquet")
    assert id_notes(tacit.read(folder)) == []


@pytest.mark.parametrize("whole", [True, False])
def test_values_that_are_text_in_one_file_and_decimal_in_another_are_refused(
    whole: bool, tmp_path: Path
) -> None:
    frame = log().with_columns(value=pl.lit(1.234))
    folder = in_files(frame, tmp_path / "log", 40)
    text = pl.read_parquet(folder / "part-0.parquet").with_columns(pl.lit("2,5").alias("value"))
    text.write_parquet(folder / "part-0.parquet")
    said = f"the column value of {folder} holds text in {folder}/part-0.parquet and decimal numbers in "
    with pytest.raises(DataError, match=re.escape(said)):
        read_events(folder) if whole else read_in_parts(folder, tmp_path / "work")
    text.with_columns(pl.lit(None).alias("value")).write_parquet(folder / "part-0.parquet")
    found = tacit.read(folder)  # a file without values says nothing of how they are written
    assert set(found.events["value"].drop_nulls()) == {1.234}


def test_parquet_files_that_would_be_left_out_are_refused(tmp_path: Path) -> None:
    folder = in_files(log(), tmp_path / "log", 40)
    (folder / "_old").mkdir()
    (folder / "part-0.parquet").rename(folder / "_old" / "part-0.parquet")
    rows = tacit.read(folder).rows_in
    (folder / "day=1").mkdir()
    (folder / "_old" / "part-0.parquet").rename(folder / "day=1" / "part-0.parquet")
    with pytest.raises(
        DataError, match=r"such as .*day=1/part-0\.parquet, which are not read with the folder"
    ):
        tacit.read(folder)
    assert tacit.read(f"{folder}/**/*.parquet").rows_in > rows
    (folder / "day=1" / "part-0.parquet").unlink()
    (folder / "dead.parquet").symlink_to(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"dead\.parquet is a link to a file that is not there"):
        tacit.read(folder)


@pytest.mark.parametrize("rows", [100, 10_000])
def test_the_end_of_each_file_is_read_once(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "LARGE_ROWS", rows)
    opened, head = [], logs._head

    def counted(place: str, file: str) -> tuple[pl.DataFrame, int]:
        opened.append(Path(file).name)
        return head(place, file)

    monkeypatch.setattr(logs, "_head", counted)
    with tiny():
        tacit.read(in_files(log(), tmp_path / "log", 40))
    assert opened == ["part-0.parquet", "part-1.parquet"]


def test_many_rows_are_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = in_files(log(), tmp_path / "log", 40)
    small = tacit.read(folder)
    assert not is_large(folder)
    monkeypatch.setattr(reader, "LARGE_ROWS", 100)
    assert is_large(folder)
    with tiny():
        large = tacit.read(folder)
    assert isinstance(large.events["user_id"].dtype, pl.Categorical)
    assert_same(large, small)


@pytest.mark.usefixtures("short")
def test_parts_hold_all_rows_once(tmp_path: Path) -> None:
    found = parquet_log(in_files(log(), tmp_path / "log", 40, 41, 41))
    assert found is not None
    lines = [line for part in found.parts() for table, _, _ in found.tables(part) for line in table["line"]]
    assert lines == list(range(1, 121))
    raw = found.raw_of(found.parts(), LOCAL, pl.Series([121 - 1, 1, 41, 1]))
    assert [text.count("user_id") for text in raw] == [1] * 4
    assert raw[1] == raw[3] and '"value":10.0' in raw[2]
