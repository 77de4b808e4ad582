"""The losses of `tacit.rankers.losses` in NumPy, with their slopes: lists one after the other, not padded.

Each takes logits, labels and weights, float32[pairs], and the offsets of the lists, int64[queries + 1], none
of them empty. It returns the loss and its derivative by each logit, float32[pairs]. Letters as there: ``z``
logits, ``y`` labels, ``w`` weights.
"""

from collections.abc import Callable, Mapping

import numpy as np

from tacit.core.types import Float32, Int64
from tacit.data.queries import gather_ranges

Loss = Callable[[Float32, Float32, Float32, Int64], tuple[float, Float32]]

_NEVER = np.float32(-1e30)
_TINY = np.float32(1e-30)


def cross_entropy(logits: Float32, label: Float32, weight: Float32, offsets: Int64) -> tuple[float, Float32]:
    """Return ``sum w (log(1 + exp(z)) - y z) / sum w``, and ``w (sigmoid(z) - y) / sum w``."""
    each = weight * (np.logaddexp(0, logits) - label * logits)
    whole = weight.sum()
    return float(each.sum() / whole), (weight * (_sigmoid(logits) - label) / whole).astype(np.float32)


def listwise(logits: Float32, label: Float32, weight: Float32, offsets: Int64) -> tuple[float, Float32]:
    """Return the cross entropy of the softmax over each list, and its slope.

    With ``s_i = w_i exp(z_i) / sum_j w_j exp(z_j)`` the loss of a list with ``p`` positives is
    ``-1/p sum_positives log s_i``, and its slope ``s_i - y_i / p``. Lists are weighted by ``sqrt(p)``.
    """
    start, count = offsets[:-1], np.diff(offsets)
    with np.errstate(divide="ignore"):
        shifted = logits + np.log(weight)  # -inf where the weight is 0: no part of the softmax
    shifted -= np.repeat(np.maximum(np.maximum.reduceat(shifted, start), _NEVER), count)
    share = np.exp(shifted)
    total = np.maximum(np.add.reduceat(share, start), _TINY)
    positives = np.add.reduceat(label, start)
    root = np.sqrt(positives)
    of_list = root / max(float(root.sum()), 1e-12)  # 0 for a list without a positive
    of_positive = of_list / np.maximum(positives, 1)
    hits = np.flatnonzero(label > 0)
    place = np.searchsorted(offsets, hits, side="right") - 1
    surprise = np.log(total[place]) - shifted[hits]
    loss = float((of_positive[place] * label[hits] * surprise).sum(dtype=np.float64))
    share *= np.repeat(of_list / total, count)
    share -= np.repeat(of_positive, count) * label
    return loss, share


def pairwise(logits: Float32, label: Float32, weight: Float32, offsets: Int64) -> tuple[float, Float32]:
    """Return the logistic loss of each positive against the negatives of its list, and its slope.

    Of a positive ``i`` it is ``sum_j w_j log(1 + exp(z_j - z_i)) / sum_j w_j`` over its negatives ``j``.
    """
    hits = np.flatnonzero(label > 0)
    place = np.searchsorted(offsets, hits, side="right") - 1
    rows, ends = gather_ranges(offsets, place)  # the list of each positive once more
    negative = weight[rows] * (label[rows] <= 0)
    count = np.diff(ends)
    away = logits[rows] - np.repeat(logits[hits], count)
    whole = np.add.reduceat(negative, ends[:-1]) if len(hits) else np.zeros(0)
    negative /= np.repeat(np.maximum(whole, 1), count) * max(len(hits), 1)
    loss = float((negative * np.logaddexp(0, away)).sum(dtype=np.float64))
    pull = negative * _sigmoid(away)
    slope = np.bincount(rows, pull, minlength=len(logits))
    slope[hits] -= np.bincount(np.repeat(np.arange(len(hits)), count), pull, minlength=len(hits))
    return loss, slope.astype(np.float32)


def _sigmoid(logits: Float32) -> Float32:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * logits), dtype=np.float32)  # no overflow on either side


LIST_LOSSES: Mapping[str, Loss] = {"bce": cross_entropy, "listwise": listwise, "pairwise": pairwise}
"""By the names in `tacit.rankers.losses.LOSSES`."""
