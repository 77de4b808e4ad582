"""What several stretches of time say of the next one: a mean, two spreads and a prediction interval.

A figure of stretch k is the mean over its users, ``m[k] = mu + cut[k] + error[k]``: what this moment of the
log adds, and what comes of the users being a sample. Of N stretches are known

- ``S2``, the variance of the means, with N - 1 degrees of freedom;
- ``v[k]``, the variance of a mean over users (s2 / n), ``v`` its average;
- ``c``, the average covariance of two errors, since a user may come back: users are clusters.

As E[S2] = cuts + v - c, the variance between cuts is ``max(0, S2 - (v - c))``. The mean of the means has the
variance ``cuts / N + (v + (N - 1) c) / N``. The next stretch differs from it by a new moment, by its users,
and by the error of the mean: ``(cuts + v - c) (1 + 1 / N)``, of which users who come back take their part on
both sides. Intervals are those of Student's t with N - 1 degrees of freedom, cut at the bounds of the metric.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from tacit.core.types import Float64, Int64

LEVEL = 0.95
LEAST = 2
"""Stretches that an interval needs: from one there is no spread."""

Bounds = tuple[float, float]


@dataclass(frozen=True)
class Sample:
    """The values of one stretch.

    Attributes
    ----------
    users : int64[n]
        Codes from 0, each at most once, the same for a user in every stretch.
    values : float64[n]
        n at least 1.
    """

    users: Int64
    values: Float64


@dataclass(frozen=True)
class Moments:
    """What the intervals of a figure are made from, by stretch in the order of time.

    Attributes
    ----------
    means : float64[N]
    sizes : int64[N]
        Users.
    spreads : float64[N]
        Variance of the values of the users; NaN where one user has none.
    shared : float64[N]
        Sum of the covariances of the error of each mean with those of all stretches before it.
    """

    means: Float64
    sizes: Int64
    spreads: Float64
    shared: Float64

    def __len__(self) -> int:
        return len(self.means)

    def first(self, count: int) -> "Moments":
        """Return those of the first stretches."""
        return Moments(self.means[:count], self.sizes[:count], self.spreads[:count], self.shared[:count])


@dataclass(frozen=True)
class Estimate:
    """A figure over several stretches.

    Attributes
    ----------
    mean : float
    between_users : float
        Standard error that the users alone give the figure of one stretch.
    between_cuts : float
        Standard deviation between stretches beyond that.
    interval : (float, float) or None
        Of the mean; None where nothing varies, or there is one stretch.
    prediction : (float, float) or None
        Of the figure of the next stretch.
    """

    mean: float
    between_users: float
    between_cuts: float
    interval: Bounds | None
    prediction: Bounds | None


def moments_of(samples: Sequence[Sample]) -> Moments:
    """Return the moments of values by user, stretch by stretch in the order of time."""
    # The error of a mean is the sum over its users of (value - mean) / n; the square root of n / (n - 1)
    # makes the sum of their squares s2 / n, as for independent users.
    so_far = np.zeros(1 + max(int(one.users.max()) for one in samples))
    spreads, shared = [], []
    for one in samples:
        n = len(one.values)
        part = (one.values - one.values.mean()) / np.sqrt(max(n * (n - 1), 1))
        shared.append(float(so_far[one.users] @ part))
        so_far[one.users] += part
        spreads.append(float(one.values.var(ddof=1)) if n > 1 else np.nan)
    return Moments(
        np.array([one.values.mean() for one in samples]),
        np.array([len(one.values) for one in samples], dtype=np.int64),
        np.array(spreads),
        np.array(shared),
    )


def moments_of_wholes(values: Sequence[float]) -> Moments:
    """Return the moments of a figure that has no values by user, such as coverage."""
    nothing = np.zeros(len(values))
    return Moments(np.array(values), nothing.astype(np.int64) + 1, nothing + np.nan, nothing)


def estimate(moments: Moments, bounds: Bounds) -> Estimate:
    """Return the mean, the spreads and both intervals of a figure.

    Parameters
    ----------
    moments : Moments
        Of at least one stretch.
    bounds : (float, float)
        What the figure can be.
    """
    count, mean = len(moments), float(moments.means.mean())
    users = _users_variance(moments)
    if count < LEAST:
        return Estimate(mean, float(np.sqrt(users)), 0.0, None, None)
    common = float(np.clip(2 * moments.shared.sum() / (count * (count - 1)), 0.0, users))
    own = users - common
    cuts = max(0.0, float(moments.means.var(ddof=1)) - own)
    of_mean = cuts / count + (users + (count - 1) * common) / count
    of_next = (cuts + own) * (1 + 1 / count)
    return Estimate(
        mean,
        float(np.sqrt(users)),
        float(np.sqrt(cuts)),
        _around(mean, of_mean, count, bounds),
        _around(mean, of_next, count, bounds),
    )


def one_step_ahead(moments: Moments, bounds: Bounds) -> tuple[int, int]:
    """Return how many stretches the interval made from those before held, and how many had one."""
    held = predicted = 0
    for place in range(LEAST, len(moments)):
        interval = estimate(moments.first(place), bounds).prediction
        if interval is not None:
            predicted += 1
            held += int(interval[0] <= moments.means[place] <= interval[1])
    return held, predicted


def _users_variance(moments: Moments) -> float:
    """Return the average variance of a mean over users; that of a single user is the pooled one."""
    free = moments.sizes - 1
    if not free.sum():
        return 0.0
    pooled = float(np.nansum(free * moments.spreads) / free.sum())
    return float((np.where(free > 0, moments.spreads, pooled) / moments.sizes).mean())


def _around(mean: float, variance: float, count: int, bounds: Bounds) -> Bounds | None:
    if variance <= 0:
        return None
    half = float(stdtrit(count - 1, (1 + LEVEL) / 2)) * float(np.sqrt(variance))
    low, high = np.clip([mean - half, mean + half], *bounds)
    return float(low), float(high)
