"""What each event of one history adds to the scores of a few items, by lookup: no other item is touched.

A reason needs the score of an item with and without some events of a history, for the few items of a list.
The ``score`` of a model scores all items; these objects hold the weights of the history's events for those
items alone. What they are taken from is the same for all histories: a model can hand it out once
(`SumTables`, `CosineTables`), and compiled loops look it up for every list.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy import sparse

from tacit.core.types import Array, Bool, Float32, Float64, Int32, Int64
from tacit.data.queries import Queries


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
        1 in a log without an order.
    """

    links: Float32
    weight: Float32
    decay: float

    @cached_property
    def _parts(self) -> Float64:
        parts = self.links * faded_weights(self.weight, self.decay).astype(np.float64)
        return np.asarray(parts, dtype=np.float64)

    @property
    def shares(self) -> Float32:
        """The share of each event in the score of each item: float32[e, m]."""
        return _shares(self._parts)

    def scores(self, kept: Bool | None = None) -> Float64:
        """Return the score of each item: float64[m]; 0 where no event has a weight."""
        parts = self._parts if kept is None else self.links * faded_weights(self.weight, self.decay, kept)
        return np.asarray(parts.sum(axis=0, dtype=np.float64))


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
    decay : float
        1 in a log without an order.
    closest : float
    recent : int
        How many of the last events are compared one by one.
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
    n_events: int

    @property
    def shares(self) -> Float32:
        """The share of each event in the score of each item: float32[e, m]; 0 for an item without text."""
        weighted, length, near = self._whole
        parts = np.zeros((self.n_events, len(self.known)))
        parts[self.used] = (1 - self.closest) * (weighted / np.maximum(length, 1e-12))
        recent = self.used[len(self.used) - len(near) :]
        parts[recent] += self.closest * np.where(near == near.max(axis=0, initial=-np.inf), near, 0)
        parts[:, ~self.known] = 0
        return _shares(parts)

    def scores(self, kept: Bool | None = None) -> Float64:
        """Return the score of each item: float64[m]; ``-inf`` without a text on either side."""
        if kept is None:
            weighted, length, near = self._whole
        else:
            kept = kept[self.used]
            weight = faded_weights(self.weight, self.decay, kept)
            means = weight.T @ self.vectors
            length = np.sqrt(np.einsum("md,md->m", means, means))
            weighted, near = weight * self.cosine, self._near(kept)
        mean = np.divide(weighted.sum(axis=0), length, out=np.zeros(len(self.known)), where=length > 1e-9)
        best = near.max(axis=0, initial=-np.inf)
        there = self.known & (best > -np.inf)
        scores = (1 - self.closest) * mean + self.closest * np.where(there, best, 0)
        return np.where(there, scores, -np.inf)

    @cached_property
    def _whole(self) -> tuple[Float32, Float32, Float32]:
        """Weighted cosines, length of the mean and faded cosines of the last events, with all events."""
        weight = faded_weights(self.weight, self.decay)
        length = np.linalg.norm(weight[:, 0] @ self.vectors)
        return weight * self.cosine, np.asarray(length, dtype=np.float32), self._near(None)

    def _near(self, kept: Bool | None) -> Float32:
        """Return the faded cosine of each of the last events, ``-inf`` where it is not kept: float32[r, m].

        All that are kept among the last ``recent`` are among the last ``recent + dropped``.
        """
        if kept is None:
            last = len(self.weight) - min(self.recent, len(self.weight))
            return self._left[last:, None] * self.cosine[last:]
        position = positions(kept)
        left = self._left[::-1].take(position, mode="clip")
        return np.where(kept & (position < self.recent), left * self.cosine, np.float32(-np.inf))

    @cached_property
    def _left(self) -> Float32:
        return fading(len(self.weight), self.decay).astype(np.float32)


@dataclass(frozen=True)
class SumTables:
    """What the `Sums` of every history are taken from.

    Attributes
    ----------
    offsets : int64[items + 1], columns : int32[entries], values : float32[entries]
        Weights from item i: those at ``offsets[i]:offsets[i + 1]``, columns ascending.
    decay : float
        In a log with an order.
    """

    offsets: Int64
    columns: Int32
    values: Float32
    decay: float


@dataclass(frozen=True)
class CosineTables:
    """What the `Cosines` of every history are taken from.

    Attributes
    ----------
    vectors : float32[items, d]
    known : bool[items]
        Items with a vector.
    decay : float
        In a log with an order.
    closest : float
    recent : int
    """

    vectors: Float32
    known: Bool
    decay: float
    closest: float
    recent: int


def fading(n_events: int, decay: float) -> Float64:
    """Return the factor of each event, the last one in full: float64[e]."""
    return np.power(decay, np.arange(n_events - 1, -1, -1), dtype=np.float64)


def faded_weights(weight: Float32, decay: float, kept: Bool | None = None) -> Float32:
    """Return the decayed weight of each event: float32[e, 1], or float32[e, m], 0 where it is not kept."""
    if decay == 1:
        return weight[:, None] if kept is None else weight[:, None] * kept
    left = fading(len(weight), decay)
    if kept is None:
        return (weight * left).astype(np.float32)[:, None]
    decayed = weight[:, None] * left[::-1].take(positions(kept), mode="clip")
    return np.asarray(decayed * kept, dtype=np.float32)


def positions(kept: Bool) -> Int64:
    """Return how many of the events kept for each item came after each event: int64[e, m]."""
    upto = np.cumsum(kept, axis=0)
    return np.asarray(upto[-1:] - upto)


def weights_of(query: Queries) -> Float32:
    """Return the weight of each event of one query before decay, 0 where it does not count: float32[e]."""
    weight = np.maximum(query.weight, 0)
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
    wanted = columns.astype(indices.dtype)  # searching for another type would copy the range
    places = np.empty((len(start), len(columns)), dtype=np.int64)
    for event, (first, last) in enumerate(zip(start.tolist(), stop.tolist(), strict=True)):
        places[event] = indices[first:last].searchsorted(wanted)
    places += start[:, None]
    inside = places < stop[:, None]
    found = inside & (indices[np.where(inside, places, 0)] == wanted)
    return np.where(found, places, -1)


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
    shares = np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)
    return np.asarray(shares, dtype=np.float32)
