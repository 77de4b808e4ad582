"""The encoder without a language model: hashed n-grams, TF-IDF, SVD.

Character n-grams within words also work for languages without spaces; hashing needs no vocabulary, so only
one weight a bucket and one small matrix are learned.
"""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from scipy import sparse

from tacit.core.progress import SILENT, Progress
from tacit.core.types import Array, Float32

_BUCKETS = 2**14


class TfidfEncoder:
    """Latent semantic analysis of hashed n-grams (Deerwester et al., 1990).

    Parameters
    ----------
    dimension : int
        Length of the vectors; smaller if there are fewer texts.
    seed : int
        Seed of the randomised SVD.
    """

    def __init__(self, dimension: int = 128, *, seed: int = 7) -> None:
        self.dimension = dimension
        self.seed = seed
        self.name = f"tfidf-{dimension}-{seed}"

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn bucket weights and directions from the texts."""
        counts = _counts(texts)
        frequency = np.bincount(counts.indices, minlength=_BUCKETS)
        self.idf_: Float32 = (np.log((1 + len(texts)) / (1 + frequency)) + 1).astype(np.float32)
        weighted = self._weighted(counts)
        self.directions_: Float32 = np.zeros((_BUCKETS, self.dimension), dtype=np.float32)
        if len(texts) > 1:
            from sklearn.decomposition import TruncatedSVD

            svd = TruncatedSVD(min(self.dimension, len(texts) - 1), random_state=self.seed)
            # It divides by a variance, which is 0 if all texts are equal.
            with np.errstate(invalid="ignore", divide="ignore"):
                svd.fit(weighted)
            self.directions_[:, : len(svd.components_)] = svd.components_.T
        return self

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        """Return one vector a text: float32[n, dimension], each of length 1 (zero without words)."""
        vectors = np.asarray(self._weighted(_counts(texts)) @ self.directions_)
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors / np.where(length > 1e-9, length, np.inf)).astype(np.float32)

    def arrays(self) -> dict[str, Array]:
        """Return what was learned."""
        return {"idf": self.idf_, "directions": self.directions_}

    @classmethod
    def restore(cls, arrays: Mapping[str, Array]) -> Self:
        """Rebuild from what `arrays` returned."""
        encoder = cls(arrays["directions"].shape[1])
        encoder.idf_, encoder.directions_ = arrays["idf"], arrays["directions"]
        return encoder

    def _weighted(self, counts: sparse.csr_array) -> sparse.csr_array:
        weighted = counts.copy()
        weighted.data = (1 + np.log(counts.data)) * self.idf_[counts.indices]
        return weighted


def _counts(texts: Sequence[str]) -> sparse.csr_array:
    from sklearn.feature_extraction.text import HashingVectorizer

    grams = HashingVectorizer(
        analyzer="char_wb", ngram_range=(2, 4), n_features=_BUCKETS, alternate_sign=False, norm=None
    )
    return sparse.csr_array(grams.transform(texts or [""])[: len(texts)], dtype=np.float32)
