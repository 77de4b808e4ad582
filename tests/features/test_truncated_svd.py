"""The truncated decomposition: that of scikit-learn, and near the exact one."""

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from tacit.features.truncated_svd import truncated_svd


def matrix(rows: int, columns: int) -> sparse.csr_array:
    rng = np.random.default_rng(rows)
    return sparse.random_array((rows, columns), density=0.1, format="csr", dtype=np.float32, rng=rng)


@pytest.mark.parametrize("shape", [(60, 200), (200, 60), (40, 40), (3, 50), (50, 2)])
def test_it_is_that_of_scikit_learn(shape: tuple[int, int]) -> None:
    X, k = matrix(*shape), min(12, *shape)
    same: Any = np.random.RandomState(5)  # what scikit-learn draws from
    values, directions = truncated_svd(X, k, rounds=3, rng=same)
    _, theirs, ways = randomized_svd(X, k, n_iter=3, random_state=5, svd_lapack_driver="gesvd")
    assert values.dtype == directions.dtype == np.float32
    np.testing.assert_allclose(values, theirs, rtol=1e-5)
    np.testing.assert_allclose(directions, ways, atol=1e-4)


def test_it_is_near_the_exact_one() -> None:
    rng = np.random.default_rng(1)
    low = rng.normal(size=(80, 5)) @ rng.normal(size=(5, 30))
    X = sparse.csr_array((low * (rng.random((80, 30)) < 0.95)).astype(np.float32))
    values, directions = truncated_svd(X, 5, rounds=3, rng=np.random.default_rng(0))
    exact = np.linalg.svd(X.toarray())
    np.testing.assert_allclose(values, exact[1][:5], rtol=1e-4)
    np.testing.assert_allclose(np.abs((directions * exact[2][:5]).sum(axis=1)), 1, atol=1e-3)
