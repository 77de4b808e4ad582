import json

import numpy as np
import pytest
from tests.evaluation.tinylog import frame

from tacit.evaluation.evaluate import Costs, Outcome
from tacit.evaluation.leaderboard import best_simple, conclusion, leaderboard
from tacit.evaluation.metrics import NAMES
from tacit.evaluation.slices import slices
from tacit.evaluation.split import Split, make_split

N_USERS = 60


def split() -> Split:
    rows = [(f"u{n:02d}", f"i{m}", n + 100 * m) for n in range(N_USERS) for m in range(4)]
    return make_split(frame(rows, timing="order"))


def outcome(name: str, values: np.ndarray) -> Outcome:
    parts = {part.name: dict.fromkeys(NAMES, values[part.rows]) for part in slices(split())}
    beyond = {name: {"coverage@10": 0.5, "novelty@10": None} for name in parts}
    return Outcome(name, parts, beyond, Costs(1.23456, 0.5, 0.01, 12.34), None)


@pytest.fixture
def outcomes() -> list[Outcome]:
    rng = np.random.default_rng(0)
    base = rng.random(N_USERS)
    return [
        outcome("weak", base - 0.3),
        outcome("simple", base),
        outcome("level", base + rng.normal(0.001, 0.2, N_USERS)),
        outcome("clever", base + 0.1 + rng.normal(0, 0.01, N_USERS)),
    ]


def rows(report: dict, part: str = "all") -> dict:
    return {row["name"]: row for row in report["models"] if row["slice"] == part}


def test_a_report_is_json_with_a_row_for_each_slice_and_model(outcomes: list[Outcome]) -> None:
    report = json.loads(
        json.dumps(leaderboard(outcomes, split(), simple=("weak", "simple")), allow_nan=False)
    )
    assert report["protocol"] == "leave-one-out"
    assert report["cut"] is None
    assert report["baseline"] == "simple"
    assert [row["slice"] for row in report["models"][:4]] == ["all"] * 4
    row = rows(report)["clever"]
    assert row["users"] == N_USERS
    assert set(row["metrics"]) == {*NAMES, "coverage@10", "novelty@10"}
    assert row["metrics"]["coverage@10"] == {"value": 0.5, "low": None, "high": None}
    assert (row["fit_seconds"], row["ms_per_list"], row["peak_mb"]) == (1.235, 0.5, 12.3)
    data = report["data"]
    assert (data["train_events"], data["test_events"], data["test_users"]) == (180, 60, 60)
    assert data["cold_target_share"] == 1.0  # i3 comes last for everybody


def test_values_stand_with_their_intervals(outcomes: list[Outcome]) -> None:
    figure = rows(leaderboard(outcomes, split(), simple=()))["simple"]["metrics"]["ndcg@10"]
    values = outcomes[1].values["all"]["ndcg@10"]
    assert figure["value"] == pytest.approx(values.mean())
    error = 1.96 * values.std() / np.sqrt(N_USERS)
    assert figure["low"] == pytest.approx(values.mean() - error, rel=0.1)
    assert figure["high"] == pytest.approx(values.mean() + error, rel=0.1)
    assert "difference" not in figure  # nothing to compare with


def test_differences_are_paired(outcomes: list[Outcome]) -> None:
    table = rows(leaderboard(outcomes, split(), simple=("weak", "simple")))
    weak = table["weak"]["metrics"]["ndcg@10"]["difference"]
    assert [weak[name] for name in ("value", "low", "high")] == pytest.approx([-0.3] * 3)  # no noise left
    clever = table["clever"]["metrics"]["ndcg@10"]["difference"]
    assert clever["low"] > 0.09
    level = table["level"]["metrics"]["ndcg@10"]["difference"]
    assert level["low"] < 0 < level["high"]
    assert "difference" not in table["simple"]["metrics"]["ndcg@10"]


def test_the_same_seed_gives_the_same_report(outcomes: list[Outcome]) -> None:
    made = [leaderboard(outcomes, split(), simple=("simple",), seed=seed) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]


def test_intervals_do_not_depend_on_the_company(outcomes: list[Outcome]) -> None:
    alone = rows(leaderboard(outcomes[1:2], split(), simple=()))["simple"]["metrics"]["ndcg@10"]
    among = rows(leaderboard(outcomes, split(), simple=()))["simple"]["metrics"]["ndcg@10"]
    assert [alone[n] for n in ("low", "high")] == pytest.approx([among[n] for n in ("low", "high")])


def verdict(outcomes: list[Outcome], simple: tuple[str, ...]) -> str:
    return conclusion(outcomes, best_simple(outcomes, simple), simple, 7)


def test_the_conclusion_says_who_is_best_and_whether_that_is_noise(outcomes: list[Outcome]) -> None:
    weak, simple, level, clever = outcomes
    assert "clever is best" in verdict(outcomes, ("weak", "simple"))
    assert verdict(outcomes, ("weak", "simple")).endswith("beyond noise.")
    better = level if level.values["all"]["ndcg@10"].mean() > simple.values["all"]["ndcg@10"].mean() else None
    assert better is not None
    assert verdict([simple, level], ("simple",)).endswith("but within noise.")
    assert "none of weak does better" in verdict([weak, simple], ("simple",))
    assert "no other was asked for" in verdict([weak, simple], ("weak", "simple"))
    assert "no simple model to compare" in verdict([clever], ("simple",))
