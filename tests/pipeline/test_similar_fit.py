"""Weights of the lists of related items: exact small cases, and choices that say which list to follow."""

from typing import Any

import numpy as np
import pytest
from tests.pipeline.test_pair_counts import log_of
from tests.pipeline.test_similar import After, Alike, ranking

from tacit.core.types import DAY, Int32
from tacit.features.candidates import Candidates
from tacit.pipeline.blend import LabelledCandidates
from tacit.pipeline.config import Config
from tacit.pipeline.firststage import Fold
from tacit.pipeline.similar_fit import _contexts, _Lists, _loss, _united, fit_similar
from tacit.pipeline.twostage import TwoStage
from tacit.pipeline.windows import Window
from tacit.testing.generated import small_log

N_ITEMS = 12
AVAILABLE = np.ones(N_ITEMS, dtype=bool)


def items(*codes: int) -> Int32:
    return np.array(codes, dtype=np.int32)


def test_lists_are_put_together_without_the_context_and_what_is_not_available() -> None:
    available = AVAILABLE.copy()
    available[6] = False
    lists = [ranking([3, 0, 4], [6, 5, -1]), ranking([4, 6, -1], [5, 3, 1])]
    listed, values = _united(lists, items(0, 1), available)
    assert listed.tolist() == [[3, 4], [3, 5]]
    second, third = 61 / 62, 61 / 63
    expected = [[[1, 0], [third, 1]], [[0, second], [second, 1]]]
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_the_context_is_the_last_choice() -> None:
    log, _ = small_log()
    queries = log.queries(np.arange(4, dtype=np.int32), now=log.end + 1)
    rows, context = _contexts(queries)
    for row, item in zip(rows.tolist(), context.tolist(), strict=True):
        own = slice(queries.offsets[row], queries.offsets[row + 1])
        assert item == queries.item[own][queries.weight[own] > 0][-1]
    assert len(rows)
    refused = queries.keep(queries.weight < 0)
    assert len(_contexts(refused)[0]) == 0


def test_the_gradient_is_that_of_the_loss() -> None:
    rng = np.random.default_rng(7)
    real = rng.random((20, 6)) < 0.8
    real[:, 0] = True
    labels = (rng.random((20, 6)) < 0.3) & real
    labels[:, 0] |= ~labels.any(axis=1)
    values = np.where(real[:, :, None], rng.random((20, 6, 3)), 0).astype(np.float32)
    lists = _Lists(values, real, labels.astype(np.float32), labels.sum(axis=1), np.arange(20, dtype=np.int32))
    at, step = np.array([2.0, 0.5, 1.0]), 1e-4
    slope = _loss(at, [lists])[1]
    for place in range(3):
        away = step * np.eye(3)[place]
        rise = (_loss(at + away, [lists])[0] - _loss(at - away, [lists])[0]) / (2 * step)
        assert slope[place] == pytest.approx(rise, rel=1e-3, abs=1e-3)


def fold_of(retrievers: tuple[Any, ...], choices: list[int]) -> Fold:
    """Return a fold of users whose last choice is item 0, each with one later choice."""
    n = len(choices)
    log = log_of([(f"u{number}", 0, 50.0 * DAY) for number in range(n)])
    window = Window(
        train=log,
        queries=log.queries(np.arange(n, dtype=np.int32), now=log.end + 1),
        target_offsets=np.arange(n + 1),
        targets=np.array(choices, dtype=np.int32),
        target_kinds=np.ones((n, 1), dtype=bool),
        shown_not_chosen_offsets=np.zeros(n + 1, dtype=np.int64),
        shown_not_chosen=items(),
    )
    none = np.empty((n, 0), np.float32)
    found = Candidates(none.astype(np.int32), none[:, :, None], np.ones(n, np.int64), np.zeros(n), ())
    labelled = LabelledCandidates(found, none, np.ones(n, dtype=np.int64))
    return Fold(window, retrievers, labelled, np.zeros(n, dtype=np.int64))


def weights_for(choices: list[int], *retrievers: Any) -> dict[str, float]:
    report = fit_similar([fold_of(retrievers, choices)], np.ones(8, dtype=bool), np.random.default_rng(7))
    return report["alike"].weights


RIGHT, WRONG = Alike("right", [1, 2, 3]), Alike("wrong", [4, 5, 6])


def test_the_list_that_says_what_is_chosen_next_weighs_most() -> None:
    weights = weights_for([3, 2, 1, 3, 3, 2] * 20, RIGHT, WRONG)  # all of one list, in no order of it
    assert weights == {"right": 1, "wrong": 0.05}  # not 0: a new item may be in this list only
    weights = weights_for([1, 1, 1, 2, 2, 3] * 20, RIGHT, WRONG)
    assert weights["right"] * 61 / 63 > weights["wrong"]  # its third item stands before the other's first
    assert weights_for([4, 5, 6, 4, 4, 5] * 20, RIGHT, WRONG)["wrong"] == 1


def test_without_a_gain_on_others_the_weights_stay_equal() -> None:
    for choices in ([], [1], [7] * 40, [1, 4] * 40):
        assert weights_for(choices, RIGHT, WRONG) == {"right": 1, "wrong": 1}


def test_only_a_kind_with_several_lists_has_weights() -> None:
    fold = fold_of((RIGHT, WRONG, After("next", [1])), [1] * 20)
    available = np.ones(8, dtype=bool)
    assert set(fit_similar([fold], available, np.random.default_rng(7))) == {"alike"}
    assert fit_similar([], available, np.random.default_rng(7)) == {}


def test_a_fit_learns_them_and_a_snapshot_keeps_them_and_the_configuration_has_the_last_word() -> None:
    log, catalogue = small_log()
    names = ["itemknn", "ease", "content"]
    model = TwoStage(Config(retrievers=names, ranker=None)).fit(log, catalogue, rng=np.random.default_rng(7))
    assert set(model.similar_["alike"]) == set(names)
    model.similar_ = {"alike": {"itemknn": 0.0, "ease": 0.0, "content": 1.0}}
    kept = TwoStage.restore(model.spec(), model.arrays(), catalogue, config=model.config)
    weighed = Config(retrievers=names, ranker=None, similar={"content": 0, "ease": 1})
    alone = TwoStage.restore(
        model.spec(),
        model.arrays(),
        catalogue,
        config=weighed,
    )
    five = np.arange(5, dtype=np.int32)
    for one, name in ((kept, "content"), (alone, "ease")):
        retriever: Any = next(r for r in one.retrievers_ if r.name == name)
        listed = one.similar(five, 5).items
        assert listed.tolist() == retriever.similar(five, 5).items.tolist()
