"""What single events say of a candidate: by hand, and against ten naive lines."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tacit.core.types import Float32
from tacit.data.queries import Queries
from tacit.features.candidates import Candidates
from tacit.features.feature_state import FeatureState
from tacit.features.neighbours import neighbours
from tacit.features.pairs import CandidatePairs
from tacit.testing.generated import small_log

WEIGHTS = np.array([[0, 2, 1], [3, 0, 0], [0, 5, 0]], dtype=np.float32)


def state(weights: Float32, kinds: tuple[str, ...] = ("view",)) -> FeatureState:
    log, catalogue = small_log()
    whole = FeatureState.of(log, catalogue, None, (), collaborative=False)
    return replace(whole, follows=sparse.csr_array(weights), kinds=kinds)


def pairs_of(queries: Queries, items: list[list[int]]) -> CandidatePairs:
    codes = np.array(items, dtype=np.int32)
    scores = np.zeros((*codes.shape, 1), dtype=np.float32)
    return CandidatePairs.of(queries, Candidates(codes, scores, queries.lengths, queries.idle_time, ("one",)))


def column(built: FeatureState, pairs: CandidatePairs, name: str) -> list[float]:
    return next(values for column, _, values in neighbours(built, pairs) if column == name).tolist()


def test_sum_max_mean_and_the_last_event_by_hand() -> None:
    # The history is item 2, then 0; of the candidates 1 is spoken for by both, 2 by the last event alone.
    pairs, built = pairs_of(Queries.of([[2, 0]]), [[1, 2]]), state(WEIGHTS)
    assert column(built, pairs, "follows_sum") == pytest.approx([2 + 0.8 * 5, 1])
    assert column(built, pairs, "follows_max") == [5, 1]
    assert column(built, pairs, "follows_mean") == [3.5, 0.5]
    assert column(built, pairs, "follows_linked") == [1, 0.5]
    assert column(built, pairs, "follows_last") == [2, 1]


def test_each_type_of_event_has_a_sum_of_its_own() -> None:
    queries = replace(Queries.of([[2, 0]]), kind=np.array([1, 0], dtype=np.int16))
    built = state(WEIGHTS, kinds=("view", "purchase"))
    assert column(built, pairs_of(queries, [[1]]), "follows_view") == [2]
    assert column(built, pairs_of(queries, [[1]]), "follows_purchase") == pytest.approx([0.8 * 5])


def test_what_was_not_liked_does_not_speak() -> None:
    pairs = pairs_of(Queries.of([[2, 0]], weights=[[-1, 1]]), [[1]])
    assert column(state(WEIGHTS), pairs, "follows_sum") == [2]


def test_nobody_speaks_of_or_for_items_beyond_the_weights() -> None:
    assert column(state(WEIGHTS), pairs_of(Queries.of([[7, 0]]), [[1, 9]]), "follows_sum") == [2, 0]


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 8))
def test_it_equals_a_naive_sum(seed: int, users: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    weights = (rng.random((12, 12)) * (rng.random((12, 12)) < 0.4)).astype(np.float32)
    histories = [rng.integers(0, 12, rng.integers(0, 30)).tolist() for _ in range(users)]
    items = [sorted(rng.choice(12, width, replace=False).tolist()) for _ in range(users)]
    expected = [
        sum(0.8**age * weights[event, item] for age, event in enumerate(history[::-1][:20]))
        for history, codes in zip(histories, items, strict=True)
        for item in codes
    ]
    found = column(state(weights), pairs_of(Queries.of(histories), items), "follows_sum")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
