import numpy as np
import pytest
from scipy import sparse

from tacit.data.queries import Queries
from tacit.models.itemitem import ItemItem, shares

MATRIX = sparse.csr_array(
    np.array([[0, 2, 0, 0], [1, 0, -3, 0], [0, 0, 0, 0], [0, 0, 0, 0]], dtype=np.float32)
)
NOBODY = np.zeros(4, dtype=bool)


@pytest.fixture
def weights() -> ItemItem:
    return ItemItem(MATRIX, np.array([True, True, True, False]))


def test_a_history_is_the_decayed_sum_of_its_rows(weights: ItemItem) -> None:
    scores = weights.score(Queries.of([[1, 0], [0], [0, 0]]), 0.5)
    assert scores.tolist() == [[0.5, 2, -1.5, -np.inf], [0, 2, 0, -np.inf], [0, 3, 0, -np.inf]]


def test_without_evidence_there_is_no_score(weights: ItemItem) -> None:
    queries = Queries.of([[], [2], [9], [1]], weights=[[], [1], [1], [-1]])
    assert np.isneginf(weights.score(queries, 0.5)).all()
    assert np.isneginf(ItemItem(MATRIX, NOBODY).score(Queries.of([[0]]), 1.0)[0, [0, 2, 3]]).all()


def test_given_items_are_columns(weights: ItemItem) -> None:
    items = np.array([2, 1], dtype=np.int32)
    assert weights.score(Queries.of([[1, 0]]), 0.5, items).tolist() == [[-1.5, 2]]


def test_the_best_items_are_the_largest_of_a_row(weights: ItemItem) -> None:
    ranking = weights.best(np.array([1, 2], dtype=np.int32), 3)
    assert ranking.items.tolist() == [[0, 2, -1], [-1, -1, -1]]
    assert ranking.scores.tolist() == [[1, -3, -np.inf], [-np.inf] * 3]


def test_an_event_has_its_share_of_the_score(weights: ItemItem) -> None:
    queries = Queries.of([[1, 0, 9], [0, 1]], weights=[[1, 1, 1], [1, -1]])
    found = weights.explain(queries, 0.5, np.array([1, 1], dtype=np.int32))
    assert found.tolist() == [0, 1, 0, 1, 0]
    against = weights.explain(Queries.of([[1, 0]]), 1.0, np.array([2], dtype=np.int32))
    assert against.tolist() == [-1, 0]


def test_shares_are_of_the_absolute_sum_of_their_query() -> None:
    queries = Queries.of([[0, 0], [0], []])
    assert shares(queries, np.array([3.0, -1.0, 0.0])).tolist() == [0.75, -0.25, 0]


def test_new_items_are_silent_and_the_rest_stays(weights: ItemItem) -> None:
    larger = weights.extended(6)
    scores = larger.score(Queries.of([[1, 0], [5]]), 0.5)
    assert scores.tolist() == [[0.5, 2, -1.5, -np.inf, -np.inf, -np.inf], [-np.inf] * 6]


def test_a_round_trip_changes_nothing(weights: ItemItem) -> None:
    again = ItemItem.restore(weights.arrays())
    np.testing.assert_array_equal(again.matrix.toarray(), MATRIX.toarray())
    assert again.known.tolist() == weights.known.tolist()
