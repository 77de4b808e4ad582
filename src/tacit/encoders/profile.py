"""A user as a vector: the decayed, weighted mean of the vectors of their history."""

import numpy as np

from tacit.core.types import Float32
from tacit.data.queries import Queries


def profile_vectors(
    queries: Queries,
    vectors: Float32,
    *,
    decay: float = 0.9,
    texts: Float32 | None = None,
    text_weight: float = 1.0,
) -> Float32:
    """Return one vector a query: float32[n, d] of length 1; zero for an empty history without a profile text.

    Parameters
    ----------
    queries : Queries
        Only events of positive weight count; items beyond ``vectors`` are left out.
    vectors : float32[items, d]
    decay : float
        An event counts ``decay ** position``, the last one in full.
    texts : float32[n, d], optional
        Vectors of profile texts, mixed in as ``text_weight`` events at the end of the history.
    text_weight : float
    """
    counts = np.maximum(queries.weight, 0) * np.power(np.float64(decay), queries.position)
    total = _sums(queries, counts.astype(np.float32), vectors)
    if texts is not None:
        total = total + text_weight * texts
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return (total / np.where(length > 1e-9, length, np.inf)).astype(np.float32)


def _sums(queries: Queries, counts: Float32, vectors: Float32) -> Float32:
    """Return the weighted sum of the vectors of each history: float32[n, d]."""
    if len(queries) != 1:
        return np.asarray(queries.matrix(len(vectors), counts) @ vectors)
    kept = (counts > 0) & (queries.item < len(vectors))  # one history: no sparse matrix is built
    return np.asarray(counts[kept] @ vectors[queries.item[kept]])[None]
