import json

import numpy as np
import pytest
from tests.evaluation.tinylog import frame

from tacit.evaluation.evaluate import Costs, Outcome
from tacit.evaluation.leaderboard import best_simple, choice, conclusion, leaderboard
from tacit.evaluation.metrics import NAMES
from tacit.evaluation.slices import slices
from tacit.evaluation.split import Split, make_split

N_USERS = 60


def split() -> Split:
    rows = [(f"u{n:02d}", f"i{m}", n + 100 * m) for n in range(N_USERS) for m in range(4)]
    return make_split(frame(rows, timing="order"))


def outcome(name: str, values: np.ndarray, *, ms: float = 0.5, fit: float = 1.23456) -> Outcome:
    parts = {part.name: dict.fromkeys(NAMES, values[part.rows]) for part in slices(split())}
    beyond = {name: {"coverage@10": 0.5, "novelty@10": None} for name in parts}
    return Outcome(name, parts, beyond, Costs(fit, ms, 0.01, 12.34), None)


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
    built = [leaderboard(outcomes, split(), simple=("simple",), seed=seed) for seed in (1, 1, 2)]
    assert built[0] == built[1] != built[2]


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
    assert "only such were compared" in verdict([weak, simple], ("weak", "simple"))
    assert "no simple model to compare" in verdict([clever], ("simple",))


def test_chosen_is_the_cheapest_model_that_no_dearer_one_beats_beyond_noise() -> None:
    rng = np.random.default_rng(0)
    base = rng.random(N_USERS)
    poor = outcome("poor", base - 0.3, ms=0.1)
    fair = outcome("fair", base, ms=0.2)
    dear = outcome("dear", base + rng.normal(0.001, 0.2, N_USERS), ms=2.5)
    found = choice([dear, poor, fair], 7)
    assert found["name"] == "fair"
    gain = dear.values["all"]["ndcg@10"].mean() - base.mean()
    said = str(found["reason"])
    assert said.startswith(
        f"Choose fair: no more expensive model is better beyond noise; dear has {gain:+.4f} (95 % "
    )
    assert said.endswith("at 12 times the cost of a list.")
    low, high = (float(word) for word in said.split("interval ")[1].split(")")[0].split(" to "))
    assert low < 0 < high


def test_a_gain_beyond_noise_is_worth_its_price() -> None:
    base = np.random.default_rng(0).random(N_USERS)
    models = [outcome("poor", base - 0.3, ms=0.1), outcome("fair", base, ms=0.2), outcome("good", base + 0.1)]
    assert choice(models, 7) == {
        "name": "good",
        "reason": "Choose good: each cheaper model is beaten beyond noise; over fair it has +0.1000 "
        "(95 % interval +0.1000 to +0.1000) at 2.5 times the cost of a list.",
    }


def test_a_dearer_model_that_is_worse_does_not_keep_a_cheap_one_from_being_chosen() -> None:
    base = np.random.default_rng(0).random(N_USERS)
    found = choice([outcome("cheap", base, ms=0.1), outcome("dear", base - 0.1)], 7)
    assert found["name"] == "cheap"
    assert "dear has -0.1000" in str(found["reason"])


def test_of_models_as_quick_the_one_that_is_sooner_fitted_is_cheaper() -> None:
    base = np.random.default_rng(0).random(N_USERS)
    assert choice([outcome("slow", base, fit=9), outcome("quick", base, fit=2)], 7)["name"] == "quick"


def test_one_model_alone_is_chosen_for_want_of_others(outcomes: list[Outcome]) -> None:
    assert choice(outcomes[:1], 7) == {"name": "weak", "reason": "Choose weak: no other was compared."}
    assert leaderboard(outcomes, split(), simple=())["choice"] == choice(outcomes, 7)
