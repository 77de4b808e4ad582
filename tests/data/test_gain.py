"""Every form of NDCG agrees with the few lines that define it."""

import math
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.data.gain import discount, ideal, ndcg, ndcg_of_pairs, ndcg_of_scores


def test_places_gain_by_their_logarithm_until_the_last_that_counts() -> None:
    assert discount(np.array([0, 2, 3, 4]), 4).tolist() == [1, 1 / 2, 1 / np.log2(5), 0]


def test_the_best_list_has_as_many_hits_as_there_are_places_or_wishes() -> None:
    assert ideal(np.array([1, 2, 9]), 2).tolist() == pytest.approx(
        [1, 1 + 1 / np.log2(3), 1 + 1 / np.log2(3)]
    )


def test_ndcg_of_lists_by_hand() -> None:
    hit = np.array([[True, False, True], [False, False, True], [False, False, False]])
    best = 1 + 1 / np.log2(3)
    assert ndcg(hit, np.array([2, 1, 0]), 3).tolist() == pytest.approx([1.5 / best, 0.5, 0])
    assert ndcg(hit, np.array([2, 1, 0]), 2).tolist() == pytest.approx([1 / best, 0, 0])


def test_wanted_items_that_are_no_candidates_count_as_missed() -> None:
    scores = np.array([[3.0, 2.0, 1.0]], dtype=np.float32)
    labels = np.array([[0.0, 1.0, 1.0]], dtype=np.float32)
    gain = 1 / np.log2(3) + 1 / np.log2(4)
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)  # three were chosen, one of them is no candidate
    assert ndcg_of_scores(scores, labels, np.array([3]))[0] == pytest.approx(gain / ideal)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_ndcg_of_scores_is_that_of_sorted_lists(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (5, 9)).astype(np.float32)  # many ties
    labels = (rng.random((5, 9)) < 0.3).astype(np.float32)
    totals = labels.sum(axis=1).astype(int) + rng.integers(0, 3, 5)
    for row, value in enumerate(ndcg_of_scores(scores, labels, totals, k)):
        ranked = labels[row, np.argsort(-scores[row], kind="stable")][:k]
        ideal = sum(1 / np.log2(place + 2) for place in range(min(k, totals[row])))
        gain = sum(label / np.log2(place + 2) for place, label in enumerate(ranked))
        assert value == pytest.approx(gain / ideal if ideal else 0)


def naive_ndcg(rows: list[tuple[int, int, int]], k: int) -> list[float]:
    values = []
    for _, one in groupby(rows, key=lambda row: row[0]):
        pairs = [(score, gain) for _, score, gain in one]
        ranked = [gain for _, gain in sorted(pairs, key=lambda pair: -pair[0])]
        gained, ideal = (
            sum(gain / math.log2(place + 2) for place, gain in enumerate(gains[:k]))
            for gains in (ranked, sorted(ranked, reverse=True))
        )
        values += [gained / ideal] if ideal else []
    return values


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=40),
    st.integers(1, 10),
)
def test_ndcg_of_pairs_is_what_a_few_lines_say(rows: list[tuple[int, int, int]], k: int) -> None:
    rows.sort(key=lambda row: row[0])
    group, score, label = np.array(rows).T
    built = ndcg_of_pairs(score.astype(np.float32), label.astype(np.float32), group, k)
    assert built.tolist() == pytest.approx(naive_ndcg(rows, k))
