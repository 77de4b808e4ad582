from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tacit.data.queries import Queries, gather_ranges
from tacit.testing.generated import small_log

HISTORIES = st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=6)
SOME_HISTORIES = HISTORIES.filter(bool)


def lists(queries: Queries) -> list[list[int]]:
    return [part.tolist() for part in np.split(queries.item, queries.offsets[1:-1])] if len(queries) else []


def excludes(queries: Queries) -> list[list[int]]:
    parts = np.split(queries.exclude, queries.exclude_offsets[1:-1])
    return [part.tolist() for part in parts] if len(queries) else []


def test_flat_view_of_three_histories() -> None:
    queries = Queries.of([[4, 7], [], [1, 1, 5]], now=100.0)
    assert queries.offsets.tolist() == [0, 2, 2, 5]
    assert queries.lengths.tolist() == [2, 0, 3]
    assert queries.row.tolist() == [0, 0, 2, 2, 2]
    assert queries.position.tolist() == [1, 0, 2, 1, 0]
    assert queries.user.tolist() == [-1, -1, -1]
    assert excludes(queries) == [[4, 7], [], [1, 1, 5]]


def test_age_is_never_negative() -> None:
    queries = Queries.of([[1, 2, 3]], times=[[40.0, 100.0, 130.0]], now=100.0)
    assert queries.age.tolist() == [60.0, 0.0, 0.0]


def test_matrix_adds_repeats_and_drops_noes_and_unknown_items() -> None:
    queries = Queries.of([[0, 2, 0], [1, 9]], weights=[[1.0, -1.0, 0.5], [2.0, 3.0]])
    assert queries.matrix(3).toarray().tolist() == [[1.5, 0.0, 0.0], [0.0, 2.0, 0.0]]
    replaced = queries.matrix(3, np.array([0.0, 4.0, 1.0, 1.0, 1.0], dtype=np.float32))
    assert replaced.toarray().tolist() == [[1.0, 0.0, 4.0], [0.0, 1.0, 0.0]]
    assert replaced.dtype == np.float32


def test_what_was_only_shown_is_no_act_and_may_be_recommended() -> None:
    queries = Queries.of([[1, 2, 3], [4], [5]], weights=[[1, 0, -1], [0], [1]])
    assert excludes(queries) == [[1, 3], [], [5]]
    assert lists(queries.acted()) == [[1, 3], [], [5]]
    assert excludes(queries.acted()) == [[1, 3], [], [5]]
    whole = Queries.of([[1]])
    assert whole.acted() is whole


def test_nothing_is_excluded_where_seen_items_may_come_back() -> None:
    assert excludes(Queries.of([[1, 2], [3]], exclude_seen=False)) == [[], []]


@given(HISTORIES, st.data())
def test_slice_equals_take(histories: list[list[int]], data: st.DataObject) -> None:
    queries = Queries.of(histories, now=3.0)
    start = data.draw(st.integers(0, len(histories)))
    stop = data.draw(st.integers(start, len(histories)))
    cut, taken = queries.slice(start, stop), queries.take(np.arange(start, stop))
    for name in Queries.__dataclass_fields__:
        assert np.array_equal(getattr(cut, name), getattr(taken, name)), name
    assert lists(cut) == histories[start:stop] == excludes(cut)


@given(SOME_HISTORIES, st.data())
def test_take_keeps_the_asked_order(histories: list[list[int]], data: st.DataObject) -> None:
    places = st.integers(0, len(histories) - 1)
    rows = data.draw(st.lists(places, max_size=8))
    taken = Queries.of(histories).take(np.array(rows, dtype=np.int64))
    assert lists(taken) == [histories[row] for row in rows] == excludes(taken)


@given(HISTORIES, st.integers(0, 7))
def test_last_keeps_the_end_of_each_history_and_all_excludes(histories: list[list[int]], count: int) -> None:
    cut = Queries.of(histories).last(count)
    assert lists(cut) == [history[max(len(history) - count, 0) :] for history in histories]
    assert excludes(cut) == histories


@given(HISTORIES, st.integers(0, 9))
def test_keep_drops_events_and_nothing_else(histories: list[list[int]], bar: int) -> None:
    queries = Queries.of(histories)
    kept = queries.keep(queries.item >= bar)
    assert lists(kept) == [[code for code in history if code >= bar] for history in histories]
    assert excludes(kept) == histories
    assert len(kept.weight) == len(kept.at) == len(kept.item)


@given(SOME_HISTORIES, st.data())
def test_gather_ranges_walks_the_ranges_in_order(histories: list[list[int]], data: st.DataObject) -> None:
    offsets = Queries.of(histories).offsets
    places = st.integers(0, len(histories) - 1)
    rows = np.array(data.draw(st.lists(places, max_size=8)), dtype=np.int64)
    index, new = gather_ranges(offsets, rows)
    assert index.tolist() == [i for row in rows for i in range(offsets[row], offsets[row + 1])]
    assert np.diff(new).tolist() == [len(histories[row]) for row in rows]


def test_a_part_without_a_query_adds_nothing() -> None:
    some = replace(Queries.of([[1], [2, 3]]), traits=np.ones((2, 3), dtype=np.int32))
    joined = Queries.joined([Queries.of([]), some, Queries.of([])])
    np.testing.assert_array_equal(joined.traits, some.traits)
    np.testing.assert_array_equal(joined.item, some.item)
    assert len(Queries.joined([Queries.of([]), Queries.of([])])) == 0


def test_the_event_types_of_a_log_come_along() -> None:
    log, _ = small_log()
    queries = log.queries(np.array([3, -1, 0], dtype=np.int32))
    expected = np.concatenate([log.kind[log.user == 3], log.kind[log.user == 0]])
    assert np.array_equal(queries.kind, expected)
    assert np.array_equal(queries.last(1).kind, [log.kind[log.user == 3][-1], log.kind[log.user == 0][-1]])
    assert Queries.of([[1, 2]]).kind.tolist() == [-1, -1]
