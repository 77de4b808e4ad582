"""Files are written whole or not at all, and a spreadsheet runs none of their cells."""

import os
from pathlib import Path

import polars as pl
import pytest

from tacit.cli.outputs import check_frame_place, check_place, spreadsheet_safe, write_frame, write_text
from tacit.core.errors import ConfigError


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
@pytest.mark.fault(39)
def test_cells_that_would_run_are_quoted(first: str) -> None:
    frame = pl.DataFrame({"line": [1, 2, 3], "raw": [f"{first}A1", f"a{first}", None]})
    assert spreadsheet_safe(frame)["raw"].to_list() == [f"'{first}A1", f"a{first}", None]


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_each_format_comes_back(tmp_path: Path, suffix: str) -> None:
    frame = pl.DataFrame({"user_id": ["u", "中"], "n": [1, 2]})
    path = tmp_path / f"x{suffix}"
    write_frame(frame, path)
    read = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".jsonl": pl.read_ndjson}[suffix]
    assert read(path).equals(frame)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_categories_are_written_as_text_so_that_tables_of_two_runs_fit(tmp_path: Path) -> None:
    for name in ("one", "two"):
        kind = pl.Categorical(pl.Categories.random())
        write_frame(
            pl.DataFrame({"user_id": pl.Series(["u", "中"]).cast(kind)}), tmp_path / f"{name}.parquet"
        )
    both = pl.concat([pl.read_parquet(tmp_path / f"{name}.parquet") for name in ("one", "two")])
    assert both["user_id"].to_list() == ["u", "中", "u", "中"]


def test_an_old_file_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("old")
    with pytest.raises(pl.exceptions.ComputeError):
        write_frame(pl.DataFrame({"nested": [[1, 2]]}), path)  # CSV has no lists
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.csv"]


def test_text_replaces_text(tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    write_text("one", path)
    write_text("二", path)
    assert path.read_text("utf-8") == "二"


def test_places_are_checked_first(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--out .*must end in \.parquet or \.csv or \.jsonl"):
        check_frame_place(tmp_path / "x.txt", "--out")
    with pytest.raises(ConfigError, match="does not exist"):
        check_frame_place(tmp_path / "no" / "x.csv", "--out")
    check_frame_place(tmp_path / "x.CSV", "--out")


def test_a_device_or_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.html"
    os.mkfifo(pipe)
    for place in (pipe, Path("/dev/null")):
        with pytest.raises(ConfigError, match="is a device or a pipe and no file; name a file"):
            check_place(place, "--html")
