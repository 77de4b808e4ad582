"""The second stage and reasons by compiled loops are those of NumPy."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.by_loops import MANY, assert_close, both, histories

from tacit.core import kernels
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.features.candidates import Candidates
from tacit.features.maker import FeatureMaker
from tacit.features.normaliser import Normaliser
from tacit.models.content import Content
from tacit.models.decay import decayed
from tacit.models.ease import EASE
from tacit.models.itemknn import ItemKNN
from tacit.models.repeats import Repeats
from tacit.models.sequential import Sequential
from tacit.models.userknn import UserKNN
from tacit.pipeline.blend import Blend, log_softmax
from tacit.pipeline.explain import Explainer, nameable
from tacit.pipeline.retrieval import normalised
from tacit.pipeline.secondstage import SecondStage, _best, _scored, fit_projection
from tacit.pipeline.twostage import _best_listed
from tacit.pipeline.unseen import LENGTH, TextFit, with_new_item
from tacit.rankers.mlp import MLP
from tacit.testing.generated import small_log

pytestmark = pytest.mark.skipif(kernels.COMPILED is None, reason=f"requests are answered by {kernels.STATE}")
N_ITEMS = 90
LOG, SHELF = small_log()


@st.composite
def candidates(draw: st.DrawFn) -> Candidates:
    """Draw the candidates of up to three queries by three retrievers, some of them not scored."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, width = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 30, 90]))
    items = np.full((n, width), -1, dtype=np.int32)
    for row in items:
        count = rng.integers(0, width + 1)
        row[:count] = np.sort(rng.choice(N_ITEMS, count, replace=False))
    offered = draw(st.sampled_from([(0.5, 1.0, -np.inf), (64.0, -64.0, 0.0), (1.0,), (-np.inf,)]))
    scores = rng.choice(offered, (n, width, 3)).astype(np.float32)
    scores += draw(st.sampled_from([0.0, 0.25])) * rng.integers(0, 9, scores.shape).astype(np.float32)
    scores[items < 0] = -np.inf
    lengths = rng.choice([0, 1, 7, 400, 5_000], n)
    found = Candidates(items, scores, lengths, rng.choice([0.0, 60.0, 1e9], n), ("a", "b", "c"))
    new = np.where(rng.random((n, 4)) < 0.8, rng.choice(N_ITEMS, (n, 4), replace=False), -1).astype(np.int32)
    similarity = np.where(new < 0, -np.inf, rng.random((n, 4))).astype(np.float32)
    return replace(found, by_text=Ranking(new, similarity))


@MANY
@given(candidates())
def test_standardised_scores_and_their_blend(found: Candidates) -> None:
    assert_close(lambda: normalised(found.scores)[0])
    assert_close(lambda: normalised(found.scores)[1])
    blend = Blend([0.5, 0.1, 2.0], [1.0, 0.3, 0.0], [0.2, -0.4, 0.0], [-1.0, 0.5, 0.0], [0.3, 0.0, 0.1], 60)
    assert_close(lambda: blend.weights_for(found.lengths, found.idle_times))
    parts = normalised(found.scores)
    assert_close(lambda: blend.score(found, parts))
    assert_close(lambda: log_softmax(blend.score(found, parts)))


@MANY
@given(candidates(), st.sampled_from([1, 5, 200]))
def test_the_best_candidates(found: Candidates, count: int) -> None:
    base = found.scores[:, :, 0]
    if count < base.shape[1]:
        np.testing.assert_array_equal(*both(lambda: _best(base, count)))
    listed, expected = both(lambda: _best_listed(found.items, base, count))
    np.testing.assert_array_equal(listed.items, expected.items)
    np.testing.assert_array_equal(listed.scores, expected.scores)


@MANY
@given(candidates(), st.sampled_from([1, 5]))
def test_the_rest_comes_below_the_chosen(found: Candidates, count: int) -> None:
    base = np.where(found.real, np.arange(found.items.shape[1]) % 7, -np.inf).astype(np.float32)
    if count >= base.shape[1]:
        return
    best = _best(base, count)
    chosen, rest = found.real & best, found.real & ~best
    own = np.linspace(-3, 3, int(chosen.sum()), dtype=np.float32)
    assert_close(lambda: _scored(base, chosen, rest, own))


