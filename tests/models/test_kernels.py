"""The compiled loops give what the NumPy code gives, bit by bit where only sums and choices are made."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from tests.by_loops import WEIGHTS, by_numpy

from tacit.core import kernels
from tacit.core.kernels import loops
from tacit.data.queries import Queries
from tacit.models import csr, gram, itemknn, sequential, slim
from tacit.models.accumulate import Rows
from tacit.models.covisitation import CoVisitation, Events
from tacit.models.loops import baseline_of, powers_of, rows_of
from tacit.models.sessionknn import SessionKNN
from tacit.models.sparse_scores import Baseline, SparseScores, best_allowed, united
from tacit.testing.generated import small_log

pytestmark = pytest.mark.skipif(kernels.COMPILED is None, reason=f"requests are answered by {kernels.STATE}")
many = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
SMALL = (0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 1e-38)
SCORES = (1.0, 0.5, 0.5, 0.25, 0.0, -0.0, -1.0, 1e-45, -1e-45, 1e-38, 7.0)


def assert_equal(found: Any, expected: Any) -> None:
    if is_dataclass(found):
        for field in fields(found):
            assert_equal(getattr(found, field.name), getattr(expected, field.name))
    elif isinstance(found, tuple):
        for one, other in zip(found, expected, strict=True):
            assert_equal(one, other)
    elif isinstance(found, np.ndarray):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    else:
        assert found == expected


def assert_same(call: Callable[[], Any]) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        found = call()
        with by_numpy():
            expected = call()
    assert_equal(found, expected)


@st.composite
def rows(draw: st.DrawFn, width: int, values: tuple[float, ...], count: int | None = None) -> Rows:
    """Draw rows over ``width`` columns, ascending, some empty, some full."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = draw(st.sampled_from([(0,), (0, 1, width), (width,), tuple(range(width + 1))]))
    lengths = rng.choice(sizes, draw(st.integers(0, 5)) if count is None else count)
    columns = [np.sort(rng.choice(width, size, replace=False)) for size in lengths]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    joined = np.concatenate([np.empty(0, int), *columns]).astype(np.int32)
    return Rows(offsets, joined, rng.choice(values, len(joined)).astype(np.float32), width)


