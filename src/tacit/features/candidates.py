"""Candidates: what the first stage hands to the second."""

from dataclasses import dataclass, replace

from tacit.core.types import Bool, Float32, Int32, Int64


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
    retrievers : tuple of r names
    """

    items: Int32
    scores: Float32
    lengths: Int64
    retrievers: tuple[str, ...]

    def slice(self, start: int, stop: int) -> "Candidates":
        """Return the candidates of queries ``start`` to ``stop``."""
        return replace(
            self,
            items=self.items[start:stop],
            scores=self.scores[start:stop],
            lengths=self.lengths[start:stop],
        )

    @property
    def real(self) -> Bool:
        """Whether a place holds a candidate: bool[n, c]. A pair is one of these, in row-major order."""
        return self.items >= 0
