import numpy as np
import pytest
from scipy import sparse
from tests.models.small import fitted, log_of

from tacit.data.queries import Queries
from tacit.models import ials
from tacit.models.ials import IALS, Factors
from tacit.testing.conformance import Conformance

RNG = np.random.default_rng(3)
X = (RNG.random((40, 12)) < 0.3) * RNG.integers(1, 4, (40, 12)).astype(np.float32)
FACTORS = RNG.normal(size=(12, 5)).astype(np.float32)


class TestIALS(Conformance):
    minimum_ndcg = 0.1
    tolerance = 1e-3

    def make(self) -> IALS:
        return IALS(embedding_size=8, epochs=3)


def naive(model: IALS, row: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """One user's factors, word for word."""
    d = factors.shape[1]
    A = model.scale_ * sum(np.outer(h, h) for h in factors)
    A = A + sum(c * np.outer(h, h) for c, h in zip(row, factors, strict=True))
    A = A + model.reg * (row.sum() + model.scale_ * len(factors)) ** model.frequency * np.eye(d)
    return np.linalg.solve(A, row @ factors)


@pytest.mark.parametrize("frequency", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("cells", [1, 200, 10**6])
def test_a_half_step_is_the_solution_of_each_row(
    frequency: float, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ials, "_CELLS", cells)
    model = IALS(embedding_size=5, reg=0.3, frequency=frequency)
    model.scale_ = 0.2
    rows = np.vstack([X, np.zeros(12)])
    solved = model._solved(sparse.csr_array(rows.astype(np.float32)), Factors(FACTORS))
    expected = [naive(model, row, FACTORS) for row in rows]
    np.testing.assert_allclose(solved, expected, rtol=1e-3, atol=1e-5)


def test_confidence_in_zeros_is_in_units_of_the_events() -> None:
    rows = np.pad(X, ((0, 3), (0, 2)))  # users and items without events do not count
    seen = X[X.any(axis=1)]
    model = fitted(IALS(embedding_size=4, unobserved=3.0), rows)
    assert model.scale_ == pytest.approx(3 * seen.mean())


def test_a_history_scores_like_the_training_row() -> None:
    model = fitted(IALS(embedding_size=4, decay=1.0), X)
    histories = [np.flatnonzero(row).tolist() for row in X if row.any()]
    weights = [row[row > 0].tolist() for row in X if row.any()]
    users = model._solved(sparse.csr_array(X[X.any(axis=1)]), model.items_)
    scores = model.score(Queries.of(histories, weights=weights))
    np.testing.assert_allclose(scores, users @ model.items_.vectors.T, rtol=1e-4, atol=1e-5)


def test_earlier_events_count_less() -> None:
    model = fitted(IALS(embedding_size=4, decay=0.5), X)
    faded = model.score(Queries.of([[3, 5]]))
    given = fitted(IALS(embedding_size=4, decay=1.0), X).score(Queries.of([[3, 5]], weights=[[0.5, 1.0]]))
    np.testing.assert_allclose(faded, given, rtol=1e-5)


def test_items_and_histories_without_events_have_no_score() -> None:
    rows = X.copy()
    rows[:, 4] = 0
    scores = fitted(IALS(embedding_size=4), rows).score(Queries.of([[], [4], [3]]))
    assert np.isneginf(scores[:2]).all()
    assert np.flatnonzero(np.isneginf(scores[2])).tolist() == [4]


def test_it_finds_two_kinds_of_people() -> None:
    kind = np.arange(60) % 2
    likes = np.random.default_rng(0).random((60, 20)) < np.where(
        kind[:, None] == np.arange(20) % 2, 0.6, 0.02
    )
    model = fitted(IALS(embedding_size=2), likes)
    assert (model.score(Queries.of([[0, 2]]))[0].argsort()[-8:] % 2 == 0).all()
    assert (model.similar(np.array([1], dtype=np.int32), 5).items % 2 == 1).all()


def test_a_large_log_is_learned_from_whole_users() -> None:
    log, _ = log_of(X)
    sample = ials._sample(log.matrix(), 30, np.random.default_rng(0)).toarray()
    assert 0 < (sample > 0).sum() <= 30
    rows = {tuple(row) for row in X}
    assert all(tuple(row) in rows for row in sample)
