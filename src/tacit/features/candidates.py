"""Candidates: the output of the first stage and the input of the second."""

from dataclasses import dataclass, replace

from tacit.core.types import Bool, Float32, Float64, Int32, Int64
from tacit.data.ranking import Ranking


@dataclass(frozen=True)
class Candidates:
    """For each query the union of the best items of the retrievers.

    Attributes
    ----------
    items : int32[n, c]
        Item codes, -1 on padding.
    scores : float32[n, c, r]
        Every retriever's score of every candidate; ``-inf`` where it has none.
    lengths : int64[n]
        Number of events in the history of each query.
    idle_times : float64[n]
        Seconds since the last of them; 0 if there is none.
    retrievers : tuple of r names
    by_text : Ranking or None
        The best items without events by the retriever that reads texts, whether they are candidates or not.
    """

    items: Int32
    scores: Float32
    lengths: Int64
    idle_times: Float64
    retrievers: tuple[str, ...]
    by_text: Ranking | None = None

    def take(self, queries: Int64 | slice) -> "Candidates":
        """Return the candidates of some of the queries."""
        return replace(
            self,
            items=self.items[queries],
            scores=self.scores[queries],
            lengths=self.lengths[queries],
            idle_times=self.idle_times[queries],
            by_text=self.by_text and self.by_text.take(queries),
        )

    @property
    def real(self) -> Bool:
        """Whether a place holds a candidate: bool[n, c]. A pair is one of these, in row-major order."""
        return self.items >= 0
