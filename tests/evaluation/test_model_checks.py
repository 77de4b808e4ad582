"""A model that breaks its protocol is refused before its metrics are computed."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import pytest
from tests.evaluation.tinylog import Popular, frame

from tacit.core.errors import ConfigError
from tacit.core.types import Int32
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.evaluation.evaluate import evaluate_all
from tacit.evaluation.model_checks import checked_model
from tacit.evaluation.split import Split, make_split
from tacit.models.protocol import recommend


@pytest.fixture(scope="module")
def split() -> Split:
    rows = [(f"u{n % 7}", f"i{n % 5}", n) for n in range(40)]
    return make_split(frame(rows), share=0.3)


class Lists:
    """Changes the lists of a good model before it returns them."""

    name = "lists"

    def __init__(self, change: Callable[[Ranking], Any]) -> None:
        self.change = change

    def fit(self, *arguments: Any, **named: Any) -> Self:
        self.good = Popular().fit(*arguments, **named)
        return self

    def recommend(self, queries: Queries, k: int, *, items: Int32 | None = None) -> Any:
        return self.change(recommend(self.good, queries, k, items=items))


class Scores(Popular):
    """Changes its scores before it returns them."""

    def __init__(self, change: Callable[[Any], Any]) -> None:
        self.change = change

    def score(self, queries: Queries, items: Int32 | None = None) -> Any:
        return self.change(super().score(queries, items))


def hit_again(ranking: Ranking) -> Ranking:
    return Ranking(np.repeat(ranking.items[:, :1], ranking.items.shape[1], axis=1), ranking.scores)


def one_nan(ranking: Ranking) -> Ranking:
    return Ranking(ranking.items, np.where(ranking.items == ranking.items[0, 0], np.nan, ranking.scores))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (hit_again, r"lists an item twice in [1-7] of [1-7] lists \(first for query 0\)"),
        (lambda r: Ranking(r.items + 99, r.scores), r"lists the item \d+; items are codes from 0 to 4"),
        (lambda r: Ranking(r.items - 2, r.scores), "lists the item -[23]; items are codes"),
        (lambda r: Ranking(r.items[:, :9], r.scores), r"the items of lists of the shape .* queries x k"),
        (lambda r: Ranking(r.items[:-1], r.scores[:-1]), "the items of lists of the shape"),
        (lambda r: Ranking(r.items.ravel(), r.scores), "the items of lists of the shape"),
        (lambda r: Ranking(r.items, r.scores[:, :9]), "the scores of lists of the shape"),
        (lambda r: Ranking(r.items.astype(float), r.scores), "the items of lists of the type float64"),
        (lambda r: Ranking(r.items, r.items), "the scores of lists of the type int32"),
        (lambda r: Ranking(r.items.tolist(), r.scores), "returns a list as the items of lists"),
        (one_nan, "gives a listed item the score NaN"),
        (lambda r: (r.items, r.scores), r"returns a tuple from recommend; return a .*Ranking"),
    ],
)
def test_bad_lists_are_refused(split: Split, change: Callable[[Ranking], Any], said: str) -> None:
    with pytest.raises(ConfigError, match=f"the model 'mine' .*{said}"):
        evaluate_all({"mine": lambda: Lists(change)}, split)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s[:, :-1], r"returns scores of the shape .*; it must be \(\d, 5\): queries x items"),
        (lambda s: s[0], "returns scores of the shape"),
        (lambda s: s.astype(int), "returns scores of the type int64; it must be float32"),
        (lambda s: s.tolist(), "returns a list as scores; return a NumPy array of float32"),
        (lambda s: np.where(s == s.max(), np.nan, s), "scores with NaN; give -inf"),
        (lambda s: np.asmatrix(s), "returns a matrix as scores"),
        (lambda s: np.ma.masked_less(s, 2), "returns a MaskedArray as scores"),
        (lambda s: np.where(s == s.max(), np.inf, s), r"scores with \+inf"),
        (lambda s: np.broadcast_to(s[0], s.shape), "cannot be written to; return a copy"),
    ],
)
def test_bad_scores_are_refused(split: Split, change: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(ConfigError, match=f"the model 'mine' .*{said}"):
        evaluate_all({"mine": lambda: Scores(change)}, split)


class Forgets(Popular):
    def fit(self, *arguments: Any, **named: Any) -> Any:
        super().fit(*arguments, **named)


def test_a_fit_that_returns_nothing_is_refused(split: Split) -> None:
    with pytest.raises(ConfigError, match=r"the fit of the model .* returned a NoneType; it must"):
        evaluate_all({"mine": Forgets}, split)


def test_good_ones_are_left_alone(split: Split) -> None:
    plain, lists, scores = evaluate_all(
        {
            "plain": Popular,
            "lists": lambda: Lists(lambda ranking: ranking),
            "scores": lambda: Scores(lambda scores: scores.astype(np.float64)),
        },
        split,
    )
    assert plain.values["all"]["ndcg@10"].tolist() == lists.values["all"]["ndcg@10"].tolist()
    assert plain.values["all"]["ndcg@10"].tolist() == scores.values["all"]["ndcg@10"].tolist()


def test_what_is_no_model_is_refused() -> None:
    class Mute:
        def fit(self) -> None: ...

    class NoChance(Popular):
        def fit(self, interactions: Any, catalogue: Any) -> Self:  # type: ignore[override]
            return self

    class ScoreOfAll(Popular):
        def score(self, queries: Any) -> Any:  # type: ignore[override]
            return None

    assert isinstance(checked_model("mine", Popular), Popular)
    for make, said in (
        (dict, "no method fit"),
        (lambda: Popular, "no method fit"),
        (Mute, "neither a method score"),
        (NoChance, "a fit that cannot be called .*rng"),
        (ScoreOfAll, "a score that cannot be called"),
    ):
        with pytest.raises(ConfigError, match=f"the model 'mine' has {said}"):
            checked_model("mine", make)
    with pytest.raises(ConfigError, match=r"'mine' cannot be made .*; give a function without arguments"):
        checked_model("mine", lambda seed: Popular())  # type: ignore[misc, arg-type]
