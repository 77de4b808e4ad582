"""Ranking: the output of every model, and the one top-k function that computes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tacit.core.types import Array, Float32, Int32, Int64

_GROUPS = 8
"""Groups of columns for each place of a list, see `_bar`."""


@dataclass(frozen=True)
class Ranking:
    """The best k items of each query, best first.

    Attributes
    ----------
    items : int32[n, k]
        Item codes, -1 where there are fewer than k.
    scores : float32[n, k]
        Scores of the items, -inf on padding. Comparable within a query only.
    propensities : float32[n, k], optional
        The chance that an item was drawn to be explored, 0 where it was not; None without exploration.
    """

    items: Int32
    scores: Float32
    propensities: Float32 | None = None

    def __len__(self) -> int:
        return len(self.items)

    def take(self, queries: Int64 | slice) -> "Ranking":
        """Return the lists of some of the queries."""
        return self._each(lambda array: array[queries])

    def first(self, k: int) -> "Ranking":
        """Return the first k places of each list."""
        return self._each(lambda array: array[:, :k])

    @classmethod
    def joined(cls, parts: Sequence["Ranking"]) -> "Ranking":
        """Return the lists of all parts, which are of one length."""
        of_parts = [part.propensities for part in parts]
        known = [part for part in of_parts if part is not None]
        return cls(
            np.concatenate([part.items for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate(known) if len(known) == len(parts) else None,
        )

    def _each(self, part: Callable[[Array], Array]) -> "Ranking":
        propensities = None if self.propensities is None else part(self.propensities)
        return Ranking(part(self.items), part(self.scores), propensities)


def top_k(scores: Float32, k: int, items: Int32 | None = None) -> Ranking:
    """Return the k best of each row; ties go to the lower column, so results are reproducible.

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
    ranked = np.full((len(scores), k), -1, dtype=np.int32)
    kept = np.full((len(scores), k), -np.inf, dtype=np.float32)
    row, column = _contenders(scores, min(k, scores.shape[1]))
    values = scores[row, column]
    best = np.lexsort((column, -values, row))  # a row's contenders, best first, rows in order
    row, column, values = row[best], column[best], values[best]
    place = place_in_row(row)
    listed = place < k
    at = row[listed], place[listed]
    ranked[at] = column[listed] if items is None else items[column[listed]]
    kept[at] = values[listed]
    return Ranking(ranked, kept)


def _contenders(scores: Float32, k: int) -> tuple[Int64, Int64]:
    """Return rows and columns of few cells that hold the k best of each row, in no order."""
    bar = _bar(scores, k)
    above, tied = np.flatnonzero(scores > bar[:, None]), np.flatnonzero(scores == bar[:, None])
    # Most of a sparse row is zero: of the cells equal to the bar the first k are enough.
    tied = tied[place_in_row(tied // scores.shape[1]) < k]
    return np.divmod(np.concatenate([above, tied]), scores.shape[1])


def _bar(scores: Float32, k: int) -> Float32:
    """Return a finite score that the k best of each row reach, and few other cells: float32[n]."""
    # The k-th largest of the maxima of disjoint groups: at least k cells are as large. Selecting among few
    # maxima instead of all cells makes the list of a large catalogue fast.
    n, m = scores.shape
    lowest = np.full(n, np.finfo(np.float32).min, dtype=np.float32)
    if k == 0:
        return lowest
    depth = max(m // (_GROUPS * k), 1)
    groups = scores[:, : m // depth * depth].reshape(n, depth, m // depth)
    maxima = np.fmax.reduce(groups, axis=1, initial=-np.inf)  # ignores NaN
    bar: Float32 = np.maximum(np.partition(maxima, m // depth - k, axis=1)[:, m // depth - k], lowest)
    return bar


def place_in_row(row: Int64) -> Int64:
    """Return the place of each entry among those of its row, for ascending rows."""
    counts = np.bincount(row)
    return np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
