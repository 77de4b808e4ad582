"""Sequences: histories as input of the network, and the windows that it learns from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from tacit.core.types import Array, Bool, Int64
from tacit.data.queries import Queries, gather_ranges

GAPS = 32
"""Buckets of the time since the event before: 0 where there is none or no time, else 1 + log2 of seconds."""

_SORTED = 16
"""Batches among which windows are sorted by length, so that little is padded."""


@dataclass(frozen=True)
class Tokens:
    """n histories padded on the right.

    Attributes
    ----------
    item, kind, gap : int64[n, length]
        See `Sequences`; 0 where there is no event.
    lengths : int64[n]
        Number of events.
    """

    item: Int64
    kind: Int64
    gap: Int64
    lengths: Int64

    @property
    def filled(self) -> Bool:
        """Which places hold an event: bool[n, length]."""
        return np.arange(self.item.shape[1]) < self.lengths[:, None]


@dataclass(frozen=True)
class Sequences:
    """The liked, known events of n histories, oldest first.

    Attributes
    ----------
    offsets : int64[n + 1]
    item : int64[events]
    kind : int64[events]
        1 + event type; 0 where it is not known.
    gap : int64[events]
        Bucket of the time since the event before, see `GAPS`.
    """

    offsets: Int64
    item: Int64
    kind: Int64
    gap: Int64

    @classmethod
    def of(cls, queries: Queries, n_items: int, n_kinds: int, timed: bool) -> Self:
        """Return the events that a model of ``n_items`` and ``n_kinds`` (unknown included) can read."""
        liked = queries.keep((queries.weight > 0) & (queries.item < n_items))
        kind = liked.kind.astype(np.int64) + 1
        return cls(
            liked.offsets,
            liked.item.astype(np.int64),
            np.where(kind < n_kinds, kind, 0),
            _gaps(liked) if timed else np.zeros(len(liked.item), dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Int64:
        """Number of events of each sequence: int64[n]."""
        return np.diff(self.offsets)

    def take(self, rows: Int64) -> "Sequences":
        """Return the sequences of the given rows, in their order."""
        events, offsets = gather_ranges(self.offsets, rows)
        return Sequences(offsets, self.item[events], self.kind[events], self.gap[events])

    def without_last(self, rows: Int64) -> "Sequences":
        """Return the sequences, those of ``rows`` without their last event."""
        kept = np.ones(len(self.item), dtype=bool)
        kept[self.offsets[rows + 1] - 1] = False
        offsets = np.concatenate([[0], np.cumsum(kept)])[self.offsets].astype(np.int64)
        return Sequences(offsets, self.item[kept], self.kind[kept], self.gap[kept])

    def in_order(self) -> "Sequences":
        """Return the sequences that are not empty, in an order that only their content decides."""
        place = np.arange(len(self.item)) - np.repeat(self.offsets[:-1], self.lengths)
        mixed = _hash(_hash(_hash(self.item, self.kind), self.gap), place)
        total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed)])
        key = total[self.offsets[1:]] - total[self.offsets[:-1]]  # a sum of hashes, modulo 2^64
        order = np.argsort(key, kind="stable")
        return self.take(order[self.lengths[order] > 0])

    def ends(self, length: int) -> tuple[Int64, Int64]:
        """Return the first and the stop place of the last ``length`` events of each sequence."""
        return np.maximum(self.offsets[1:] - length, self.offsets[:-1]), self.offsets[1:]

    def windows(self, length: int, rng: np.random.Generator) -> tuple[Int64, Int64]:
        """Cut every sequence into consecutive windows of at most ``length`` events.

        The first cut of a long sequence is drawn each time, so that every event is predicted from short and
        from long histories.
        """
        lengths = self.lengths
        shift = np.where(lengths > length, rng.integers(length, size=len(self)), 0)
        # A sequence that begins `shift` places early (or not at all) is cut at multiples of the length.
        early = np.where(shift > 0, length - shift, 0)
        count = -(-(lengths + early) // length)
        sequence = np.repeat(np.arange(len(self)), count)
        piece = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        begin = self.offsets[sequence] - early[sequence] + piece * length
        start = np.maximum(begin, self.offsets[sequence])
        return start, np.minimum(begin + length, self.offsets[sequence + 1])

    def padded(self, start: Int64, stop: Int64) -> Tokens:
        """Return the events of windows as rows: int64[n] places each."""
        lengths = stop - start
        width = np.arange(lengths.max(initial=0))  # [length]; below, [n, 1] + [length] is [n, length]
        place = np.minimum(start[:, None] + width, max(len(self.item) - 1, 0))
        filled = width < lengths[:, None]

        def rows(values: Int64) -> Int64:
            return np.where(filled, values[place], 0)

        return Tokens(rows(self.item), rows(self.kind), rows(self.gap), lengths)

    def batches(self, length: int, size: int, rng: np.random.Generator) -> Iterator[Tokens]:
        """Yield all windows once, in random order, in batches of windows of about the same length."""
        start, stop = self.windows(length, rng)
        order = rng.permutation(len(start))
        group = np.arange(len(order)) // (size * _SORTED)
        order = order[np.lexsort((stop[order] - start[order], group))]
        for rows in rng.permutation(-(-len(order) // size)):
            chosen = order[rows * size : (rows + 1) * size]
            yield self.padded(start[chosen], stop[chosen])


def _gaps(queries: Queries) -> Int64:
    """Return the bucket of each event's time since the one before: int64[events]."""
    seconds = np.diff(queries.at, prepend=queries.at[:1])
    bucket = 1 + np.log2(1 + np.maximum(seconds, 0)).astype(np.int64)
    first = queries.offsets[:-1][queries.lengths > 0]
    bucket[first] = 0
    buckets: Int64 = np.minimum(bucket, GAPS - 1)
    return buckets


def _hash(first: Array, second: Array) -> Array:
    """Return well mixed bits of pairs of integers: uint64[n]."""
    mixed = first.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + second.astype(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    return mixed ^ (mixed >> np.uint64(31))
