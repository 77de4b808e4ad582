"""Intervals by resampling users: for one model, and for the difference of two on the same users."""

import numpy as np

from tacit.core.types import Float64

RESAMPLES = 2_000
_CELLS = 20_000_000


def interval(values: Float64, rng: np.random.Generator, *, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean (Efron, 1979).

    Give the differences of two models on the same users to get the interval of a paired difference.

    Parameters
    ----------
    values : float64[n]
        One value a user.
    rng : numpy.random.Generator
    level : float
        Share of resamples inside.
    """
    if not len(values):
        return float("nan"), float("nan")
    means = _means(values, rng)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _means(values: Float64, rng: np.random.Generator) -> Float64:
    n = len(values)
    batch = int(np.clip(_CELLS // n, 1, RESAMPLES))
    means = []
    for start in range(0, RESAMPLES, batch):
        size = min(batch, RESAMPLES - start)
        means.append(values[rng.integers(0, n, (size, n), dtype=np.int32)].mean(axis=1))
    return np.concatenate(means)
