"""How good a ranker's probabilities are: loss, accuracy, area under the ROC curve."""

import numpy as np
from scipy.stats import rankdata

from tacit.core.types import Float32


def cross_entropy(logits: Float32, label: Float32) -> float:
    """Return the mean binary cross entropy of log-odds: 0 is perfect, log 2 is a coin."""
    return float(np.mean(np.logaddexp(0, logits) - label * logits)) if len(label) else float("nan")


def accuracy(logits: Float32, label: Float32) -> float:
    """Return the share of pairs on the right side of one half."""
    return float(np.mean((logits > 0) == (label > 0.5))) if len(label) else float("nan")


def auc(logits: Float32, label: Float32) -> float:
    """Return the probability that a positive pair scores above a negative one, ties counting half.

    By ranks (Mann and Whitney, 1947); NaN where one of the two classes is missing.
    """
    positive = label > 0.5
    hits, misses = int(positive.sum()), int((~positive).sum())
    if not hits or not misses:
        return float("nan")
    ranks = rankdata(logits)[positive].sum()
    return float((ranks - hits * (hits + 1) / 2) / (hits * misses))
