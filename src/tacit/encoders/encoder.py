"""The protocol of text encoders."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from tacit.core.progress import SILENT, Progress
from tacit.core.types import Float32


def warm(encoder: "TextEncoder") -> None:
    """Load what an encoder would load for its first text, where it can do that."""
    load = getattr(encoder, "warm", None)
    if load is not None:
        load()


@runtime_checkable
class TextEncoder(Protocol):
    """Maps texts to vectors.

    Attributes
    ----------
    name : str
        Names the model and all that changes its vectors: the key of the cache.
    dimension : int
    """

    name: str

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        ...

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        """Return one vector a text: float32[n, dimension], each of length 1."""
        ...


@runtime_checkable
class Caches(Protocol):
    """Keeps vectors, so that others can encode for it."""

    def absent(self, texts: Sequence[str]) -> list[str]:
        """Return the texts that it would have to encode, each once, in the order in which it would."""
        ...

    def keep(self, texts: Sequence[str], vectors: Float32) -> None:
        """Keep the vectors of some texts: float32[n, dimension]."""
        ...
