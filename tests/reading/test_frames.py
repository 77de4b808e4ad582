"""Frames of any library are read as a file of the same rows is."""

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.reading.logs import NOW, T

from tacit.core.errors import DataError
from tacit.data.clean import Cleaned, clean
from tacit.reading.choices import Reading
from tacit.reading.frames import item_frame, log_frame, polars_frame, user_frame
from tacit.reading.read import read_events, read_frame

ROWS = pl.DataFrame(
    {
        "user_id": ["ann", "bob", "ann"],
        "item_id": [17602, 3, 17602],
        "event": ["view", "cart", "purchase"],
        "timestamp": [T * 1000, T * 1000 + 500, T * 1000 + 1000],
        "value": [1.5, None, 2.0],
    }
)
LIBRARIES: dict[str, Callable[[pl.DataFrame], object]] = {
    "polars": lambda rows: rows,
    "lazy": lambda rows: rows.lazy(),
    "pandas": lambda rows: pytest.importorskip("pandas").DataFrame(rows.to_dict(as_series=False)),
    "pandas with an index": lambda rows: LIBRARIES["pandas"](rows).set_index("event", drop=False),  # type: ignore[attr-defined]
    "pyarrow": lambda rows: pytest.importorskip("pyarrow").table(rows),
    "a reader": lambda rows: pytest.importorskip("pyarrow").table(rows).to_reader(),
    "duckdb": lambda rows: pytest.importorskip("duckdb").sql("select * from rows"),
}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Callable[[pl.DataFrame], object]:
    return LIBRARIES[request.param]


def cleaned(frame: object) -> Cleaned:
    return clean(read_frame(polars_frame(frame, "event log")), now=NOW)


def times(*values: object, dtype: object = None) -> list[float | None]:
    column = pl.Series("timestamp", values, dtype=dtype, strict=False)  # type: ignore[arg-type]
    ids = [f"u{place}" for place in range(len(values))]
    return log_frame(pl.DataFrame({"user_id": ids, "item_id": ids, "timestamp": column}))[
        "timestamp"
    ].to_list()


def test_a_frame_of_any_library_is_taken(library: Callable[[pl.DataFrame], object]) -> None:
    events = log_frame(polars_frame(library(ROWS), "event log"))
    assert events.columns == ["user_id", "item_id", "event", "timestamp", "value", "seq", "line"]
    assert events["item_id"].to_list() == ["17602", "3", "17602"]
    assert events["timestamp"].to_list() == [T, T + 0.5, T + 1]
    assert events["value"].to_list() == [1.5, None, 2.0]
    assert cleaned(library(ROWS)).events.equals(events)


@pytest.mark.parametrize("wrong", [None, 7, [("ann", "i1")], {"user_id": ["ann"]}, ROWS["event"], b"log.csv"])
def test_what_is_no_frame_is_refused_with_what_is_one(wrong: object) -> None:
    said = f"the catalogue is of the type {type(wrong).__name__}; give the path of a file .* frame of pandas"
    with pytest.raises(DataError, match=said):
        polars_frame(wrong, "catalogue")


def test_a_frame_that_cannot_be_had_is_refused(tmp_path: Path) -> None:
    for broken, said in (
        (ROWS.lazy().select("nope"), "cannot be read as an Arrow table: .*nope"),
        (pl.scan_csv(tmp_path / "nowhere.csv"), r"nowhere\.csv"),
        (pl.DataFrame({"user_id": [object()]}), "the column user_id of the event log holds Python objects"),
    ):
        with pytest.raises(DataError, match=said):
            polars_frame(broken, "event log")


def test_an_index_of_pandas_is_left_out() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"user_id": ["ann"], "item_id": ["i1"]}).set_index("user_id")
    assert polars_frame(frame, "event log").columns == ["item_id"]


