"""The second stage: blend and ranker mixed, by hand; what is learned survives a snapshot."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tacit.core.types import Float32
from tacit.data.queries import Queries
from tacit.features.candidates import Candidates
from tacit.features.maker import FeatureMaker
from tacit.features.normaliser import Normaliser
from tacit.pipeline.blend import Blend, log_softmax
from tacit.pipeline.secondstage import SecondStage, fit_projection, weighted_scores
from tacit.rankers.mlp import MLP
from tacit.testing.generated import small_log

NO = -np.inf
QUERIES = Queries.of([[3, 8], [], [41]])
FOUND = Candidates(
    np.array([[1, 5, 9], [2, 4, -1], [-1, -1, -1]], dtype=np.int32),
    np.array(
        [[[3, 1], [2, NO], [1, 2]], [[1, 1], [0, 4], [NO, NO]], [[NO, NO]] * 3],
        dtype=np.float32,
    ),
    QUERIES.lengths,
    QUERIES.idle_time,
    ("trending", "ease"),
)


def ranker(width: int) -> MLP:
    """A ranker of random weights: any will do."""
    rng = np.random.default_rng(3)
    built = MLP(hidden=[4], members=1)
    shapes = {"deep.0.weight": (4, width), "deep.0.bias": (4,), "out.weight": (1, 4), "out.bias": (1,)}
    built.members_ = [{name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}]
    return built


@pytest.fixture(scope="module")
def stage() -> SecondStage:
    log, catalogue = small_log()
    maker = FeatureMaker(projection=fit_projection(log, catalogue)).fit(log, catalogue)
    features = maker.transform(QUERIES, FOUND)
    normaliser = Normaliser().fit(features)
    return SecondStage(
        Blend([0.5, 0.5], [0.25, 0.75], [0.0, 0.1], [0.0, 0.0], [0.25, 0.75]),
        maker,
        normaliser,
        ranker(normaliser.transform(features).shape[1]),
        ranker_weight=0.5,
    )


def ranked(stage: SecondStage) -> Float32:
    base = log_softmax(stage.blend.score(FOUND))
    scores = np.full(FOUND.items.shape, NO, dtype=np.float32)
    features = stage.normaliser.transform(stage.maker.transform(QUERIES, FOUND))
    scores[FOUND.real] = stage.ranker.score(features, base[FOUND.real])
    return scores


def test_so_much_of_what_the_ranker_adds_is_believed() -> None:
    base = np.array([[4, 2, NO], [NO] * 3], dtype=np.float32)
    other = np.array([[0, 10, NO], [NO] * 3], dtype=np.float32)
    np.testing.assert_array_equal(weighted_scores(base, other, 0.25), [[3, 4, NO], [NO] * 3])


def test_with_weight_0_only_the_blend_counts(stage: SecondStage) -> None:
    alone = replace(stage, ranker_weight=0.0).score(QUERIES, FOUND)
    np.testing.assert_array_equal(alone, log_softmax(stage.blend.score(FOUND)))
    np.testing.assert_array_equal(replace(stage, ranker=None).score(QUERIES, FOUND), alone)
    assert np.isneginf(alone[FOUND.items < 0]).all()


def test_with_weight_1_the_order_is_the_rankers(stage: SecondStage) -> None:
    scores = replace(stage, ranker_weight=1.0).score(QUERIES, FOUND)
    np.testing.assert_array_equal(
        np.argsort(-scores, kind="stable"), np.argsort(-ranked(stage), kind="stable")
    )
    np.testing.assert_array_equal(np.isneginf(scores), FOUND.items < 0)


def test_half_weight_is_the_mean_of_the_two(stage: SecondStage) -> None:
    expected = (log_softmax(stage.blend.score(FOUND)) + ranked(stage)) / 2
    np.testing.assert_allclose(stage.score(QUERIES, FOUND), expected, rtol=1e-5)


def wide(n: int, count: int, seed: int) -> tuple[Queries, Candidates]:
    """Lists of up to ``count`` candidates by two retrievers, for users with and without a history."""
    rng = np.random.default_rng(seed)
    queries = Queries.of([rng.integers(0, 90, 5 * (row % 3)).tolist() for row in range(n)])
    items = np.sort(np.stack([rng.permutation(90)[:count] for _ in range(n)]), axis=1).astype(np.int32)
    items[::2, -2:] = -1
    scores = rng.standard_normal((n, count, 2)).round(1).astype(np.float32)
    scores[rng.random(scores.shape) < 0.2] = NO
    scores[items < 0] = NO
    return queries, Candidates(items, scores, queries.lengths, queries.idle_time, ("trending", "ease"))


@pytest.mark.parametrize("ranked", [1, 7, 39, 40, 41, 1_000])
def test_the_best_of_the_blend_are_ranked_and_the_others_follow_in_its_order(
    stage: SecondStage, ranked: int
) -> None:
    queries, found = wide(6, 40, seed=1)
    every, some = stage.score(queries, found), stage.score(queries, found, ranked)
    base = log_softmax(stage.blend.score(found))
    for row in range(6):
        real = np.flatnonzero(found.real[row])
        order = real[np.argsort(-base[row, real], kind="stable")]
        first, rest = order[:ranked], order[ranked:]
        np.testing.assert_allclose(some[row, first], every[row, first], rtol=1e-5, atol=1e-5)
        assert (np.diff(some[row, rest]) <= 1e-5).all()
        if len(rest):
            assert some[row, rest].max() < some[row, first].min()
    np.testing.assert_array_equal(np.isneginf(some), ~found.real)


def test_new_users_that_the_ranker_does_not_know_keep_the_blend(stage: SecondStage) -> None:
    queries, found = wide(6, 40, seed=2)
    base = log_softmax(stage.blend.score(found))
    scores = replace(stage, knows_new_users=False).score(queries, found, 20)
    np.testing.assert_array_equal(scores[::3], base[::3])
    assert (scores[1] != base[1]).any()


def test_a_list_in_a_batch_is_the_list_alone(stage: SecondStage) -> None:
    queries, found = wide(6, 40, seed=3)
    together = stage.score(queries, found, 15)
    for row in range(6):
        rows = np.array([row])
        alone = stage.score(queries.take(rows), found.take(rows), 15)
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-5, atol=1e-5)


def test_a_snapshot_keeps_blend_ranker_and_weight(stage: SecondStage) -> None:
    spec = json.loads(json.dumps(stage.spec(), allow_nan=False))
    again = SecondStage.restore(spec, stage.arrays(), small_log()[1], ())
    assert again.ranker is not None
    assert again.normaliser is not None
    np.testing.assert_array_equal(again.score(QUERIES, FOUND), stage.score(QUERIES, FOUND))
    bare = SecondStage(stage.blend, stage.maker)
    without = SecondStage.restore(bare.spec(), bare.arrays(), small_log()[1], ())
    assert without.ranker is None
    np.testing.assert_array_equal(without.score(QUERIES, FOUND), bare.score(QUERIES, FOUND))


def test_a_longer_log_changes_the_statistics_and_nothing_else(stage: SecondStage) -> None:
    log, catalogue = small_log()
    earlier = stage.fitted(log.before(float(np.median(log.at))), catalogue, ())
    assert earlier.maker.state_.statistics.end < stage.maker.state_.statistics.end == log.end
    assert earlier.blend.spec() == {**stage.blend.spec(), "n_items": len(catalogue)}
    assert (earlier.normaliser, earlier.ranker, earlier.ranker_weight) == (
        stage.normaliser,
        stage.ranker,
        stage.ranker_weight,
    )
    assert earlier.maker.projection is stage.maker.projection


def test_the_view_of_the_vectors_is_fitted_on_items_with_events() -> None:
    log, catalogue = small_log()
    few = log.select(np.isin(log.item, [3, 4, 5]))
    projection = fit_projection(few, catalogue)
    np.testing.assert_allclose(projection.mean_, catalogue.vectors[3:6].mean(axis=0), rtol=1e-6)
    assert projection.directions_.shape == (16, 3)  # three items span no more
    assert fit_projection(log, catalogue).directions_.shape == (16, 16)
    assert fit_projection(log.select(log.user < 0), catalogue) is None
    assert fit_projection(log, replace(catalogue, vectors=None)) is None
