"""The list of features: families by name, each with what it needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tacit.features import crosses, exposure, neighbours, popularity, retrieval_scores, vectors
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
    """

    make: Callable[[FeatureState, CandidatePairs], Values]
    needs: vectors.Space | None = None
    usual: bool = True

    def values(self, state: FeatureState, pairs: CandidatePairs) -> Values:
        """Return the columns of the pairs; none if the vectors are missing."""
        if self.needs and getattr(state, self.needs) is None:
            return []
        return self.make(state, pairs)


FAMILIES: Mapping[str, Family] = {
    "retrieval": Family(retrieval_scores.retrieval),
    "neighbours": Family(neighbours.neighbours),
    "text": Family(vectors.text, "text"),
    "text-crosses": Family(vectors.text_crosses, "text", usual=False),
    "text-vectors": Family(vectors.text_vectors, "text", usual=False),
    "sequence": Family(vectors.sequence, "text", usual=False),
    "collaborative": Family(vectors.collaborative, "collaborative"),
    "collaborative-vectors": Family(vectors.collaborative_vectors, "collaborative", usual=False),
    "popularity": Family(popularity.popularity),
    "liking": Family(popularity.liking),
    "exposure": Family(exposure.exposure, usual=False),
    "history": Family(popularity.history),
    "moment": Family(popularity.moment, usual=False),
    "attributes": Family(attributes),
    "people": Family(crosses.people),
    "crosses": Family(crosses.crosses, usual=False),
}

USUAL = tuple(name for name, family in FAMILIES.items() if family.usual)
