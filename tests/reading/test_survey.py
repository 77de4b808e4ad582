"""A survey of a table that passes in blocks shows what the whole table shows."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.reading import survey as surveys
from tacit.reading.choices import NO_CHOICES
from tacit.reading.rows import Rows
from tacit.reading.survey import Sketch, Survey

ROWS = 4_000


def log(rows: int = ROWS) -> pl.DataFrame:
    """Return a log as texts, in which one column is empty and one holds a rare word."""
    n = pl.int_range(rows)
    return pl.select(
        visitor=pl.format("v{}", n * 7_919 % 601),
        article=pl.format("a{}", n * 104_729 % 211),
        action=pl.when(n == rows - 3)
        .then(pl.lit("refund"))
        .when(n % 5 == 0)
        .then(pl.lit("cart"))
        .otherwise(pl.lit("view")),
        moment=(1_700_000_000 + 37 * n).cast(pl.String),
        note=pl.lit(""),
        line=n + 2,
    )


def surveyed(table: pl.DataFrame, block: int) -> Survey:
    found = Survey()
    for part in table.iter_slices(block):
        found.add(part)
    return found


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make surveys choose few rows, so that a small table is a long one."""
    for name, value in (("FIRST", 200), ("_RUN", 600), ("_SPACED", 500)):
        monkeypatch.setattr(surveys, name, value)


def test_a_short_table_is_seen_as_a_whole() -> None:
    table = log(300)
    found = surveyed(table, 70)
    assert found.table().equals(table)
    assert found.totals() is None


@pytest.mark.parametrize("block", [90, 777, ROWS])
@pytest.mark.usefixtures("short")
def test_the_roles_are_those_of_the_whole_table(block: int) -> None:
    table = log()
    found = surveyed(table, block)
    assert len(found.table()) < 2_200 < len(table)
    whole = Rows.of(Path("log.csv"), table, True, NO_CHOICES)
    part = Rows.of(Path("log.csv"), found.table(), True, NO_CHOICES, found.totals())
    assert part.roles == whole.roles == {
        "user": "visitor", "item": "article", "event": "action", "timestamp": "moment"
    }  # fmt: skip
    assert [(one.column, one.role, one.note) for one in part.uses] == [
        (one.column, one.role, one.note) for one in whole.uses
    ]


@pytest.mark.usefixtures("short")
def test_totals_are_of_all_rows_and_rare_words_are_shown() -> None:
    found = surveyed(log(), 333)
    totals = found.totals()
    assert totals is not None
    assert {name: (one.rows, one.known, one.unique) for name, one in totals.items()} == {
        "visitor": (ROWS, ROWS, 601),
        "article": (ROWS, ROWS, 211),
        "action": (ROWS, ROWS, 3),
        "moment": (ROWS, ROWS, ROWS),
        "note": (ROWS, 0, 1),
    }
    assert set(found.table()["action"]) == {"view", "cart", "refund"}


@pytest.mark.usefixtures("short")
def test_the_middle_of_the_chosen_rows_is_a_run() -> None:
    lines = surveyed(log(), 700).table()["line"]
    middle = lines.slice((len(lines) - 200) // 2, 200)
    assert bool((middle.diff().drop_nulls() == 1).all())


def test_columns_that_come_late_are_there() -> None:
    found = Survey()
    found.add(pl.DataFrame({"a": ["1"], "line": [1]}))
    found.add(pl.DataFrame({"a": ["2"], "b": ["x"], "line": [2]}))
    assert found.table().rows() == [("1", 1, None), ("2", 2, "x")]


@given(st.lists(st.lists(st.integers(0, 300), max_size=200), max_size=6))
def test_few_values_are_counted_exactly(parts: list[list[int]]) -> None:
    sketch = Sketch()
    for part in parts:
        sketch.add(pl.Series(part, dtype=pl.Int64).cast(pl.String))
    assert sketch.count() == len({value for part in parts for value in part})


@settings(max_examples=5)
@given(st.integers(50_000, 300_000))
def test_many_values_are_counted_within_some_per_cent(many: int) -> None:
    sketch = Sketch()
    values = pl.int_range(many, eager=True).cast(pl.String)
    for part in (values, values[: many // 2], values[many // 3 :]):
        sketch.add(part)
    assert abs(sketch.count() / many - 1) < 0.04


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
@pytest.mark.usefixtures("short")
def test_joined_surveys_show_what_one_survey_shows(parts: int) -> None:
    table = log()
    pieces = list(table.iter_slices(-(-ROWS // parts)))
    surveys = []
    for place, piece in enumerate(pieces):
        found = Survey(place, len(pieces))
        for block in piece.iter_slices(90):
            found.add(block)
        surveys.append(found)
    joined, whole = Survey.joined(surveys), surveyed(table, 90)
    assert joined.rows == ROWS
    assert joined.totals() == whole.totals()
    chosen = joined.table()
    assert chosen["line"][:200].to_list() == list(range(2, 202))  # the first rows, in their order
    assert set(chosen["action"]) == {"view", "cart", "refund"}  # also the word of one row
    assert len(chosen) < 3 * 500 + 800
    assert (chosen["line"] > ROWS // 2).sum() > 200  # rows at even distances go to the end
    path = Path("log.csv")
    of_joined = Rows.of(path, chosen, True, NO_CHOICES, joined.totals())
    assert of_joined.roles == Rows.of(path, whole.table(), True, NO_CHOICES, whole.totals()).roles


@pytest.mark.usefixtures("short")
def test_parts_without_rows_change_nothing() -> None:
    table = log(300)
    empty, whole = Survey(0, 2), Survey(1, 2)
    whole.add(table)
    joined = Survey.joined([empty, whole, Survey(2, 3)])
    assert joined.rows == 300 and joined.table()["line"].is_in(table["line"].to_list()).all()
