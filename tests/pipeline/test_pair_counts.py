"""Counts of pairs, by hand."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.core.errors import UnsupportedError
from tacit.core.types import DAY
from tacit.data.interactions import Interactions
from tacit.data.vocabulary import Vocabulary
from tacit.models.protocol import ComesNext, GoesTogether
from tacit.pipeline.pair_counts import PairCounts, Relation

ITEMS = Vocabulary([f"i{n}" for n in range(8)])
Rows = list[tuple[str, int, float | None]]


def log_of(rows: Rows, *, no: Rows | None = None, ordered: bool = False) -> Interactions:
    every = [(*row, 1.0) for row in rows] + [(*row, -1.0) for row in no or []]
    frame = pl.DataFrame(
        [(user, f"i{item}", at, weight) for user, item, at, weight in every],
        schema={"user_id": str, "item_id": str, "timestamp": pl.Float64, "weight": pl.Float64},
        orient="row",
    ).with_columns(
        pl.lit("buy").alias("event"),
        pl.int_range(pl.len()).alias("seq") if ordered else pl.lit(None, dtype=pl.Int64).alias("seq"),
    )
    return Interactions.from_frame(frame, ITEMS)


def items(*codes: int) -> np.ndarray:
    return np.array(codes, dtype=np.int32)


# Four users buy 0 and an hour later 1; three of them buy 2 a week later. Everybody bought 3 long before.
BASKETS: Rows = [("abcd"[n], 0, 50 * DAY) for n in range(4)]
BASKETS += [("abcd"[n], 1, 50 * DAY + 3600) for n in range(4)]
BASKETS += [("abcd"[n], 2, 57 * DAY) for n in range(3)]
BASKETS += [(user, 3, 1 * DAY) for user in "abcdefghijkl"]


def test_users_of_both_are_counted_once_and_a_no_is_no_choice() -> None:
    rows = [*BASKETS, ("a", 0, 60 * DAY), ("a", 1, 61 * DAY)]
    counts = PairCounts(log_of(rows, no=[("a", 4, 1.0), ("b", 4, 1.0)]))
    assert counts.by_both(0, items(1, 2, 3, 4, 7, 20)).tolist() == [4, 3, 4, 0, 0, 0]
    assert counts.by_both(20, items(1)).tolist() == [0]
    assert counts.unseen(9).tolist() == [False] * 4 + [True] * 5


def test_together_is_within_a_day_in_both_directions() -> None:
    counts = PairCounts(log_of(BASKETS))
    assert isinstance(counts, GoesTogether)
    assert counts.together(items(0, 1, 2), 3).items.tolist() == [[1, -1, -1], [0, -1, -1], [-1, -1, -1]]


def test_lift_divides_by_what_popularity_predicts() -> None:
    # Beside 0: 1 and 5 three times each; 5 is bought by everybody.
    rows = [(user, item, 50 * DAY) for user in "abc" for item in (0, 1, 5)]
    rows += [(user, 5, 50 * DAY) for user in "defghijk"]
    counts = PairCounts(log_of(rows))
    assert counts.together(items(0), 3).items.tolist() == [[1, 5, -1]]
    popularity = np.array([3, 11]) / 17
    np.testing.assert_allclose(counts.lift(0, "together")[[1, 5]], 3 / (6 * popularity + 5))


def test_one_user_is_too_few() -> None:
    for users, known in (("a", False), ("ab", True)):
        counts = PairCounts(log_of([(user, item, 5 * DAY) for user in users for item in (0, 1)]))
        assert counts.lift(0, "together").any() == known


def test_next_is_one_of_the_next_three_choices_and_not_before() -> None:
    counts = PairCounts(log_of(BASKETS))
    assert isinstance(counts, ComesNext)
    assert counts.following(items(0, 1, 2), 3).items.tolist() == [[1, 2, -1], [2, -1, -1], [-1, -1, -1]]
    steps: Rows = [(user, item, float(item)) for user in "abc" for item in range(6)]
    far = PairCounts(log_of(steps))
    assert set(far.following(items(0), 8).items[0].tolist()) == {1, 2, 3, -1}


def test_a_log_with_an_order_counts_places() -> None:
    rows: Rows = [(user, item, None) for user in "abc" for item in range(6)]
    counts = PairCounts(log_of(rows, ordered=True))
    assert set(counts.together(items(5), 8).items[0].tolist()) == {2, 3, 4, -1}
    assert set(counts.following(items(4), 8).items[0].tolist()) == {5, -1}


def test_without_times_or_order_a_history_is_a_basket_and_nothing_comes_next() -> None:
    rows: Rows = [(user, item, None) for user in "abc" for item in range(6)]
    counts = PairCounts(log_of(rows))
    assert set(counts.together(items(5), 8).items[0].tolist()) == {0, 1, 2, 3, 4, -1}
    with pytest.raises(UnsupportedError, match="neither times nor an order"):
        counts.following(items(4), 8)


def test_of_a_new_item_and_of_an_empty_log_nothing_is_known() -> None:
    counts = PairCounts(log_of(BASKETS))
    assert counts.together(items(30), 2).items.tolist() == [[-1, -1]]
    empty = PairCounts(log_of([], no=[("a", 1, 1.0)]))
    assert empty.together(items(1), 2).items.tolist() == [[-1, -1]]
    assert empty.following(items(1), 2).items.tolist() == [[-1, -1]]


@pytest.mark.promise("P25")
@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 5), st.integers(0, 30)), min_size=4),
    st.integers(0, 30),
)
def test_counts_with_other_histories_of_some_users_are_those_of_the_whole_log(
    rows: list[tuple[str, int, int]], moment: int
) -> None:
    whole = log_of([(user, item, place * DAY / 3) for user, item, place in rows])
    later = whole.at >= moment * DAY / 3
    first, moved = whole.select(~later), np.isin(whole.user, whole.user[later])
    newer, counts = PairCounts(first).updated(whole.select(moved), 8), PairCounts(whole)
    relations: tuple[Relation, ...] = ("together", "next")
    for relation in relations:
        for item in range(6):
            np.testing.assert_allclose(newer.lift(item, relation), counts.lift(item, relation))
    others = np.arange(6, dtype=np.int32)
    np.testing.assert_array_equal(newer.by_both(0, others), counts.by_both(0, others))
    np.testing.assert_array_equal(newer.unseen(6), counts.unseen(6))
