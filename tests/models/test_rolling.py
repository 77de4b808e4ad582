from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tacit.data.interactions import Interactions
from tacit.data.vocabulary import Vocabulary
from tacit.models.rolling import (
    MOST_HALF_LIVES,
    Choices,
    choices,
    half_lives,
    last_state,
    of_users,
    states,
)


def log_of(rows: list[tuple[int, int, float, float]], n_items: int = 4) -> Interactions:
    """Return a log of (user, item, time, weight)."""
    rows = sorted(rows, key=lambda row: (row[0], row[2]))
    user, item, at, weight = (np.array(column) for column in zip(*rows, strict=True))
    return Interactions(
        users=Vocabulary([f"u{n}" for n in range(int(user.max()) + 1)]),
        items=Vocabulary([f"i{n}" for n in range(n_items)]),
        kinds=("view",),
        user=user.astype(np.int32),
        item=item.astype(np.int32),
        weight=weight.astype(np.float32),
        at=at.astype(np.float64),
        kind=np.zeros(len(user), dtype=np.int16),
        timing="time",
    )


def random_choices(rng: np.random.Generator, n_events: int = 60, n_items: int = 7) -> Choices:
    at = np.sort(rng.integers(0, 40, n_events)).astype(np.float64)  # many at the same moment
    user, item = (rng.integers(0, n, n_events).astype(np.int32) for n in (9, n_items))
    return Choices(user, item, at, rng.random(n_events) + 0.5, np.arange(n_items + 1, dtype=np.int32))


def counts_before(log: Choices, half_life: float, moment: float) -> NDArray[np.float64]:
    counts = np.zeros(log.n_items)
    for item, at, value in zip(log.item, log.at, log.value, strict=True):
        if at < moment:
            counts[item] += value * 0.5 ** ((moment - at) / half_life)
    return counts


def test_counts_at_every_moment_are_the_faded_sums_of_what_came_before() -> None:
    log = random_choices(np.random.default_rng(1))
    halves, moments = np.array([20.0, 3.0, 0.7]), np.array([0.0, 5.0, 5.5, 12.0, 40.0])
    for state, moment in zip(states(log, halves, moments), moments, strict=True):
        assert state.moment == moment
        for half, counts in zip(halves, state.counts, strict=True):
            np.testing.assert_allclose(counts, counts_before(log, half, moment), rtol=1e-12, atol=1e-300)
        before = log.at < moment
        for item in range(log.n_items):
            own = log.at[before & (log.item == item)]
            assert state.first[item] == own.min(initial=np.inf)
            assert state.last[item] == own.max(initial=-np.inf)
        assert state.known.tolist() == sorted(set(log.item[before].tolist()))


def test_a_state_knows_nothing_of_its_moment_and_later() -> None:
    log = random_choices(np.random.default_rng(2))
    later = log.at >= 17
    changed = replace(
        log,
        item=np.where(later, log.item[::-1], log.item),
        at=np.where(later, log.at + 5, log.at),
        value=np.where(later, 9.0, log.value),
    )
    halves, moments = np.array([10.0, 1.0]), np.array([8.0, 17.0])
    for one, other in zip(states(log, halves, moments), states(changed, halves, moments), strict=True):
        np.testing.assert_array_equal(one.counts, other.counts)
        np.testing.assert_array_equal(one.first, other.first)
        np.testing.assert_array_equal(one.last, other.last)


def test_repeats_of_a_user_count_less_each_time_and_refusals_nothing() -> None:
    rows = [(0, 1, float(n), 1.0) for n in range(1, 4)] + [(1, 2, 9.0, 1.0), (1, 3, 5.0, -1.0)]
    log = choices(log_of(rows))
    assert log.items[log.item].tolist() == [1, 1, 1, 2]
    assert log.items.tolist() == [1, 2]  # only what was chosen has a place
    np.testing.assert_allclose(log.value / log.value[0], [1, 1 / 2, 1 / 3, 1])


def test_what_is_damped_already_is_not_damped_twice() -> None:
    log = choices(log_of([(0, 1, float(n), 1 / n) for n in range(1, 5)]))
    np.testing.assert_allclose(log.value / log.value[0], [1, 1 / 2, 1 / 3, 1 / 4], rtol=1e-6)


def test_the_mean_choice_counts_one_whatever_the_unit_of_the_weights() -> None:
    rows = [(user, user % 3, float(user), 0.8 + user / 50) for user in range(9)]
    once, larger = (choices(log_of([(*row[:3], factor * row[3]) for row in rows])) for factor in (1, 100))
    assert once.value.mean() == pytest.approx(1)
    np.testing.assert_allclose(once.value, larger.value, rtol=1e-6)


def test_half_lives_halve_until_an_event_is_expected_in_each() -> None:
    assert half_lives(64.0, 16).tolist() == [32, 16, 8, 4]
    assert half_lives(64.0, 1).tolist() == [32]
    assert len(half_lives(1.0, 10**9)) == MOST_HALF_LIVES


def test_the_last_state_of_a_log_is_that_after_its_last_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    rows = zip(rng.integers(9, size=80), rng.integers(4, size=80), rng.random(80), strict=True)
    log = log_of([(u, i, 100 * at, float(rng.choice([-1.0, 0.5, 1.0, 2.0]))) for u, i, at in rows])
    monkeypatch.setattr("tacit.models.chunks.EVENTS", 7)
    halves = half_lives(100.0, 80)
    found = last_state(log, halves)
    known = choices(log)
    (expected,) = states(known, halves, np.nextafter(known.at[-1:], np.inf))
    assert found.moment == expected.moment
    np.testing.assert_array_equal(found.first[known.items], expected.first)
    np.testing.assert_array_equal(found.last[known.items], expected.last)
    unit = found.counts[0, known.items].sum() / expected.counts[0].sum()
    np.testing.assert_allclose(found.counts[:, known.items], unit * expected.counts, rtol=1e-9, atol=1e-300)


def test_users_are_drawn_whole_with_about_so_many_events() -> None:
    log = log_of([(user, user % 4, float(n), 1.0) for user in range(1_000) for n in range(3)])
    assert of_users(log, 3_000, np.random.default_rng(0)) is log
    few = of_users(log, 600, np.random.default_rng(0))
    assert 450 < len(few) < 750
    assert set(np.bincount(few.user).tolist()) <= {0, 3}
