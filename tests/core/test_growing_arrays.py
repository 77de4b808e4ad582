"""Arrays that grow by rows: equal to concatenation, whoever grew from whom, and without copies."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.core.growing_arrays import appended, padded, replaced


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=30), st.integers(0, 3))
def test_any_tree_of_growth_equals_concatenation(steps: list[tuple[int, int]], start: int) -> None:
    grown = [np.arange(start * 2, dtype=np.float32).reshape(start, 2)]
    expected = [grown[0].copy()]
    for number, (parent, count) in enumerate(steps):
        of = parent % len(grown)
        new = np.full((count, 2), number, dtype=np.float32)
        grown.append(appended(grown[of], new))
        expected.append(np.concatenate([expected[of], new]))
    for one, other in zip(grown, expected, strict=True):
        assert type(one) is np.ndarray
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_a_part_of_a_grown_array_grows_apart_from_it() -> None:
    whole = appended(np.arange(3), np.arange(3, 6))
    for part in (whole[1:], whole[::2], whole[:2]):
        expected = [*part.tolist(), 9]
        assert appended(part, np.array([9])).tolist() == expected
    assert appended(whole, np.array([6])).tolist() == list(range(7))
    assert whole.tolist() == list(range(6))


def test_a_row_does_not_cost_a_copy_of_the_others() -> None:
    rows = appended(np.zeros((200_000, 64), dtype=np.float32), np.ones((1, 64), dtype=np.float32))
    begun = time.process_time()
    longer = rows
    for _ in range(1_000):
        longer = appended(longer, np.ones((1, 64), dtype=np.float32))
    assert time.process_time() - begun < 0.5  # a copy takes 10 ms
    assert longer.base is rows.base
    assert longer[200_001:].all() and not longer[:200_000].any()


def test_a_replaced_row_costs_one_copy_and_the_next_new_one_none() -> None:
    rows = appended(np.zeros((1_000, 8), dtype=np.float32), np.ones((1, 8), dtype=np.float32))
    other = replaced(rows, np.array([3]), np.full((1, 8), 5, dtype=np.float32))
    longer = appended(other, np.ones((2, 8), dtype=np.float32))
    assert longer.base is other.base is not rows.base
    assert appended(other, other[:0]) is other
    assert (longer[3] == 5).all() and not rows[3].any()
    assert len(appended(rows, rows[:1])) == len(rows) + 1


def test_padding_fills_with_a_value_and_may_add_nothing() -> None:
    rows = np.ones((2, 3), dtype=np.float32)
    assert padded(rows, 2) is rows
    longer = padded(rows, 4, -np.inf)
    assert longer.dtype == np.float32
    assert np.isneginf(longer[2:]).all() and (longer[:2] == 1).all()


@pytest.mark.parametrize("value", [1.5, np.nan, -np.inf])
def test_replaced_rows_leave_the_old_array_and_equal_ones_cost_nothing(value: float) -> None:
    rows = np.array([0.0, value, 2.0])
    assert replaced(rows, np.array([1]), np.array([value])) is rows
    other = replaced(rows, np.array([0]), np.array([7.0]))
    assert other[0] == 7 and rows[0] == 0
    flags = np.array([True, False])
    assert replaced(flags, np.array([0]), np.array([True])) is flags
    assert replaced(flags, np.array([0]), np.array([False])).tolist() == [False, False]
