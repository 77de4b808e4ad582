"""Reports of several cuts: the same form as that of one, with what to expect of the next stretch."""

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from tacit.evaluation.evaluate import Costs, Outcome
from tacit.evaluation.origins_report import Origin, origins_report

FACTS: dict[str, Any] = {"test_users": 30}


def outcome(name: str, slices: dict[str, np.ndarray], *, ms: float, coverage: float) -> Outcome:
    values = {part: {"ndcg@10": found} for part, found in slices.items()}
    beyond: dict[str, dict[str, float | None]] = {
        part: {"coverage@10": coverage, "diversity@10": None} for part in slices
    }
    return Outcome(name, values, beyond, Costs(ms, ms, 0.01, ms), None)


def origins(count: int = 6, *, gain: float = 0.1) -> list[Origin]:
    """Thirty users, the same at each cut; "clever" is better than "simple" by about as much for each."""
    rng = np.random.default_rng(4)
    found = []
    for place in range(count):
        base = rng.uniform(0.28, 0.32, 30) + 0.05 * (place % 2)
        better = base + gain + rng.normal(0, 0.01, 30)
        parts = {"all": pl.Series([f"u{n}" for n in range(30)])}
        if place % 2:  # nobody is new at the other cuts
            parts["new-user"] = parts["all"].head(5)
        outcomes = {
            name: outcome(
                name,
                {part: values[: len(ids)] for part, ids in parts.items()},
                ms=ms,
                coverage=0.5 + place / 10,
            )
            for name, values, ms in (("simple", base, 1.0), ("clever", better, 3.0))
        }
        found.append(Origin(1e9 + place, outcomes, parts, FACTS))
    return found


def row(report: dict[str, Any], name: str, part: str = "all") -> dict[str, Any]:
    (found,) = (one for one in report["models"] if (one["name"], one["slice"]) == (name, part))
    return found


def test_a_report_is_json_in_which_gains_are_paired() -> None:
    report = json.loads(json.dumps(origins_report(origins(), simple=("simple",)), allow_nan=False))
    assert report["baseline"] == "simple"
    assert (report["origins"]["count"], len(report["origins"]["stretches"])) == (6, 6)
    figure = row(report, "clever")["metrics"]["ndcg@10"]
    assert figure["between_cuts"] == pytest.approx(0.027, abs=0.003)  # .05 at every other cut
    gain = figure["difference"]
    assert gain["value"] == pytest.approx(0.1, abs=0.002)
    assert 0.09 < gain["prediction"]["low"] < gain["low"] < gain["high"] < gain["prediction"]["high"] < 0.11
    assert figure["high"] - figure["low"] > 0.04  # the levels themselves vary much more
    assert (gain["held"], gain["predicted"]) in {(3, 4), (4, 4)}
    assert "difference" not in row(report, "simple")["metrics"]["ndcg@10"]


def test_a_slice_counts_where_it_is() -> None:
    found = row(origins_report(origins(), simple=()), "clever", "new-user")
    assert (found["origins"], found["users"]) == (3, 15)
    assert len(found["metrics"]["ndcg@10"]["values"]) == 3
    alone = row(origins_report(origins(3), simple=()), "clever", "new-user")["metrics"]["ndcg@10"]
    assert (alone["low"], alone["prediction"], alone["predicted"]) == (None, None, 0)


def test_a_figure_of_whole_lists_has_no_spread_of_users() -> None:
    metrics = row(origins_report(origins(), simple=()), "simple")["metrics"]
    assert metrics["coverage@10"]["value"] == pytest.approx(0.75)
    assert metrics["coverage@10"]["between_users"] is None
    assert metrics["coverage@10"]["prediction"]["high"] == 1.0  # a share
    assert metrics["diversity@10"] == {"value": None, "low": None, "high": None}


def test_a_gain_beyond_noise_is_said_and_chosen() -> None:
    report = origins_report(origins(), simple=("simple",))
    conclusion = str(report["conclusion"])
    assert "clever is best" in conclusion
    assert "over simple, the best simple one" in conclusion
    assert "beyond noise" in conclusion
    assert "of 4." in conclusion
    assert report["choice"]["name"] == "clever"  # type: ignore[index, call-overload]


def test_a_gain_within_noise_is_not_worth_its_cost() -> None:
    report = origins_report(origins(gain=0.0005), simple=("simple",))
    assert "but within noise" in str(report["conclusion"])
    assert report["choice"]["name"] == "simple"  # type: ignore[index, call-overload]


def test_differences_are_taken_against_the_named_model() -> None:
    report = origins_report(origins(), simple=("simple",), against="clever")
    assert report["baseline"] == "clever"
    assert row(report, "simple")["metrics"]["ndcg@10"]["difference"]["value"] < 0


def test_costs_are_means_and_memory_the_largest() -> None:
    found = row(origins_report(origins(), simple=()), "clever")
    assert (found["fit_seconds"], found["ms_per_list"], found["peak_mb"]) == (3.0, 3.0, 3.0)
