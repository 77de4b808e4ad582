"""The proof that a copy of a log is in order: small logs of which the answer is known."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from benchmarks import order_proof
from benchmarks.order_proof import Sequences


def log_of(*sequences: list[int]) -> Sequences:
    user = np.repeat(np.arange(len(sequences), dtype=np.int32), [len(one) for one in sequences])
    return Sequences(user, np.concatenate([np.array(one, dtype=np.int32) for one in sequences]))


@pytest.mark.parametrize(
    ("sequences", "expected"),
    [
        ([[0, 1], [0, 1], [0, 1]], 1.0),
        ([[0, 1], [1, 0]], 0.0),
        ([[0, 1], [0, 1], [1, 0]], 1 / 3),  # of three pairs of users one agrees
        ([[0, 2, 1], [2, 0], [1, 2], [2, 1]], 1 / 4),  # one pair of users about 0 and 2, three about 1 and 2
    ],
)
def test_agreement_is_the_share_of_pairs_of_users_with_one_order(
    sequences: list[list[int]], expected: float
) -> None:
    assert order_proof.agreement(log_of(*sequences)) == pytest.approx(expected)


def test_agreement_looks_at_the_most_taken_items_alone() -> None:
    log = log_of([5, 3, 4], [3, 5, 4], [3, 4])
    assert order_proof.agreement(log, popular=2) == 1.0 > order_proof.agreement(log)


def test_a_log_sorted_by_id_is_found_out_and_a_shuffled_one_has_no_order() -> None:
    rng = np.random.default_rng(0)
    log = log_of(*(rng.permutation(60)[:20].tolist() for _ in range(400)))
    by_id = log.sorted_by(log.item)
    found = {
        name: (order_proof.agreement(one), order_proof.rising(one), order_proof.highest_last(one))
        for name, one in (("shuffled", log), ("by id", by_id))
    }
    assert found["by id"] == (1.0, 1.0, 1.0)
    assert found["shuffled"] == pytest.approx((0.5, 0.5, 0.05), abs=0.03)
    assert np.array_equal(np.bincount(by_id.item), np.bincount(log.item))


def test_codes_of_items_follow_their_ids_as_numbers_where_they_are_numbers() -> None:
    events = pl.DataFrame({"user_id": ["a", "a", "a"], "item_id": ["10", "9", "100"]})
    assert order_proof.sequences(events).item.tolist() == [1, 0, 2]
    events = events.with_columns(item_id=pl.Series(["B10", "B9", "B100"]))
    assert order_proof.sequences(events).item.tolist() == [0, 2, 1]


def test_only_exact_times_of_one_user_count_as_steps() -> None:
    events = pl.DataFrame(
        {
            "user_id": ["a", "a", "a", "a", "b", "b"],
            "timestamp": [5, 1, 6, 4, 1, 2],
            "timestamp_exact": [True, False, True, True, True, True],
        }
    )
    assert order_proof.falling(events) == (1, 3)
    assert order_proof.falling(events.drop("timestamp_exact")) == (2, 4)


@pytest.mark.parametrize(
    ("theirs", "same"),
    [
        ([["1", "2"], ["2", "3"]], True),
        ([["1", "2"], ["3", "2"]], False),
        ([["1", "2"], ["2", "1"]], False),  # two of ours would be one of theirs
        ([["1", "2"], ["2"]], False),
    ],
)
def test_copies_are_the_same_if_one_renaming_of_items_makes_them_equal(
    theirs: list[list[str]], same: bool
) -> None:
    assert order_proof.same_sequences([["x", "y"], ["y", "z"]], theirs) is same


def test_words_of_keywords_are_looked_for_in_the_title_of_the_same_item() -> None:
    items = pl.DataFrame(
        {"title": ["Red Nail Polish", "Soap", None], "keywords": ["red polish", "red soap", ""]}
    )
    assert order_proof.in_own_title(items) == (0.75, 0.5)


def test_the_order_of_the_real_copies(shared_data: Path) -> None:
    log = order_proof.sequences(order_proof.read(shared_data / "amazon-beauty"))
    assert 0.6 < order_proof.agreement(log) < 0.9 and order_proof.highest_last(log) < 0.5
    assert order_proof.falling(order_proof.read(shared_data / "ml-1m"))[0] == 0
