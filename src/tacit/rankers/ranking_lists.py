"""Pairs as lists: where the list of each query starts, and batches of whole lists."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tacit.core.types import Float32, Int64
from tacit.data.queries import gather_ranges
from tacit.rankers.ranker import Pairs


@dataclass(frozen=True)
class Lists:
    """Pairs and where the list of each query starts.

    Attributes
    ----------
    features, label, weight
        As in `tacit.rankers.ranker.Pairs`.
    base : float32[pairs, shares]
        What the networks that leave out a share start from, or all of one.
    offsets : int64[queries + 1]
        List q is ``offsets[q]:offsets[q + 1]``; none is empty.
    """

    features: Float32
    label: Float32
    base: Float32
    weight: Float32
    offsets: Int64

    @classmethod
    def of(cls, pairs: Pairs, base: Float32) -> "Lists":
        """Return the lists of pairs, with float32[pairs, shares] in place of their own base."""
        ends = np.flatnonzero(np.diff(pairs.group)) + 1
        offsets = np.concatenate([[0], ends, [len(pairs)]]) if len(pairs) else np.zeros(1)
        return cls(pairs.features, pairs.label, base, pairs.weight, offsets.astype(np.int64))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def count(self) -> Int64:
        """Pairs of each list: int64[queries]."""
        return np.diff(self.offsets)

    def take(self, queries: Int64) -> "Lists":
        """Return the lists of some queries."""
        rows, offsets = self.rows(queries)
        return Lists(self.features[rows], self.label[rows], self.base[rows], self.weight[rows], offsets)

    def rows(self, queries: Int64) -> tuple[Int64, Int64]:
        """Return the pairs of some queries, int64[pairs], and their offsets, int64[queries + 1]."""
        return gather_ranges(self.offsets, queries)

    def spread(self, most: int) -> Int64:
        """Return the places of at most ``most`` queries, evenly spread over all."""
        return np.arange(0, len(self), max(-(-len(self) // most), 1))

    def batches(self, queries: Int64, size: int, rng: np.random.Generator) -> Iterator[Int64]:
        """Yield some queries once each, in random order, in batches of about ``size`` pairs."""
        order = rng.permutation(queries)
        # A query belongs to the batch in which its last pair falls.
        batch = (np.cumsum(self.count[order]) - 1) // size
        yield from np.split(order, np.flatnonzero(np.diff(batch)) + 1)
