"""A text encoder: how often each letter occurs. Too simple to be good, but offline and in any language."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tacit.core.progress import SILENT, Progress
from tacit.core.types import Float32


class Letters:
    """Counts of letters by their hash, as unit vectors."""

    name = "letters-1"
    dimension = 64

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for letter in text.lower():
                vectors[row, zlib.crc32(letter.encode()) % self.dimension] += 1
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(length, 1e-9), dtype=np.float32)


def letters(argument: str, texts: Sequence[str], cache: Path | None) -> Letters:
    """Return the encoder; ``argument`` is what a configuration writes after ``letters:``."""
    return Letters()
