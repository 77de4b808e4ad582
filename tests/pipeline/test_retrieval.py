import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.core.errors import ConfigError
from tacit.core.types import Float32, Int32
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.pipeline.retrieval import candidates, collect, filled, normalised, scores_of, union


class Fixed:
    """Gives every query the same scores."""

    def __init__(self, name: str, scores: list[float]) -> None:
        self.name = name
        self.scores = np.array(scores, dtype=np.float32)

    def fit(self, interactions, catalogue, *, rng):  # type: ignore[no-untyped-def]
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        scores = np.tile(self.scores, (len(queries), 1))
        return scores if items is None else scores[:, items]


A = Fixed("a", [5, 4, 3, 2, 1])
B = Fixed("b", [1, 2, 3, 4, -np.inf])


def test_the_union_holds_each_retrievers_best_with_all_scores() -> None:
    found = candidates([A, B], Queries.of([[]]), 2, np.ones(5, dtype=bool))
    assert found.items.tolist() == [[0, 1, 2, 3]]
    assert found.scores[0].tolist() == [[5, 1], [4, 2], [3, 3], [2, 4]]
    assert found.retrievers == ("a", "b")


def test_seen_and_unavailable_items_are_no_candidates() -> None:
    allowed = np.array([True, False, True, True, True])
    found = candidates([A], Queries.of([[0], []]), 2, allowed)
    assert found.items.tolist() == [[2, 3], [0, 2]]


def test_what_was_only_shown_is_a_candidate_and_no_history() -> None:
    queries = Queries.of([[0, 1], [0]], weights=[[1, 0], [0]], times=[[1, 5], [5]], now=9)
    found = candidates([A], queries, 2, np.ones(5, dtype=bool))
    assert found.items.tolist() == [[1, 2], [0, 1]]
    assert found.lengths.tolist() == [1, 0]
    assert found.idle_times.tolist() == [8, 0]


def test_batches_are_padded_to_one_width() -> None:
    found = collect([A, B], Queries.of([[0, 1, 2, 3]] + [[]] * 600), 2, np.ones(5, dtype=bool))
    assert found.items.shape == (601, 4)
    assert found.items[0].tolist() == [4, -1, -1, -1]
    assert (found.scores[0, 1:] == -np.inf).all()


@given(st.lists(st.lists(st.integers(-1, 8), min_size=6, max_size=6), min_size=1, max_size=5))
def test_the_union_is_the_sorted_set_of_each_row(rows: list[list[int]]) -> None:
    joined = union(np.array(rows, dtype=np.int32))
    for row, expected in zip(joined.tolist(), rows, strict=True):
        kept = sorted(set(expected) - {-1})
        assert row == kept + [-1] * (len(row) - len(kept))


def test_scores_are_standardised_within_a_list_and_missing_ones_kept_apart() -> None:
    scores = np.array([[[1.0, -np.inf], [3.0, 7.0], [2.0, 5.0]]], dtype=np.float32)
    side = np.sqrt(1.5)
    scored, silent = normalised(scores)
    np.testing.assert_allclose(scored[0], [[-side, 0], [side, 1], [0, -1]], rtol=1e-6)
    np.testing.assert_allclose(silent[0], [[0, -1], [0, 0], [0, 0]], rtol=1e-6)


def test_free_places_are_taken_by_what_is_left_after_everything_that_somebody_speaks_for() -> None:
    ranking = Ranking(
        np.array([[3, 1, -1, -1, -1], [-1, -1, -1, -1, -1]], dtype=np.int32),
        np.array([[2, 0.5, -np.inf, -np.inf, -np.inf], [-np.inf] * 5], dtype=np.float32),
    )
    queries = Queries.of([[0], []])
    whole = filled(ranking, queries, np.array([True, True, True, True, False, True]))
    assert whole.items.tolist() == [[3, 1, 2, 5, -1], [0, 1, 2, 3, 5]]
    assert whole.scores.tolist() == [[2, 0.5, -0.5, -0.5, -np.inf], [0, 0, 0, 0, 0]]
    assert ranking.items[0, 2] == -1


class Frozen(Fixed):
    """Cannot take in new items: a history that names one would break it."""

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        assert (queries.item < len(self.scores)).all()
        return super().score(queries, items)


def test_later_items_do_not_reach_a_retriever_that_cannot_take_them_in() -> None:
    queries = Queries.of([[1, 5], [4]], exclude_seen=False)
    found = candidates([Frozen("frozen", [0, 1, 2, 3])], queries, 10, np.full(6, True), known=4)
    assert found.items.tolist() == [[0, 1, 2, 3]] * 2
    assert found.scores[:, :, 0].tolist() == [[0, 1, 2, 3]] * 2


class Odd(Fixed):
    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        return super().score(queries, items)[:, :-1]


def test_scores_of_somebody_elses_retriever_are_checked_wherever_they_come_in() -> None:
    odd, queries = Odd("odd", [5, 4, 3, 2, 1]), Queries.of([[0], [1]])
    message = (
        r"the retriever 'odd' returns scores of the shape \(2, 4\); it must be \(2, 5\): queries x items"
    )
    with pytest.raises(ConfigError, match=message):
        collect([A, odd], queries, 2, np.ones(5, dtype=bool))
    with pytest.raises(ConfigError, match=r"it must be \(2, 3\)"):
        candidates([odd], queries, 2, np.ones(5, dtype=bool), known=3)
    with pytest.raises(ConfigError, match=r"it must be \(2, 2\)"):
        scores_of(odd, queries, 2, np.array([0, 3], dtype=np.int32))
