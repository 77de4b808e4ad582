"""Cells become events: ids, event names, numbers, shapes of rows and the names of dialects."""

from pathlib import Path

import polars as pl
import pytest

from tacit.core.errors import DataError
from tacit.reading.choices import Reading
from tacit.reading.dialects import dialect_of
from tacit.reading.rows import Rows, finished, text_ids
from tacit.reading.shapes import (
    browse_events,
    browse_separator,
    canonical_events,
    impression_events,
    is_impression_log,
)

T = 1_700_000_000


def table(**columns: list[str | None]) -> pl.DataFrame:
    height = len(next(iter(columns.values())))
    return pl.DataFrame({**columns, "line": pl.Series(range(1, height + 1), dtype=pl.Int64)})


def rows_of(frame: pl.DataFrame, name: str = "log.csv", named: bool = True, **requested: str) -> Rows:
    return Rows.of(Path(name), frame, named, Reading(columns=requested))


def test_ids_are_trimmed_and_of_one_unicode_form() -> None:
    assert text_ids(pl.Series(["  a ", "cafe\u0301", "\u3000商品\u00a0", None])).to_list() == [
        "a",
        "caf\u00e9",
        "商品",
        None,
    ]


def test_whole_floats_lose_their_point_if_all_are_whole() -> None:
    assert text_ids(pl.Series([1.0, None, float("nan")])).to_list() == ["1", None, None]
    assert text_ids(pl.Series([1.0, 2.5])).to_list() == ["1.0", "2.5"]
    assert text_ids(pl.Series([float("inf"), -1.0])).to_list() == ["inf", "-1.0"]


def test_decimal_ids_that_have_lost_their_last_digits_are_refused() -> None:
    assert text_ids(pl.Series([2.0**53 - 1])).to_list() == ["9007199254740991"]
    with pytest.raises(DataError, match=r"the column who holds ids as decimal numbers .* 9007199254740992"):
        text_ids(pl.Series("who", [1.0, 2.0**53]))
    with pytest.raises(DataError, match="16777216"):
        text_ids(pl.Series("who", [2.0**24], dtype=pl.Float32))


def test_exact_decimals_lose_their_zeros_if_all_are_whole() -> None:
    assert text_ids(pl.Series(["17602", "3"]).cast(pl.Decimal(9, 2))).to_list() == ["17602", "3"]
    assert text_ids(pl.Series(["17602", "3.5"]).cast(pl.Decimal(9, 2))).to_list() == ["17602.00", "3.50"]


def test_the_first_thing_wrong_is_named() -> None:
    frame = table(
        user_id=["u", "", "u", "u", "\x01", "é" * 128, "é" * 129],
        item_id=["i", "i", None, "i", "i", "i", "i"],
        timestamp=[str(T), "x", str(T), "x", str(T), str(T), str(T)],
        value=["1", "x", "1", "1", "1", "1", "1"],
        seq=["1", "1", "1", "1", "1", "2.9", "1"],
    )
    events, rejected = finished(frame, rows_of(frame))
    assert events["line"].to_list() == [1, 6]
    assert events["seq"].to_list() == [1, 2]
    assert rejected.rows() == [
        (2, "no user id"),
        (3, "no item id"),
        (4, "the time cannot be read"),
        (5, "the user id holds a control character"),
        (7, "the user id is longer than 256 bytes"),
    ]


def test_an_order_that_is_no_number_is_set_aside() -> None:
    frame = table(user_id=["u", "u"], item_id=["i", "j"], position=["1", "second"])
    events, rejected = finished(frame, rows_of(frame))
    assert (events["seq"].to_list(), rejected.rows()) == ([1], [(2, "the order is not a number")])


def test_other_columns_are_kept_and_step_aside_for_roles() -> None:
    frame = table(user_id=["a"], uid=["b"], item=["c"], colour=["red"])
    events, _ = finished(frame, rows_of(frame, user="uid"))
    row = events.row(0, named=True)
    assert (row["user_id"], row["user_id_as_read"], row["colour"]) == ("b", "a", "red")


def test_a_part_without_a_column_has_it_empty() -> None:
    whole = table(user_id=["u"], item_id=["i"], event=["cart"], timestamp=[str(T)])
    events, rejected = finished(table(user_id=["v"], item_id=["j"]), rows_of(whole))
    assert events.row(0)[:4] == ("v", "j", "view", None)
    assert len(rejected) == 0
    _, rejected = finished(table(user_id=["v"]), rows_of(whole))
    assert rejected.rows() == [(1, "no item id")]


def test_events_have_common_names_and_a_default() -> None:
    names = ["Add_To_Cart", "view_item", None, " ", "like", "detail-page-view", "Purchase"]
    frame = table(user_id=["u"] * 7, item_id=["i"] * 7, event=names)
    events, _ = finished(frame, rows_of(frame, "purchases.csv"))
    assert events["event"].to_list() == ["cart", "view", "purchase", "purchase", "like", "view", "Purchase"]


def test_a_number_that_is_not_the_flag_stays_an_event() -> None:
    flags = table(user_id=["u", "u"], item_id=["i", "j"], event=["1", "1"])
    later = table(user_id=["u", "u"], item_id=["i", "j"], event=["2", "1"])
    events, _ = finished(later, rows_of(flags, "views.csv"))
    assert events["event"].to_list() == ["2", "view"]


