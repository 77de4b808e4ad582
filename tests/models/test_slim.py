from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls
from tests.models.small import fitted, log_of

from tacit.core.types import DAY
from tacit.data.queries import Queries
from tacit.models.slim import SLIM, nonnegative
from tacit.testing.conformance import Conformance

X = (np.random.default_rng(3).random((60, 12)) < 0.3).astype(np.float64)


class TestSLIM(Conformance):
    minimum_ndcg = 0.1

    def make(self) -> SLIM:
        return SLIM()


def plain(rows: np.ndarray, item: int, others: np.ndarray, l1: float, l2: float) -> np.ndarray:
    """The weights of one item by an independent solver: what is minimised, written as least squares."""
    A = rows[:, others].T @ rows[:, others] + l2 * np.eye(len(others))
    R = np.linalg.cholesky(A).T
    solved: np.ndarray = nnls(R, np.linalg.solve(R.T, rows[:, others].T @ rows[:, item] - l1))[0]
    return solved


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.5), (0.1, 0.25), (0.3, 1.0)])
def test_the_weights_are_those_of_another_solver(l1: float, l2: float) -> None:
    unit = X.sum(axis=0).mean()
    model = fitted(SLIM(l1=l1, l2=l2), X)
    found = model.score(Queries.of([[item] for item in range(12)]))
    for item in range(12):
        others = np.delete(np.arange(12), item)
        expected = plain(X, item, others, l1 * unit, l2 * unit)
        np.testing.assert_allclose(np.maximum(found[others, item], 0), expected, atol=2e-3)


def test_only_the_items_most_alike_explain_an_item() -> None:
    rows = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [0, 0, 1], [1, 1, 1]])
    # Cosines of item 0: 3 / sqrt(12) with item 1, 2 / sqrt(12) with item 2.
    found = fitted(SLIM(l1=0.0, l2=0.1, neighbours=1), rows).weights_.matrix.toarray()
    assert found[1, 0] > 0
    assert found[2, 0] == 0


@given(st.integers(1, 4), st.integers(1, 6), st.floats(0, 3), st.floats(0.1, 3), st.integers(0, 2**31 - 1))
def test_no_weight_can_be_bettered_alone(n: int, m: int, l1: float, l2: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = (rng.random((n, 20, m + 1)) < 0.4).astype(np.float32)
    products = np.einsum("nui,nuj->nij", rows, rows)
    G, target = products[:, :m, :m], products[:, :m, m]
    weights = nonnegative(lambda rows, k: G[rows, k], np.diagonal(G, axis1=1, axis2=2), target, l1=l1, l2=l2)
    slope = np.einsum("nij,nj->ni", G, weights) + l2 * weights - target + l1
    assert (weights >= 0).all()
    assert (slope > -0.1).all()
    assert (np.abs(slope[weights > 0]) < 0.1).all()


@pytest.mark.filterwarnings("error")
def test_items_that_faded_away_have_no_neighbours() -> None:
    log, catalogue = log_of(X)
    at = np.where(log.item < 6, 0.0, 2_000 * DAY)
    old = replace(log, at=at, timing="time")
    model = SLIM(half_life=3.0).fit(old, catalogue, rng=np.random.default_rng(0))
    found = model.weights_.matrix.toarray()
    assert np.isfinite(found).all()
    assert not found[:6].any()
    assert found[6:, 6:].any()


def test_the_rarest_items_are_left_to_others() -> None:
    model = fitted(SLIM(max_items=5), X)
    assert model.weights_.known.sum() == 5
    assert (model.score(Queries.of([[0]]))[:, ~model.weights_.known] == -np.inf).all()
