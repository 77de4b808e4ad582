"""An exact scan: the k best of all items by their texts, few of which are compared with all events.

An item scores by its cosine to the mean of a history and by its cosine to the closest of a few events. The
cosines to the mean are one product of matrices; they bound the others. For vectors of length 1, with the
cosine c of the mean and an event, and the cosine m of the mean and an item,

    cosine of event and item <= c * m + sqrt(1 - c^2) * sqrt(1 - m^2),

so that the k-th best score of the items closest to the mean says which others cannot be among the k best
(docs/decisions/029-exact-scan.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from tacit.core import kernels
from tacit.core.types import Bool, Float32, Int32, Int64
from tacit.data.queries import Queries
from tacit.models.near_texts import Sides, exact_scores
from tacit.models.sparse_scores import SparseScores

FIRST = 2
"""For each place of a list, the items closest to the mean that are scored first."""
ROUNDING = 1e-5
"""By how much cosines, and squares of lengths, may be off by the rounding of float32."""


@dataclass(frozen=True)
class TextScan:
    """Some of n histories, and the cosine of the mean of each to every item.

    Attributes
    ----------
    sides : Sides
        Of all n histories.
    rows : int64[r]
        The histories that are scanned for.
    to_mean : float32[r, items]
    vectors : float32[items, d]
        Of length 1, or 0.
    known : bool[items]
        Items with a vector.
    queries : Queries
        Whose excluded items are left out.
    """

    sides: Sides
    rows: Int64
    to_mean: Float32
    vectors: Float32
    known: Bool
    queries: Queries

    @classmethod
    def of(cls, sides: Sides, rows: Int64, vectors: Float32, known: Bool, queries: Queries) -> Self:
        """Compare the means of some histories with all items."""
        means = sides.means if len(rows) == len(sides.means) else sides.means[rows]
        compiled = kernels.COMPILED is not None
        to_mean = kernels.COMPILED.text_cosines(means, vectors) if compiled else means @ vectors.T
        return cls(sides, rows, to_mean, vectors, known, queries)

    def best(self, allowed: Bool, k: int) -> SparseScores:
        """Return the k best items of each row that are allowed (bool[items]), and all as good as the last."""
        open_ = self.known & allowed
        if kernels.COMPILED is not None:
            events = self.sides.offsets, self.sides.items, self.sides.left
            excluded = self.queries.exclude_offsets, self.queries.exclude
            return SparseScores(
                *kernels.COMPILED.text_scan(
                    *(self.to_mean, self.rows, self.sides.means, *events, self.vectors, open_, *excluded),
                    *(k, FIRST * k, self.sides.closest),
                )
            )
        return SparseScores.joined([self._best_of_row(row, open_, k) for row in range(len(self.rows))])

    def best_with(self, parts: Sequence[tuple[Int32, Float32]], allowed: Bool, k: int) -> SparseScores:
        """Return the items and scores of all histories: of the rows their k best, of the others ``parts``."""
        found = self.best(allowed, k)
        if len(self.rows) == len(parts):
            return found
        listed = list(parts)
        for place, row in enumerate(self.rows):
            listed[row] = found.listed(place)
        return SparseScores.joined(listed)

    def _best_of_row(self, row: int, open_: Bool, k: int) -> tuple[Int32, Float32]:
        query = self.rows[row]
        if self.sides.offsets[query] == self.sides.offsets[query + 1] or k == 0:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        own = np.where(open_, self.to_mean[row], np.float32(-np.inf))
        start, stop = self.queries.exclude_offsets[query : query + 2]
        excluded = self.queries.exclude[start:stop]
        own[excluded[excluded < len(own)]] = -np.inf
        bar = _kth_largest(own, FIRST * k)
        items, scores = self._scored(query, own, bar)
        lowest = lowest_to_mean(self.sides, query, self.vectors, _kth_largest(scores, k))
        if lowest < bar:
            items, scores = self._scored(query, own, lowest)
        kept = scores >= _kth_largest(scores, k)
        return items[kept], scores[kept]

    def _scored(self, query: int, own: Float32, bar: float) -> tuple[Int32, Float32]:
        """Return the items that reach a cosine to the mean, ascending, and their scores."""
        items = np.flatnonzero((own >= bar) & (own > -np.inf)).astype(np.int32)
        row = np.full(len(items), query, dtype=np.int64)
        return items, exact_scores(self.sides, self.vectors, self.known, row, items)


def lowest_to_mean(sides: Sides, query: int, vectors: Float32, score: float) -> float:
    """Return the cosine to the mean below which no item reaches a score; infinity where none can.

    With the angle t between the mean and an item, the bound by one event is a cosine in t:
    ``along * cos(t) + across * sin(t)``. It reaches the score in one interval of t; the answer is the cosine
    at the far end of the longest.
    """
    if score == -np.inf:
        return -np.inf
    start, stop = sides.offsets[query : query + 2]
    between = (vectors[sides.items[start:stop]] @ sides.means[query]).clip(-1, 1).astype(np.float64)
    weight = sides.closest * sides.left[start:stop].astype(np.float64)
    along = 1 - sides.closest + weight * between
    across = weight * np.sqrt(1 - between**2 + ROUNDING)
    radius, least = np.sqrt(1 + ROUNDING), score - ROUNDING
    most = np.hypot(along, across) * radius
    share = np.divide(least, most, out=np.full(len(most), -1.0), where=most > 0)
    widest = np.minimum(np.arctan2(across, along) + np.arccos(share.clip(-1, 1)), np.pi)
    lowest = np.where(least > most, np.inf, radius * np.cos(widest))
    return float(lowest.min(initial=np.inf)) - ROUNDING


def _kth_largest(values: Float32, k: int) -> float:
    """Return the k-th largest value, minus infinity where there are fewer."""
    return float(np.partition(values, -k)[-k]) if k <= len(values) else -np.inf
