"""Tables in a terminal: the figures, and no markup from data."""

import io
from dataclasses import dataclass, replace

import polars as pl
import pytest
from rich.console import Console

from tacit.data.assess import assess
from tacit.data.clean import Cleaned
from tacit.data.quality import QualityReport
from tacit.data.source import ColumnUse
from tacit.reporting.formats import count, day, figure, percent
from tacit.reporting.quality_page import quality_page
from tacit.reporting.terminal import columns_table, evaluation_tables, quality_tables
from tacit.reporting.training_page import epoch_line


def printed(content: object, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(content)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0%"), (0.0004, "< 0.1%"), (0.0123, "1.2%"), (0.1, "10%"), (0.996, "100%"), (None, "–")],
)
def test_shares(value: float | None, text: str) -> None:
    assert percent(value) == text


def test_numbers_and_days() -> None:
    assert (count(1234567), count(None)) == ("1,234,567", "–")
    assert (figure(0.12345), figure(2.5, 1), figure(None)) == ("0.123", "2.5", "–")
    assert (day(0.0), day(None)) == ("1970-01-01", "–")


@pytest.fixture
def report() -> QualityReport:
    """Return the report of ten rows of which two were rejected, with a column of times that is not used."""
    times = pl.Series([1.7e9 + row for row in range(8)])
    empty = pl.Series([None] * 8, dtype=pl.Float64)
    events = pl.DataFrame(
        {
            "user_id": [f"u{row % 3}" for row in range(8)],
            "item_id": [f"i{row}" for row in range(8)],
            "event": ["view"] * 8,
            "timestamp": times,
            "value": empty,
            "seq": empty.cast(pl.Int64),
            "line": pl.Series(range(1, 9), dtype=pl.Int64),
        }
    )
    rejected = pl.DataFrame({"line": [9, 10], "reason": ["no item id"] * 2, "raw": ["u1,", "u2,"]})
    columns = (
        ColumnUse("shipped", samples=("2024-03-01",), note="holds times and is not used"),
        ColumnUse("[red]uid", "user", "part", ("u0", "u1", "u" * 40)),
    )
    roles = {"user": "[red]uid"}
    notes = ("the encoding was guessed",)
    return assess(Cleaned(events, rejected, 10, {"no item id": 2}, roles, "CSV", columns, notes))


def test_columns_are_printed_as_they_are_with_what_is_not_used(report: QualityReport) -> None:
    text = printed(columns_table(report))
    lines = [line.split() for line in text.splitlines()]
    assert next(line for line in lines if line[:1] == ["user"])[:9] == [
        "user",
        "[red]uid",
        "by",
        "part",
        "of",
        "the",
        "name",
        "u0,",
        "u1,",
    ]
    assert "u" * 40 not in text
    assert "• shipped: holds times and is not used" in text
    assert "• the encoding was guessed" in text


def test_many_rejected_rows_are_printed_in_red(report: QualityReport) -> None:
    warning = "20% of the rows were rejected, most of them (2) for: no item id."
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system="standard")
    console.print(quality_tables(report))
    assert f"\x1b[1;31m{warning}" in console.file.getvalue()  # type: ignore[attr-defined]
    assert warning in quality_page(report)
    fine = replace(report, rows_in=100, advice=[])
    assert "rejected, most" not in printed(quality_tables(fine), 200) + quality_page(fine)


def test_evaluations_fit_eighty_places() -> None:
    metrics = ["ndcg@10", "recall@20", "hitrate@10", "mrr@10", "map@10", "coverage"]
    rows = [
        {
            "name": name,
            "slice": "all",
            "metrics": {metric: {"value": value, "low": value, "high": value} for metric in metrics},
            "fit_seconds": 1.0,
            "ms_per_list": 0.1,
        }
        for name, value in (("[bold]trending", 0.111), ("blend + ranker", 0.222))
    ]
    lines = printed(evaluation_tables({"protocol": "time", "cut": 0.0, "models": rows})).splitlines()
    best = next(line for line in lines if "blend + ranker" in line)
    assert best.count("0.222") == 6
    assert any("[bold]trending" in line and line.count("0.111") == 6 for line in lines)
    assert lines.index(best) < next(i for i, line in enumerate(lines) if "trending" in line)


@dataclass(frozen=True)
class Epoch:
    epoch: int = 3
    train_loss: float = 0.5
    valid_loss: float = 0.6
    train_accuracy: float = 0.7
    valid_accuracy: float = 0.65
    train_auc: float = 0.8
    valid_auc: float = 0.75


def test_an_epoch_is_one_line() -> None:
    line = epoch_line(Epoch())  # type: ignore[arg-type]
    assert line == (
        "epoch   3  train / validation: loss 0.5000 / 0.6000  accuracy 0.7000 / 0.6500  auc 0.8000 / 0.7500"
    )
