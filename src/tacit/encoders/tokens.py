"""Texts as arrays of the tokens of a language model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tacit.core.types import Int32, Int64

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_CHUNK = 10_000


@dataclass(frozen=True)
class Tokens:
    """Texts as codes of tokens.

    Attributes
    ----------
    codes : int32[n, width]
        Padded with 0.
    lengths : int64[n]
    """

    codes: Int32
    lengths: Int64

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Int64 | Int32) -> "Tokens":
        """Return some of the texts."""
        return Tokens(self.codes[rows], self.lengths[rows])


def tokenised(texts: Sequence[str], tokenizer: "Tokenizer", width: int) -> Tokens:
    """Return the first ``width`` tokens of every text."""
    codes = np.zeros((len(texts), width), dtype=np.int32)
    lengths = np.zeros(len(texts), dtype=np.int64)
    for start in range(0, len(texts), _CHUNK):
        for row, found in enumerate(
            tokenizer.encode_batch_fast(list(texts[start : start + _CHUNK]), add_special_tokens=False), start
        ):
            read = found.ids[:width]
            codes[row, : len(read)] = read
            lengths[row] = len(read)
    return Tokens(codes, lengths)
