from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.core.errors import UnsupportedError
from tacit.data import splits

EVENTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), max_size=40)


def columns(events: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.array(events, dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0].astype(np.int32), pairs[:, 1].astype(np.float64)


def test_cut_time_holds_out_the_last_tenth() -> None:
    at = np.arange(100.0)
    assert (at >= splits.cut_time(at, 0.1)).sum() == 10


def test_cut_time_leaves_events_on_both_sides_of_a_heap() -> None:
    at = np.array([5.0] * 95 + [9.0] * 5)
    assert splits.cut_time(at, 0.1) == 9.0


@pytest.mark.parametrize(("at", "says"), [([], "no events"), ([3.0, 3.0], "same time")])
def test_cut_time_refuses_what_cannot_be_cut(at: list[float], says: str) -> None:
    with pytest.raises(UnsupportedError, match=says):
        splits.cut_time(np.array(at), 0.1)


@given(st.lists(st.integers(0, 30), min_size=2), st.floats(0.01, 0.99))
def test_cut_time_always_leaves_a_past_and_a_future(times: list[int], share: float) -> None:
    at = np.array(times, dtype=np.float64)
    if at.min() == at.max():
        return
    later = at >= splits.cut_time(at, share)
    assert 0 < later.sum() < len(at)


def test_last_of_each_takes_the_later_row_of_a_tie_and_spares_single_events() -> None:
    user = np.array([0, 0, 1, 2, 2, 2], dtype=np.int32)
    at = np.array([5.0, 5.0, 1.0, 9.0, 7.0, 8.0])
    all_said_yes = np.ones(6, dtype=bool)
    assert splits.last_of_each(user, at, all_said_yes).tolist() == [False, True, False, True, False, False]


def test_last_of_each_is_a_choice_and_takes_what_was_shown_after_it_along() -> None:
    user = np.array([0, 0, 0, 0, 0, 1, 1, 2, 2], dtype=np.int32)
    at = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 1.0, 2.0, 1.0, 2.0])
    chosen = np.array([1, 0, 1, 0, 0, 1, 0, 0, 0], dtype=bool)
    expected = [False, False, True, True, True, False, False, False, False]
    assert splits.last_of_each(user, at, chosen).tolist() == expected


@given(EVENTS)
def test_last_of_each_takes_one_latest_event_of_users_with_two(events: list[tuple[int, int]]) -> None:
    user, at = columns(events)
    mask = splits.last_of_each(user, at, np.ones(len(user), dtype=bool))
    for code in np.unique(user):
        mine = user == code
        assert mask[mine].sum() == (mine.sum() >= 2)
        if mine.sum() >= 2:
            assert at[mask & mine][0] == at[mine].max()


@given(EVENTS, st.floats(0.05, 0.95), st.integers(0, 5))
def test_random_share_holds_out_the_asked_part(
    events: list[tuple[int, int]], share: float, seed: int
) -> None:
    user, _ = columns(events)
    mask = splits.random_share(user, share, np.random.default_rng(seed))
    for code, count in zip(*np.unique(user, return_counts=True), strict=True):
        expected = max(1, int(count * share)) if count >= 2 else 0
        assert mask[user == code].sum() == expected
    again = splits.random_share(user, share, np.random.default_rng(seed))
    assert mask.tolist() == again.tolist()


def test_random_share_differs_by_seed() -> None:
    user = np.repeat(np.arange(20, dtype=np.int32), 10)
    masks = {splits.random_share(user, 0.3, np.random.default_rng(s)).tobytes() for s in range(4)}
    assert len(masks) == 4


@given(EVENTS, st.floats(0.05, 0.95), st.integers(0, 5))
def test_random_pairs_hold_out_all_events_on_an_item(
    events: list[tuple[int, int]], share: float, seed: int
) -> None:
    user, at = columns(events)
    item = at.astype(np.int32) % 3
    mask = splits.random_pairs(user, item, share, np.random.default_rng(seed))
    for code in np.unique(user):
        mine = user == code
        held, kept = np.unique(item[mask & mine]), np.unique(item[~mask & mine])
        assert not np.intersect1d(held, kept).size
        count = len(np.unique(item[mine]))
        assert len(held) == (max(1, int(count * share)) if count >= 2 else 0)


def test_held_out_dispatches() -> None:
    yes = np.ones(4, dtype=bool)
    user, at = np.array([0, 0, 1, 1], dtype=np.int32), np.array([1.0, 4.0, 2.0, 3.0])
    item = np.arange(4, dtype=np.int32)
    rng = np.random.default_rng(0)
    held = partial(splits.held_out, user, item, at, yes)
    assert held("time", 0.25, rng).tolist() == [False, True, False, False]
    assert held("leave-one-out", 0.25, rng).tolist() == [False, True, False, True]
    assert held("random", 0.25, rng).reshape(2, 2).sum(axis=1).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("protocol", "timing", "instead"),
    [("time", "order", "leave-one-out"), ("time", "none", "random"), ("leave-one-out", "none", "random")],
)
def test_unsupported_splits_name_the_one_to_use(
    protocol: splits.Protocol, timing: splits.Timing, instead: str
) -> None:
    with pytest.raises(UnsupportedError, match=f"use --split {instead}"):
        splits.check(protocol, timing)


def test_defaults_are_supported() -> None:
    for timing, protocol in splits.DEFAULT.items():
        splits.check(protocol, timing)
