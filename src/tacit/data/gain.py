"""Normalised discounted cumulative gain (Järvelin and Kekäläinen, 2002), of lists, scores and groups.

A hit at place p of a list (the first is 0) gains ``1 / log2(p + 2)``, and nothing from place k on; the sum is
divided by that of the best possible list.
"""

import numpy as np

from tacit.core.types import Array, Bool, Float32, Float64, Int64


def discount(place: Array, k: int) -> Float64:
    """Return the gain of a hit at each place: float64 of the same shape."""
    return np.where(place < k, 1 / np.log2(place + 2.0), 0)


def ideal(totals: Array, k: int) -> Float64:
    """Return the gain of the best list for so many wanted items: float64[n], never 0."""
    best = np.concatenate([[0.0], np.cumsum(discount(np.arange(k), k))])
    return np.asarray(np.maximum(best[np.minimum(totals, k)], 1e-12))


def ndcg(hit: Bool, totals: Int64, k: int) -> Float64:
    """Return NDCG@k of lists: float64[n].

    Parameters
    ----------
    hit : bool[n, places]
        Whether each place of a list holds a wanted item.
    totals : int64[n]
        How many items were wanted, listed or not.
    k : int
    """
    return np.asarray(hit @ discount(np.arange(hit.shape[1]), k) / ideal(totals, k))


def ndcg_of_scores(scores: Float32, labels: Float32, totals: Array, k: int = 10) -> Float64:
    """Return NDCG@k of candidates in descending order of their scores, ties in given order: float64[n].

    Parameters
    ----------
    scores, labels : float32[n, c]
        Wanted candidates have a label above 0.
    totals : int64[n]
        How many items were wanted: those that are not among the candidates count as missed.
    k : int
    """
    row, column = np.nonzero(labels)
    if k < scores.shape[1]:  # what is below the k-th best gains nothing
        least = -np.partition(-scores, k - 1, axis=1)[:, k - 1]
        counts = scores[row, column] >= least[row]
        row, column = row[counts], column[counts]
    # Few are left: counting the candidates before each is many times faster than sorting every list.
    lists, own = scores[row], scores[row, column][:, None]
    before = (lists > own) | ((lists == own) & (np.arange(scores.shape[1]) < column[:, None]))
    gained = np.bincount(row, discount(before.sum(axis=1), k), minlength=len(scores))
    return np.asarray(gained / ideal(totals, k))


def ndcg_of_pairs(score: Float32, gain: Float32, group: Int64, k: int = 10) -> Float64:
    """Return NDCG@k of each group that has any gain, ties in given order.

    Parameters
    ----------
    score, gain : float32[pairs]
    group : int64[pairs]
        Ascending.
    k : int

    Returns
    -------
    float64[groups]
    """
    gained, best = (_summed(order, gain, group, k) for order in (score, gain))
    return gained[best > 0] / best[best > 0]


def _summed(order: Float32, gain: Float32, group: Int64, k: int) -> Float64:
    """Return the gain of each group in the descending order of some numbers."""
    _, query, counts = np.unique(group, return_inverse=True, return_counts=True)
    place = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
    ranked = np.lexsort((-order, query))
    gained = np.bincount(query, discount(place, k) * gain[ranked], minlength=len(counts))
    return np.asarray(gained, dtype=np.float64)
