"""The pairs that features are computed for: every real candidate of every query, in row-major order."""

from dataclasses import dataclass

import numpy as np

from tacit.core.types import Int32, Int64
from tacit.data.queries import Queries
from tacit.features.candidates import Candidates


@dataclass(frozen=True)
class CandidatePairs:
    """Queries with their candidates, and the pairs of the two.

    Attributes
    ----------
    queries : Queries
        Without exposures.
    shown : Queries
        Exposures only.
    candidates : Candidates
    row, place : int64[pairs]
        Query of each pair, and its place among the candidates.
    item : int32[pairs]
        Ascending within a query.
    """

    queries: Queries
    shown: Queries
    candidates: Candidates
    row: Int64
    place: Int64
    item: Int32

    @classmethod
    def of(cls, queries: Queries, candidates: Candidates) -> "CandidatePairs":
        """Return the pairs of some candidates."""
        row, place = np.nonzero(candidates.real)
        shown = queries.keep(queries.weight == 0)
        return cls(queries.acted(), shown, candidates, row, place, candidates.items[row, place])

    def __len__(self) -> int:
        return len(self.row)
