import numpy as np
from tests.models.small import fitted

from tacit.data.queries import Queries
from tacit.models.repeats import Repeats
from tacit.testing.conformance import Conformance


class TestRepeats(Conformance):
    def make(self) -> Repeats:
        return Repeats(decay=0.9)


def test_counts_what_was_chosen_and_is_silent_about_the_rest() -> None:
    queries = Queries.of([[2, 0, 2], [], [1]], weights=[[1, 1, 1], [], [-1]], exclude_seen=False)
    scores = fitted(Repeats(), np.eye(4)).score(queries)
    no = -np.inf
    assert scores.tolist() == [[1, no, 2, no], [no] * 4, [no] * 4]


def test_a_later_choice_counts_more() -> None:
    scores = fitted(Repeats(decay=0.5), np.eye(3)).score(Queries.of([[0, 1, 0]], exclude_seen=False))
    np.testing.assert_allclose(scores, [[1.25, 0.5, -np.inf]])
