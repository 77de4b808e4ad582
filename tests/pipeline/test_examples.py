"""Ranking examples: which pairs of a fold are drawn, what they weigh and which labels they have."""

from dataclasses import replace

import numpy as np
import pytest
from tests.pipeline.toys import CONFIG, fitted_fold, of_the_window, window

from tacit.core.errors import ConfigError
from tacit.features.families import USUAL
from tacit.features.maker import FeatureMaker
from tacit.features.normaliser import Normaliser
from tacit.models.protocol import batches
from tacit.pipeline.examples import drawn_of, pairs, ranking_examples
from tacit.testing.generated import small_log


def test_examples_label_what_was_chosen_next() -> None:
    one = of_the_window(CONFIG)
    for row in range(0, len(window().queries), 9):
        start, stop = window().target_offsets[row : row + 2]
        targets = set(window().targets[start:stop].tolist())
        chosen = one.labelled.candidates.items[row][one.labelled.labels[row] > 0].tolist()
        assert set(chosen) == targets & set(one.labelled.candidates.items[row].tolist())
        assert one.labelled.totals[row] == len(targets)
    assert one.labelled.labels.sum() > 0


def test_queries_without_whole_lists_give_all_positives_and_a_sample_of_the_rest() -> None:
    one = of_the_window(CONFIG)
    assert len(one.features) == len(one.pair) == len(one.weight)
    assert (one.weight > 0).all()
    assert one.label.sum() == one.labelled.labels.sum()
    per_query = np.bincount(one.query) - np.bincount(one.query, one.label[:, 0])
    real = one.labelled.candidates.real.sum(axis=1)
    assert 0.7 * 60 < per_query[real > 60].mean() < 1.3 * 60
    assert (one.labelled.candidates.items.ravel()[one.pair] >= 0).all()
    # What was drawn stands for all: the weights of a list sum to about its length.
    stood_for = np.bincount(one.query, one.weight)
    assert stood_for[real > 60].mean() == pytest.approx(real[real > 60].mean(), rel=0.1)


def test_what_was_shown_and_not_chosen_is_always_drawn_and_counts_more_in_training() -> None:
    _, catalogue = small_log()
    fold = fitted_fold(CONFIG)
    found = fold.labelled.candidates
    last = found.items.max(axis=1)  # the last candidate of each list was shown, and one chosen by nobody
    offsets = np.arange(len(last) + 1, dtype=np.int64)
    shown = replace(
        fold, window=replace(fold.window, shown_not_chosen_offsets=offsets, shown_not_chosen=last)
    )
    whole = np.arange(len(last)) % 2 == 0
    one = ranking_examples(shown, catalogue, None, USUAL, (), whole, np.random.default_rng(0), 3.0)
    shown_not_chosen = found.items.ravel()[one.pair] == last[one.query]
    assert shown_not_chosen.sum() == len(last)
    assert (one.weight[shown_not_chosen] == 1).all()
    assert (one.train_weight[shown_not_chosen] == 3).all()
    np.testing.assert_array_equal(one.train_weight[~shown_not_chosen], one.weight[~shown_not_chosen])
    # The others stand for as many as ever.
    rest = ~shown_not_chosen & (one.weight > 0) & (one.label[:, 0] == 0)
    assert (
        one.weight[rest] == np.maximum(found.real.sum(axis=1) / 60, 1).astype(np.float32)[one.query[rest]]
    ).all()


def test_whole_lists_keep_all_pairs_and_the_losses_take_the_drawn_ones_alone() -> None:
    queries = len(window().queries)
    half = np.arange(queries) % 2 == 0
    some, one = (of_the_window(CONFIG, whole=whole) for whole in (half, np.ones(queries, dtype=bool)))
    np.testing.assert_array_equal(one.pair, np.flatnonzero(one.labelled.candidates.real))
    np.testing.assert_array_equal(some.pair[half[some.query]], one.pair[half[one.query]])
    np.testing.assert_array_equal(some.pair[some.weight > 0], one.pair[one.weight > 0])
    np.testing.assert_array_equal(some.features, one.features[np.isin(one.pair, some.pair)])
    assert 0 < (one.weight > 0).sum() < len(one.weight)
    assert (one.weight[one.label[:, 0] > 0] == 1).all()


def test_tasks_label_what_was_chosen_by_each_type_of_event() -> None:
    kinds = window().train.kinds
    one = of_the_window(CONFIG, tasks=kinds)
    assert one.label.shape == (len(one.pair), len(kinds))
    np.testing.assert_array_equal(one.label.max(axis=1), of_the_window(CONFIG).label[:, 0])


def test_a_task_that_the_log_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigError, match="a task 'nonsense', but the log knows only"):
        of_the_window(CONFIG, tasks=("nonsense",))


@pytest.mark.parametrize("size", [7, 512])
def test_features_are_those_of_the_kept_pairs(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tacit.pipeline.examples.batches", lambda queries, width: batches(queries, width, size * width)
    )
    one, fold = of_the_window(CONFIG), fitted_fold(CONFIG)
    maker = FeatureMaker(projection=None, families=USUAL)
    maker.fit(fold.window.train, small_log()[1], fold.retrievers)
    found = fold.labelled.candidates
    every = maker.transform(fold.window.queries, found)
    np.testing.assert_allclose(one.features, every[np.isin(np.flatnonzero(found.real), one.pair)], rtol=1e-5)
    assert one.columns == maker.columns(found.retrievers)
    np.testing.assert_array_equal(one.user, fold.window.queries.user)


def test_pairs_of_some_queries_of_all_folds_are_numbered_one_after_the_other() -> None:
    one = of_the_window(CONFIG)
    one = replace(one, train_weight=2 * one.weight)
    queries = len(one.part)
    normaliser = Normaliser().fit(one.features, one.columns)
    base = np.arange(one.labelled.candidates.items.size, dtype=np.float32).reshape(queries, -1)
    first, second = np.arange(queries) % 2 == 0, np.arange(queries) < 5
    found = pairs([one, one], [first, second], [base, -base], normaliser, training=False)
    mine, others = drawn_of(one, first), drawn_of(one, second)
    assert found.group.tolist() == [*one.query[mine], *(queries + one.query[others])]
    assert found.base.tolist() == [*one.pair[mine], *-one.pair[others]]
    np.testing.assert_array_equal(found.label, np.concatenate([one.label[mine], one.label[others]]))
    np.testing.assert_array_equal(found.weight, np.concatenate([one.weight[mine], one.weight[others]]))
    in_training = pairs([one, one], [first, second], [base, -base], normaliser, training=True)
    np.testing.assert_array_equal(in_training.weight, 2 * found.weight)
    np.testing.assert_allclose(
        found.features, normaliser.transform(np.concatenate([one.features[mine], one.features[others]]))
    )


def test_pairs_that_were_not_drawn_are_no_pairs_of_the_losses() -> None:
    every = np.ones(len(window().queries), dtype=bool)
    one = of_the_window(CONFIG, whole=every)
    assert drawn_of(one, every).sum() == (one.weight > 0).sum() < len(one.weight)
    assert not drawn_of(one, ~every).any()