@st.composite
def queries(draw: st.DrawFn, n_items: int) -> Queries:
    """Draw histories of up to 2,000 events, with repeats, and codes beyond ``n_items``."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lengths = draw(st.lists(st.sampled_from([0, 1, 2, 7, 50, 2_000]), max_size=3))
    some = rng.choice(n_items + 3, size=draw(st.sampled_from([1, 4, n_items + 3])), replace=False)
    weights = draw(st.sampled_from([WEIGHTS, (1.0,), (1e-38,), (-1.0, 0.0)]))
    found = Queries.of(
        [rng.choice(some, length).tolist() for length in lengths],
        weights=[rng.choice(weights, length).tolist() for length in lengths],
        exclude_seen=draw(st.booleans()),
    )
    user = rng.integers(-1, 150, len(found)).astype(np.int32)
    return replace(found, user=user, ordered=draw(st.booleans()))


@st.composite
def scores(draw: st.DrawFn, n: int, n_items: int) -> SparseScores:
    listed = draw(rows(n_items, SCORES, count=n))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    baseline = None
    if draw(st.booleans()):
        own = rng.choice([0.0, -np.inf, 1.0, 0.5, np.nan], draw(st.sampled_from([n_items, n_items - 3])))
        baseline = Baseline(own.astype(np.float32))
    scored = None if draw(st.booleans()) else (rng.random(n) < 0.5) | (np.diff(listed.offsets) > 0)
    return SparseScores(listed.offsets, listed.columns, listed.values, baseline, scored)


@many
@given(st.data(), queries(40), st.sampled_from([1, 3, 20, 500]), st.sampled_from([1.0, 0.5, 0.0]))
def test_the_best_allowed_items(data: st.DataObject, asked: Queries, k: int, share: float) -> None:
    own = data.draw(scores(len(asked), 40))
    allowed = np.random.default_rng(data.draw(st.integers(0, 99))).random(40) < share
    assert_same(lambda: best_allowed(own, asked, allowed, k))


@many
@given(st.data(), queries(40), st.sampled_from([1, 3, 20, 500]), st.sampled_from([1.0, 0.5, 0.0]))
def test_the_union_of_several_models(data: st.DataObject, asked: Queries, k: int, share: float) -> None:
    parts = {place: data.draw(scores(len(asked), 40)) for place in range(data.draw(st.integers(0, 3)))}
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    lists = rng.integers(-1, 40, (len(asked), data.draw(st.sampled_from([0, 1, 30])))).astype(np.int32)
    allowed = rng.random(40) < share
    assert_same(lambda: united(parts, lists, asked, allowed, k))


@many
@given(queries(90), st.sampled_from([0.0, 0.5, 2.0]), st.sampled_from([1.0, 0.85]), st.sampled_from([1, 10]))
def test_the_nearest_sessions(asked: Queries, focus: float, decay: float, last: int) -> None:
    log, catalogue = small_log()
    model = SessionKNN(k=7, recent=9, focus=focus, decay=decay, last=last)
    model.fit(log, catalogue, rng=np.random.default_rng(7))
    lists, allowed = np.empty((len(asked), 0), np.int32), np.full(90, True)
    found, scores_, _ = united({0: model.compiled({})}, lists, asked, allowed, 90)
    with by_numpy():
        expected, expected_scores, _ = united(
            {0: model.sparse_scores(asked, 90, allowed)}, lists, asked, allowed, 90
        )
    np.testing.assert_array_equal(found, expected)
    # NumPy adds the strengths of a session pair by pair.
    np.testing.assert_allclose(scores_, expected_scores, rtol=1e-5, atol=1e-42)


def listed(matrix: Rows) -> tuple[list[int], list[float]]:
    """Return what a scorer that adds up the rows of a matrix lists for a history of the item 0."""
    sums = loops().ItemSums(rows_of(matrix), powers_of(1.0), 10, baseline_of(None))
    asked = Queries.of([[0]], exclude_seen=False)
    items, found, _ = united({0: sums}, np.empty((1, 0), np.int32), asked, np.full(3, True), 3)
    return items[0].tolist(), found[0, :, 0].tolist()


def test_a_matrix_that_is_no_matrix_is_refused() -> None:
    whole = Rows(np.array([0, 1]), np.array([2], np.int32), np.ones(1, np.float32), 3)
    with pytest.raises(ValueError, match="offsets do not fit"):
        listed(replace(whole, offsets=np.array([0, 9])))
    with pytest.raises(ValueError, match="offsets must not fall"):
        listed(replace(whole, offsets=np.array([0, 1, 0, 1])))
    users = loops().UserSearch(rows_of(whole), np.ones(1, np.float32), powers_of(1.0), 3)
    too_few = loops().UserSums(users, rows_of(whole), baseline_of(None))
    with pytest.raises(ValueError, match="a row beyond the matrix"):
        united({0: too_few}, np.empty((1, 0), np.int32), Queries.of([[0]]), np.full(3, True), 3)
    assert listed(whole) == ([2], [1.0])  # what was refused left nothing behind


@st.composite
def sparse_matrices(draw: st.DrawFn) -> sparse.csr_array:
    """Draw a matrix whose columns ascend in each row, with ties, empty rows and the smallest numbers."""
    width = draw(st.sampled_from([1, 3, 40]))
    found = draw(rows(width, (1.0, 0.5, 0.5, 0.25, 1e-38, 1e-30, 7.0)))
    return sparse.csr_array(
        (found.values, found.columns, found.offsets), shape=(len(found.offsets) - 1, width)
    )


def parts(matrix: sparse.csr_array) -> tuple[np.ndarray, ...]:
    matrix.sort_indices()
    return matrix.data, matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)


@given(sparse_matrices())
@many
def test_products_of_columns(matrix: sparse.csr_array) -> None:
    assert_same(lambda: parts(gram.products(matrix)))


@given(sparse_matrices(), st.sampled_from([0, 1, 2, 5, 100]))
@many
def test_best_of_rows(matrix: sparse.csr_array, k: int) -> None:
    if k:
        assert_same(lambda: parts(csr.best_of_rows(matrix.copy(), k)))
    else:
        assert loops().largest_of_rows(*loose(matrix), 0).sum() == 0


def loose(matrix: sparse.csr_array) -> tuple[np.ndarray, ...]:
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data


@given(sparse_matrices(), st.integers(0, 2**32 - 1))
@many
def test_dense_among(matrix: sparse.csr_array, seed: int) -> None:
    square = gram.products(matrix)
    rng = np.random.default_rng(seed)
    items = np.sort(rng.choice(square.shape[0], rng.integers(0, square.shape[0] + 1), replace=False))
    assert_same(lambda: csr.dense_among(square, items))


@given(st.integers(1, 6), st.integers(1, 9), st.sampled_from([1, 2, 5, 100]), st.integers(0, 2**32 - 1))
@many
def test_largest_by_size(height: int, width: int, keep: int, seed: int) -> None:
    B = np.random.default_rng(seed).choice([*SCORES, -7.0, -0.5], (height, width)).astype(np.float32)

    def found() -> tuple[np.ndarray, ...]:
        kept = gram.largest(B, keep)
        return kept.data, kept.coords[0].astype(np.int64), kept.coords[1].astype(np.int64)

    assert_same(found)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 20]), st.sampled_from([0.5, 0.8, 1.0]))
@many
def test_steps_from_one_event_to_the_next(seed: int, window: int, decay: float) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.choice([0, 1, 2, 7, 60], 6)
    size = int(lengths.sum())
    remaining = np.concatenate([np.arange(length)[::-1] for length in lengths]).astype(np.int64)
    liked = rng.choice([0.0, 1.0, 0.3], size)
    item = rng.integers(0, 5, size).astype(np.int32)
    steps = sequential._Steps(item, liked, rng.choice([0.0, 1.0, 0.7], size) * (liked > 0), remaining)

    def products() -> tuple[np.ndarray, ...]:
        G, A = np.zeros((2, 5, 5), dtype=np.float32)
        sequential._add_steps(G, A, steps, window, decay)
        return G, A

    assert_same(products)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 3.0]), st.sampled_from([0.1, 2.0]))
@many
def test_nonnegative_weights_of_neighbours(seed: int, l1: float, l2: float) -> None:
    rng = np.random.default_rng(seed)
    X = (rng.random((30, 8)) < 0.3).astype(np.float32)
    G, items = X.T @ X, np.array([0, 3, 7])
    alike = np.stack([rng.permutation(np.delete(np.arange(8), item))[:5] for item in items])
    alike[1, 2:] = -1
    assert_same(lambda: slim._solved(G, items, alike, l1=l1, l2=l2))


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 9]))
@many
def test_most_alike_items(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.choice(SMALL, (6, 9)).astype(np.float32)
    G, items = X.T @ X, np.array([0, 3, 8])
    assert_same(lambda: slim._most_alike(G, items, min(width, 8)))


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 10]), st.sampled_from([0.5, np.inf]))
@many
def test_pairs_of_visits(seed: int, window: int, gap: float) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.choice([0, 1, 2, 7, 40], 6)
    user = np.repeat(np.arange(6), lengths).astype(np.int32)
    size = len(user)
    at = np.cumsum(rng.choice([0.0, 60.0, 7_200.0], size))
    item, weight = rng.integers(0, 5, size).astype(np.int32), rng.choice([1.0, 0.3, 1e-30], size)
    events, new = Events(user, item, weight.astype(np.float32), at), rng.random(size) < 0.7
    model = CoVisitation(window=window, gap=gap, half_life=0.1)
    model.visits_, model.since_ = np.zeros(5), float(at.max(initial=0))
    model.counts_ = sparse.csr_array((5, 5))
    found = model._forward_pairs(events, new).toarray()
    with by_numpy():
        expected = model._forward_pairs(events, new).toarray()
    np.testing.assert_allclose(found, expected, rtol=1e-12)  # sums in another order


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 20]), st.sampled_from([0.0, 2.5]), st.booleans())
@many
def test_nearest_items(seed: int, k: int, shrinkage: float, shared: bool) -> None:
    rng = np.random.default_rng(seed)
    X = sparse.csr_array(rng.choice(SMALL, (7, 9)).astype(np.float32))
    products = gram.products(X) if shared else None

    def found() -> tuple[np.ndarray, ...]:
        best = itemknn._neighbours(X, products, k, shrinkage)
        best.sort_indices()
        return best.data, best.indices, best.indptr

    assert_same(found)


def test_places_beyond_the_end_are_refused() -> None:
    square, items = np.eye(3, dtype=np.float32), np.array([0])
    with pytest.raises(ValueError, match="beyond the end"):
        loops().nonnegative(square, items, np.array([[3]]), 0.0, 1.0, 5, 1e-3)
    with pytest.raises(ValueError, match="beyond the end"):
        loops().products_of_columns(np.array([0, 1]), np.array([9], np.int32), np.ones(1, np.float32), 3)
    rows, columns = np.array([0, 1]), np.array([1], np.int32)
    of_one = rows, columns, np.ones(1, np.float32)
    with pytest.raises(ValueError, match="beyond the end"):
        loops().nearest_by_products(*of_one, np.array([0], np.int32), np.ones(1), 0.0, 1)
    with pytest.raises(ValueError, match="beyond the end"):
        loops().nearest_by_users(*of_one, *of_one, np.array([0], np.int32), np.ones(1), 0.0, 1)
    event = np.zeros(1, np.int32), np.array([3], np.int32), np.ones(1, np.float32), np.ones(1), np.ones(1)
    with pytest.raises(ValueError, match="beyond the end"):
        loops().pairs_within(*event, np.array([True]), 1, 1.0, 1.0, 3)
    with pytest.raises(ValueError, match="beyond the end"):
        loops().most_alike(square, np.array([3]), np.ones(3, np.float32), 2)
    one = np.ones(1)
    with pytest.raises(ValueError, match="do not fit"):
        loops().add_steps(
            square.copy(), square.copy(), np.zeros(1, np.int32), one, one, np.array([5]), 2, 0.5
        )
