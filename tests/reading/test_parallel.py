"""Blocks worked on side by side come back in their order, and only a few are in memory at once."""

import threading
import time
from collections.abc import Iterator

import pytest

from tacit.reading import parallel
from tacit.reading.parallel import in_order


def test_results_keep_the_order_of_the_parts_whatever_each_takes() -> None:
    def slow_at_first(part: int) -> int:
        time.sleep(0.01 / (1 + part))
        return part * part

    assert list(in_order(slow_at_first, range(20))) == [part * part for part in range(20)]


def test_only_a_few_parts_are_taken_ahead_of_the_results() -> None:
    taken: list[int] = []

    def parts() -> Iterator[int]:
        for part in range(100):
            taken.append(part)
            yield part

    for used, result in enumerate(in_order(lambda part: part, parts())):
        assert result == used
        assert len(taken) <= used + 1 + parallel._MOST_THREADS


def test_one_part_alone_is_worked_on_where_the_caller_is() -> None:
    assert list(in_order(lambda part: threading.get_ident(), range(1))) == [threading.get_ident()]
    assert list(in_order(str, range(0))) == []


def test_a_failure_reaches_the_caller() -> None:
    def refused(part: int) -> int:
        raise ValueError(f"part {part}")

    with pytest.raises(ValueError, match="part 0"):
        list(in_order(refused, range(9)))
