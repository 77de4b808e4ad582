"""The arithmetic of several stretches: spreads, intervals, and how often these hold what comes next."""

import numpy as np
import pytest
from scipy.stats import t

from tacit.evaluation.origins import (
    SHARES,
    Sample,
    Scale,
    estimate,
    moments_of,
    moments_of_wholes,
    one_step_ahead,
    prediction,
)

WIDE = Scale(-100.0, 100.0)


def sample(values: list[float], first_user: int = 0) -> Sample:
    return Sample(np.arange(first_user, first_user + len(values)), np.array(values))


def half(count: int, variance: float) -> float:
    return float(t.ppf(0.975, count - 1) * np.sqrt(variance))


def test_a_spread_that_users_explain_is_none_between_cuts() -> None:
    found = estimate(moments_of([sample([0, 1]), sample([1, 1, 0, 1], 2)]), WIDE)
    users = (0.5 / 2 + 0.25 / 4) / 2  # the means .5 and .75 have the variance .03125, which is less
    assert found.mean == 0.625
    assert found.between_users == pytest.approx(np.sqrt(users))
    assert found.between_cuts == 0
    assert found.interval == pytest.approx((0.625 - half(2, users / 2), 0.625 + half(2, users / 2)))
    assert found.prediction == pytest.approx((0.625 - half(2, users * 1.5), 0.625 + half(2, users * 1.5)))


def test_what_users_do_not_explain_lies_between_cuts() -> None:
    samples = [sample([0.0, 0.2]), sample([0.5, 0.7], 2), sample([0.1, 0.3], 4)]
    found = estimate(moments_of(samples), WIDE)
    means, users = np.array([0.1, 0.6, 0.2]), 0.02 / 2
    cuts = means.var(ddof=1) - users
    assert found.between_users == pytest.approx(np.sqrt(users))
    assert found.between_cuts == pytest.approx(np.sqrt(cuts))
    of_mean, of_next = (cuts + users) / 3, (cuts + users) * 4 / 3
    assert found.interval == pytest.approx((0.3 - half(3, of_mean), 0.3 + half(3, of_mean)))
    assert found.prediction == pytest.approx((0.3 - half(3, of_next), 0.3 + half(3, of_next)))


def test_a_user_who_comes_back_is_one_user() -> None:
    """All users twice, each .3 better the second time: the whole difference is that of the moments."""
    once = [0.0, 0.2, 0.4]
    found = estimate(moments_of([sample(once), sample([value + 0.3 for value in once])]), WIDE)
    users = 0.04 / 3
    assert found.between_cuts == pytest.approx(np.sqrt(0.045))
    of_mean = 0.045 / 2 + users  # a second look at the same users says nothing more of others
    assert found.interval == pytest.approx((0.35 - half(2, of_mean), 0.35 + half(2, of_mean)))
    of_next = 0.045 * 1.5
    assert found.prediction == pytest.approx((0.35 - half(2, of_next), 0.35 + half(2, of_next)))


def test_users_who_do_the_opposite_next_time_narrow_nothing() -> None:
    samples = [sample([0.0, 0.2, 0.4]), sample([0.4, 0.2, 0.0])]
    apart = [samples[0], sample([0.4, 0.2, 0.0], 3)]
    assert estimate(moments_of(samples), WIDE) == estimate(moments_of(apart), WIDE)


def test_a_stretch_of_one_user_takes_its_variance_from_the_others() -> None:
    found = estimate(moments_of([sample([0.5]), sample([0.0, 1.0], 1)]), WIDE)
    assert found.between_users == pytest.approx(np.sqrt((0.5 + 0.25) / 2))
    alone = estimate(moments_of([sample([0.5]), sample([0.7], 1)]), WIDE)
    assert (alone.between_users, alone.between_cuts) == pytest.approx((0, np.sqrt(0.02)))


def test_intervals_end_where_the_metric_ends() -> None:
    samples = [sample([0.0, 0.1]), sample([0.9, 1.0], 2)]
    for scale in (SHARES, Scale(0.0, 1.0)):
        found = estimate(moments_of(samples), scale)
        assert found.interval == found.prediction == (0.0, 1.0)


def test_shares_are_predicted_as_angles() -> None:
    """Shares of sin^2 x have the angle x and the variance v / (4 m (1 - m)) of an error."""
    samples = [sample([0.02, 0.06]), sample([0.12, 0.2], 2), sample([0.05, 0.11], 4)]
    moments = moments_of(samples)
    means = np.array([0.04, 0.16, 0.08])
    angles = np.arcsin(np.sqrt(means))
    users = (np.array([0.0004, 0.0016, 0.0009]) / (4 * means * (1 - means))).mean()
    away = half(3, max(float(angles.var(ddof=1)), users) * 4 / 3)
    low, high = estimate(moments, SHARES).prediction  # type: ignore[misc]
    assert high == pytest.approx(np.sin(angles.mean() + away) ** 2)
    assert low == pytest.approx(np.sin(max(angles.mean() - away, 0)) ** 2)
    assert estimate(moments, SHARES).interval == pytest.approx(
        (0.0, estimate(moments, WIDE).interval[1])  # type: ignore[index]
    )


