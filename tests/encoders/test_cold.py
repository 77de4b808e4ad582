"""Items set aside, and how well histories without them find them."""

import numpy as np
import polars as pl
import pytest

from tacit.data.interactions import Interactions
from tacit.data.vocabulary import Vocabulary
from tacit.encoders.cold import ColdItems, Quality

IDS = list("abcdefghij")
KNOWN = np.ones(len(IDS), dtype=bool)


def log(rows: list[tuple[str, str, float | None]]) -> Interactions:
    frame = pl.DataFrame(rows, schema={"user_id": str, "item_id": str, "timestamp": float}, orient="row")
    frame = frame.with_columns(pl.lit("view").alias("event"), pl.lit(None, dtype=pl.Int64).alias("seq"))
    return Interactions.from_frame(frame, Vocabulary(IDS))


# Ten items in the order of the alphabet, all by u; v takes a and the last but one.
TIMED = log([("u", id_, float(place)) for place, id_ in enumerate(IDS)] + [("v", "a", 2.0), ("v", "i", 50.0)])


def test_the_items_first_chosen_last_are_set_aside() -> None:
    cold = ColdItems.of(TIMED, KNOWN, np.random.default_rng(0))
    assert cold.train.item.max() == 7  # i and j are gone with all their events
    assert len(cold.queries) == 2
    assert cold.wanted.toarray()[:, 8:].tolist() == [[True, True], [True, False]]
    assert cold.wanted.sum() == 3


def test_items_without_a_vector_are_neither_held_out_nor_candidates() -> None:
    known = KNOWN.copy()
    known[9] = False
    cold = ColdItems.of(TIMED, known, np.random.default_rng(0))
    assert cold.candidates.tolist() == list(range(9))
    assert 9 in cold.train.item


def test_without_times_the_generator_chooses() -> None:
    untimed = log([(user, id_, None) for user in "uv" for id_ in IDS])
    chosen = {
        tuple(np.unique(ColdItems.of(untimed, KNOWN, np.random.default_rng(s)).train.item)) for s in range(5)
    }
    assert len(chosen) > 1
    assert {len(one) for one in chosen} == {8}


def test_quality_by_hand() -> None:
    cold = ColdItems.of(TIMED, KNOWN, np.random.default_rng(0))
    right = np.tile(np.array([1, 0], dtype=np.float32), (10, 1))
    assert cold.quality(right).recall == 1  # fewer than twenty are left: all are found
    wrong = right.copy()
    wrong[8:] = [-1, 0]
    # u has only i and j left, v all but a: i is the eighth, before j by its code.
    assert cold.quality(wrong).ndcg == pytest.approx((1 + 1 / np.log2(9)) / 2)
    assert cold.quality(right).ndcg == pytest.approx((1 + 1 / np.log2(9)) / 2)
    wrong[1:8], wrong[8] = [0, 1], [1, 0]
    assert cold.quality(wrong).ndcg > cold.quality(right).ndcg


def test_a_log_in_which_nobody_chose_two_has_nothing_to_say() -> None:
    alone = log([(f"u{id_}", id_, 1.0) for id_ in IDS])
    cold = ColdItems.of(alone, KNOWN, np.random.default_rng(0))
    assert cold.quality(np.eye(10, dtype=np.float32)) == Quality(0.0, 0.0)
