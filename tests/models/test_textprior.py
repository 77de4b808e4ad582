from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import optimize
from tests.models.small import fitted, log_of

from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.models import gram
from tacit.models.ease import EASE
from tacit.models.textprior import TextPrior
from tacit.testing.conformance import Conformance


class TestTextPrior(Conformance):
    minimum_ndcg = 0.1

    def make(self) -> TextPrior:
        return TextPrior()


class TestFewItems(Conformance):
    minimum_ndcg = 0.05

    def make(self) -> TextPrior:
        return TextPrior(max_items=48, dimension=4, name="textprior-few")


RNG = np.random.default_rng(3)
X = (RNG.random((40, 10)) < 0.35).astype(np.float64)
X[:, [6, 9]] = 0  # nobody has clicked these two
RAW = RNG.normal(size=(10, 4)).astype(np.float32) + 1
RAW[9] = RAW[2] + 0.01  # alike
SEEN = [0, 1, 2, 3, 4, 5, 7, 8]
PLACE = {item: place for place, item in enumerate(SEEN)}


def setting(matrix: np.ndarray = X, raw: np.ndarray = RAW) -> tuple[Interactions, Catalogue]:
    """Return a log and a catalogue in which every item has a text."""
    log, bare = log_of(matrix)
    frame = pl.DataFrame({"item_id": bare.items.ids, "title": bare.items.ids})
    return log, Catalogue.from_frame(frame, bare.items).with_vectors(raw)


def learned(model: TextPrior, log: Interactions, catalogue: Catalogue) -> TextPrior:
    return model.fit(log, catalogue, rng=np.random.default_rng(0))


def weights(model: TextPrior | EASE, items: list[int] = SEEN) -> np.ndarray:
    """The score of a history of one item is that item's row."""
    return model.score(Queries.of([[item] for item in items]))


def unit(raw: np.ndarray = RAW) -> np.ndarray:
    centred = raw - raw[SEEN].mean(axis=0)
    result: np.ndarray = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return result


def least(
    A: np.ndarray, b: np.ndarray, l2: float, pull: float, c: np.ndarray, fixed: int | None
) -> np.ndarray:
    """Minimise |b - A x|^2 + l2 |x|^2 + pull |x - c|^2 by descent, with x[fixed] = 0."""
    free = np.array([place for place in range(A.shape[1]) if place != fixed])
    A, c, x = A[:, free], c[free], np.zeros(A.shape[1])

    def loss(y: np.ndarray) -> tuple[float, np.ndarray]:
        error = A @ y - b
        value = error @ error + l2 * y @ y + pull * (y - c) @ (y - c)
        return value, 2 * (A.T @ error + l2 * y + pull * (y - c))

    x[free] = optimize.minimize(loss, c, jac=True, tol=1e-12).x
    return x


@pytest.mark.parametrize(("l2", "prior", "ridge"), [(1.0, 0.5, 0.3), (0.2, 3.0, 5.0)])
def test_the_weights_minimise_the_loss_of_the_paper(l2: float, prior: float, ridge: float) -> None:
    B = weights(learned(TextPrior(l2=l2, prior=prior, ridge=ridge), *setting()))
    A, F, mean = X[:, SEEN], unit(), X.sum() / len(SEEN)
    for item in range(10):
        place, zero = PLACE.get(item), np.zeros(len(SEEN))
        c = least(F[SEEN].T, F[item], ridge, 0.0, zero, place)
        expected = least(A, X[:, item], l2 * mean, prior * mean, c, place)
        np.testing.assert_allclose(B[:, item], expected, atol=2e-5)


def test_without_vectors_it_is_ease() -> None:
    plain = weights(fitted(EASE(l2=2.0, decay=1.0), X))
    np.testing.assert_allclose(weights(fitted(TextPrior(l2=2.0), X)), plain, atol=1e-6)


def test_items_nobody_clicked_are_ranked_by_their_text() -> None:
    model = learned(TextPrior(ridge=0.1), *setting())
    scores = model.score(Queries.of([[2]]))[0]
    assert np.isfinite(scores).all()
    assert scores.argmax() == 9
    assert np.isneginf(model.score(Queries.of([[6], []]))).all()  # but not from


@pytest.mark.parametrize("keep", [200, 4])
def test_an_extended_model_is_a_fit_with_the_item_present(keep: int) -> None:
    model = TextPrior(keep=keep, ridge=1.0)
    whole = weights(learned(model, *setting()))
    log, catalogue = setting(X[:, :9], RAW[:9])
    smaller = learned(TextPrior(keep=keep, ridge=1.0), log, catalogue)
    larger = smaller.extended(setting()[1])
    np.testing.assert_allclose(weights(larger)[:, 9], whole[:, 9], atol=1e-4)
    np.testing.assert_array_equal(weights(larger)[:, :9], weights(smaller))
    again = TextPrior.restore(smaller.spec(), smaller.arrays(), catalogue).extended(setting()[1])
    np.testing.assert_array_equal(weights(again), weights(larger))


def test_items_beyond_the_most_popular_are_known_by_their_text() -> None:
    scores = weights(learned(TextPrior(max_items=5), *setting()), list(range(10)))
    popular = np.argsort(-X.sum(axis=0), kind="stable")[:5]
    assert np.isfinite(scores[popular]).all()
    assert np.isneginf(np.delete(scores, popular, axis=0)).all()


def test_an_item_without_events_and_text_has_no_score() -> None:
    log, catalogue = setting()
    textless = replace(catalogue, has_text=np.arange(10) != 6)
    scores = weights(learned(TextPrior(), log, textless))
    assert np.isneginf(scores[:, 6]).all()
    assert np.isfinite(np.delete(scores, 6, axis=1)).all()


def test_the_order_of_the_users_changes_nothing() -> None:
    first, second = (learned(TextPrior(), *setting(rows)) for rows in (X, X[::-1]))
    np.testing.assert_allclose(weights(first), weights(second), atol=1e-6)


def test_blocks_do_not_change_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = weights(learned(TextPrior(keep=5), *setting()))
    monkeypatch.setattr(gram, "CELLS", 20)  # two rows at once
    np.testing.assert_allclose(weights(learned(TextPrior(keep=5), *setting())), whole, atol=1e-6)


def test_a_log_of_noes_only_teaches_nothing() -> None:
    assert np.isneginf(weights(learned(TextPrior(), *setting(-X)))).all()
