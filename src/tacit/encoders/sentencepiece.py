"""From a SentencePiece model file to a tokenizer, without the SentencePiece library.

The file is a protobuf message (sentencepiece_model.proto). Of it are read: the pieces with their scores
(field 1, repeated) and the character map of the normaliser (field 3, field 2 in it).
"""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tacit.core.errors import ArtifactError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

UNKNOWN = 0
"""Code of an unknown token."""

_PIECE, _NORMALISER = 1, 3
_MAP = 2
_TEXT_TAG, _SCORE_TAG = 0x0A, 0x15
SPACE = "▁"
"""The piece of a space alone, and the first sign of a piece that begins a word."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_score = struct.Struct("<f").unpack_from


def unigram_tokenizer(content: bytes) -> "Tokenizer":
    """Return the tokenizer of a unigram model; it adds no special tokens and cuts nothing.

    Raises
    ------
    ArtifactError
        If the content is no such model.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    pieces, charsmap = _parts(content)
    tokenizer = Tokenizer(models.Unigram(pieces, UNKNOWN, False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(charsmap),
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(SPACE, prepend_scheme="always", split=True)
    return tokenizer


def _parts(content: bytes) -> tuple[list[tuple[str, float]], bytes]:
    """Return the pieces with their scores, and the character map of the normaliser."""
    pieces: list[tuple[str, float]] = []
    charsmap = b""
    try:
        for field, start, stop in _fields(content, 0, len(content)):
            if field == _PIECE:
                pieces.append(_piece(content, start))
            elif field == _NORMALISER:
                charsmap = next(
                    content[first:last]
                    for inner, first, last in _fields(content, start, stop)
                    if inner == _MAP
                )
    except (IndexError, struct.error, UnicodeDecodeError, StopIteration) as error:
        raise ArtifactError(f"this is no SentencePiece model ({error})") from error
    if not pieces or not charsmap:
        raise ArtifactError("this is no SentencePiece model with pieces and a normaliser")
    return pieces, charsmap


def _piece(content: bytes, start: int) -> tuple[str, float]:
    """Return a piece, whose text comes first and its score next: there are 128,000 of them."""
    size = content[start + 1]
    end = start + 2 + size
    if content[start] != _TEXT_TAG or size > 127 or content[end] != _SCORE_TAG:
        raise ArtifactError("this is no SentencePiece model: a piece begins with its text and its score")
    return content[start + 2 : end].decode("utf-8"), _score(content, end + 1)[0]


def _fields(content: bytes, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and stop of every field of a message."""
    place = start
    while place < stop:
        tag, place = _varint(content, place)
        kind = tag & 7
        if kind == _VARINT:
            _, end = _varint(content, place)
        elif kind == _BYTES:
            size, place = _varint(content, place)
            end = place + size
        elif kind in (_FIXED32, _FIXED64):
            end = place + (4 if kind == _FIXED32 else 8)
        else:
            raise ArtifactError(f"this is no SentencePiece model: a field of kind {kind}")
        yield tag >> 3, place, end
        place = end


def _varint(content: bytes, place: int) -> tuple[int, int]:
    """Return a number of variable length, and where the next byte lies."""
    byte = content[place]
    if byte < 128:
        return byte, place + 1
    value, shift = byte & 127, 7
    while True:
        place += 1
        byte = content[place]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place + 1
        shift += 7
