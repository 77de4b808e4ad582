"""The pairs that features are computed for: real candidates of every query, in row-major order."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tacit.core.types import Bool, Float32, Int32, Int64
from tacit.data.queries import Queries
from tacit.features.candidates import Candidates


@dataclass(frozen=True)
class CandidatePairs:
    """Queries with their candidates, and the pairs of the two.

    Attributes
    ----------
    queries : Queries
        Without exposures.
    whole : Queries
        With them.
    candidates : Candidates
        All of them: a feature may compare a pair with the whole list.
    row, place : int64[pairs]
        Query of each pair, and its place among the candidates.
    item : int32[pairs]
        Ascending within a query.
    standard : float32[n, c, r], optional
        Standardised scores of all candidates where they are known already
        (`tacit.pipeline.retrieval.normalised`).
    """

    queries: Queries
    whole: Queries
    candidates: Candidates
    row: Int64
    place: Int64
    item: Int32
    standard: Float32 | None = None

    @classmethod
    def of(
        cls,
        queries: Queries,
        candidates: Candidates,
        chosen: Bool | None = None,
        standard: Float32 | None = None,
    ) -> "CandidatePairs":
        """Return the pairs of some candidates.

        Parameters
        ----------
        queries : Queries
        candidates : Candidates
        chosen : bool[n, c], optional
            Which of the real candidates make a pair; all by default.
        standard : float32[n, c, r], optional
        """
        row, place = np.nonzero(candidates.real if chosen is None else chosen)
        acted = queries.acted()
        return cls(acted, queries, candidates, row, place, candidates.items[row, place], standard)

    def __len__(self) -> int:
        return len(self.row)

    @cached_property
    def shown(self) -> Queries:
        """The exposures alone."""
        return self.whole.keep(self.whole.weight == 0)

    @cached_property
    def starts(self) -> Int64:
        """The pairs of query q are ``starts[q]:starts[q + 1]``: int64[n + 1]."""
        return np.searchsorted(self.row, np.arange(len(self.queries) + 1))

    def recent(self, count: int, n_items: int) -> Queries:
        """Return the last liked events on items below ``n_items`` of each history, at most ``count``."""
        kept = self._recent
        if (count, n_items) not in kept:
            liked = (self.queries.weight > 0) & (self.queries.item < n_items)
            kept[count, n_items] = self.queries.keep(liked).last(count)
        return kept[count, n_items]

    @cached_property
    def _recent(self) -> dict[tuple[int, int], Queries]:
        return {}
