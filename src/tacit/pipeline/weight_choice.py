"""Choice of the weight of a later stage: the largest gain on users that it was not trained on.

Weight 0 is always a choice, and standard errors of a gain are subtracted from it.
"""

import math
from collections.abc import Mapping

from tacit.core.types import Float64


def choose_weight(values: Mapping[float, Float64], *, standard_errors: float) -> float:
    """Return the weight with the largest gain over weight 0, less some standard errors; ties: the smallest.

    Weight 0 gains 0, so another is returned only if its gain exceeds these standard errors.

    Parameters
    ----------
    values : mapping of weight to float64[n]
        A metric of the same n lists at each weight, 0 among them.
    standard_errors : float
        How many standard errors to subtract.
    """
    left = {
        weight: mean - standard_errors * error
        for weight, measured in values.items()
        for mean, error in [paired_gain(measured, values[0.0])]
    }
    return max(left, key=lambda weight: (left[weight], -weight))


def paired_gain(after: Float64, before: Float64) -> tuple[float, float]:
    """Return the mean of paired differences and its standard error.

    Parameters
    ----------
    after, before : float64[n]
    """
    gained = after - before
    return float(gained.mean()), float(gained.std()) / math.sqrt(max(len(gained), 1))
