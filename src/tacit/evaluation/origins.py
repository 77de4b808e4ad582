"""What several stretches of time say of the next one: a mean, two spreads and a prediction interval.

A figure of stretch k is the mean over its users, ``m[k] = mu + cut[k] + error[k]``: what this moment of the
log adds, and what comes of the users being a sample. Of N stretches are known

- ``S2``, the variance of the means, with N - 1 degrees of freedom;
- ``v[k]``, the variance of a mean over users (s2 / n), ``v`` its average;
- ``c``, the average covariance of two errors, since a user may come back: users are clusters.

As E[S2] = cuts + v - c, the variance between cuts is ``max(0, S2 - (v - c))``. The mean of the means has the
variance ``cuts / N + (v + (N - 1) c) / N``. The next stretch differs from it by a new moment, by its users,
and by the error of the mean: ``(cuts + v - c) (1 + 1 / N)``, of which users who come back take their part on
both sides. Intervals are those of Student's t with N - 1 degrees of freedom.

A share near 0 varies the more the higher it is, and further up than down. So the next share is predicted on
the scale of angles, ``asin(sqrt(m))``, where its variance depends on its level least (Bartlett, 1947); what
is said of means, of spreads and of differences is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from tacit.core.types import Float64, Int64

LEVEL = 0.95
LEAST = 2
"""Stretches that an interval needs: from one there is no spread."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """What a figure can be.

    Attributes
    ----------
    low, high : float
    angles : bool
        Whether it is a share, which is predicted as an angle.
    """

    low: float
    high: float
    angles: bool = False


SHARES = Scale(0.0, 1.0, angles=True)
DIFFERENCES = Scale(-1.0, 1.0)


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
        Users; 0 for a figure that is no mean over users.
    covariance : float64[N, N]
        Of the errors of the means, the variance of each on the diagonal; 0 there for a single user.
    """

    means: Float64
    sizes: Int64
    covariance: Float64

    def __len__(self) -> int:
        return len(self.means)

    def first(self, count: int) -> "Moments":
        """Return those of the first stretches."""
        return Moments(self.means[:count], self.sizes[:count], self.covariance[:count, :count])


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
    interval: Interval | None
    prediction: Interval | None


def moments_of(samples: Sequence[Sample]) -> Moments:
    """Return the moments of values by user, stretch by stretch in the order of time."""
    sizes = np.array([len(one.values) for one in samples], dtype=np.int64)
    # The error of a mean is the sum over its users of (value - mean) / n; the square root of n / (n - 1)
    # makes the sum of their squares s2 / n, as for independent users.
    parts = [
        (one.values - one.values.mean()) / np.sqrt(max(n * (n - 1), 1))
        for one, n in zip(samples, sizes, strict=True)
    ]
    users = np.concatenate([one.users for one in samples])
    by_stretch = csr_array((np.concatenate(parts), (np.repeat(np.arange(len(sizes)), sizes), users)))
    means = np.array([one.values.mean() for one in samples])
    return Moments(means, sizes, (by_stretch @ by_stretch.T).toarray())


def moments_of_wholes(values: Sequence[float]) -> Moments:
    """Return the moments of a figure that has no values by user, such as coverage."""
    count = len(values)
    return Moments(np.array(values), np.zeros(count, dtype=np.int64), np.zeros((count, count)))


def estimate(moments: Moments, scale: Scale) -> Estimate:
    """Return the mean, the spreads and both intervals of a figure.

    Parameters
    ----------
    moments : Moments
        Of at least one stretch.
    scale : Scale
    """
    count, mean = len(moments), float(moments.means.mean())
    cuts, users, common = _variances(moments)
    of_mean = cuts / count + (users + (count - 1) * common) / count
    return Estimate(
        mean,
        float(np.sqrt(users)),
        float(np.sqrt(cuts)),
        _clipped(_around(mean, of_mean, count), scale),
        prediction(moments, scale),
    )


def prediction(moments: Moments, scale: Scale) -> Interval | None:
    """Return the interval of the figure of the next stretch; None where nothing varies."""
    if scale.angles:
        interval = _predicted(_on_angles(moments))
        return None if interval is None else (_share_of(interval[0]), _share_of(interval[1]))
    return _clipped(_predicted(moments), scale)


def one_step_ahead(moments: Moments, scale: Scale) -> tuple[int, int]:
    """Return how many stretches the interval made from those before held, and how many had one."""
    held = predicted = 0
    for place in range(LEAST, len(moments)):
        interval = prediction(moments.first(place), scale)
        if interval is not None:
            predicted += 1
            held += int(interval[0] <= moments.means[place] <= interval[1])
    return held, predicted


def _variances(moments: Moments) -> tuple[float, float, float]:
    """Return the variance between cuts, that of one mean over users, and the covariance of two such means."""
    count, users = len(moments), _users_variance(moments)
    if count < LEAST:
        return 0.0, users, 0.0
    shared = moments.covariance.sum() - moments.covariance.trace()
    common = float(np.clip(shared / (count * (count - 1)), 0.0, users))
    return max(0.0, float(moments.means.var(ddof=1)) - (users - common)), users, common


def _users_variance(moments: Moments) -> float:
    """Return the average variance of a mean over users; that of a single user is the pooled one."""
    variances, sizes = moments.covariance.diagonal(), moments.sizes
    free = np.maximum(sizes - 1, 0)
    pooled = float((free * sizes * variances).sum() / max(free.sum(), 1))
    return float(np.where(sizes == 1, pooled, variances).mean())


def _predicted(moments: Moments) -> Interval | None:
    count = len(moments)
    cuts, users, common = _variances(moments)
    return _around(float(moments.means.mean()), (cuts + users - common) * (1 + 1 / count), count)


def _on_angles(moments: Moments) -> Moments:
    """Return the moments of the angles of shares, by the slope of the angle at each.

    At 0 and 1 the slope has no bound, and the values of the users have no variance. There the largest
    variance counts that values in [0, 1] can give an angle, 1 / (4 n): no hit among n users is not none ever.
    """
    means, sizes = np.clip(moments.means, 0.0, 1.0), moments.sizes
    steepness = 2 * np.sqrt(means * (1 - means))
    slope = np.divide(1.0, steepness, out=np.zeros_like(means), where=steepness > 0)
    covariance = moments.covariance * slope[:, None] * slope
    at_end = np.divide(0.25, sizes, out=np.zeros_like(means), where=(steepness == 0) & (sizes > 0))
    return Moments(np.arcsin(np.sqrt(means)), sizes, covariance + np.diag(at_end))


def _share_of(angle: float) -> float:
    return float(np.sin(np.clip(angle, 0.0, np.pi / 2)) ** 2)


def _around(mean: float, variance: float, count: int) -> Interval | None:
    if count < LEAST or variance <= 0:
        return None
    from scipy.special import stdtrit  # 80 ms, which a fit does not need

    half = float(stdtrit(count - 1, (1 + LEVEL) / 2)) * float(np.sqrt(variance))
    return mean - half, mean + half


def _clipped(interval: Interval | None, scale: Scale) -> Interval | None:
    return None if interval is None else (max(interval[0], scale.low), min(interval[1], scale.high))