def test_pandas_needs_no_pyarrow_and_may_mix_types(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pandas = pytest.importorskip("pandas")
    moments = pandas.Series(pandas.to_datetime(["2023-11-14T22:13:20", None]))
    frame = pandas.DataFrame(
        {
            "mixed": [1, "x"],
            "text": ["a", None],
            "number": [1.0, None],
            "whole": pandas.array([1, None], dtype="Int64"),
            "kind": pandas.Categorical(["a", "b"]),
            "at": moments,
            "zoned": moments.dt.tz_localize("Europe/Berlin"),
            7: [True, False],
        }
    )
    for absent in (False, True):
        if absent:
            monkeypatch.setitem(sys.modules, "pyarrow", None)
            monkeypatch.setattr(pl, "from_pandas", _no_pyarrow)
        table = polars_frame(frame, "event log")
        assert table["mixed"].to_list() == ["1", "x"]
        assert table["text"].to_list() == ["a", None]
        assert table["number"].to_list() == [1.0, None]
        assert table["whole"].to_list() == [1, None]
        assert table["kind"].cast(pl.String).to_list() == ["a", "b"]
        assert table["at"].dt.epoch("s").to_list() == [T, None]
        assert table["zoned"].dt.epoch("s").to_list() == [T - 3600, None]
        assert table["7"].to_list() == [True, False]


def _no_pyarrow(_: object) -> None:
    raise ModuleNotFoundError("pyarrow")


@pytest.mark.parametrize("per_second", [1, 10**3, 10**6, 10**9])
def test_numbers_are_times_of_any_unit(per_second: int) -> None:
    assert times(T * per_second, None, (T + 60) * per_second) == [T, None, T + 60]


def test_times_may_be_dates_moments_or_text() -> None:
    day = datetime(2023, 11, 14, tzinfo=UTC).timestamp()
    moment = datetime(2023, 11, 14, 23, 13, 20, tzinfo=ZoneInfo("Europe/Berlin"))
    assert times(moment, None) == [T, None]
    assert times(datetime(2023, 11, 14, 22, 13, 20), None) == [T, None]
    assert times("2023-11-14T22:13:20Z", "2023-11-14T22:13:21Z") == [T, T + 1]
    assert times(str(T * 1000), "nan", "") == [T, None, None]
    assert times(date(2023, 11, 14), date(2023, 11, 15)) == [day, day + 86_400]
    assert times(20231114, 20231115) == [day, day + 86_400]
    assert times(float(T), float("nan"), dtype=pl.Float64) == [T, None]


def test_a_frame_that_is_taken_as_it_is_may_hold_no_row_that_a_file_would_not() -> None:
    frame = pl.DataFrame(
        {
            "user_id": ["ann", "", None, "bob", "x" * 257],
            "item_id": ["i1", "i1", "i1", "\x01", "i1"],
        }
    )
    with pytest.raises(DataError, match=r"4 of the 5 rows .* \(no user id: 2; .*\); leave them out, or give"):
        log_frame(frame)
    log = cleaned(frame)
    assert (log.rows_in, len(log.events)) == (5, 1)
    assert log.reasons["no user id"] == 2
    assert log.quarantine.filter(reason="no user id")["raw"][0] == '{"user_id":"","item_id":"i1"}'
    with pytest.raises(DataError, match="the time cannot be read: 1"):
        times("2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z", "soon")
    with pytest.raises(DataError, match=r"the column timestamp holds no times .* 'soon'"):
        times("soon", "later")


def test_a_frame_as_it_is_is_not_guessed_at() -> None:
    frame = pl.DataFrame({"user_id": ["ann"] * 2, "item_id": ["red shoe", "a,b"], "rating": [1, 2]})
    events = log_frame(frame)
    assert events["item_id"].to_list() == ["red shoe", "a,b"]
    assert events["value"].to_list() == [None, None]
    assert events["event"].to_list() == ["interaction"] * 2
    assert log_frame(events.with_columns(line=pl.Series([9, 5])))["line"].to_list() == [9, 5]
    assert log_frame(frame.with_columns(line=pl.lit("x")))["line"].to_list() == [1, 2]


def test_columns_of_other_names_are_found_or_named() -> None:
    frame = pl.DataFrame({"visitor": ["ann", "bob"], "sku": [1, 2], "when": [T, T + 1]})
    source = read_frame(frame)
    assert source.mapping == {"user": "visitor", "item": "sku", "timestamp": "when"}
    assert source.dialect == "frame"
    swapped = read_frame(frame, reading=Reading(columns={"user": "sku", "item": "visitor"}))
    assert swapped.frame["user_id"].to_list() == ["1", "2"]
    with pytest.raises(DataError, match=r"no item column among visitor; .* mapping=\{'item': COLUMN\}"):
        read_frame(frame.select("visitor"))
    with pytest.raises(DataError, match="the event frame is empty"):
        read_frame(frame.clear())


def test_ids_that_a_missing_value_made_decimal_lose_their_point() -> None:
    ids = pl.Series([17602.0, float("nan")])
    for table in (item_frame(pl.DataFrame({"item_id": ids})), user_frame(pl.DataFrame({"user_id": ids}))):
        assert table.frame.to_series().to_list() == ["17602"]
    with pytest.raises(DataError, match="the column user_id holds ids as decimal numbers too large"):
        log_frame(pl.DataFrame({"user_id": [2.0**60], "item_id": ["i"]}))


def test_a_catalogue_of_any_library_is_that_of_a_file(library: Callable[[pl.DataFrame], object]) -> None:
    rows = pl.DataFrame(
        {
            "item_id": [1, 2, 2],
            "title": ["one", None, "again"],
            "in_stock": [1.0, 0.0, float("nan")],
            "created_at": [T * 1000, None, None],
            "event": ["a", "b", "c"],
        }
    )
    items = item_frame(polars_frame(library(rows), "catalogue")).frame
    assert items["item_id"].to_list() == ["1", "2"]
    assert items["available"].to_list() == [True, False]
    assert items["created_at"].to_list() == [T, None]


_IDS = st.text("aé\u0301商Z09 -_.", min_size=1, max_size=6) | st.integers(0, 10**12).map(str)
_ROW = st.tuples(
    st.none() | _IDS,
    st.integers(-5, 10**18),
    st.none() | st.sampled_from(["view", "cart", "Add to Cart", "wink"]),
    st.none() | st.datetimes(datetime(1995, 1, 1), datetime(2026, 1, 1)),
    st.none() | st.floats(-1e6, 1e6) | st.just(float("nan")),
)


@examples(12)
@given(st.lists(_ROW, min_size=1, max_size=30), st.sampled_from(["moment", "zoned", "ms", "text"]))
def test_a_frame_and_the_same_frame_as_a_file_hold_the_same_events(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple], kind: str
) -> None:
    schema = {
        "user_id": pl.String, "item_id": pl.Int64, "event": pl.String,
        "timestamp": pl.Datetime("us"), "value": pl.Float64,
    }  # fmt: skip
    frame = pl.DataFrame([("u", 1, "view", datetime(2020, 1, 1), 1.0), *rows], schema=schema, orient="row")
    at = pl.col("timestamp")
    frame = frame.with_columns(
        {
            "moment": at,
            "zoned": at.dt.replace_time_zone("UTC"),
            "ms": at.dt.epoch("ms"),
            "text": at.dt.to_string("iso:strict"),
        }[kind]
    )
    path = tmp_path_factory.mktemp("log") / "log.csv"
    frame.write_csv(path)
    from_file, from_frame = clean(read_events(path), now=NOW), cleaned(frame)
    shift = {"line": pl.col("line") - 1}  # a header stands on the first line
    assert from_frame.events.equals(from_file.events.with_columns(**shift))
    assert from_frame.reasons == from_file.reasons
    assert from_frame.quarantine["line"].equals(from_file.quarantine["line"] - 1)


def test_periods_are_times_and_uuids_are_ids() -> None:
    pandas = pytest.importorskip("pandas")
    people = [UUID(int=n) for n in (1, 2)]
    frame = pandas.DataFrame(
        {
            "user_id": [*people, None],
            "item_id": ["a", "b", "c"],
            "timestamp": pandas.period_range("2024-01-01", periods=3, freq="D"),
        }
    )
    log = cleaned(frame)
    assert log.events["user_id"].to_list() == [str(one) for one in people]
    assert log.events["timestamp"].to_list() == [1_704_067_200.0, 1_704_153_600.0]
    assert log.reasons == {"no user id": 1}


def test_a_column_of_a_type_that_only_its_library_knows_is_refused() -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"user_id": ["a", "b"], "item_id": pandas.interval_range(0, 2)})
    with pytest.raises(DataError, match="the column item_id of the event log holds"):
        cleaned(frame)