@MANY
@given(candidates())
def test_items_without_events_join_the_candidates(found: Candidates) -> None:
    fit = TextFit(1, (0.5, -0.25, 1.5, 2.0))
    events = np.arange(N_ITEMS, dtype=np.int64) % 3 - 1
    scores = np.where(found.real, np.float32(0.5), -np.inf).astype(np.float32)
    joined, expected = both(lambda: fit.joined(found, scores, events))
    np.testing.assert_array_equal(joined[0].items, expected[0].items)
    np.testing.assert_array_equal(joined[0].scores, expected[0].scores)
    np.testing.assert_allclose(joined[1], expected[1], rtol=1e-5, atol=1e-5)


@MANY
@given(
    candidates(), st.integers(0, 2**32 - 1), st.sampled_from([1, 9, 10, 40]), st.sampled_from([0, 50, 80, 90])
)
def test_lists_with_items_without_events(found: Candidates, seed: int, k: int, known: int) -> None:
    fit = TextFit(1, (0.5, -0.25, 1.5, 2.0))
    events = np.arange(N_ITEMS, dtype=np.int64) % 3 - 1
    drawn = np.random.default_rng(seed).normal(size=found.items.shape)
    scores = np.where(found.real, drawn, -np.inf).astype(np.float32)
    ranking = fit.listed(found, scores, events, known, k, 10**5)
    joined, own = fit.joined(found, scores, events)
    if k >= LENGTH:
        own = with_new_item(joined, own, fit.place, known)
    expected = _best_listed(joined.items, own, k)
    np.testing.assert_array_equal(ranking.items, expected.items)
    np.testing.assert_array_equal(ranking.scores, expected.scores)


@cache
def stage(hidden: tuple[int, ...], knows: bool) -> SecondStage:
    """Return a second stage whose ranker has random weights."""
    rng = np.random.default_rng(5)
    maker = FeatureMaker(projection=fit_projection(LOG, SHELF))
    maker.fit(LOG, SHELF, [ItemKNN().fit(LOG, SHELF, rng=rng)])
    width = len(maker.columns("abc"))
    values = rng.normal(size=(200, width)).astype(np.float32)
    values[:9, :5] = np.nan
    values[:, 7] = 1.0
    normaliser = Normaliser().fit(values)
    widths = [width + len(normaliser.gaps_), *hidden]
    ranker = MLP(members=3, hidden=hidden)
    ranker.members_ = [
        {
            **{
                f"deep.{place}.{part}": (rng.normal(size=shape) / np.sqrt(before)).astype(np.float32)
                for place, (before, after) in enumerate(pairwise(widths))
                for part, shape in (("weight", (after, before)), ("bias", (after,)))
            },
            "out.weight": rng.normal(size=(1, widths[-1])).astype(np.float32),
            "out.bias": rng.normal(size=1).astype(np.float32),
        }
        for _ in range(3)
    ]
    blend = Blend([0.5, 0.1, 2.0], [1.0, 0.3, 0.0], [0.2, -0.4, 0.0], [-1.0, 0.5, 0.0], [0.3, 0.0, 0.1], 60)
    return SecondStage(blend, maker, normaliser, ranker, 0.75, knows)


@MANY
@given(
    candidates(),
    histories(N_ITEMS, most=1),
    st.sampled_from([(), (5,), (64, 32), (9, 3, 17)]),
    st.booleans(),
    st.sampled_from([None, 1, 5, 60]),
)
def test_final_scores(
    found: Candidates, history: Queries, hidden: tuple[int, ...], knows: bool, ranked: int | None
) -> None:
    of_all = Queries.joined([history] * len(found.items))
    found = replace(found, lengths=of_all.acted().lengths, idle_times=of_all.idle_time)
    one = stage(hidden, knows)
    assert one._loops is not None
    assert_close(lambda: one.score(of_all, found, ranked))


def test_what_has_no_single_call() -> None:
    one = stage((5,), True)
    assert replace(one, ranker_weight=0.0)._loops is None
    assert replace(one, ranker=MLP(streams=2))._loops is None
    assert replace(one, maker=FeatureMaker(projection=None, families=["moment"]))._loops is None


