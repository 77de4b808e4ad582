import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tacit.core.types import Float32, Int32
from tacit.data.queries import Queries
from tacit.models.protocol import Recommender, Scorer, batches, mask_excluded, recommend
from tacit.models.trending import Trending


class Table:
    """Scores that depend on the last item of a history only; it counts the queries of each call."""

    def __init__(self, n_items: int) -> None:
        self.table = np.random.default_rng(1).integers(0, 5, (n_items, n_items)).astype(np.float32)
        self.batch_sizes: list[int] = []

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        self.batch_sizes.append(len(queries))
        scores = np.full((len(queries), len(self.table)), 2.0, dtype=np.float32)
        has = queries.lengths > 0
        scores[has] = self.table[queries.item[queries.offsets[1:][has] - 1]]
        return scores if items is None else scores[:, items]


histories = st.lists(st.lists(st.integers(0, 8), max_size=6), min_size=1, max_size=6)


def test_a_model_needs_no_base_class() -> None:
    assert isinstance(Table(3), Scorer)
    assert not isinstance(Table(3), Recommender)
    assert isinstance(Trending(), Recommender)


@given(histories, st.integers(1, 12))
def test_lists_are_a_stable_sort_without_the_seen(rows: list[list[int]], k: int) -> None:
    ranking = recommend(Table(9), Queries.of(rows), k)
    assert ranking.items.shape == ranking.scores.shape == (len(rows), k)
    for row, listed, values in zip(rows, ranking.items.tolist(), ranking.scores.tolist(), strict=True):
        scores = Table(9).score(Queries.of([row]))[0]
        best = [item for item in np.argsort(-scores, kind="stable").tolist() if item not in row][:k]
        assert listed == best + [-1] * (k - len(best))
        assert values == [scores[item] for item in best] + [-np.inf] * (k - len(best))


@given(histories, st.permutations(list(range(9))), st.integers(1, 9))
def test_given_items_are_the_only_ones(rows: list[list[int]], order: list[int], size: int) -> None:
    items = np.array(order[:size], dtype=np.int32)
    ranking = recommend(Table(9), Queries.of(rows), 4, items=items)
    for row, listed in zip(rows, ranking.items.tolist(), strict=True):
        scores = Table(9).score(Queries.of([row]))[0][items]
        best = [int(items[place]) for place in np.argsort(-scores, kind="stable") if items[place] not in row]
        assert [item for item in listed if item >= 0] == best[:4]


def test_many_queries_are_scored_in_batches_and_give_the_same_lists() -> None:
    rows = [[n % 9] for n in range(1_100)]
    scorer = Table(9)
    together = recommend(scorer, Queries.of(rows), 3)
    assert scorer.batch_sizes == [512, 512, 76]
    alone = np.concatenate([recommend(Table(9), Queries.of([row]), 3).items for row in rows[:9]])
    np.testing.assert_array_equal(together.items[:9], alone)
    np.testing.assert_array_equal(together.items[9:18], alone)


def test_a_batch_holds_a_bounded_number_of_scores() -> None:
    queries = Queries.of([[1]] * 10)
    assert [len(batch) for batch in batches(queries, width=4, cells=12)] == [3, 3, 3, 1]
    assert [len(batch) for batch in batches(queries, width=100, cells=12)] == [1] * 10
    assert list(batches(Queries.of([]), 4)) == []


def test_no_query_and_no_item_are_answered() -> None:
    assert recommend(Table(9), Queries.of([]), 3).items.shape == (0, 3)
    nothing = recommend(Table(9), Queries.of([[1]]), 3, items=np.empty(0, dtype=np.int32))
    assert nothing.items.tolist() == [[-1, -1, -1]]


def test_excluded_items_are_masked_in_place_and_newer_ones_ignored() -> None:
    scores = np.zeros((2, 3), dtype=np.float32)
    mask_excluded(scores, Queries.of([[2, 7], [0]]))
    assert scores.tolist() == [[0, 0, -np.inf], [-np.inf, 0, 0]]
    scores = np.zeros((2, 3), dtype=np.float32)
    mask_excluded(scores, Queries.of([[2, 7], [0]]), np.array([7, 1, 2], dtype=np.int32))
    assert scores.tolist() == [[-np.inf, 0, -np.inf], [0, 0, 0]]
