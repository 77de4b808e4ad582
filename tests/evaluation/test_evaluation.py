import time
from functools import partial
from typing import Any, Self

import numpy as np
import pytest
from tests.evaluation.tinylog import Popular, frame

from tacit.core.progress import SILENT, Progress
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.evaluation.evaluate import evaluate_all, fit_model
from tacit.evaluation.split import Split, make_split
from tacit.models.protocol import recommend

ROWS = [
    ("ann", "a", 1),
    ("bob", "a", 2),
    ("cat", "b", 3),
    ("cat", "c", 4),
    ("bob", "d", 5),
    ("ann", "e", 6),
    ("dan", "a", 7),  # the test: a quarter of nine
    ("ann", "b", 8),
    ("bob", "new", 9),
]


@pytest.fixture
def split() -> Split:
    return make_split(frame(ROWS), share=0.3)


def test_every_user_is_asked_and_judged(split: Split) -> None:
    outcome = evaluate_all({"popular": Popular}, split)[0]
    # Counts: a 2, the others 1. ann's list: b c d (b first); bob's: b c e (new is unknown); dan's: a b c ...
    assert outcome.values["all"]["mrr@10"].tolist() == [1, 0, 1]
    assert outcome.values["all"]["recall@20"].tolist() == [1, 0, 1]
    assert outcome.values["new-user"]["mrr@10"].tolist() == [1]
    assert outcome.values["cold-item"]["mrr@10"].tolist() == [0]
    assert outcome.beyond["all"]["coverage@10"] == 1
    assert outcome.beyond["all"]["diversity@10"] is None


class Slow(Popular):
    """Takes 50 ms and 64 MB to fit and 300 ms a call."""

    def fit(self, *arguments: Any, **named: Any) -> Self:
        held = np.ones(8_000_000)
        time.sleep(0.05)
        del held
        return super().fit(*arguments, **named)

    def recommend(self, queries: Queries, k: int) -> Ranking:
        time.sleep(0.3)
        return recommend(self, queries, k)


def test_costs_are_told_apart(split: Split) -> None:
    costs = evaluate_all({"slow": Slow}, split)[0].costs
    assert 0.05 <= costs.fit_seconds < 0.3  # the lists are not counted
    assert costs.ms_per_list >= 300
    assert costs.ms_per_list_batch >= 300 / 3
    assert costs.peak_mb > 50


def test_what_a_list_takes_is_measured_of_all_models_in_turns(split: Split) -> None:
    asked: list[str] = []

    class CandidatePairs(Popular):
        def __init__(self, name: str) -> None:
            self.name = name

        def recommend(self, queries: Queries, k: int) -> Ranking:
            asked.append(self.name)
            return recommend(self, queries, k)

    evaluate_all({name: partial(CandidatePairs, name) for name in ("one", "two")}, split)
    assert asked == ["one", "two", *["one", "two"] * 3]  # all users at once, then each of three users


class TwoStages(Popular):
    """Takes a progress and learns from cuts of its own."""

    def __init__(self, protocol: str | None = None) -> None:
        self.protocol = protocol
        self.seen: list[object] = []

    def fit(self, *arguments: Any, rng: np.random.Generator, progress: Progress) -> Self:  # type: ignore[override]
        self.seen = [progress, rng.random()]
        return super().fit(*arguments, rng=rng)


def test_a_model_that_shows_progress_gets_it_and_cuts_as_the_evaluation_does(split: Split) -> None:
    model, asked = TwoStages(), TwoStages("random")
    for one in (model, asked):
        fit_model(one, split, seed=1, name="two", progress=SILENT)
    assert model.seen[0] is SILENT
    assert (model.protocol, asked.protocol) == ("time", "random")


def test_the_randomness_of_a_model_depends_on_seed_and_name_alone(split: Split) -> None:
    drawn = []
    for seed, name in ((1, "x"), (1, "x"), (2, "x"), (1, "y")):
        model = TwoStages()
        fit_model(model, split, seed=seed, name=name, progress=SILENT)
        drawn.append(model.seen[1])
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3


def test_models_are_evaluated_in_their_order(split: Split) -> None:
    outcomes = evaluate_all({"one": Popular, "two": Popular}, split)
    assert [outcome.name for outcome in outcomes] == ["one", "two"]
