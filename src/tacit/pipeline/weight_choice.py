"""How much of what a later stage says of lists is believed: what gains most on users it did not learn from.

"Nothing" is always a choice, and what is gained must pay for the chance that it brings.
"""

import math
from collections.abc import Mapping

from tacit.core.types import Float64


def choose_weight(values: Mapping[float, Float64], *, standard_errors: float) -> float:
    """Return the trust that gains most after some standard errors of the gain are taken off it.

    Of equals the least. 0 gains nothing, so no other is returned that has nothing left.

    Parameters
    ----------
    values : mapping of trust to float64[n]
        A measure of the same n lists at each trust, 0 among them.
    doubt : float
        How many standard errors.
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
