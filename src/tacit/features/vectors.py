"""Crosses of a user's vector and a candidate's: vectors of the language model, and of the log itself.

The vectors themselves, one column a dimension, are separate families. From them a ranker can learn which kind
of item was in demand in the weeks of its training, which no longer holds when it serves: only rankers
designed for them use them by default (docs/decisions/010-rankers.md).
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import numpy as np

from tacit.core.types import Float32
from tacit.data.queries import Queries
from tacit.encoders.profile import profile_vectors
from tacit.features.feature_columns import Values
from tacit.features.feature_state import FeatureState
from tacit.features.pairs import CandidatePairs

RECENT = 5
"""Last events that are compared with a candidate one by one."""
DECAY = 0.9
"""How much less each earlier event of a history counts in its mean."""

Space = Literal["text", "collaborative"]
"""Which vectors of the feature state; also the prefix of the columns."""

Make = Callable[[FeatureState, CandidatePairs], Values]


def _similarity(space: Space) -> Make:
    """Return a family: cosine to the mean of the history, to the nearest of its last events, to the last."""

    def similarity(state: FeatureState, pairs: CandidatePairs) -> Values:
        vectors: Float32 = getattr(state, space)
        users, recent = profile_vectors(pairs.queries, vectors, decay=DECAY), _recent(pairs.queries, vectors)
        # One product a query, of its candidates with its mean and its last events: pairs, 1 + k
        sides = np.concatenate([users[:, None], recent], axis=1).transpose(0, 2, 1)  # n, d, 1 + k
        cosine = np.empty((len(pairs), sides.shape[2]), dtype=np.float32)
        for side, (start, stop) in zip(sides, pairwise(pairs.starts.tolist()), strict=True):
            np.matmul(vectors[pairs.item[start:stop]], side, out=cosine[start:stop])
        return [
            (f"{space}_cosine", "pair", cosine[:, 0]),
            (f"{space}_cosine_nearest", "pair", cosine[:, 1:].max(axis=1, initial=-1)),
            (f"{space}_cosine_last", "pair", cosine[:, 1]),
        ]

    return similarity


def _crosses(space: Space) -> Make:
    """Return a family: product and absolute difference of the two vectors, dimension by dimension."""

    def crosses(state: FeatureState, pairs: CandidatePairs) -> Values:
        vectors: Float32 = getattr(state, space)
        user, candidate = profile_vectors(pairs.queries, vectors, decay=DECAY)[pairs.row], vectors[pairs.item]
        product, difference = user * candidate, np.abs(user - candidate)
        dimensions = range(vectors.shape[1])
        return [
            *((f"{space}_product_{d}", "pair", product[:, d]) for d in dimensions),
            *((f"{space}_difference_{d}", "pair", difference[:, d]) for d in dimensions),
        ]

    return crosses


def _sides(space: Space) -> Make:
    """Return a family: the two vectors side by side."""

    def sides(state: FeatureState, pairs: CandidatePairs) -> Values:
        vectors: Float32 = getattr(state, space)
        user, candidate = profile_vectors(pairs.queries, vectors, decay=DECAY)[pairs.row], vectors[pairs.item]
        dimensions = range(vectors.shape[1])
        return [
            *((f"{space}_user_{d}", "user", user[:, d]) for d in dimensions),
            *((f"{space}_item_{d}", "item", candidate[:, d]) for d in dimensions),
        ]

    return sides


def _sequence(space: Space) -> Make:
    """Return a family: the vectors of the last events, the last first, one column a dimension."""

    def sequence(state: FeatureState, pairs: CandidatePairs) -> Values:
        recent = _recent(pairs.queries, getattr(state, space))[pairs.row]
        places = np.ndindex(recent.shape[1:])
        return [(f"recent{k}_{d}", "user", recent[:, k, d]) for k, d in places]

    return sequence


text = _similarity("text")
text_crosses = _crosses("text")
text_vectors = _sides("text")
sequence = _sequence("text")
collaborative = _similarity("collaborative")
collaborative_vectors = _sides("collaborative")


def _recent(queries: Queries, vectors: Float32) -> Float32:
    """Return the vectors of the last events, the last first: float32[n, 5, d]; zeros where fewer."""
    recent = np.zeros((len(queries), RECENT, vectors.shape[1]), dtype=np.float32)
    chosen = (queries.position < RECENT) & (queries.item < len(vectors))
    recent[queries.row[chosen], queries.position[chosen]] = vectors[queries.item[chosen]]
    return recent
