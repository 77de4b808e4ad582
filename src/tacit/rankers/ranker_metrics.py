"""How good a ranker's scores are: loss, accuracy, area under the ROC curve."""

import numpy as np

from tacit.core.types import Float32, Float64
from tacit.rankers.ranker import Pairs


def evaluate(score: Float32, pairs: Pairs) -> dict[str, float]:
    """Return loss (cross entropy), accuracy and AUC of the scores of pairs."""
    return {
        "loss": cross_entropy(score, pairs.acted, pairs.weight),
        "accuracy": accuracy(score, pairs.acted, pairs.weight),
        "auc": auc(score, pairs.acted),
    }


def cross_entropy(logits: Float32, label: Float32, weight: Float32 | None = None) -> float:
    """Return the mean binary cross entropy of log-odds: 0 is perfect, log 2 is a coin."""
    if not len(label):
        return float("nan")
    return float(np.average(np.logaddexp(0, logits) - label * logits, weights=weight))


def accuracy(logits: Float32, label: Float32, weight: Float32 | None = None) -> float:
    """Return the share of pairs on the right side of one half."""
    if not len(label):
        return float("nan")
    return float(np.average((logits > 0) == (label > 0.5), weights=weight))


def auc(logits: Float32, label: Float32) -> float:
    """Return the probability that a positive pair scores above a negative one, ties counting half.

    By ranks (Mann and Whitney, 1947); NaN where one of the two classes is missing.
    """
    positive = label > 0.5
    hits, misses = int(positive.sum()), int((~positive).sum())
    if not hits or not misses:
        return float("nan")
    ranks = _ranks(logits)[positive].sum()
    return float((ranks - hits * (hits + 1) / 2) / (hits * misses))


def _ranks(values: Float32) -> Float64:
    """Return the rank of each value from 1, that of equal ones their mean.

    In place of ``scipy.stats.rankdata``, whose import takes a second.
    """
    order = np.argsort(values)
    ordered = values[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    last = np.append(first[1:], len(values))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat((first + 1 + last) / 2, last - first)
    return ranks
