"""Scores to probabilities that mean what they say.

A temperature and a bias on the log-odds, fitted on validation pairs (Guo et al., "On calibration of modern
neural networks", ICML 2017; with the bias it is Platt's logistic): the order stays as it is.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
from scipy.special import expit

from tacit.core.types import Float32, Float64, Json

_COLDEST = 1e-3
"""Least inverse temperature: where scores say nothing, the order still stays as it is."""


@dataclass(frozen=True)
class Calibration:
    """Probability ``sigmoid(score / temperature + bias)``.

    Attributes
    ----------
    temperature : float
        Above 1 where the scores were too sure.
    bias : float
    """

    temperature: float = 1.0
    bias: float = 0.0

    @classmethod
    def fit(cls, score: Float32, label: Float32, weight: Float32) -> Self:
        """Return the calibration with the lowest cross entropy; that of nothing where a class is missing.

        Parameters
        ----------
        score, label, weight : float32[pairs]
        """
        from scipy.optimize import minimize

        if not 0 < (positives := float(np.sum(weight * label))) < float(weight.sum()):
            return cls()
        share = positives / float(weight.sum())
        start = np.array([1.0, np.log(share / (1 - share)) - float(np.average(score, weights=weight))])
        bounds = [(_COLDEST, None), (None, None)]
        data = (score.astype(np.float64), label, weight / weight.sum())
        slope, bias = minimize(_loss, start, data, jac=True, method="L-BFGS-B", bounds=bounds, tol=1e-10).x
        return cls(1 / float(slope), float(bias))

    def log_odds(self, score: Float32) -> Float32:
        """Return the log-odds that scores stand for: float32, of the same shape."""
        return np.asarray(score / self.temperature + self.bias, dtype=np.float32)

    def probability(self, score: Float32) -> Float32:
        """Return the probability of scores: float32, of the same shape."""
        return np.asarray(expit(self.log_odds(score)), dtype=np.float32)

    def spec(self) -> dict[str, Json]:
        """Return it as JSON; ``Calibration(**spec)`` is the same."""
        return asdict(self)


@dataclass(frozen=True)
class Bin:
    """Pairs of about the same predicted probability.

    Attributes
    ----------
    predicted : float
        Their mean probability.
    observed : float
        The share of them that was acted on.
    count : float
        How many candidates they stand for.
    """

    predicted: float
    observed: float
    count: float


def reliability(probability: Float32, label: Float32, weight: Float32, bins: int = 10) -> list[Bin]:
    """Return what was foretold beside what came, by bins of which about as many positives are expected each.

    Nearly all candidates of a list have a probability near 0: bins of one width would hold them all in the
    first, and bins of one size all positives in the last.

    Parameters
    ----------
    probability, label, weight : float32[pairs]
    bins : int
        At most; equal probabilities are not parted.
    """
    if not len(probability):
        return []
    order = np.argsort(probability, kind="stable")
    expected = np.cumsum(weight[order] * probability[order], dtype=np.float64)
    edges = np.searchsorted(expected, expected[-1:] * np.arange(1, bins) / bins)
    limits = np.unique(probability[order][np.minimum(edges, len(order) - 1)])
    place = np.searchsorted(limits, probability, side="right")
    count, foretold, came = (
        np.bincount(place, values, minlength=len(limits) + 1)
        for values in (weight, weight * probability, weight * label)
    )
    return [
        Bin(float(foretold[b] / count[b]), float(came[b] / count[b]), float(count[b]))
        for b in np.flatnonzero(count)
    ]


def calibration_error(rows: Sequence[Bin]) -> float:
    """Return the expected calibration error: the mean distance of foretold and observed, by count."""
    total = sum(row.count for row in rows)
    return sum(abs(row.predicted - row.observed) * row.count for row in rows) / total if total else 0.0


def _loss(at: Float64, score: Float64, label: Float32, weight: Float32) -> tuple[float, Float64]:
    logits = at[0] * score + at[1]
    error = weight * (expit(logits) - label)
    loss = weight @ (np.logaddexp(0, logits) - label * logits)
    return float(loss), np.array([error @ score, error.sum()])
