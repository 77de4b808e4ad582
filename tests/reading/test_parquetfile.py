"""Parquet files of any column type become ids, times and numbers."""

import gzip
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from tacit.core.errors import DataError
from tacit.reading.parquetfile import raw_rows, read
from tacit.reading.read import read_events

T = 1_700_000_000


def written(folder: Path, **columns: object) -> Path:
    path = folder / "log.parquet"
    pl.DataFrame(columns, strict=False).write_parquet(path)
    return path


def test_rows_are_numbered_and_a_column_of_that_name_makes_way(tmp_path: Path) -> None:
    frame = read(written(tmp_path, line=["x", "y"], a=[1, 2]))
    assert frame.to_dict(as_series=False) == {"a": [1, 2], "line": [1, 2]}


def test_a_packed_file(tmp_path: Path) -> None:
    path = written(tmp_path, a=[1])
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert read(path)["a"].to_list() == [1]


@pytest.mark.parametrize(
    "ids",
    [
        pl.Series([1, 2], dtype=pl.UInt64),
        pl.Series([1, 2], dtype=pl.Int8),
        pl.Series([1.0, 2.0]),
        pl.Series(["1", "2"], dtype=pl.Categorical),
        pl.Series(["1", "2"], dtype=pl.Enum(["1", "2"])),
        pl.Series([b"1", b"2"]),
        pl.Series(["1", "2"]).cast(pl.Decimal(5, 0)),
    ],
    ids=lambda series: str(series.dtype),
)
def test_ids_of_any_type_are_text(ids: pl.Series, tmp_path: Path) -> None:
    frame = read_events(written(tmp_path, user_id=ids, item_id=ids)).frame
    assert frame.select("user_id", "item_id").rows() == [("1", "1"), ("2", "2")]


def test_a_large_id_keeps_every_digit(tmp_path: Path) -> None:
    frame = read_events(written(tmp_path, user_id=[9_007_199_254_740_993], item_id=[2**63 - 1])).frame
    assert frame.select("user_id", "item_id").row(0) == ("9007199254740993", "9223372036854775807")


@pytest.mark.parametrize(
    "times",
    [
        [T, T + 1],
        [T * 1000, T * 1000 + 1000],
        [float(T), T + 1.0],
        [
            datetime.fromtimestamp(T, UTC).replace(tzinfo=None),
            datetime.fromtimestamp(T + 1, UTC).replace(tzinfo=None),
        ],
        [
            datetime.fromtimestamp(T, ZoneInfo("Asia/Shanghai")),
            datetime.fromtimestamp(T + 1, ZoneInfo("Asia/Shanghai")),
        ],
        ["2023-11-14T22:13:20Z", "2023-11-14T22:13:21Z"],
    ],
)
def test_times_of_any_type(times: list, tmp_path: Path) -> None:
    source = read_events(written(tmp_path, user_id=["u", "u"], item_id=["i", "j"], timestamp=times))
    assert source.frame["timestamp"].to_list() == [T, T + 1]


def test_days(tmp_path: Path) -> None:
    path = written(tmp_path, user_id=["u"], item_id=["i"], date=[date(2023, 11, 14)])
    assert read_events(path).frame["timestamp"].to_list() == [1_699_920_000]


def test_values_of_any_type(tmp_path: Path) -> None:
    path = written(
        tmp_path, user_id=list("uuuu"), item_id=list("abcd"), value=[1.5, None, float("nan"), float("inf")]
    )
    source = read_events(path)
    assert source.frame["value"].to_list() == [1.5, None, None]
    assert source.rejected.select("line", "reason").rows() == [(4, "the value is not a number")]


def test_nested_columns_become_text(tmp_path: Path) -> None:
    path = written(tmp_path, user_id=["u"], item_id=["i"], tags=[["a", "b"]], more=[{"k": 1}], deep=[[[1]]])
    row = read_events(path).frame.row(0, named=True)
    assert (row["tags"], row["more"], row["deep"]) == ("a,b", '{"more":{"k":1}}', '{"deep":[[1]]}')


def test_a_nested_id_is_no_crash(tmp_path: Path) -> None:
    source = read_events(written(tmp_path, user_id=[{"a": 1}], item_id=[b"\xff"]))
    assert source.frame.select("user_id", "item_id").rows() == [('{"user_id":{"a":1}}', "\\xff")]


def test_rows_as_json(tmp_path: Path) -> None:
    path = written(tmp_path, a=["x", None, "z"], b=[1, 2, 3])
    assert raw_rows(path, pl.Series([3, 2])).to_list() == ['{"a":"z","b":3}', '{"a":null,"b":2}']


def test_an_empty_table_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is empty"):
        read_events(
            written(tmp_path, user_id=pl.Series([], dtype=pl.String), item_id=pl.Series([], dtype=pl.String))
        )


def test_a_wide_table(tmp_path: Path) -> None:
    columns = {f"c{n}": [n] for n in range(500)}
    assert len(read_events(written(tmp_path, user_id=["u"], item_id=["i"], **columns)).frame) == 1
