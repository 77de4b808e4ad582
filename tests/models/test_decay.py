from dataclasses import replace

import numpy as np
import pytest
from tests.models.small import log_of

from tacit.core.types import DAY
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.models.decay import decayed, decayed_rows, faded, fading


def log(days: list[float], timing: str = "time") -> Interactions:
    plain, _ = log_of(np.ones((1, len(days))))
    values = {"at": np.array(days) * DAY, "timing": timing}
    return Interactions(**{**vars(plain), **values})


def test_each_earlier_event_counts_less_and_a_no_counts_nothing() -> None:
    queries = Queries.of([[0, 1, 0], [2]], weights=[[2, -1, 3], [1]])
    assert decayed(queries, 0.5).tolist() == [0.5, 0, 3, 1]
    assert decayed(queries, 1.0).tolist() == [2, 0, 3, 1]
    assert decayed(queries, 0.5).dtype == np.float32


def test_without_an_order_no_event_counts_less() -> None:
    queries = replace(Queries.of([[0, 1, 0], [2]], weights=[[2, -1, 3], [1]]), ordered=False)
    assert faded(queries, 0.5).tolist() == [1, 1, 1, 1]


def test_without_an_order_an_item_counts_once_by_its_strongest_event() -> None:
    queries = Queries.of([[0, 1, 0], [0, 0]], weights=[[3, -1, 2], [1, 1]])
    unordered = replace(queries, ordered=False)
    assert decayed(unordered, 0.5).tolist() == [3, 0, 0, 0, 1]
    assert decayed_rows(unordered, 0.5, 2).toarray().tolist() == [[3, 0], [1, 0]]
    assert decayed_rows(queries, 1.0, 2).toarray().tolist() == [[5, 0], [2, 0]]


@pytest.mark.parametrize("timing", ["time", "order", "none"])
def test_a_log_says_whether_its_histories_are_in_order(timing: str) -> None:
    queries = log([1, 2, 3], timing).queries()
    parts = [queries, queries.slice(0, 1), queries.take(np.array([0])), Queries.joined([queries])]
    assert {part.ordered for part in parts} == {timing != "none"}


def test_rows_add_up_what_is_repeated_and_leave_out_newer_items() -> None:
    queries = Queries.of([[0, 1, 0], [], [2, 7, 2]])
    assert decayed_rows(queries, 0.5, 3).toarray().tolist() == [[1.25, 0.5, 0], [0, 0, 0], [0, 0, 1.25]]


def test_the_oldest_event_of_an_endless_history_is_none_and_no_error() -> None:
    counts = decayed(Queries.of([[0] * 5_000]), 0.5)
    assert counts[0] == 0
    assert counts[-1] == 1


def test_an_event_fades_by_half_in_a_half_life() -> None:
    assert fading(log([0, 2, 4]), 2.0).tolist() == [0.25, 0.5, 1]
    assert fading(log([0, 2, 4]), float("inf")).tolist() == [1, 1, 1]


def test_by_default_the_half_life_is_the_time_of_the_last_tenth() -> None:
    assert fading(log([float(day) for day in range(101)]), None)[90] == pytest.approx(0.5)


def test_what_is_very_old_is_faint_but_not_nothing() -> None:
    assert fading(log([0, 100_000]), 0.01)[0] == 1e-30


def test_events_of_one_moment_do_not_fade() -> None:
    assert fading(log([3, 3, 3]), None).tolist() == [1, 1, 1]


@pytest.mark.parametrize("timing", ["order", "none"])
def test_without_times_nothing_fades(timing: str) -> None:
    assert fading(log([0, 2, 4], timing), 0.001).tolist() == [1, 1, 1]
    assert fading(log([]), 1.0).tolist() == []
