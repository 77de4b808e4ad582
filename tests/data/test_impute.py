"""Each way to fill what is missing, worked out by hand."""

import polars as pl
import pytest

from tacit.core.errors import ConfigError
from tacit.data.clean import apply_rules
from tacit.data.fill import Fill
from tacit.data.rules import Rules

ROWS = [
    # user, time, value
    ("u", 40.0, None),
    ("v", 10.0, 7.0),
    ("u", 10.0, 1.0),
    ("u", 20.0, None),
    ("v", 20.0, None),
    ("u", 50.0, 5.0),
    ("w", 10.0, None),
    ("u", 60.0, None),
    ("v", 5.0, 7.0),
]


def frame(rows: list[tuple] = ROWS) -> pl.DataFrame:
    schema = {"user_id": pl.String, "timestamp": pl.Float64, "value": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        line=pl.int_range(2, len(rows) + 2, dtype=pl.Int64)
    )


def filled(events: pl.DataFrame, fills: dict[str, Fill]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what the cleaning makes of events by fills alone: those that stay, and the removed ones."""
    rules = Rules(
        impossible_times=False, missing_times=False, duplicates=False, burst_seconds=0, bots=False, fill=fills
    )
    whole = events.with_columns(item_id=pl.lit("i"), event=pl.lit("view"), seq=pl.lit(None, pl.Int64))
    left, removed = apply_rules(whole, rules, now=100.0)
    return left.select(events.columns), removed


@pytest.mark.parametrize(
    ("fill", "values"),
    [
        (Fill("constant", 0.5), [0.5, 7, 1, 0.5, 0.5, 5, 0.5, 0.5, 7]),
        (Fill("mean"), [5, 7, 1, 5, 5, 5, 5, 5, 7]),  # (7 + 1 + 5 + 7) / 4
        (Fill("median"), [6, 7, 1, 6, 6, 5, 6, 6, 7]),  # between 5 and 7
        (Fill("mode"), [7, 7, 1, 7, 7, 5, 7, 7, 7]),
        # u in time: 1 at 10, ? at 20, ? at 40, 5 at 50, ? at 60; v: 7 at 5, 7 at 10, ? at 20; w: ? alone.
        (Fill("forward"), [1, 7, 1, 1, 7, 5, None, 5, 7]),
        (Fill("interpolate"), [4, 7, 1, 2, None, 5, None, None, 7]),
    ],
)
def test_values(fill: Fill, values: list[float | None]) -> None:
    events, removed = filled(frame(), {"value": fill})
    assert events["value"].to_list() == values
    assert events.drop("value").equals(frame().drop("value"))
    assert len(removed) == 0


def test_dropped_rows_are_named() -> None:
    events, removed = filled(frame(), {"value": Fill("drop")})
    assert events["value"].to_list() == [7, 1, 5, 7]
    assert removed.rows() == [(line, "no value") for line in (2, 5, 6, 8, 9)]


def test_of_several_modes_the_smallest() -> None:
    events, _ = filled(frame([("u", 1.0, 3.0), ("u", 2.0, 2.0), ("u", 3.0, None)]), {"value": Fill("mode")})
    assert events["value"].to_list() == [3, 2, 2]


def test_times_lie_between_those_of_the_rows_around_them() -> None:
    rows = [("u", 10.0, None), ("v", 99.0, None), ("u", None, None), ("u", 40.0, None), ("u", None, None)]
    events, _ = filled(frame(rows), {"timestamp": Fill("interpolate")})
    assert events["timestamp"].to_list() == [10, 99, 30, 40, None]  # lines 2, 4 and 5: two thirds of the way
    events, _ = filled(frame(rows), {"timestamp": Fill("forward")})
    assert events["timestamp"].to_list() == [10, 99, 10, 40, 40]


def test_without_times_values_are_filled_in_the_order_of_the_file() -> None:
    rows = [("u", None, 1.0), ("u", None, None), ("u", None, 3.0), ("u", None, None)]
    events, _ = filled(frame(rows), {"value": Fill("interpolate")})
    assert events["value"].to_list() == [1, 2, 3, None]


def test_a_value_at_no_time_has_no_place_between_others() -> None:
    rows = [("u", 10.0, 1.0), ("u", None, None), ("u", 20.0, None), ("u", 30.0, 3.0), ("v", None, None)]
    for fill, value in ((Fill("interpolate"), 2.0), (Fill("forward"), 1.0)):
        events, _ = filled(frame(rows), {"value": fill})
        assert events["value"].to_list() == [1, None, value, 3, None]


@pytest.mark.parametrize("how", ["mean", "median", "mode", "forward", "interpolate"])
def test_where_nothing_is_known_nothing_is_filled(how: str) -> None:
    events, removed = filled(frame([("u", 1.0, None), ("u", 2.0, None)]), {"value": Fill.parse(how)})
    assert events["value"].to_list() == [None, None]
    assert len(removed) == 0


def test_both_columns_are_filled() -> None:
    events, _ = filled(
        frame([("u", None, None)]), {"timestamp": Fill("constant", 5), "value": Fill("constant", 1)}
    )
    assert events.select("timestamp", "value").rows() == [(5.0, 1.0)]


@pytest.mark.parametrize(
    ("text", "fill"), [("median", Fill("median")), ("drop", Fill("drop")), ("-1.5", Fill("constant", -1.5))]
)
def test_words(text: str, fill: Fill) -> None:
    assert Fill.parse(text) == fill


@pytest.mark.parametrize("text", ["", "constant", "nan", "inf", "median 3"])
def test_a_word_that_says_no_fill(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot fill with"):
        Fill.parse(text)
