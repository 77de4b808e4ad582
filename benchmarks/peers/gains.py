"""The mean gain over origins, with its intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import t as student

from tacit.core.seeds import generator
from tacit.core.types import Float64
from tacit.evaluation.bootstrap import RESAMPLES, percentiles


@dataclass(frozen=True)
class Gain:
    """A mean over origins of mean paired gains, with two 95 % intervals.

    Attributes
    ----------
    mean : float
    of_users : tuple of float
        Users are drawn anew, each with all origins that they are in: the origins are fixed.
    of_origins : tuple of float
        Student's t over the origins.
    won : int
        Origins with a gain above 0.
    """

    mean: float
    of_users: tuple[float, float]
    of_origins: tuple[float, float]
    won: int


def mean_gain(users: Sequence[pl.Series], gains: Sequence[Float64], seed: int = 7) -> Gain:
    """Return the mean gain over origins, each of which counts the same.

    Parameters
    ----------
    users : sequence of Series
        Ids of the users of each of at least two origins, at least one in each.
    gains : sequence of float64[users]
        Paired with them.
    seed : int
        Of the bootstrap.
    """
    people, row = np.unique(pl.concat(users).to_numpy(), return_inverse=True)
    origin = np.repeat(np.arange(len(gains)), [len(values) for values in gains])
    sums, counts = np.zeros((2, len(people), len(gains)))
    np.add.at(sums, (row, origin), np.concatenate(gains))
    np.add.at(counts, (row, origin), 1.0)
    each = sums.sum(axis=0) / counts.sum(axis=0)
    half = student.ppf(0.975, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each))
    mean = float(each.mean())
    return Gain(
        mean=mean,
        of_users=percentiles(_resampled(sums, counts, generator(seed, "bootstrap"))),
        of_origins=(float(mean - half), float(mean + half)),
        won=int((each > 0).sum()),
    )


def _resampled(sums: Float64, counts: Float64, rng: np.random.Generator) -> Float64:
    """Return the mean over origins for each draw of as many users as there are: float64[resamples]."""
    n = len(sums)
    drawn = rng.multinomial(n, np.full(n, 1 / n), RESAMPLES)
    present = drawn @ counts
    means = np.divide(drawn @ sums, present, out=np.full(present.shape, np.nan), where=present > 0)
    return np.nanmean(means, axis=1)  # an origin of which nobody was drawn is left out of this draw
