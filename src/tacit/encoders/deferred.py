"""Encoders that are loaded when there is something to encode, and that leave out what they cannot read."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

import numpy as np

from tacit.core.progress import SILENT, Progress
from tacit.core.types import Float32
from tacit.encoders.encoder import Caches, TextEncoder, warm
from tacit.encoders.readers import Reader


class DeferredEncoder:
    """An encoder that is loaded for the first text: a fit whose texts are all cached never needs it.

    Parameters
    ----------
    name : str
        That of the encoder.
    dimension : int
    load : callable
        Returns the encoder.
    """

    def __init__(self, name: str, dimension: int, load: Callable[[], TextEncoder]) -> None:
        self.name = name
        self.dimension = dimension
        self._load = load
        self._encoder: TextEncoder | None = None
        self._lock = Lock()

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        """Return one vector a text: float32[n, dimension]."""
        if not len(texts):
            return np.zeros((0, self.dimension), dtype=np.float32)
        return self._loaded().encode(texts, progress=progress)

    def warm(self) -> None:
        """Load the encoder now."""
        self._loaded()

    def _loaded(self) -> TextEncoder:
        with self._lock:
            if self._encoder is None:
                self._encoder = self._load()
            return self._encoder


class CarefulEncoder:
    """An encoder that gives no vector, a row of zeros, to a text that it cannot read.

    How many texts of a catalogue these are is said by `tacit.encoders.describe`.

    Parameters
    ----------
    encoder : TextEncoder
    reader : Reader
        The tokens of its model.
    cache : Path, optional
        File of the cache of the counts of tokens.
    """

    def __init__(self, encoder: TextEncoder, reader: Reader, cache: Path | None = None) -> None:
        self._encoder = encoder
        self.reader = reader
        self._cache = cache
        self.name = encoder.name
        self.dimension = encoder.dimension

    def warm(self) -> None:
        """Load the encoder and its tokens now."""
        self.reader.warm()
        warm(self._encoder)

    def absent(self, texts: Sequence[str]) -> list[str]:
        """Return the texts that can be read and are not in the cache of the encoder; all without a cache."""
        readable = [texts[row] for row in self._readable(texts)]
        return self._encoder.absent(readable) if isinstance(self._encoder, Caches) else readable

    def keep(self, texts: Sequence[str], vectors: Float32) -> None:
        """Put vectors into the cache of the encoder, if it has one."""
        if isinstance(self._encoder, Caches):
            self._encoder.keep(texts, vectors)

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        """Return one vector a text: float32[n, dimension], zeros for one that cannot be read."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        chosen = self._readable(texts)
        vectors[chosen] = self._encoder.encode([texts[row] for row in chosen], progress=progress)
        return vectors

    def _readable(self, texts: Sequence[str]) -> list[int]:
        """Return the rows of the texts that can be read."""
        return np.flatnonzero(self.reader.reads(self.reader.counts(texts, self._cache))).tolist()
