import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tacit.core.types import Array
from tacit.data.ranking import top_k

# Few distinct values, so that ties are the rule; both zeros, infinities and NaN among them.
SCORES = hnp.arrays(
    np.float32,
    st.tuples(st.integers(0, 4), st.integers(0, 12)),
    elements=st.sampled_from([np.nan, -np.inf, -1.5, -0.0, 0.0, 1e-30, 2.0, 2.5, np.inf]),
)


def test_best_first_and_padded() -> None:
    ranking = top_k(np.array([[0.1, 3.0, -np.inf, 2.0]], dtype=np.float32), 5)
    assert ranking.items.tolist() == [[1, 3, 0, -1, -1]]
    assert ranking.scores.tolist() == [[3.0, 2.0, np.float32(0.1), -np.inf, -np.inf]]
    assert ranking.items.dtype == np.int32
    assert ranking.scores.dtype == np.float32


def test_columns_stand_for_the_given_items() -> None:
    scores = np.array([[1.0, 5.0, 3.0]], dtype=np.float32)
    assert top_k(scores, 2, np.array([70, 20, 50], dtype=np.int32)).items.tolist() == [[20, 50]]


def test_ties_go_to_the_lower_column() -> None:
    scores = np.zeros((1, 1000), dtype=np.float32)
    scores[0, 500:] = -0.0  # equal to 0.0
    assert top_k(scores, 4).items.tolist() == [[0, 1, 2, 3]]


def test_negative_scores_are_candidates() -> None:
    assert top_k(np.array([[-3.0, -1.0, np.nan]], dtype=np.float32), 3).items.tolist() == [[1, 0, -1]]


@given(SCORES, st.integers(1, 15))
def test_agrees_with_a_stable_sort(scores: Array, k: int) -> None:
    ranking = top_k(scores, k)
    assert ranking.items.shape == ranking.scores.shape == (len(scores), k)
    for row, items, values in zip(scores, ranking.items, ranking.scores, strict=True):
        candidates = [column for column in range(len(row)) if row[column] > -np.inf]
        expected = sorted(candidates, key=lambda column: -row[column])[:k]  # stable: ties keep their order
        assert items.tolist() == expected + [-1] * (k - len(expected))
        assert values[: len(expected)].tolist() == row[expected].tolist()
        assert (values[len(expected) :] == -np.inf).all()


@given(SCORES, st.integers(1, 15))
def test_a_shorter_list_is_the_head_of_a_longer_one(scores: Array, k: int) -> None:
    assert top_k(scores, k + 3).items[:, :k].tolist() == top_k(scores, k).items.tolist()
