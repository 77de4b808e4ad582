"""Crosses of a user's vector and a candidate's: of the language model's, and of the log's own.

The vectors themselves, one column a dimension, are families of their own. A ranker that looks at them can
learn which kind of item was in demand in the weeks that it was trained on, which is gone in the weeks that it
serves: only those made for them take them by default (docs/decisions/010-rankers.md).
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

from tacit.core.types import Float32
from tacit.data.queries import Queries
from tacit.encoders.profile import profile_vectors
from tacit.features.asked import Asked
from tacit.features.columns import Values
from tacit.features.past import Past

_RECENT = 5
"""Events that are compared with a candidate one by one: the last ones."""

Space = Literal["text", "collaborative"]
"""Which vectors of the past, and how the names of their columns begin."""

Make = Callable[[Past, Asked], Values]


def _similarity(space: Space) -> Make:
    """Return a family: cosine to the mean of the history, to the nearest of its last events, to the last."""

    def similarity(past: Past, asked: Asked) -> Values:
        vectors: Float32 = getattr(past, space)
        users, recent = profile_vectors(asked.queries, vectors), _recent(asked.queries, vectors)
        candidate = vectors[asked.item]
        whole = np.einsum("pd,pd->p", users[asked.row], candidate)
        each = np.einsum("pd,pkd->pk", candidate, recent[asked.row])
        return [
            (f"{space}_cosine", "pair", whole),
            (f"{space}_cosine_nearest", "pair", each.max(axis=1, initial=-1)),
            (f"{space}_cosine_last", "pair", each[:, 0]),
        ]

    return similarity


def _crosses(space: Space) -> Make:
    """Return a family: product and absolute difference of the two vectors, dimension by dimension."""

    def crosses(past: Past, asked: Asked) -> Values:
        vectors: Float32 = getattr(past, space)
        user, candidate = profile_vectors(asked.queries, vectors)[asked.row], vectors[asked.item]
        product, difference = user * candidate, np.abs(user - candidate)
        dimensions = range(vectors.shape[1])
        return [
            *((f"{space}_product_{d}", "pair", product[:, d]) for d in dimensions),
            *((f"{space}_difference_{d}", "pair", difference[:, d]) for d in dimensions),
        ]

    return crosses


def _sides(space: Space) -> Make:
    """Return a family: the two vectors side by side."""

    def sides(past: Past, asked: Asked) -> Values:
        vectors: Float32 = getattr(past, space)
        user, candidate = profile_vectors(asked.queries, vectors)[asked.row], vectors[asked.item]
        dimensions = range(vectors.shape[1])
        return [
            *((f"{space}_user_{d}", "user", user[:, d]) for d in dimensions),
            *((f"{space}_item_{d}", "item", candidate[:, d]) for d in dimensions),
        ]

    return sides


def _sequence(space: Space) -> Make:
    """Return a family: the vectors of the last events, the last first, one column a dimension."""

    def sequence(past: Past, asked: Asked) -> Values:
        recent = _recent(asked.queries, getattr(past, space))[asked.row]
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
    recent = np.zeros((len(queries), _RECENT, vectors.shape[1]), dtype=np.float32)
    chosen = (queries.position < _RECENT) & (queries.item < len(vectors))
    recent[queries.row[chosen], queries.position[chosen]] = vectors[queries.item[chosen]]
    return recent
