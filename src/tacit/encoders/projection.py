"""Projection of vectors, fitted on the training window: centring, optionally whitening or fewer dimensions.

Raw vectors of a language model all have nearly the same direction (mean pairwise cosine above .8); items
differ in what is left after centring.
"""

from collections.abc import Mapping
from typing import Literal, Self

import numpy as np

from tacit.core.errors import ConfigError
from tacit.core.types import Array, Float32

Mode = Literal["centre", "pca", "whiten"]


class Projection:
    """Centring, PCA or whitening of vectors.

    Parameters
    ----------
    dimension : int, optional
        How many principal directions to keep; all by default. Not used by mode "centre".
    mode : {"centre", "pca", "whiten"}
        ``centre`` subtracts the mean, ``pca`` also turns to the principal directions, ``whiten`` also gives
        each of them the same variance.
    """

    def __init__(self, *, dimension: int | None = None, mode: Mode = "centre") -> None:
        if mode not in ("centre", "pca", "whiten"):
            raise ConfigError(f"projection mode {mode!r} is unknown; known: centre, pca, whiten")
        self.dimension = dimension
        self.mode: Mode = mode

    def fit(self, vectors: Float32, *, centred: bool = False) -> Self:
        """Learn mean and directions from vectors of the training window, and return self.

        Parameters
        ----------
        vectors : float32[n, d]
        centred : bool
            Whether they are centred already, part by part, so that the mean to subtract is 0: zeros of a part
            must stay zeros.
        """
        clean = _finite(vectors)
        known = len(clean) > 0 and not centred
        self.mean_: Float32 = clean.mean(axis=0) if known else np.zeros(vectors.shape[1], np.float32)
        self.directions_: Float32 | None = None
        if self.mode != "centre":
            self.directions_ = self._directions(clean - self.mean_)
        return self

    def transform(self, vectors: Float32) -> Float32:
        """Return float32[n, dimension] with rows of length 1.

        A row of zeros stays one: the encoder found nothing in that text.
        """
        clean = _finite(vectors)
        centred = np.where(clean.any(axis=1, keepdims=True), clean - self.mean_, 0)
        turned = centred if self.directions_ is None else centred @ self.directions_
        length = np.linalg.norm(turned, axis=1, keepdims=True)
        return (turned / np.where(length > 1e-9, length, np.inf)).astype(np.float32)

    def arrays(self) -> dict[str, Array]:
        """Return the mean and, if there are any, the directions: all that `transform` needs."""
        arrays = {"mean": self.mean_}
        return arrays if self.directions_ is None else {**arrays, "directions": self.directions_}

    @classmethod
    def restore(cls, arrays: Mapping[str, Array]) -> Self:
        """Rebuild the fitted projection from what `arrays` returned.

        Its parameters are the defaults: only `fit` needs them.
        """
        projection = cls()
        projection.mean_ = arrays["mean"]
        projection.directions_ = arrays.get("directions")
        return projection

    def _directions(self, centred: Float32) -> Float32:
        # Eigenvectors of the d x d covariance: d is a few hundred, however many rows there are.
        covariance = (centred.T.astype(np.float64) @ centred) / max(len(centred), 1)
        values, vectors = np.linalg.eigh(covariance)
        order = np.argsort(-values)[: self.dimension]
        kept = vectors[:, order] * np.sign(vectors[np.abs(vectors[:, order]).argmax(axis=0), order])
        if self.mode == "whiten":
            # A floor keeps directions of pure noise small.
            kept = kept / np.sqrt(np.maximum(values[order], 1e-3 * max(values.max(), 1e-12)))
        return np.ascontiguousarray(kept, dtype=np.float32)


def _finite(vectors: Float32) -> Float32:
    return np.nan_to_num(vectors.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
