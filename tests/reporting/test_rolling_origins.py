"""What several cuts say of the next stretch, in a terminal and on a page."""

import io
from typing import Any

import pytest
from rich.console import Console

from tacit.reporting.evaluation import evaluation_page
from tacit.reporting.rolling_origins import HEAD, expectations, rolling_facts
from tacit.reporting.terminal import evaluation_tables

EVIL = "<script>[red]"


def figure(value: float, **more: Any) -> dict[str, Any]:
    return {
        "value": value,
        "low": value - 0.01,
        "high": value + 0.01,
        "between_users": 0.0123,
        "between_cuts": 0.0,
        "prediction": {"low": value - 0.05, "high": value + 0.05},
        "held": 7,
        "predicted": 8,
        "values": [value] * 10,
        **more,
    }


@pytest.fixture
def report() -> dict[str, Any]:
    costs = {"fit_seconds": 1.0, "ms_per_list": 0.5, "peak_mb": 3.0}
    still = {"value": 0.0, "low": None, "high": None, "between_users": 0.0, "between_cuts": 0.0}
    zero = {**still, "prediction": None, "held": 0, "predicted": 0, "values": [0.0] * 10}
    rows = [
        {"name": EVIL, "slice": "all", "metrics": {"ndcg@10": figure(0.2)}, **costs},
        {
            "name": "transformer-large",
            "slice": "all",
            "metrics": {"ndcg@10": figure(0.3, difference=figure(0.1))},
            **costs,
        },
        {"name": EVIL, "slice": "cold-item", "metrics": {"ndcg@10": zero}, **costs},
    ]
    stretch = {"train_events": 500, "test_events": 50, "test_users": 20, "warm_test_users": 10}
    stretches = [{"cut": 86_400.0 * place, **stretch, "train_events": 500 + place} for place in range(10)]
    origins = {"count": 10, "level": 0.95, "held": 14, "predicted": 16, "stretches": stretches}
    return {"protocol": "time", "cut": None, "origins": origins, "models": rows}


def test_each_slice_has_a_table_with_the_best_model_first(report: dict[str, Any]) -> None:
    (title, head, rows), (_, _, cold) = expectations(report)
    assert title == "NDCG@10 of the next stretch: All users"
    assert head == HEAD
    assert rows[0] == (
        *("transformer-large", "0.3000", "0.0123", "0.0000", "0.2500", "0.3500", "7/8"),
        *("+0.1000", "+0.0900", "+0.1100"),
    )
    assert cold == [(EVIL, "0.0000", "0.0000", "0.0000", *"–" * 6)]


def test_the_stretches_and_how_often_intervals_held_are_said(report: dict[str, Any]) -> None:
    facts = rolling_facts(report["origins"])
    assert facts.startswith("10 stretches of 50 events each, from 1970-01-01 on (the last from 1970-01-10)")
    assert "500 to 509 events to learn from" in facts
    assert "held the next one 14 of 16 times" in facts
    assert "held" not in rolling_facts({**report["origins"], "predicted": 0})


def test_a_terminal_of_eighty_places_shows_it_all(report: dict[str, Any]) -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(evaluation_tables(report))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "Each of 10 stretches was predicted from everything before it" in lines[0]
    name, *figures = expectations(report)[0][2][0]
    (place,) = (place for place, line in enumerate(lines) if line.split()[1:] == figures)
    assert lines[place].split()[0] + lines[place + 1].strip() == name


def test_the_page_shows_every_slice_and_no_markup_of_a_name(report: dict[str, Any]) -> None:
    page = evaluation_page(report)
    assert "NDCG@10 of the next stretch: All users" in page
    assert "NDCG@10 of the next stretch: Items never seen in training" in page
    assert "14 of 16 times" in page
    assert EVIL not in page
