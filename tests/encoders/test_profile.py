"""A user as a vector, by hand."""

import numpy as np

from tacit.data.queries import Queries
from tacit.encoders.profile import profile_vectors

VECTORS = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)


def unit(*vector: float) -> np.ndarray:
    return np.array(vector) / np.linalg.norm(vector)


def test_earlier_and_weaker_events_count_less() -> None:
    queries = Queries.of([[0, 1], [1, 0], [0, 0, 1]], weights=[[2, 1], [1, 1], [1, 3, 1]])
    users = profile_vectors(queries, VECTORS, decay=0.5)
    assert users.dtype == np.float32
    np.testing.assert_allclose(users[0], unit(2 * 0.5, 1), rtol=1e-6)
    np.testing.assert_allclose(users[1], unit(1, 0.5), rtol=1e-6)
    np.testing.assert_allclose(users[2], unit(0.25 + 3 * 0.5, 1), rtol=1e-6)


def test_noes_and_items_without_a_vector_do_not_count_but_keep_their_place() -> None:
    queries = Queries.of([[0, 1, 2], [0, 9, 1]], weights=[[1, -1, 1], [1, 1, 1]])
    users = profile_vectors(queries, VECTORS, decay=0.5)
    np.testing.assert_allclose(users[0], unit(0.25 + 0.6, 0.8), rtol=1e-6)
    np.testing.assert_allclose(users[1], unit(0.25, 1), rtol=1e-6)


def test_nothing_known_is_a_zero_vector() -> None:
    queries = Queries.of([[], [7], [0]], weights=[[], [1], [-1]])
    assert profile_vectors(queries, VECTORS).tolist() == [[0, 0]] * 3
    assert profile_vectors(Queries.of([]), VECTORS).shape == (0, 2)


def test_a_profile_text_counts_as_events_at_the_end() -> None:
    texts = np.array([[0, 1], [0, 1]], dtype=np.float32)
    users = profile_vectors(Queries.of([[0], []]), VECTORS, texts=texts, text_weight=2.0)
    np.testing.assert_allclose(users[0], unit(1, 2), rtol=1e-6)
    np.testing.assert_allclose(users[1], [0, 1], rtol=1e-6)  # a newcomer is what they say of themselves
