"""The list of features: families by name, each with what it needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tacit.core import kernels
from tacit.features import compiled, crosses, exposure, neighbours, popularity, retrieval_scores, vectors
from tacit.features.attribute_crosses import attributes
from tacit.features.feature_columns import Values
from tacit.features.feature_state import FeatureState
from tacit.features.pairs import CandidatePairs


@dataclass(frozen=True)
class Family:
    """Features that are switched on or off together.

    Attributes
    ----------
    make : callable
        Function of the feature state and the pairs that returns the columns.
    needs : {"text", "collaborative"}, optional
        The vectors that it needs.
    usual : bool
        Whether rankers use it by default.
    by_loops : callable, optional
        Adds the same columns to features by compiled loops.
    """

    make: Callable[[FeatureState, CandidatePairs], Values]
    needs: vectors.Space | None = None
    usual: bool = True
    by_loops: compiled.Adds | None = None

    def values(self, state: FeatureState, pairs: CandidatePairs) -> Values:
        """Return the columns of the pairs; none if the vectors are missing."""
        if self.needs and getattr(state, self.needs) is None:
            return []
        return self.make(state, pairs)

    @property
    def looped(self) -> bool:
        """Whether compiled loops compute it."""
        return self.by_loops is not None and kernels.COMPILED is not None


FAMILIES: Mapping[str, Family] = {
    "retrieval": Family(retrieval_scores.retrieval, by_loops=compiled.retrieval),
    "neighbours": Family(neighbours.neighbours, by_loops=compiled.neighbour_sums),
    "text": Family(vectors.text, "text", by_loops=compiled.text),
    "text-crosses": Family(vectors.text_crosses, "text", usual=False),
    "text-vectors": Family(vectors.text_vectors, "text", usual=False),
    "sequence": Family(vectors.sequence, "text", usual=False),
    "collaborative": Family(vectors.collaborative, "collaborative", by_loops=compiled.collaborative),
    "collaborative-vectors": Family(vectors.collaborative_vectors, "collaborative", usual=False),
    "popularity": Family(popularity.popularity, by_loops=compiled.popularity),
    "liking": Family(popularity.liking, by_loops=compiled.liking),
    "exposure": Family(exposure.exposure, usual=False),
    "history": Family(popularity.history, by_loops=compiled.history),
    "moment": Family(popularity.moment, usual=False),
    "attributes": Family(attributes, by_loops=compiled.attributes),
    "people": Family(crosses.people, by_loops=compiled.traits),
    "crosses": Family(crosses.crosses, usual=False),
}

USUAL = tuple(name for name, family in FAMILIES.items() if family.usual)
