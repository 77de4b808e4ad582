from dataclasses import replace

import numpy as np
import pytest
from tests.by_loops import by_numpy
from tests.models.small import fitted, log_of

from tacit.core.errors import ConfigError
from tacit.data.queries import Queries
from tacit.models import itemknn
from tacit.models.itemknn import ItemKNN
from tacit.testing.conformance import Conformance
from tacit.testing.generated import small_log

X = [[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 0]]


class TestCosine(Conformance):
    minimum_ndcg = 0.1

    def make(self) -> ItemKNN:
        return ItemKNN(weighting="cosine")


class TestTFIDF(Conformance):
    minimum_ndcg = 0.1

    def make(self) -> ItemKNN:
        return ItemKNN(weighting="tfidf")


class TestBM25(Conformance):
    minimum_ndcg = 0.1

    def make(self) -> ItemKNN:
        return ItemKNN(weighting="bm25", k=20)


def test_cosine_by_hand() -> None:
    model = fitted(ItemKNN(weighting="cosine", shrinkage=0.0, decay=1.0), X)
    scores = model.score(Queries.of([[0], [0, 2]]))
    half = 1 / 2  # one user of two and two
    np.testing.assert_allclose(scores[0], [-np.inf, 1, half, -np.inf], rtol=1e-6)
    np.testing.assert_allclose(scores[1], [half, 1.5, half, -np.inf], rtol=1e-6)


def test_shrinkage_holds_back_pairs_with_few_users() -> None:
    scores = fitted(ItemKNN(weighting="cosine", shrinkage=2.0), X).score(Queries.of([[0]]))
    np.testing.assert_allclose(scores[0, 1:3], [2 / (2 + 2), 1 / (2 + 2)], rtol=1e-6)


def test_old_events_count_less_while_learning() -> None:
    log, catalogue = log_of(X)
    timed = replace(log, timing="time", at=log.user.astype(np.float64) * 86400)
    model = ItemKNN(half_life=2.0, shrinkage=0.0, decay=1.0).fit(
        timed, catalogue, rng=np.random.default_rng(0)
    )
    faded = np.array(X) * 0.5 ** (np.array([2, 1, 0]) / 2)[:, None]
    lengths = np.linalg.norm(faded, axis=0)
    expected = (faded.T @ faded)[0, 1:3] / (lengths[0] * lengths[1:3])
    np.testing.assert_allclose(model.score(Queries.of([[0]]))[0, 1:3], expected, rtol=1e-6)


def test_only_the_k_nearest_items_speak_for_an_item() -> None:
    model = fitted(ItemKNN(weighting="cosine", k=1, shrinkage=0.0), X)
    # The one neighbour of item 2 is item 0 (a tie with item 1 goes to the lower code).
    assert np.isfinite(model.score(Queries.of([[0], [1]]))[:, 2]).tolist() == [True, False]


def test_earlier_events_count_less() -> None:
    scores = fitted(ItemKNN(weighting="cosine", shrinkage=0.0, decay=0.5), X).score(
        Queries.of([[0, 2], [2, 0]])
    )
    np.testing.assert_allclose(scores[:, 1], [0.5 * 1 + 0.5, 1 + 0.5 * 0.5], rtol=1e-6)


def test_a_user_of_everything_says_less_with_tfidf() -> None:
    # Items 0 and 1 share a user of two items, 0 and 2 one of all four items: alike by cosine.
    rows = [[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 1, 0], [1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 1, 0]]
    cosine = fitted(ItemKNN(weighting="cosine", shrinkage=0.0), rows).score(Queries.of([[0]]))[0]
    tfidf = fitted(ItemKNN(weighting="tfidf", shrinkage=0.0), rows).score(Queries.of([[0]]))[0]
    assert cosine[3] > 0
    assert tfidf[3] < 0 or tfidf[3] == -np.inf or tfidf[3] < cosine[3]


