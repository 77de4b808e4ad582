import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.features.candidates import Candidates
from tacit.pipeline.blend import Blend, judge, ndcg


def test_ndcg_by_hand() -> None:
    scores = np.array([[3.0, 2.0, 1.0]], dtype=np.float32)
    labels = np.array([[0.0, 1.0, 1.0]], dtype=np.float32)
    gain = 1 / np.log2(3) + 1 / np.log2(4)
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)  # three were chosen, one of them is no candidate
    assert ndcg(scores, labels, np.array([3]))[0] == pytest.approx(gain / ideal)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_ndcg_is_that_of_sorted_lists(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (5, 9)).astype(np.float32)  # many ties
    labels = (rng.random((5, 9)) < 0.3).astype(np.float32)
    totals = labels.sum(axis=1).astype(int) + rng.integers(0, 3, 5)
    for row, value in enumerate(ndcg(scores, labels, totals, k)):
        ranked = labels[row, np.argsort(-scores[row], kind="stable")][:k]
        ideal = sum(1 / np.log2(place + 2) for place in range(min(k, totals[row])))
        gain = sum(label / np.log2(place + 2) for place, label in enumerate(ranked))
        assert value == pytest.approx(gain / ideal if ideal else 0)


def test_the_retriever_that_is_right_gets_the_weight() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((200, 30)) < 0.1).astype(np.float32)
    noise = rng.random((200, 30)).astype(np.float32)
    right = labels + 0.1 * rng.random((200, 30)).astype(np.float32)
    items = np.tile(np.arange(30, dtype=np.int32), (200, 1))
    found = Candidates(items, np.stack([noise, right], axis=2), ("noise", "right"))
    blend = Blend().fit([judge(found, labels, labels.sum(axis=1).astype(int))], 2)
    assert blend.weights_[1] > 0.7  # half of a search that finds it, half equal weights
    assert blend.weights_.sum() == pytest.approx(1)


def test_what_silence_counts_for_is_learned_from_what_people_chose() -> None:
    # The first retriever is silent on items 20 to 29. People choose by both; what the first would say of the
    # silent ones is the mean, or (in the second case) nobody wants them.
    rng = np.random.default_rng(0)
    scores = rng.random((300, 30, 2)).astype(np.float32)
    scores[:, 20:, 0] = -np.inf
    items = np.tile(np.arange(30, dtype=np.int32), (300, 1))
    found = Candidates(items, scores, ("shy", "bold"))
    spoken = np.isfinite(scores[:, :, 0])
    fresh = (np.where(spoken, scores[:, :, 0], 0.5) + scores[:, :, 1] > 1.4).astype(np.float32)
    known = fresh * spoken
    learned = [
        Blend().fit([judge(found, labels, labels.sum(axis=1).astype(int))], 2).leniency_
        for labels in (fresh, known)
    ]
    assert learned[0] > 0.5
    assert learned[1] == 0


def test_nothing_to_learn_from_gives_equal_weights() -> None:
    assert Blend().fit([], 4).weights_.tolist() == [0.25] * 4


def test_padding_scores_minus_infinity_and_a_round_trip_changes_nothing() -> None:
    found = Candidates(
        np.array([[4, 7, 9, -1]], dtype=np.int32),
        np.array([[[1, -np.inf], [2, 5], [3, 7], [-np.inf, -np.inf]]], dtype=np.float32),
        ("a", "b"),
    )
    side = np.sqrt(1.5)
    harsh = [-side / 4 - 0.75, -0.75, side / 4 + 0.75, -np.inf]  # silence is b's worst candidate
    np.testing.assert_allclose(Blend([0.25, 0.75]).score(found)[0], harsh, rtol=1e-6)
    blend = Blend([0.25, 0.75], leniency=0.5)
    np.testing.assert_allclose(blend.score(found)[0, 0], -side / 4 - 0.375, rtol=1e-6)
    assert Blend.restore(blend.spec()).score(found).tolist() == blend.score(found).tolist()
