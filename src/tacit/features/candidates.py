"""Candidates: what the first stage hands to the second."""

from dataclasses import dataclass, replace

from tacit.core.types import Bool, Float32, Float64, Int32, Int64


@dataclass(frozen=True)
class Candidates:
    """For each query the union of what the retrievers put forward.

    Attributes
    ----------
    items : int32[n, c]
        Item codes, -1 on padding.
    scores : float32[n, c, r]
        Every retriever's score of every candidate; ``-inf`` where it has nothing to say.
    lengths : int64[n]
        Number of events in the history of each query.
    absences : float64[n]
        Seconds since the last of them; 0 where there is none.
    retrievers : tuple of r names
    """

    items: Int32
    scores: Float32
    lengths: Int64
    idle_times: Float64
    retrievers: tuple[str, ...]

    def take(self, queries: Int64 | slice) -> "Candidates":
        """Return the candidates of some of the queries."""
        return replace(
            self,
            items=self.items[queries],
            scores=self.scores[queries],
            lengths=self.lengths[queries],
            idle_times=self.idle_times[queries],
        )

    @property
    def real(self) -> Bool:
        """Whether a place holds a candidate: bool[n, c]. A pair is one of these, in row-major order."""
        return self.items >= 0
