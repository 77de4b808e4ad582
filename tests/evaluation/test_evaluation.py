import copy
import time
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
import pytest
from tests.evaluation.tinylog import Popular, frame, fresh_memory

from tacit.core.errors import ConfigError
from tacit.core.progress import SILENT, Progress
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.evaluation.evaluate import evaluate_all, fit_model, protocol_of
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


class ByScores:
    """A model that makes lists, as one that scores alone."""

    def __init__(self, model: Popular) -> None:
        self.score = model.score


@pytest.fixture
def split() -> Split:
    return make_split(frame(ROWS), share=0.3)


def test_every_user_is_evaluated(split: Split) -> None:
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
        held = fresh_memory(64)
        time.sleep(0.05)
        held.close()
        return super().fit(*arguments, **named)

    def recommend(self, queries: Queries, k: int) -> Ranking:
        time.sleep(0.3)
        return recommend(ByScores(self), queries, k)


def test_costs_of_models_differ(split: Split) -> None:
    costs = evaluate_all({"slow": Slow}, split)[0].costs
    assert 0.05 <= costs.fit_seconds < 0.3  # the lists are not counted
    assert costs.ms_per_list >= 300
    assert costs.ms_per_list_batch >= 300 / 3
    assert costs.peak_mb > 50


def test_what_a_list_takes_is_measured_of_all_models_in_turns(split: Split) -> None:
    calls: list[str] = []

    class Named(Popular):
        def __init__(self, name: str) -> None:
            self.name = name

        def recommend(self, queries: Queries, k: int) -> Ranking:
            calls.append(self.name)
            return recommend(ByScores(self), queries, k)

    evaluate_all({name: partial(Named, name) for name in ("one", "two")}, split)
    assert calls == ["one", "two", *["one", "two"] * 3]  # all users at once, then each of three users


class Drawing(Popular):
    """Shows its progress and draws a number while it fits."""

    drawn: float
    progress: Progress | None = None

    def showing(self, progress: Progress) -> Self:
        same = copy.copy(self)
        same.progress = progress
        return same

    def fit(self, *arguments: Any, rng: np.random.Generator) -> Self:  # type: ignore[override]
        self.drawn = rng.random()
        return super().fit(*arguments, rng=rng)


def test_a_model_that_shows_progress_gets_it(split: Split) -> None:
    model = Drawing()
    assert fit_model(model, split, seed=1, progress=SILENT).progress is SILENT
    assert model.progress is None


def test_the_randomness_of_a_model_depends_on_the_seed_alone(split: Split) -> None:
    first, again, other = (
        fit_model(Drawing(), split, seed=seed, progress=SILENT).drawn for seed in (1, 1, 2)
    )
    assert first == again != other


def test_two_stage_models_learn_from_the_kind_of_cut_that_the_split_has(split: Split) -> None:
    assert protocol_of(split) == "time"
    assert protocol_of(replace(split, protocol="files")) is None


def test_a_fit_that_returns_nothing_is_refused(split: Split) -> None:
    class Forgetful(Popular):
        def fit(self, *arguments: Any, **named: Any) -> None:  # type: ignore[override]
            super().fit(*arguments, **named)

    with pytest.raises(ConfigError, match="returned a NoneType; it must return self"):
        evaluate_all({"forgetful": Forgetful}, split)


def test_models_are_evaluated_in_their_order(split: Split) -> None:
    outcomes = evaluate_all({"one": Popular, "two": Popular}, split)
    assert [outcome.name for outcome in outcomes] == ["one", "two"]
