"""Calibration: scores of a ranker to probabilities.

A temperature and a bias on the log-odds, fitted on validation pairs (Guo et al., "On calibration of modern
neural networks", ICML 2017; with the bias it is Platt scaling). The order of scores stays the same.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np

from tacit.core.types import Float32, Float64, Json

_COLDEST = 1e-3
"""The least inverse temperature: above 0, so that the order stays the same even where scores mean nothing."""


@dataclass(frozen=True)
class Calibration:
    """Probability ``sigmoid(score / temperature + bias)``.

    Attributes
    ----------
    temperature : float
        Above 1 where the scores were overconfident.
    bias : float
    """

    temperature: float = 1.0
    bias: float = 0.0

    @classmethod
    def fit(cls, score: Float32, label: Float32, weight: Float32) -> Self:
        """Return the calibration with the lowest cross entropy; the default one where a class is missing.

        Parameters
        ----------
        score, label, weight : float32[pairs]
        """
        from scipy.optimize import minimize

        if not 0 < (positives := float(np.sum(weight * label))) < float(weight.sum()):
            return cls()
        share = positives / float(weight.sum())
        # L-BFGS starts from slope 1 and the bias that makes the mean score the log-odds of the base rate.
        start = np.array([1.0, np.log(share / (1 - share)) - float(np.average(score, weights=weight))])
        bounds = [(_COLDEST, None), (None, None)]
        data = (score.astype(np.float64), label, weight / weight.sum())
        slope, bias = minimize(_loss, start, data, jac=True, method="L-BFGS-B", bounds=bounds, tol=1e-10).x
        return cls(1 / float(slope), float(bias))

    def log_odds(self, score: Float32) -> Float32:
        """Return the calibrated log-odds of scores: float32, of the same shape."""
        return np.asarray(score / self.temperature + self.bias, dtype=np.float32)

    def probability(self, score: Float32) -> Float32:
        """Return the probability of scores: float32, of the same shape."""
        from scipy.special import expit  # 80 ms, which a service without a ranker does not need

        return np.asarray(expit(self.log_odds(score)), dtype=np.float32)

    def spec(self) -> dict[str, Json]:
        """Return it as JSON; ``Calibration(**spec)`` is the same."""
        return asdict(self)


@dataclass(frozen=True)
class Bin:
    """Pairs of similar predicted probability.

    Attributes
    ----------
    predicted : float
        Their mean probability.
    observed : float
        The share of positives among them.
    count : float
        Number of candidates that they stand for.
    """

    predicted: float
    observed: float
    count: float


def reliability(probability: Float32, label: Float32, weight: Float32, bins: int = 10) -> list[Bin]:
    """Return predicted and observed probabilities, in bins with about the same number of expected positives.

    Nearly all candidates of a list have a probability near 0: with bins of equal width they would all be in
    the first bin, and with bins of equal size all positives would be in the last one.

    Parameters
    ----------
    probability, label, weight : float32[pairs]
    bins : int
        The most bins; equal probabilities share a bin.
    """
    if not len(probability):
        return []
    # The limits of the bins are the probabilities where the cumulated expectation passes 1/bins, 2/bins, ...
    order = np.argsort(probability, kind="stable")
    expected = np.cumsum(weight[order] * probability[order], dtype=np.float64)
    edges = np.searchsorted(expected, expected[-1:] * np.arange(1, bins) / bins)
    limits = np.unique(probability[order][np.minimum(edges, len(order) - 1)])
    place = np.searchsorted(limits, probability, side="right")
    count, predicted, observed = (
        np.bincount(place, values, minlength=len(limits) + 1)
        for values in (weight, weight * probability, weight * label)
    )
    return [
        Bin(float(predicted[b] / count[b]), float(observed[b] / count[b]), float(count[b]))
        for b in np.flatnonzero(count)
    ]


def calibration_error(rows: Sequence[Bin]) -> float:
    """Return the expected calibration error: the mean of |predicted - observed|, by count."""
    total = sum(row.count for row in rows)
    return sum(abs(row.predicted - row.observed) * row.count for row in rows) / total if total else 0.0


def _loss(at: Float64, score: Float64, label: Float32, weight: Float32) -> tuple[float, Float64]:
    """Return the cross entropy at (slope, bias), and its gradient; the weights sum to 1."""
    from scipy.special import expit

    logits = at[0] * score + at[1]
    error = weight * (expit(logits) - label)
    loss = weight @ (np.logaddexp(0, logits) - label * logits)
    return float(loss), np.array([error @ score, error.sum()])