def test_bm25_by_hand() -> None:
    rows = np.array([[3, 1, 0, 0], [1, 1, 2, 0], [5, 0, 1, 0], [1, 0, 0, 0], [0, 2, 1, 1], [0, 0, 0, 1.0]])
    # Repeats saturate (k1 is 1.2), the more so the more popular an item is among all items (b is .75).
    popularity = rows.sum(axis=0) / rows.sum(axis=0).mean()
    weights = rows * 2.2 / (rows + 1.2 * (0.25 + 0.75 * popularity))
    # An event of a user with many items counts less: log((1 + items) / (1 + items of the user)).
    weights *= np.log(5 / (1 + (rows > 0).sum(axis=1)))[:, None]
    lengths = np.linalg.norm(weights, axis=0)
    expected = weights.T @ weights / (np.outer(lengths, lengths) + 3)
    model = fitted(ItemKNN(weighting="bm25", shrinkage=3.0, decay=1.0), rows)
    for item in range(4):
        others = [other for other in range(4) if other != item and expected[item, other] > 0]
        scores = model.score(Queries.of([[item]]))[0, others]
        np.testing.assert_allclose(scores, expected[item, others], rtol=1e-5)


def test_bm25_takes_the_mean_popularity_of_items_that_somebody_wanted() -> None:
    rows = [[3, 1], [1, 1], [2, 0]]
    few = fitted(ItemKNN(weighting="bm25", shrinkage=3.0), rows)
    more = fitted(ItemKNN(weighting="bm25", shrinkage=3.0), [[*row, 0, 0] for row in rows])
    # Two items more that nobody wants change only what a user of all items says: log(5 / 3) for log(3 / 3).
    assert few.score(Queries.of([[0]]))[0, 1] == -np.inf
    weights = np.array(rows) * 2.2 / (np.array(rows) + 1.2 * (0.25 + 0.75 * np.array([1.5, 0.5])))
    weights *= np.log(5 / np.array([3, 3, 2]))[:, None]
    lengths = np.linalg.norm(weights, axis=0)
    expected = weights[:, 0] @ weights[:, 1] / (lengths[0] * lengths[1] + 3)
    assert more.score(Queries.of([[0]]))[0, 1] == pytest.approx(expected, rel=1e-5)


def test_blocks_do_not_change_the_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (np.random.default_rng(0).random((40, 30)) < 0.2).astype(float)
    with by_numpy():  # the compiled loop has no blocks
        whole = fitted(ItemKNN(k=5), rows).arrays()
        monkeypatch.setattr(itemknn, "_CELLS", 70)
        parts = fitted(ItemKNN(k=5), rows).arrays()
    for name, array in parts.items():
        np.testing.assert_array_equal(array, whole[name])


def test_a_share_is_the_part_of_the_score() -> None:
    model = fitted(ItemKNN(weighting="cosine", shrinkage=0.0, decay=1.0), X)
    shares = model.explain(Queries.of([[0, 2], [1, 3]]), np.array([1, 0], dtype=np.int32))
    np.testing.assert_allclose(shares, [1 / 1.5, 0.5 / 1.5, 1, 0], rtol=1e-6)


def test_an_unknown_weighting_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"weighting is 'jaccard', .*'cosine', 'tfidf' or 'bm25'"):
        ItemKNN(weighting="jaccard")  # type: ignore[arg-type]


def test_of_users_with_too_many_pairs_the_last_events_count(monkeypatch: pytest.MonkeyPatch) -> None:
    log, catalogue = small_log()
    monkeypatch.setattr(itemknn, "_PAIRS_AN_EVENT", 0)
    monkeypatch.setattr(itemknn, "_PAIRS", int(np.square(np.minimum(np.diff(log.offsets), 4)).sum()))
    place = log.offsets[log.user + 1] - np.arange(len(log))
    cut = log.select(place <= 4)
    found = ItemKNN().fit(log, catalogue, rng=np.random.default_rng(0)).weights_.matrix
    monkeypatch.setattr(itemknn, "_PAIRS", 10**9)
    expected = ItemKNN().fit(cut, catalogue, rng=np.random.default_rng(0)).weights_.matrix
    whole = ItemKNN().fit(log, catalogue, rng=np.random.default_rng(0)).weights_.matrix
    np.testing.assert_array_equal(found.toarray(), expected.toarray())
    assert whole.nnz > found.nnz > 0
