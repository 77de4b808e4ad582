"""A gated pair of encoders, for catalogues in English and other languages.

A vector is that of the English model beside that of the multilingual one. The English part is zero for a text
that the English model cannot read: there its vectors are confident noise, and would spoil the other part.
Each part is centred before they are joined, for a mean over the whole would make something of the zeros; so
the means are learned from the texts of the catalogue and kept, and nobody centres these vectors again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from tacit.core.progress import SILENT, Progress
from tacit.core.types import Array, Bool, Float32
from tacit.encoders.choice import english_readable
from tacit.encoders.encoder import TextEncoder, warm
from tacit.encoders.projection import Projection
from tacit.encoders.readers import minilm_reader, use_reader


class PairEncoder:
    """The vectors of an English and a multilingual encoder, centred, gated and joined.

    Parameters
    ----------
    english, other : TextEncoder
        `MiniLM` and the multilingual encoder.
    cache : Path, optional
        File of the cache of the counts of tokens.
    """

    centred = True
    """Its vectors have a mean near zero, and zeros that must stay zeros."""

    def __init__(self, english: TextEncoder, other: TextEncoder, cache: Path | None = None) -> None:
        self._english = english
        self._other = other
        self._cache = cache
        self.dimension = english.dimension + other.dimension
        self.name = f"pair:{english.name}+{other.name}"

    def fit(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Self:
        """Learn the means of both parts, each from the texts that its model reads."""
        english, other = self._parts(texts, progress)
        return self._with(
            Projection().fit(english[english.any(axis=1)]), Projection().fit(other[other.any(axis=1)])
        )

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        """Return one vector a text: float32[n, dimension], each of length 1 (zero where none can be read)."""
        english, other = self._parts(texts, progress)
        joined = np.hstack([self.english_.transform(english), self.other_.transform(other)])
        length = np.linalg.norm(joined, axis=1, keepdims=True)
        return (joined / np.where(length > 1e-9, length, np.inf)).astype(np.float32)

    def warm(self) -> None:
        """Load both encoders and their tokens now."""
        for encoder in (self._english, self._other):
            warm(encoder)
        minilm_reader().warm()

    def arrays(self) -> dict[str, Array]:
        """Return what was learned."""
        return {"english": self.english_.mean_, "other": self.other_.mean_}

    def restore(self, arrays: Mapping[str, Array]) -> Self:
        """Take what `arrays` returned and return self."""
        return self._with(
            Projection.restore({"mean": arrays["english"]}), Projection.restore({"mean": arrays["other"]})
        )

    def _with(self, english: Projection, other: Projection) -> Self:
        """Take the means, which are a part of the name."""
        self.english_, self.other_ = english, other
        digest = hashlib.sha256(english.mean_.tobytes() + other.mean_.tobytes()).hexdigest()
        self.name = f"pair:{self._english.name}+{self._other.name}:{digest[:12]}"
        return self

    def _parts(self, texts: Sequence[str], progress: Progress) -> tuple[Float32, Float32]:
        """Return the vectors of both encoders: float32[n, english] and float32[n, other]."""
        gate = self._gate(texts)
        english = np.zeros((len(texts), self._english.dimension), dtype=np.float32)
        chosen = np.flatnonzero(gate).tolist()
        english[chosen] = self._english.encode([texts[row] for row in chosen], progress=progress)
        return english, self._other.encode(texts, progress=progress)

    def _gate(self, texts: Sequence[str]) -> Bool:
        """Return which texts the English encoder reads."""
        return english_readable(
            minilm_reader().counts(texts, self._cache), use_reader().counts(texts, self._cache)
        )
