"""Tables in a terminal: the figures, and no markup from data."""

import io
from dataclasses import dataclass

import pytest
from rich.console import Console

from tacit.reporting.formats import count, day, figure, percent
from tacit.reporting.terminal import evaluation_tables, mapping_line
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


def test_the_mapping_is_printed_as_it_is() -> None:
    assert "user = [red]uid" in printed(mapping_line({"user": "[red]uid"}, "CSV"))


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
