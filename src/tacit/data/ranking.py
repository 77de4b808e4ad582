"""Ranking: THE output of every model, and the one top-k that makes it."""

from dataclasses import dataclass

import numpy as np

from tacit.core.types import Float32, Int32, Int64


@dataclass(frozen=True)
class Ranking:
    """The best k items of each query, best first.

    Attributes
    ----------
    items : int32[n, k]
        Item codes, -1 where there are fewer than k.
    scores : float32[n, k]
        Scores of the items, -inf on padding. Comparable within a query only.
    """

    items: Int32
    scores: Float32

    def __len__(self) -> int:
        return len(self.items)


def top_k(scores: Float32, k: int, items: Int32 | None = None) -> Ranking:
    """Return the k best of each row; ties go to the lower column, so answers are reproducible.

    Parameters
    ----------
    scores : float32[n, m]
        ``-inf`` and NaN mean "not a candidate".
    k : int
        List length, at least 1.
    items : int32[m], optional
        The item code of each column; the column's number by default.

    Returns
    -------
    Ranking
        With exactly k columns.
    """
    n, m = scores.shape
    width = min(k, m)
    keys = _sortable(scores)
    if width < m:
        best = np.argpartition(keys, width - 1, axis=1)[:, :width] if width else np.empty((n, 0), np.int64)
    else:
        best = np.broadcast_to(np.arange(m), (n, m))
    order = np.argsort(np.take_along_axis(keys, best, axis=1), axis=1)
    best = np.take_along_axis(best, order, axis=1)
    values = np.take_along_axis(scores, best, axis=1)
    found = values > -np.inf  # False for NaN too
    codes = best if items is None else items[best]
    ranked = np.full((n, k), -1, dtype=np.int32)
    kept = np.full((n, k), -np.inf, dtype=np.float32)
    ranked[:, :width] = np.where(found, codes, -1)
    kept[:, :width] = np.where(found, values, -np.inf)
    return Ranking(ranked, kept)


def _sortable(scores: Float32) -> Int64:
    # One int64 per cell that sorts as (score descending, column ascending): an unstable partition of
    # unique keys is a stable top-k. A float32's bits order like an integer once negatives are mirrored.
    clean = np.where(np.isnan(scores), -np.inf, scores).astype(np.float32) + np.float32(0)  # -0 -> +0
    bits = clean.view(np.int32).astype(np.int64)
    ordered = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
    return (-ordered << 32) + np.arange(scores.shape[1], dtype=np.int64)
