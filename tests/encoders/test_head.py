"""The head against a naive solution, and what it does for items that nobody has clicked."""

import numpy as np
import pytest
from scipy import sparse

from tacit.core.types import Float32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.encoders.head import Head, _histories, _Normal, fit_head
from tacit.encoders.projection import Projection
from tacit.testing.generated import N_GROUPS, small_log


def unit(vectors: np.ndarray) -> Float32:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def noisy(log: Interactions, noise: float = 1.5) -> Float32:
    """Vectors of which three dimensions tell the group, faintly, and the others tell nothing."""
    rng = np.random.default_rng(5)
    groups = rng.standard_normal((N_GROUPS, 3))[np.arange(log.n_items) % N_GROUPS]
    return unit(np.hstack([groups, noise * rng.standard_normal((log.n_items, 12))]))


@pytest.fixture(scope="module")
def log() -> Interactions:
    return small_log()[0]


@pytest.mark.parametrize("strength", [0.5, 20.0])
def test_the_solution_is_where_the_gradient_is_nothing(log: Interactions, strength: float) -> None:
    F = noisy(log)
    normal = _Normal.of(log, F)
    X = sparse.csr_array(_histories(log, F)).toarray().astype(np.float64)
    F = F.astype(np.float64)
    d = F.shape[1]
    pull = strength * normal.g.mean() * normal.t.mean()

    def naive(M: np.ndarray) -> np.ndarray:
        """The gradient of |X - X F M F'|^2 + pull |M - s I|^2, halved; of itself an item says nothing."""
        target = X.T @ X
        np.fill_diagonal(target, 0)
        G, T = F.T @ X.T @ X @ F, F.T @ F
        return G @ M @ T - F.T @ target @ F + pull * (M - 3 * normal.scale * np.eye(d))

    # The head is the root of the symmetric, positive part; so the equation itself is asked here.
    np.testing.assert_allclose(normal.g, np.linalg.eigvalsh(F.T @ X.T @ X @ F), rtol=1e-6, atol=1e-8)
    shrunk = normal.target + pull * 3 * normal.scale * (normal.U.T @ normal.V)
    M = normal.U @ (shrunk / (np.outer(normal.g, normal.t) + pull)) @ normal.V.T
    np.testing.assert_allclose(naive(M), 0, atol=1e-6)
    values, Q = np.linalg.eigh((M + M.T) / 2)
    W = normal.head(strength).matrix
    np.testing.assert_allclose(W @ W.T, (Q * np.maximum(values, 0)) @ Q.T, atol=1e-5)


def test_a_strong_pull_is_the_identity(log: Interactions) -> None:
    F = noisy(log)
    np.testing.assert_allclose(_Normal.of(log, F).head(1e9).transform(F), F, atol=1e-4)
    assert fit_head(log, F, rng=np.random.default_rng(0), strengths=(None,)).head.strength is None


def test_items_set_aside_are_found_better(log: Interactions) -> None:
    fit = fit_head(log, noisy(log), rng=np.random.default_rng(0))
    assert fit.head.strength is not None
    assert fit.after.recall > fit.before.recall * 1.2
    assert fit.after.ndcg == max(trial.quality.ndcg for trial in fit.trials)


def test_it_learns_nothing_where_there_is_nothing_to_learn() -> None:
    rng = np.random.default_rng(0)
    log, catalogue = small_log()
    alone = log.select(np.diff(log.user, prepend=-1) > 0)  # one event of each user
    fit = fit_head(alone, Projection().fit(catalogue.vectors).transform(catalogue.vectors), rng=rng)
    assert fit.head.strength is None
    assert fit.before.recall == 0


def test_a_row_of_zeros_stays_one_and_all_others_have_length_one(log: Interactions) -> None:
    F = noisy(log)
    F[3] = 0
    out = fit_head(log, F, rng=np.random.default_rng(0)).head.transform(F)
    assert out.dtype == np.float32
    assert not out[3].any()
    np.testing.assert_allclose(np.linalg.norm(np.delete(out, 3, axis=0), axis=1), 1, rtol=1e-5)


def test_a_round_trip_keeps_the_matrix_and_the_strength(log: Interactions) -> None:
    head = fit_head(log, noisy(log), rng=np.random.default_rng(0)).head
    again = Head.restore(head.arrays())
    np.testing.assert_array_equal(again.transform(noisy(log)), head.transform(noisy(log)))
    assert again.strength == head.strength


def test_the_catalogue_of_the_kit_is_left_alone() -> None:
    log, catalogue = small_log()
    assert isinstance(catalogue, Catalogue)
    before = catalogue.vectors.copy()
    fit_head(log, catalogue.vectors, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(catalogue.vectors, before)
