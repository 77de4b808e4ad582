"""The compiled loops give what the NumPy code gives, bit by bit where only sums and choices are made."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.by_loops import WEIGHTS, by_numpy

from tacit.core import kernels
from tacit.data.queries import Queries
from tacit.models.accumulate import Rows, accumulated, best_of_each, history_rows
from tacit.models.sessionknn import SessionKNN
from tacit.models.sparse_scores import Baseline, SparseScores, best_allowed, united
from tacit.testing.generated import small_log

pytestmark = pytest.mark.skipif(kernels.COMPILED is None, reason=f"requests are answered by {kernels.STATE}")
many = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
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


@many
@given(queries(20), st.sampled_from([1.0, 0.85, 0.5, 1e-3]), st.sampled_from([None, 1, 10, 5_000]))
def test_rows_of_histories(asked: Queries, decay: float, last: int | None) -> None:
    assert_same(lambda: history_rows(asked, decay, 20, last))


@many
@given(st.data(), st.sampled_from([1, 8, 9, 100]), st.booleans())
def test_weighted_sums_of_rows(data: st.DataObject, width: int, zeros: bool) -> None:
    matrix = data.draw(rows(width, SCORES, count=12))
    weights = data.draw(rows(12, WEIGHTS))
    assert_same(lambda: accumulated(weights, matrix, zeros=zeros))


@many
@given(rows(60, SCORES), st.sampled_from([0, 1, 5, 59, 60, 500]), st.integers(-1, 60))
def test_best_of_each_row(listed: Rows, k: int, without: int) -> None:
    assert_same(lambda: best_of_each(listed, k, np.full(len(listed), without, np.int32)))


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
    parts = [data.draw(scores(len(asked), 40)) for _ in range(data.draw(st.integers(0, 3)))]
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    lists = rng.integers(-1, 40, (len(asked), data.draw(st.sampled_from([0, 1, 30])))).astype(np.int32)
    allowed = rng.random(40) < share
    assert_same(lambda: united(parts, lists, asked, allowed, k))


@many
@given(queries(90), st.sampled_from([0.0, 0.5, 2.0]), st.sampled_from([1.0, 0.85]))
def test_the_nearest_sessions(asked: Queries, focus: float, decay: float) -> None:
    log, catalogue = small_log()
    model = SessionKNN(k=7, recent=9, focus=focus, decay=decay)
    model.fit(log, catalogue, rng=np.random.default_rng(7))
    found = model.sparse_scores(asked, 5, np.full(90, True))
    with by_numpy():
        expected = model.sparse_scores(asked, 5, np.full(90, True))
    assert_equal(found.scored, expected.scored)
    # NumPy adds the strengths of a session pair by pair.
    close = {"rtol": 1e-5, "atol": 1e-42}
    np.testing.assert_allclose(found.dense(90), expected.dense(90), **close)


def test_a_matrix_that_is_no_matrix_is_refused() -> None:
    whole = Rows(np.array([0, 1]), np.array([0], np.int32), np.ones(1, np.float32), 3)
    with pytest.raises(ValueError, match="a row beyond the matrix"):
        accumulated(replace(whole, columns=np.array([5], np.int32)), whole)
    with pytest.raises(ValueError, match="offsets do not fit"):
        accumulated(replace(whole, offsets=np.array([0, 9])), whole)
    with pytest.raises(ValueError, match="offsets must not fall"):
        best_of_each(replace(whole, offsets=np.array([0, 1, 0, 1])), 3, np.full(3, -1, np.int32))
    total, met = accumulated(whole, whole)  # what was refused left nothing behind
    assert (total.columns.tolist(), total.values.tolist(), met.tolist()) == ([0], [1.0], [True])
