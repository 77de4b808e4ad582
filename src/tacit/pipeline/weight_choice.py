"""Choice of the weight of a later stage: the largest gain on lists that it was not trained on.

Weight 0 is always a choice, and standard errors of a gain are subtracted from it. Lists of one user hang
together, so standard errors are those over users.
"""

import math
from collections.abc import Mapping

import numpy as np

from tacit.core.types import Float64, Int32, Int64

Z95 = 1.96
"""Standard errors on either side of a mean that hold 95 %."""


def choose_weight(values: Mapping[float, Float64], user: Int32, *, standard_errors: float) -> float:
    """Return the weight with the largest gain over weight 0, less some standard errors; ties: the smallest.

    Weight 0 gains 0, so another is returned only if its gain exceeds these standard errors.

    Parameters
    ----------
    values : mapping of weight to float64[n]
        A metric of the same n lists at each weight, 0 among them.
    user : int32[n]
        Whose lists they are.
    standard_errors : float
        How many standard errors to subtract.
    """
    left = {
        weight: mean - standard_errors * error
        for weight, measured in values.items()
        for mean, error in [paired_gain(measured, values[0.0], user)]
    }
    return max(left, key=lambda weight: (left[weight], -weight))


def cross_chosen(
    values: Mapping[float, Float64], user: Int32, share: Int64, *, standard_errors: float
) -> Float64:
    """Return the metric of each list at the weight that the lists of the other shares choose: float64[n].

    So no list takes part in the choice that is measured on it.

    Parameters
    ----------
    values, user, standard_errors
        As in `choose_weight`.
    share : int64[n]
        The share that each list is in.
    """
    found = values[0.0].copy()
    for one in np.unique(share):
        own, rest = share == one, share != one
        if rest.any():
            others = {weight: measured[rest] for weight, measured in values.items()}
            found[own] = values[choose_weight(others, user[rest], standard_errors=standard_errors)][own]
    return found


def paired_gain(after: Float64, before: Float64, user: Int32 | None = None) -> tuple[float, float]:
    """Return the mean of paired differences and its standard error over users.

    Parameters
    ----------
    after, before : float64[n]
    user : int32[n], optional
        Whose values they are; by default each is of another user.
    """
    gained = after - before
    each = np.arange(len(gained), dtype=np.int32) if user is None else user
    return float(gained.mean()), clustered_error(gained, each)


def clustered_error(values: Float64, cluster: Int32) -> float:
    """Return the standard error of a mean of values that hang together within clusters.

    ``sqrt(sum over clusters of (sum of deviations)^2) / n`` (Liang and Zeger, 1986, for a mean).
    """
    _, place = np.unique(cluster, return_inverse=True)
    sums = np.bincount(place, values - values.mean())
    return math.sqrt(float((sums**2).sum())) / max(len(values), 1)
