"""Projected vectors of catalogues of any size: made block by block, learned from enough of them."""

import numpy as np

from tacit.core.types import Bool, Float32
from tacit.encoders.projection import Projection

ENOUGH = 200_000
"""Vectors that a projection is learned from; of more, so many evenly spread ones, whose mean is known to a
450th of the deviation of one vector (docs/decisions/031-models-at-scale.md)."""
_CELLS = 16_000_000
"""Numbers of a block of vectors."""


def fitted(projection: Projection, vectors: Float32, among: Bool, *, centred: bool) -> Projection:
    """Return a projection fitted on the vectors (float32[n, d]) of a mask (bool[n])."""
    rows = np.flatnonzero(among)
    if len(rows) > ENOUGH:
        rows = rows[np.linspace(0, len(rows) - 1, ENOUGH).astype(np.int64)]
    return projection.fit(vectors[rows], centred=centred)


def transformed(projection: Projection, vectors: Float32) -> Float32:
    """Return what ``projection.transform`` does, without copies of all vectors: float32[n, dimension]."""
    size = max(_CELLS // max(vectors.shape[1], 1), 1)
    if len(vectors) <= size:
        return projection.transform(vectors)
    width = projection.transform(vectors[:1]).shape[1]
    found = np.empty((len(vectors), width), dtype=np.float32)
    for start in range(0, len(vectors), size):
        found[start : start + size] = projection.transform(vectors[start : start + size])
    return found