def test_codes_of_several_events_are_kept() -> None:
    frame = table(user_id=["u", "u"], item_id=["i", "j"], event=["1", "2"])
    assert finished(frame, rows_of(frame))[0]["event"].to_list() == ["1", "2"]


def test_a_time_column_without_a_time_is_refused_and_an_empty_one_is_none() -> None:
    with pytest.raises(DataError, match=r"the column when holds no times .* 'soon'"):
        frame = table(user_id=["u"], item_id=["i"], when=["soon"])
        finished(frame, rows_of(frame))
    frame = table(user_id=["u", "u"], item_id=["i", "j"], when=["", "NULL"])
    events, rejected = finished(frame, rows_of(frame))
    assert events["timestamp"].to_list() == [None, None]
    assert len(rejected) == 0


@pytest.mark.parametrize(
    ("lists", "sign"),
    [
        (["a,b,c", "d", "e,f"], ","),
        (["a b c", "d e"], " "),
        (["a|b", "c|d|e"], "|"),
        (["a;b", None, "c"], ";"),
        (["1, 2, 3", "4, 5"], None),
        (["a", "b"], None),
        (["a,b", "c", "d", "e"], None),
        ([], None),
    ],
)
def test_signs_of_browse_records(lists: list[str | None], sign: str | None) -> None:
    assert browse_separator(pl.Series(lists, dtype=pl.String)) == sign


def test_browse_records_keep_their_order_over_rows() -> None:
    frame = table(user=["u", "v", "u"], items=["b, a", "c", "a,,d"])
    events = browse_events(frame, "user", "items", ",")
    assert events.select("user_id", "item_id", "line").rows() == [
        ("u", "b", 1),
        ("u", "a", 1),
        ("v", "c", 2),
        ("u", "a", 3),
        ("u", "", 3),
        ("u", "d", 3),
    ]
    order = events["seq"].cast(pl.Int64)
    assert order.is_sorted()
    assert order.is_unique().all()


def test_impressions() -> None:
    frame = table(
        a=["1", "2"], b=["u", "v"], c=["11/14/2023 10:13:20 PM"] * 2, d=["x", None], e=["p-1 q-0", "r-0"]
    )
    assert is_impression_log(frame.drop("line"))
    assert not is_impression_log(frame)
    events = impression_events(frame)
    assert events.select("user_id", "item_id", "event", "line").rows() == [
        ("u", "p", "click", 1),
        ("u", "q", "impression", 1),
        ("v", "r", "impression", 2),
    ]
    assert events["impression_id"].to_list() == ["1", "1", "2"]


def test_common_names_leave_other_names_as_they_are() -> None:
    names = pl.Series(["PV", "buy", "Fav", "View Item", "wink", None])
    assert canonical_events(names).to_list() == ["view", "purchase", "favorite", "view", "wink", None]


@pytest.mark.parametrize(
    ("names", "separator", "kind", "dialect"),
    [
        ("userId movieId rating timestamp", ",", None, "MovieLens 25M"),
        ("USER_ID ITEM_ID TIMESTAMP EVENT_TYPE", ",", None, "Amazon Personalize"),
        ("user_id item_id timestamp event_type", ",", None, "CSV"),
        ("SessionId ItemId Time", "\t", None, "RecSys Challenge 2015"),
        ("user_id item_id rating timestamp", "\t", "RecBole atomic", "RecBole atomic"),
        ("event_name user_pseudo_id item_id", None, "JSON lines", "Google Analytics 4"),
        ("user item", None, "JSON lines", "JSON lines"),
        ("user item", None, "Parquet", "Parquet"),
        ("user item", "\t", None, "TSV"),
        ("user item", ";", None, "separated by ';'"),
    ],
)
def test_names_of_dialects(names: str, separator: str | None, kind: str | None, dialect: str) -> None:
    frame = table(**{name: [str(T)] for name in names.split()})
    assert dialect_of(rows_of(frame, user="1", item="2"), separator, kind) == dialect


@pytest.mark.parametrize(
    ("separator", "dialect"), [("\t", "MovieLens 100K"), ("::", "MovieLens 1M"), (",", "CSV")]
)
def test_four_columns_without_names(separator: str, dialect: str) -> None:
    frame = table(**{"1": ["7"], "2": ["9"], "3": ["4"], "4": [str(T)]})
    assert dialect_of(rows_of(frame, named=False), separator) == dialect


def test_days_and_times_of_day_of_two_columns_become_moments() -> None:
    days = [f"{day:02}.01.2024" for day in range(1, 31)]
    clocks: list[str | None] = ["17:25", "01:31:10", "9:05 PM"] * 10
    clocks[-1] = None
    frame = table(user=["u"] * 30, item=[f"i{n}" for n in range(30)], date=[*days], time=clocks)
    events, rejected = finished(frame, rows_of(frame))
    seconds = [at - 1_704_067_200 - 86_400 * place for place, at in enumerate(events["timestamp"])]
    assert not len(rejected)
    assert seconds == [62_700, 5_470, 75_900] * 9 + [62_700, 5_470, 0]


def test_typed_days_and_times_of_day_become_moments() -> None:
    frame = table(user=["u"] * 30, item=[f"i{n}" for n in range(30)], time=["08:26"] * 30).with_columns(
        date=pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 30), "1d", eager=True)
    )
    events, _ = finished(frame, rows_of(frame))
    assert set(events["timestamp"].to_numpy() % 86_400) == {30_360}
