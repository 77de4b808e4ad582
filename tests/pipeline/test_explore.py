"""Exploration: the chances of samples, the places of a list, propensities against counted draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.core.types import Float64
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.pipeline.explore import explored, inclusion

K = 10


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=30), st.data())
def test_the_chances_of_a_sample_sum_to_its_size(values: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(0, len(values)))
    chances = np.array(values) / np.sum(values)
    found = inclusion(chances, count)
    assert found.sum() == pytest.approx(count)
    assert (found >= 0).all()
    assert (found <= 1 + 1e-9).all()
    free = found < 1 - 1e-9
    if free.sum() > 1 and count:  # what is not cut off is in proportion
        ratio = found[free] / chances[free]
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)


def lists(n: int = 1) -> Ranking:
    items = np.tile(np.arange(K, dtype=np.int32), (n, 1))
    return Ranking(items, np.tile(-np.arange(K, dtype=np.float32), (n, 1)))


def pool() -> np.ndarray:
    return np.arange(60) >= 30


def text(logits: Float64, n: int = 1) -> Ranking:
    codes = np.arange(30, 30 + len(logits), dtype=np.int32)
    return Ranking(np.tile(codes, (n, 1)), np.tile(logits.astype(np.float32), (n, 1)))


def histories(n: int) -> Queries:
    """Return as many different requests."""
    return Queries.of([[20 + row % 10, *([25] * (row // 10))] for row in range(n)])


def test_a_tenth_of_ten_places_is_one_and_the_rest_keeps_its_order() -> None:
    found = explored(lists(), histories(1), pool(), text(np.zeros(5)), 0.1, seed=7)
    assert found.propensities is not None
    (place,) = np.flatnonzero(found.propensities[0])
    assert 30 <= found.items[0, place] < 35
    assert found.propensities[0, place] == pytest.approx(0.2)
    assert np.delete(found.items[0], place).tolist() == list(range(K - 1))
    assert (np.diff(found.scores[0]) <= 0).all()


def test_the_same_request_gets_the_same_list_and_another_history_another_one() -> None:
    def asked(queries: Queries, seed: int = 7) -> list[list[int]]:
        return explored(lists(len(queries)), queries, pool(), None, 0.2, seed).items.tolist()

    many = asked(histories(40))
    assert many == asked(histories(40))
    assert [asked(histories(40).slice(row, row + 1))[0] for row in range(40)] == many
    assert len({tuple(row) for row in many}) > 30
    assert many != asked(histories(40), seed=8)


@pytest.mark.parametrize("share", [0.1, 0.13, 0.3])
def test_propensities_are_how_often_an_item_is_drawn(share: float) -> None:
    n, logits = 3_000, np.array([2.0, 1.0, 0.0, -1.0, -1.0])
    found = explored(lists(n), histories(n), pool(), text(logits, n), share, seed=1)
    assert found.propensities is not None
    drawn = found.propensities > 0
    assert drawn.sum() / n == pytest.approx(share * K, abs=0.03)
    for item in range(30, 35):
        at = drawn & (found.items == item)
        (propensity,) = np.unique(found.propensities[at])
        assert at.sum() / n == pytest.approx(propensity, abs=0.03)


def test_every_place_of_a_list_is_as_likely() -> None:
    n = 3_000
    found = explored(lists(n), histories(n), pool(), None, 0.1, seed=1)
    assert found.propensities is not None
    share = (found.propensities > 0).mean(axis=0)
    np.testing.assert_allclose(share, 0.1, atol=0.02)


def test_what_was_seen_or_is_listed_is_not_drawn() -> None:
    few = np.arange(60) < 12  # ten are listed, one is in the history
    found = explored(lists(), Queries.of([[10]]), few, None, 0.5, seed=7)
    assert set(found.items[0].tolist()) == {*range(9), 11}
    assert found.propensities is not None
    assert found.propensities.max() == 1
    none = explored(lists(), Queries.of([[10]]), np.arange(60) < 11, None, 0.5, seed=7)
    assert none.items.tolist() == lists().items.tolist()
    assert none.propensities is not None
    assert not none.propensities.any()
