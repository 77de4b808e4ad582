from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from tests.models.small import fitted, log_of

from tacit.core.errors import UnsupportedError
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.models import gram
from tacit.models.ease import EASE
from tacit.testing.conformance import Conformance

X = (np.random.default_rng(3).random((60, 12)) < 0.3).astype(np.float64)


class TestEASE(Conformance):
    minimum_ndcg = 0.1

    def make(self) -> EASE:
        return EASE()


class TestRarity(Conformance):
    minimum_ndcg = 0.05

    def make(self) -> EASE:
        return EASE(l2=1.0, rarity=0.8, decay=1.0, keep=20, name="ease-rare")


class TestLargeCatalogue(Conformance):
    minimum_ndcg = 0.1

    def make(self) -> EASE:
        return EASE(max_items=48, name="ease-large")


def plain(rows: np.ndarray, l2: np.ndarray | float) -> np.ndarray:
    """The formula of the paper, word for word."""
    P = np.linalg.inv(rows.T @ rows + np.diag(np.full(rows.shape[1], l2)))
    B: np.ndarray = -P / np.diagonal(P)
    np.fill_diagonal(B, 0)
    return B


def weights(model: EASE, n_items: int = 12) -> np.ndarray:
    """The score of a history of one item is that item's row."""
    return model.score(Queries.of([[item] for item in range(n_items)]))


def test_the_weights_are_those_of_the_formula() -> None:
    mean = X.sum(axis=0).mean()
    np.testing.assert_allclose(weights(fitted(EASE(l2=2.0), X)), plain(X, 2.0 * mean), atol=1e-5)


def test_strengths_of_events_take_part() -> None:
    strong = X * np.random.default_rng(4).integers(1, 5, X.shape)
    mean = (strong**2).sum(axis=0).mean()
    np.testing.assert_allclose(weights(fitted(EASE(l2=1.0), strong)), plain(strong, mean), atol=1e-5)


def timed(days: float) -> tuple[Interactions, Catalogue]:
    """Return X with each user's events half a day before the next user's."""
    log, catalogue = log_of(X)
    return replace(log, timing="time", at=log.user.astype(np.float64) * days * 86400), catalogue


def test_old_events_count_less_while_learning() -> None:
    log, catalogue = timed(0.5)
    model = EASE(half_life=3.0).fit(log, catalogue, rng=np.random.default_rng(0))
    faded = X * 0.5 ** ((log.user.max() - np.arange(len(X))) * 0.5 / 3.0)[:, None]
    expected = plain(faded, 4.0 * (faded**2).sum(axis=0).mean())
    np.testing.assert_allclose(weights(model), expected, atol=1e-5)


def test_nothing_fades_by_default_or_for_ever() -> None:
    log, catalogue = timed(0.5)
    plainly = weights(fitted(EASE(), X))
    for half_life in (None, np.inf):
        model = EASE(half_life=half_life).fit(log, catalogue, rng=np.random.default_rng(0))
        np.testing.assert_allclose(weights(model), plainly, atol=1e-6)
        assert EASE.restore(model.spec(), model.arrays(), catalogue) == model


def test_rarity_regularises_an_item_by_its_own_frequency() -> None:
    own = X.sum(axis=0)
    np.testing.assert_allclose(weights(fitted(EASE(l2=2.0, rarity=1.0), X)), plain(X, 2.0 * own), atol=1e-5)


def test_a_history_is_the_decayed_sum_of_its_rows() -> None:
    B = plain(X, 4.0 * X.sum(axis=0).mean())
    scores = fitted(EASE(decay=0.5), X).score(Queries.of([[3, 5], [5, 3]]))
    np.testing.assert_allclose(scores, [0.5 * B[3] + B[5], 0.5 * B[5] + B[3]], atol=1e-5)


def test_only_the_largest_weights_of_a_row_are_kept() -> None:
    whole = weights(fitted(EASE(), X))
    kept = weights(fitted(EASE(keep=3), X))
    for row, short in zip(whole, kept, strict=True):
        largest = np.argsort(-np.abs(row))[:3]
        expected = np.zeros(12)
        expected[largest] = row[largest]
        np.testing.assert_allclose(short, expected, atol=1e-7)


def test_items_without_events_have_no_score() -> None:
    rows = X.copy()
    rows[:, [4, 7]] = 0
    scores = weights(fitted(EASE(), rows))
    missing = np.isinf(scores)
    assert missing[[4, 7]].all()
    assert missing[:, [4, 7]].all()
    others = [item for item in range(12) if item not in (4, 7)]
    expected = plain(rows[:, others], 4.0 * rows[:, others].sum(axis=0).mean())
    np.testing.assert_allclose(scores[np.ix_(others, others)], expected, atol=1e-5)


def test_of_a_very_large_catalogue_the_least_popular_items_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tacit.models.ease.MOST", 2)
    rows = np.array(X)
    few = weights(fitted(EASE(max_items=4), X))
    users = (rows > 0).sum(axis=0)
    kept = np.sort(np.lexsort((np.arange(len(users)), -users))[:8])
    out = np.setdiff1d(np.arange(len(users)), kept)
    assert len(out)
    assert np.isneginf(few[:, out]).all()
    alone = weights(fitted(EASE(max_items=4), rows[:, kept]), len(kept))
    np.testing.assert_allclose(few[np.ix_(kept, kept)], alone, atol=1e-6)


def test_a_large_catalogue_leaves_no_item_out() -> None:
    small = weights(fitted(EASE(max_items=9), X))  # 3 popular items, groups of one
    assert np.isfinite(small).all()
    whole = weights(fitted(EASE(), X))
    assert np.corrcoef(small.ravel(), whole.ravel())[0, 1] > 0.5


def test_blocks_do_not_change_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = weights(fitted(EASE(keep=5), X))
    monkeypatch.setattr(gram, "CELLS", 30)  # two rows at once
    np.testing.assert_allclose(weights(fitted(EASE(keep=5), X)), whole, atol=1e-6)


def test_a_log_of_noes_only_teaches_nothing() -> None:
    model = fitted(EASE(), -X)
    assert np.isneginf(weights(model)).all()


def test_a_log_that_cannot_be_solved_says_what_to_do() -> None:
    with pytest.raises(UnsupportedError, match="raise l2"):
        fitted(EASE(l2=0.0), [[1, 1]])  # two items that are one


@pytest.mark.parametrize("rarity", [0.0, 0.7])
def test_few_users_and_many_items_are_solved_over_the_users(rarity: float) -> None:
    few = X[:4]
    squares = (few**2).sum(axis=0)
    few, squares = few[:, squares > 0], squares[squares > 0]
    penalty = 0.5 * squares.mean() * (squares / squares.mean()) ** rarity
    P = np.linalg.inv(few.T @ few + np.diag(penalty))
    rows = sparse.csr_array(few.astype(np.float32))
    assert 2 * len(few) < few.shape[1]
    np.testing.assert_allclose(gram.precision(rows, penalty), P, rtol=1e-4, atol=1e-6)
