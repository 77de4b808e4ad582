"""Encoders that learn from the texts of a catalogue: what they learned is kept with a snapshot."""

from collections.abc import Mapping
from pathlib import Path

from tacit.core.errors import ArtifactError
from tacit.core.types import Array
from tacit.encoders.choose import unfitted_pair
from tacit.encoders.encoder import TextEncoder
from tacit.encoders.gated_pair import PairEncoder
from tacit.encoders.tfidf import TfidfEncoder

LearnedEncoder = TfidfEncoder | PairEncoder
LEARNED = (TfidfEncoder, PairEncoder)


def restored(source: str, arrays: Mapping[str, Array], cache: Path | None = None) -> LearnedEncoder:
    """Return the encoder of a source with what its ``arrays`` returned.

    Raises
    ------
    ArtifactError
        If the arrays are those of no such encoder.
    """
    if {"idf", "directions"} <= arrays.keys():
        return TfidfEncoder.restore(arrays)
    if {"english", "other"} <= arrays.keys():
        return unfitted_pair(cache).restore(arrays)
    raise ArtifactError(f"the encoder {source!r} was kept with arrays that no encoder of this version has")


def is_centred(encoder: TextEncoder) -> bool:
    """Return whether the vectors of an encoder have a mean near zero that nobody may subtract."""
    return isinstance(encoder, PairEncoder)
