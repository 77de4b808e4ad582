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
from tacit.core.kernels import loops
from tacit.data.queries import Queries
from tacit.models.accumulate import Rows
from tacit.models.loops import baseline_of, powers_of, rows_of
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
