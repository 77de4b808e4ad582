"""A multinomial logit of shares: the weights of features that best predict what was chosen in some stretches.

In a stretch with the features F (items x d) the share of item i is ``softmax(F w + offset)_i``. The weights
maximise the likelihood of what was chosen under a normal prior, which is a convex problem.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit.core.types import Float64

_TOLERANCE = 1e-10
_STEPS = 500


@dataclass(frozen=True)
class Stretch:
    """What was known of some items, and how much each was chosen after that; or several of these at once.

    Attributes
    ----------
    features : float64[..., items, d]
    chosen : float64[..., items]
        Not negative; its sum is what the stretch counts.
    offset : float64[..., items]
        Added to the logits: the logarithm of how many items each stands for; ``-inf`` where there is none.
    """

    features: Float64
    chosen: Float64
    offset: Float64


def fit_weights(stretches: Sequence[Stretch], prior: Float64, l2: float) -> Float64:
    """Return the weights of largest posterior probability: float64[d].

    Parameters
    ----------
    stretches : sequence of Stretch
    prior : float64[d]
        The mean of the prior: the weights where there is no stretch.
    l2 : float
        Its precision.
    """
    from scipy.optimize import minimize

    found = minimize(
        _loss,
        prior,
        (stretches, prior, l2),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _STEPS, "maxcor": 30},
        tol=_TOLERANCE,
    )
    return np.asarray(found.x, dtype=np.float64)


def log_softmax(logits: Float64) -> Float64:
    """Return the logarithm of the softmax over the last axis: float64[..., n]; ``-inf`` stays ``-inf``."""
    top = logits.max(axis=-1, keepdims=True, initial=-np.inf)
    known = np.isfinite(top)
    away = logits - np.where(known, top, 0)
    total = np.where(known, np.exp(away).sum(axis=-1, keepdims=True), 1)
    return np.asarray(away - np.log(total), dtype=np.float64)


# With p = softmax(F w + offset) and n = sum(chosen) of each stretch:
#
#     loss = sum over stretches of -chosen . log p  +  l2 |w - prior|^2 / 2
#     gradient = sum over stretches of F' (n p - chosen)  +  l2 (w - prior)
def _loss(weights: Float64, stretches: Sequence[Stretch], prior: Float64, l2: float) -> tuple[float, Float64]:
    away = weights - prior
    loss, gradient = l2 * float(away @ away) / 2, l2 * away
    for one in stretches:
        log_share = log_softmax(one.features @ weights + one.offset)
        chosen = one.chosen
        loss -= float((chosen * np.where(chosen > 0, log_share, 0)).sum())
        error = chosen.sum(axis=-1, keepdims=True) * np.exp(log_share) - chosen
        gradient = gradient + one.features.reshape(-1, len(weights)).T @ error.ravel()
    return loss, gradient
