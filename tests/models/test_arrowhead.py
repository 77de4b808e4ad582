import numpy as np
from scipy import sparse

from tacit.models.arrowhead import arrowhead, groups

RNG = np.random.default_rng(5)
X = (RNG.random((80, 14)) < 0.3).astype(np.float32)
PENALTY = RNG.uniform(2, 9, 14)
HEAD = np.array([1, 4, 7, 11, 12])
REST = np.array([0, 2, 3, 5, 6, 8, 9, 10, 13])


def weights(tail: list[np.ndarray], keep: int = 14) -> np.ndarray:
    return arrowhead(sparse.csr_array(X), PENALTY, HEAD, tail, keep).toarray()


def plain(A: np.ndarray) -> np.ndarray:
    """EASE of the paper for a regularised Gram matrix."""
    P = np.linalg.inv(A)
    B: np.ndarray = -P / np.diagonal(P)
    np.fill_diagonal(B, 0)
    return B


def whole() -> np.ndarray:
    return X.T @ X + np.diag(PENALTY)


def test_one_group_is_ease_itself() -> None:
    np.testing.assert_allclose(weights([REST]), plain(whole()), atol=1e-5)


def test_groups_are_independent_given_the_head() -> None:
    tail = [REST[:4], REST[4:]]
    A = whole()
    explained = A[:, HEAD] @ np.linalg.inv(A[np.ix_(HEAD, HEAD)]) @ A[HEAD]
    left, right = np.ix_(tail[0], tail[1]), np.ix_(tail[1], tail[0])
    A[left], A[right] = explained[left], explained[right]
    np.testing.assert_allclose(weights(tail), plain(A), atol=1e-5)


def test_only_the_largest_weights_of_a_row_are_kept() -> None:
    tail = [REST[:4], REST[4:]]
    full, kept = weights(tail), weights(tail, keep=3)
    assert ((kept != 0).sum(axis=1) == 3).all()
    np.testing.assert_allclose(kept[kept != 0], full[kept != 0], atol=1e-6)
    for row in HEAD:
        assert np.abs(full[row][kept[row] == 0]).max() <= np.abs(full[row][kept[row] != 0]).min() + 1e-6


def test_items_of_the_same_people_share_a_group() -> None:
    kind = np.arange(200) % 2
    likes = np.random.default_rng(0).random((200, 40)) < np.where(
        kind[:, None] == np.arange(40) % 2, 0.4, 0.02
    )
    likes[:40, :] |= np.eye(40, dtype=bool)  # nobody wanted is not an item of the tail
    found = groups(sparse.csr_array(likes.astype(np.float32)), 20, np.random.default_rng(1))
    assert sorted(np.concatenate(found).tolist()) == list(range(40))
    assert {tuple(np.unique(group % 2)) for group in found} == {(0,), (1,)}


def test_groups_of_events_that_have_nearly_faded_are_those_of_fresh_ones() -> None:
    fresh = groups(sparse.csr_array(X), 4, np.random.default_rng(1))
    faded = groups(sparse.csr_array(X * np.float32(1e-30)), 4, np.random.default_rng(1))
    assert [group.tolist() for group in faded] == [group.tolist() for group in fresh]


def test_groups_are_small_enough_and_the_order_of_the_people_does_not_matter() -> None:
    first = groups(sparse.csr_array(X), 4, np.random.default_rng(1))
    assert max(map(len, first)) <= 4
    again = groups(sparse.csr_array(X[::-1].copy()), 4, np.random.default_rng(1))
    assert [g.tolist() for g in first] == [g.tolist() for g in again]
