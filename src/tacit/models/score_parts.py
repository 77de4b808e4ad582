"""What each event of one history adds to the scores of a few items, by lookup: no other item is touched.

A reason needs the score of an item with and without some events of a history, for the few items of a list.
The ``score`` of a model scores all items; these objects hold the weights of the history's events for those
items alone.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import sparse

from tacit.core.types import Array, Bool, Float32, Float64, Int32, Int64
from tacit.data.queries import Queries
from tacit.models.decay import chosen


class ScoreParts(Protocol):
    """The parts of the scores of m items for a history of e events."""

    @property
    def shares(self) -> Float32:
        """The share of each event in the score of each item: float32[e, m]; see `Explains.explain`."""
        ...

    def scores(self, kept: Bool | None = None) -> Float64:
        """Return the score of each item by all events, or by those kept for it: float64[m].

        Parameters
        ----------
        kept : bool[e, m], optional
        """
        ...


@dataclass(frozen=True)
class Sums:
    """Scores that are sums over events: decayed weights of the events times weights between items.

    Attributes
    ----------
    links : float32[e, m]
        Weight from the item of each event to each item.
    weight : float32[e]
        Weights of the events, 0 for one that does not count.
    decay : float
    ordered : bool
        Whether the log has an order; without one nothing decays.
    """

    links: Float32
    weight: Float32
    decay: float
    ordered: bool

    @property
    def shares(self) -> Float32:
        """The share of each event in the score of each item: float32[e, m]."""
        return _shares(self.links.astype(np.float64) * self._counted(None))

    def scores(self, kept: Bool | None = None) -> Float64:
        """Return the score of each item: float64[m]; 0 where no event has a weight."""
        return np.asarray((self.links.astype(np.float64) * self._counted(kept)).sum(axis=0))

    def _counted(self, kept: Bool | None) -> Float32:
        return counted(self.weight, kept, self.decay, self.ordered)


@dataclass(frozen=True)
class Cosines:
    """Scores by the cosine to the decayed mean of the events, and by the closest of the last events.

    Attributes
    ----------
    used : int64[u]
        Places of the events that count, among all e.
    cosine : float32[u, m]
        Of their items to the items.
    vectors : float32[u, d]
    weight : float32[u]
    known : bool[m]
        Items with a vector.
    decay, closest : float
    recent : int
        How many of the last events are compared one by one.
    ordered : bool
    n_events : int
        e.
    """

    used: Int64
    cosine: Float32
    vectors: Float32
    weight: Float32
    known: Bool
    decay: float
    closest: float
    recent: int
    ordered: bool
    n_events: int

    @property
    def shares(self) -> Float32:
        """The share of each event in the score of each item: float32[e, m]; 0 for an item without text."""
        weight = counted(self.weight, None, self.decay, self.ordered)
        length = np.linalg.norm(weight[:, 0] @ self.vectors)
        mean = weight * self.cosine / np.maximum(length, 1e-12)
        near = self._near(None)
        best = near.max(axis=0, initial=-np.inf)
        parts = np.zeros((self.n_events, len(self.known)))
        parts[self.used] = (1 - self.closest) * mean + self.closest * np.where(near == best, near, 0)
        parts[:, ~self.known] = 0
        return _shares(parts)

    def scores(self, kept: Bool | None = None) -> Float64:
        """Return the score of each item: float64[m]; ``-inf`` without a text on either side."""
        kept = None if kept is None else kept[self.used]
        weight = counted(self.weight, kept, self.decay, self.ordered)
        length = np.linalg.norm(weight.T @ self.vectors, axis=1)
        total = (weight * self.cosine).sum(axis=0)
        mean = np.divide(total, length, out=np.zeros(len(self.known)), where=length > 1e-9)
        near = self._near(kept).max(axis=0, initial=-np.inf)
        there = self.known & np.isfinite(near)
        scores = (1 - self.closest) * mean + self.closest * np.where(there, near, 0)
        return np.asarray(np.where(there, scores, -np.inf))

    def _near(self, kept: Bool | None) -> Float32:
        """Return the faded cosine of each of the last events, ``-inf`` of all others: float32[u, m]."""
        position = positions(len(self.used), kept)
        left = np.power(self.decay, position) if self.ordered else np.ones_like(position, dtype=np.float64)
        there = (position < self.recent) if kept is None else (position < self.recent) & kept
        return np.where(there, left.astype(np.float32) * self.cosine, np.float32(-np.inf))


def positions(n_events: int, kept: Bool | None) -> Int64:
    """Return how many events came after each one: int64[e, 1], or int64[e, m] of those kept for each item."""
    if kept is None:
        return np.arange(n_events - 1, -1, -1, dtype=np.int64)[:, None]
    upto = np.cumsum(kept, axis=0, dtype=np.int64)
    return np.asarray(upto[-1:] - upto if n_events else upto)


def counted(weight: Float32, kept: Bool | None, decay: float, ordered: bool) -> Float32:
    """Return the decayed weight of each event: float32[e, 1], or float32[e, m], 0 where it is not kept."""
    if ordered and decay != 1:
        left = np.power(decay, positions(len(weight), kept), dtype=np.float64)
        decayed = (weight[:, None] * left).astype(np.float32)
    else:
        decayed = weight[:, None]
    return decayed if kept is None else np.asarray(decayed * kept, dtype=np.float32)


def weights_of(query: Queries) -> Float32:
    """Return the weight of each event of one query before decay, 0 where it does not count: float32[e]."""
    weight = chosen(query, 1.0)
    return weight if query.ordered else weight * query.strongest


def between(matrix: sparse.csr_array, rows: Int32, columns: Int32) -> Float32:
    """Return the entries of a matrix at some rows and columns, 0 where it has none: float32[e, m].

    Rows and columns beyond the matrix have none.
    """
    if not matrix.nnz or not len(rows):
        return np.zeros((len(rows), len(columns)), dtype=np.float32)
    inside = rows < matrix.shape[0]
    row = np.where(inside, rows, 0)
    start = matrix.indptr[row].astype(np.int64)
    stop = np.where(inside, matrix.indptr[row + 1], start)
    find = _bisected if matrix.has_sorted_indices else _scanned
    place = find(matrix.indices, start, stop, columns)
    return np.where(place >= 0, matrix.data[np.maximum(place, 0)], np.float32(0))


def _bisected(indices: Array, start: Int64, stop: Int64, columns: Int32) -> Int64:
    """Return the place of each column in each ascending range of indices, else -1: int64[e, m]."""
    # Halving all searches at once costs a few operations of e x m; a loop over events costs one call each.
    step = 1 << int(max((stop - start).max(), 1)).bit_length()
    end = stop[:, None]
    low = np.repeat(start[:, None] - 1, len(columns), axis=1)
    while step := step >> 1:
        probe = low + step
        there = probe < end
        there &= indices.take(probe, mode="clip") <= columns
        low += step * there
    found = (low >= start[:, None]) & (indices.take(low, mode="clip") == columns)
    return np.where(found, low, -1)


def _scanned(indices: Array, start: Int64, stop: Int64, columns: Int32) -> Int64:
    """Return the same for ranges in any order."""
    places = np.full((len(start), len(columns)), -1, dtype=np.int64)
    for event, (first, last) in enumerate(zip(start.tolist(), stop.tolist(), strict=True)):
        at, column = np.nonzero(indices[first:last, None] == columns)
        places[event, column] = first + at
    return places


def _shares(parts: Float64) -> Float32:
    """Return parts as shares: absolute values sum to 1 for each item, or are all 0."""
    total = np.abs(parts).sum(axis=0)
    return np.divide(parts, total, out=np.zeros_like(parts), where=total > 0).astype(np.float32)