def test_no_hit_so_far_is_no_proof_that_there_is_none() -> None:
    found = estimate(moments_of([sample([0.0] * 50, 50 * place) for place in range(3)]), SHARES)
    assert (found.mean, found.between_users, found.interval) == (0, 0, None)
    away = half(3, 1 / (4 * 50) * 4 / 3)
    assert found.prediction == pytest.approx((0, np.sin(away) ** 2))


def test_where_nothing_varies_there_is_no_interval() -> None:
    moments = moments_of([sample([0.5, 0.5], 2 * place) for place in range(4)])
    found = estimate(moments, SHARES)
    assert (found.mean, found.interval, found.prediction) == (0.5, None, None)
    assert one_step_ahead(moments, SHARES) == (0, 0)


def test_one_stretch_has_a_mean_and_a_spread_of_users_only() -> None:
    found = estimate(moments_of([sample([0.0, 1.0])]), SHARES)
    assert (found.mean, found.between_users) == pytest.approx((0.5, 0.5))
    assert (found.interval, found.prediction) == (None, None)


def test_figures_without_users_have_the_spread_between_stretches() -> None:
    found = estimate(moments_of_wholes([8.0, 8.5, 9.0]), Scale(0.0, float("inf")))
    assert (found.mean, found.between_users, found.between_cuts) == (8.5, 0, 0.5)
    assert found.prediction == pytest.approx((8.5 - half(3, 1 / 3), 8.5 + half(3, 1 / 3)))


def test_each_stretch_is_predicted_from_those_before_it_alone() -> None:
    steady = [sample([0.4, 0.6], 2 * place) for place in range(5)]
    assert one_step_ahead(moments_of(steady), SHARES) == (3, 3)
    broken = [*steady, sample([1.0, 1.0], 10)]
    assert one_step_ahead(moments_of(broken), SHARES) == (3, 4)
    for count in range(2, 6):  # what comes later changes no earlier interval
        moments = moments_of(broken)
        assert prediction(moments.first(count), SHARES) == pytest.approx(
            prediction(moments_of(broken[:count]), SHARES)
        )


def simulated(
    rng: np.random.Generator,
    *,
    stretches: int,
    cuts: float,
    noise: float,
    habit: float = 0.0,
    users: int = 40,
) -> list[Sample]:
    """Stretches with known standard deviations: of moments, of one visit of a user, of all of a user."""
    of_user = rng.normal(0, habit, users)
    samples = []
    for place in range(stretches):
        codes = np.arange(users) + (0 if habit else place * users)
        values = rng.normal(0, cuts) + of_user + rng.normal(0, noise, users)
        samples.append(Sample(codes, values))
    return samples


@pytest.mark.parametrize(
    ("variances", "least", "most"),
    [
        ({"cuts": 0.1, "noise": 0.2}, 0.935, 0.97),
        ({"cuts": 0.1, "noise": 0.2, "habit": 0.3}, 0.935, 0.97),
        # The floor makes it wider than it need be where most comes of the users.
        ({"cuts": 0.03, "noise": 0.2}, 0.95, 1.0),
        ({"cuts": 0.0, "noise": 0.2}, 0.95, 1.0),
    ],
)
@pytest.mark.parametrize("stretches", [3, 8])
def test_the_next_stretch_is_held_about_as_often_as_said(
    variances: dict[str, float], least: float, most: float, stretches: int
) -> None:
    rng = np.random.default_rng(5)
    held, trials = 0, 1_000
    for _ in range(trials):
        *before, after = simulated(rng, stretches=stretches + 1, **variances)
        low, high = estimate(moments_of(before), WIDE).prediction  # type: ignore[misc]
        held += low <= after.values.mean() <= high
    assert least <= held / trials <= most


@pytest.mark.parametrize("habit", [0.0, 0.3])
def test_the_mean_of_all_stretches_and_users_is_held_too(habit: float) -> None:
    rng = np.random.default_rng(6)
    held, trials = 0, 1_000
    for _ in range(trials):
        samples = simulated(rng, stretches=8, cuts=0.05, noise=0.2, habit=habit)
        low, high = estimate(moments_of(samples), WIDE).interval  # type: ignore[misc]
        held += low <= 0 <= high
    assert held / trials >= 0.935


@pytest.mark.parametrize("level", [0.01, 0.1, 0.5])
def test_shares_of_any_level_are_held_about_as_often_as_said(level: float) -> None:
    """Hits of 200 users, whose odds a moment multiplies: near 0 such shares are far from normal."""
    rng = np.random.default_rng(7)
    held, above, trials = 0, 0, 2_000
    for _ in range(trials):
        odds = level / (1 - level) * np.exp(rng.normal(0, 0.5, 9))
        samples = [
            Sample(np.arange(200) + 200 * place, (rng.random(200) < share).astype(np.float64))
            for place, share in enumerate(odds / (1 + odds))
        ]
        low, high = prediction(moments_of(samples[:-1]), SHARES)  # type: ignore[misc]
        held += low <= samples[-1].values.mean() <= high
        above += samples[-1].values.mean() > high
    assert 0.93 <= held / trials <= 0.99
    assert above / trials <= 0.045