MODELS = [
    model.fit(LOG, SHELF, rng=np.random.default_rng(0))
    for model in (ItemKNN(decay=0.7), EASE(), Sequential(), Content(), UserKNN(), Repeats(decay=0.9))
]


@MANY
@given(
    queries=histories(N_ITEMS),
    models=st.sampled_from([[0, 1, 2, 3], [3], [1], [2, 3], [5, 0, 3], [2, 5, 3]]),
    width=st.sampled_from([N_ITEMS, 60, 1]),
    shares=st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4),
)
def test_reasons(queries: Queries, models: list[int], width: int, shares: list[float]) -> None:
    items = np.tile(np.arange(0, N_ITEMS, 9, dtype=np.int32), (len(queries), 1))
    items[:, -1] = -1
    lists = Ranking(items, np.zeros(items.shape, np.float32))
    explainer = Explainer([MODELS[model] for model in models], width, width)
    weights = np.tile(np.array(shares[: len(models)], dtype=np.float32), (len(queries), 1))
    found, expected = both(lambda: explainer.reasons(queries, lists, weights))
    assert found == expected


def test_tables_that_do_not_fit_are_refused_and_what_lies_beyond_them_is_left() -> None:
    assert kernels.COMPILED is not None
    columns, values, powers = np.array([0, 2], np.int32), np.ones(2, np.float32), np.ones(200)
    with pytest.raises(ValueError, match="offsets"):
        kernels.COMPILED.SumTables(np.array([0, 9]), columns, values, powers, 1.0, 3)
    with pytest.raises(ValueError, match="arrays"):
        kernels.COMPILED.CosineTables(np.ones((2, 4), np.float32), np.ones(3, bool), powers, 1.0, 0.5, 3, 3)
    sums = kernels.COMPILED.SumTables(np.array([0, 2]), columns, values, powers, 1.0, 9)
    vectors = np.eye(2, 4, dtype=np.float32)
    texts = kernels.COMPILED.CosineTables(vectors, np.ones(2, bool), powers, 0.5, 0.5, 3, 9)
    wanted, events = np.array([2, -1, 7, 0], np.int32), np.array([0, 8, 0, -3], np.int32)
    weight = np.ones(4, np.float32)
    history = events, weight, weight, np.ones(4, bool), True, 0.1, 1e-5
    named = kernels.COMPILED.strongest_events([sums, texts], wanted, *history)
    assert named.tolist() == [[0, -1, -1, 0], [0, -1, -1, 0]]
    with pytest.raises(ValueError, match="arrays"):
        kernels.COMPILED.strongest_events([sums], wanted, events[:2], *history[1:])
    short = kernels.COMPILED.SumTables(np.array([0, 2]), columns, values, powers[:3], 0.5, 9)
    with pytest.raises(ValueError, match="powers"):
        kernels.COMPILED.strongest_events([short], wanted, *history)


@MANY
@given(histories(20, most=1))
def test_events_that_may_be_named(queries: Queries) -> None:
    np.testing.assert_array_equal(*both(lambda: nameable(queries)))


@MANY
@given(histories(N_ITEMS), st.sampled_from([1.0, 0.85, 0.1]))
def test_weights_of_events(queries: Queries, decay: float) -> None:
    np.testing.assert_array_equal(*both(lambda: decayed(queries, decay)))


@MANY
@given(histories(N_ITEMS))
def test_what_texts_are_compared_with(queries: Queries) -> None:
    content = MODELS[3]
    assert isinstance(content, Content)
    sides, expected = both(lambda: content._sides(queries))
    np.testing.assert_array_equal(sides.offsets, expected.offsets)
    np.testing.assert_array_equal(sides.items, expected.items)
    np.testing.assert_allclose(sides.left, expected.left, rtol=1e-6)
    np.testing.assert_allclose(sides.means, expected.means, rtol=1e-5, atol=1e-5)


@MANY
@given(histories(N_ITEMS))
def test_neighbours_of_a_history(queries: Queries) -> None:
    users = MODELS[4]
    assert isinstance(users, UserKNN)
    found, expected = both(lambda: users.search(queries))
    np.testing.assert_array_equal(found.columns, expected.columns)
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-5)
