"""Intervals by resampling users: for one model, and for the difference of two on the same users."""

import numpy as np

from tacit.core.types import Float64

RESAMPLES = 2_000
_CELLS = 2_000_000
"""Draws held at once (about 50 MB)."""


def resampled_means(values: Float64, rng: np.random.Generator) -> Float64:
    """Return the means of every column over `RESAMPLES` resamples of the users: float64[resamples, columns].

    All columns share each resample, so the difference of two columns is the bootstrap of their paired
    difference. A resample is a count of each user, so its means are one matrix product.

    Parameters
    ----------
    values : float64[n, columns]
        One row a user, n at least 1.
    rng : numpy.random.Generator
    """
    n = len(values)
    batch = int(np.clip(_CELLS // n, 1, RESAMPLES))
    means = []
    for start in range(0, RESAMPLES, batch):
        size = min(batch, RESAMPLES - start)
        drawn = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
        means.append(counts.astype(np.float64) @ values / n)
    return np.concatenate(means)


def percentiles(means: Float64, *, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval of resampled means (Efron, 1979): float64[resamples]."""
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def interval(values: Float64, rng: np.random.Generator, *, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean.

    Give the differences of two models on the same users to get the interval of a paired difference.

    Parameters
    ----------
    values : float64[n]
        One value a user, n at least 1.
    rng : numpy.random.Generator
    level : float
        Share of resamples within the interval.
    """
    return percentiles(resampled_means(values[:, None], rng)[:, 0], level=level)
