"""The blend beside its best retriever: exact small cases, and a log in which one stretch is another."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tacit.core.types import Float32
from tacit.features.candidates import Candidates
from tacit.pipeline.best_part import blend_or_part, compared
from tacit.pipeline.blend import Blend, LabelledCandidates

NAMES = ("good", "bad")


def labelled(scores: Float32, labels: Float32) -> LabelledCandidates:
    n, c, r = scores.shape
    items = np.tile(np.arange(c, dtype=np.int32), (n, 1))
    candidates = Candidates(items, scores, np.full(n, 20), np.zeros(n), NAMES[:r])
    return LabelledCandidates(candidates, labels, labels.sum(axis=1).astype(int))


def fold(right: int, n: int = 300, seed: int = 0) -> Any:
    """Return a fold in which the retriever at a place knows what is chosen and the other one guesses."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((n, 40), np.float32)
    labels[np.arange(n), rng.integers(40, size=n)] = 1
    scores = rng.random((n, 40, 2)).astype(np.float32)
    scores[:, :, right] += 2 * labels
    queries = SimpleNamespace(user=np.arange(n, dtype=np.int32))
    return SimpleNamespace(window=SimpleNamespace(queries=queries), labelled=labelled(scores, labels))


def test_a_blend_that_is_as_good_as_its_best_retriever_serves() -> None:
    blend, found = blend_or_part([fold(0), fold(0, seed=1)], NAMES)
    assert found is not None
    assert (found.retriever, found.serves, found.queries) == ("good", False, 300)
    assert found.alone == 1
    assert found.blend > 0.95
    assert blend.weights_[0] > blend.weights_[1] > 1e-4


def test_where_the_blend_is_below_its_best_retriever_that_takes_its_place() -> None:
    last = fold(0, seed=2)
    blend, found = blend_or_part([fold(1), fold(1, seed=1), last], NAMES)  # the last stretch is another
    assert found is not None
    assert found.retriever == "good"
    assert found.serves
    assert found.high < 0
    scores = blend.score(last.labelled.candidates)
    alone = last.labelled.candidates.scores[:, :, 0]
    assert (scores.argsort(axis=1) == alone.argsort(axis=1)).mean() > 0.99


def test_items_without_a_score_are_not_in_the_list_of_a_retriever() -> None:
    labels = np.zeros((200, 20), np.float32)
    labels[:, 0] = 1  # the first code is always chosen
    scores = np.zeros((200, 20, 2), np.float32)
    scores[:, :, 0] = -np.inf
    scores[:, 5, 1] = 1
    blend = Blend().fit([labelled(scores, labels)], 2)
    found = compared(blend, labelled(scores, labels), np.arange(200, dtype=np.int32), NAMES)
    assert (found.retriever, found.alone) == ("bad", pytest.approx(1 / np.log2(3)))


def test_few_users_decide_nothing() -> None:
    _, found = blend_or_part([fold(1), fold(1, seed=1), fold(0, n=99, seed=2)], NAMES)
    assert found is not None
    assert found.high < 0
    assert not found.serves


def test_of_one_fold_every_other_user_is_kept_back() -> None:
    _, found = blend_or_part([fold(0)], NAMES)
    assert found is not None
    assert (found.queries, found.users) == (150, 150)


def test_one_retriever_and_no_fold_have_nothing_to_compare() -> None:
    assert blend_or_part([], NAMES)[1] is None
    one = fold(0)
    only = labelled(one.labelled.candidates.scores[:, :, :1], one.labelled.labels)
    alone = SimpleNamespace(window=one.window, labelled=only)
    assert blend_or_part([alone], NAMES[:1])[1] is None


def test_the_interval_is_one_over_users() -> None:
    one = fold(0, n=600)
    alone, five = (
        compared(Blend().fit([], 2), one.labelled, np.arange(600, dtype=np.int32) // size, NAMES)
        for size in (1, 5)
    )
    assert (alone.users, five.users, five.queries) == (600, 120, 600)
    assert five.blend - five.alone == pytest.approx((five.low + five.high) / 2)
    assert five.high - five.low != alone.high - alone.low
