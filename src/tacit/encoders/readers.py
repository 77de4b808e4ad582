"""What a language model reads of a text, told by its tokens alone: neither network nor weights are needed.

A word that a model does not know becomes an "unknown" token, or falls into single letters of a script that it
spells out (an English model does both with Russian). A language that its tokens were not made for falls into
short pieces: an English tokenizer cuts English into tokens of 4 letters and more, any other language into
tokens of less than 3.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tacit.core.progress import SILENT, Progress
from tacit.core.types import Bool, Float32, Float64, Int64
from tacit.encoders import minilm_files, use_tokens
from tacit.encoders.cache import CachedEncoder, default_file
from tacit.encoders.sentencepiece import SPACE
from tacit.encoders.use_tokens import encodable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_COLUMNS = 6
_DOUBTFUL = 0.2
"""Above this share of unknown tokens it is looked whether they are words or signs, for example emoji."""


@dataclass(frozen=True)
class Counts:
    """Counts of the tokens of texts.

    Attributes
    ----------
    tokens : float64[n]
        All of a text, also those beyond the limit.
    words : float64[n]
        Tokens that are more than a space; unknown signs that are no letters and no digits are left out.
    unknown : float64[n]
        Those of them that the model does not know.
    letters, lettered : float64[n]
        Letters of alphabets with capitals (Latin, Cyrillic, Greek) in all known tokens, and the tokens that
        hold any.
    split : float64[n]
        Those of them that go on with a word; only of tokenizers of words and their parts.
    """

    tokens: Float64
    words: Float64
    unknown: Float64
    letters: Float64
    lettered: Float64
    split: Float64

    @property
    def unknown_share(self) -> Float64:
        """Share of the words of each text that the model does not know; 1 for a text without a word."""
        return np.where(self.words > 0, self.unknown / np.maximum(self.words, 1), 1.0)

    def select(self, rows: Bool) -> "Counts":
        """Return the counts of some texts."""
        return Counts(*(column[rows] for column in self._columns()))

    @property
    def letters_per_token(self) -> float:
        """Letters in a token that holds any, over all texts; 0 without one."""
        return float(self.letters.sum() / max(self.lettered.sum(), 1.0))

    @property
    def split_share(self) -> float:
        """Share of the tokens with letters that go on with a word, over all texts."""
        return float(self.split.sum() / max(self.lettered.sum(), 1.0))

    def _columns(self) -> tuple[Float64, ...]:
        return self.tokens, self.words, self.unknown, self.letters, self.lettered, self.split


class Reader:
    """The tokens of a language model.

    Parameters
    ----------
    name : str
        Names the tokenizer and what is counted: the key of the cache.
    limit : int
        Tokens of a text that the model reads.
    readable : float
        Largest share of unknown words of a text that the model still understands.
    load : callable
        Returns the tokenizer, without special tokens and without a limit.
    unknown : str
        The token of an unknown word.
    special : int
        Tokens that the model adds to each text.
    """

    def __init__(
        self,
        name: str,
        limit: int,
        readable: float,
        load: "Callable[[], Tokenizer]",
        unknown: str,
        special: int = 2,
    ) -> None:
        self.name = f"words:3:{name}"
        self.limit = limit
        self.readable = readable
        self._load = load
        self._unknown = unknown
        self._special = special
        self._kept: _Pieces | None = None
        self.dimension = _COLUMNS

    def counts(self, texts: Sequence[str], file: Path | None = None, progress: Progress = SILENT) -> Counts:
        """Return the counts of texts; those of known texts come from the cache.

        Parameters
        ----------
        texts : sequence of str
        file : Path, optional
            File of the cache; see `tacit.encoders.cache.default_file`.
        progress : Progress
        """
        counting = CachedEncoder(self, file or default_file(), doing="counting words of new texts")
        rows = counting.encode(texts, progress=progress)
        return Counts(*rows.astype(np.float64).T)

    def reads(self, counts: Counts) -> Bool:
        """Return which texts the model can read: bool[n]."""
        return counts.unknown_share <= self.readable

    def cut(self, counts: Counts) -> Float64:
        """Return the tokens of each text that lie beyond the limit: float64[n]."""
        return np.maximum(counts.tokens + self._special - self.limit, 0)

    def warm(self) -> None:
        """Load the tokenizer now."""
        self._pieces()

    def read_part(self, text: str) -> str:
        """Return the part of a text that the model reads."""
        whole = encodable([text])[0]
        offsets = (
            self._pieces()
            .tokenizer.encode(whole, add_special_tokens=False)
            .offsets[: self.limit - self._special]
        )
        return whole[: offsets[-1][1]] if offsets else ""

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        """Return the counts of texts as rows, which a cache of vectors can keep: float32[n, 6]."""
        pieces = self._pieces()
        whole = encodable(texts)
        found = pieces.tokenizer.encode_batch_fast(whole, add_special_tokens=False)
        rows = np.array([pieces.counted(one.ids) for one in found], dtype=np.float32)
        rows = rows.reshape(len(texts), _COLUMNS)
        doubtful = np.flatnonzero(rows[:, 2] > _DOUBTFUL * rows[:, 1])
        signs = pieces.unknown_signs([whole[row] for row in doubtful])
        rows[doubtful, 1] -= signs
        rows[doubtful, 2] -= signs
        return rows

    def _pieces(self) -> "_Pieces":
        if self._kept is None:
            self._kept = _Pieces.of(self._load(), self._unknown)
        return self._kept


@dataclass(frozen=True)
class _Pieces:
    """The vocabulary of a tokenizer as arrays by code."""

    tokenizer: "Tokenizer"
    word: Bool
    unknown: Bool
    letters: Int64
    goes_on: Bool
    code: int

    @classmethod
    def of(cls, tokenizer: "Tokenizer", unknown: str) -> "_Pieces":
        size = tokenizer.get_vocab_size()
        word, strange = np.ones(size, dtype=bool), np.zeros(size, dtype=bool)
        letters, goes_on = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=bool)
        spelled = SPACE not in tokenizer.get_vocab()  # a model of subwords: it spells what it does not know
        for piece, code in tokenizer.get_vocab().items():
            text = piece.removeprefix("##")
            if piece == unknown:
                strange[code] = True
                continue
            letters[code] = sum(letter.lower() != letter.upper() for letter in text)
            goes_on[code] = text != piece and letters[code] > 0
            word[code] = text != SPACE
            strange[code] = spelled and len(text) == 1 and not text.isascii() and text.isalpha()
        return cls(tokenizer, word, strange, letters, goes_on, tokenizer.get_vocab()[unknown])

    def counted(self, ids: list[int]) -> tuple[int, ...]:
        codes = np.array(ids, dtype=np.int64)
        letters = self.letters[codes]
        return (
            len(codes),
            int(np.count_nonzero(self.word[codes])),
            int(np.count_nonzero(self.unknown[codes])),
            int(letters.sum()),
            int(np.count_nonzero(letters)),
            int(np.count_nonzero(self.goes_on[codes])),
        )

    def unknown_signs(self, texts: list[str]) -> Int64:
        """Return how many unknown tokens of each text hold no letter and no digit: int64[n]."""
        return np.array(
            [
                sum(
                    code == self.code and not any(map(str.isalnum, text[start:stop]))
                    for code, (start, stop) in zip(one.ids, one.offsets, strict=True)
                )
                for text, one in zip(
                    texts, self.tokenizer.encode_batch(texts, add_special_tokens=False), strict=True
                )
            ],
            dtype=np.int64,
        )


@cache
def minilm_reader() -> Reader:
    """Return the reader of MiniLM, which knows English."""
    return Reader(
        f"minilm:{minilm_files.SHA256[:16]}", minilm_files.LIMIT, 0.5, minilm_files.tokenizer, "[UNK]"
    )


@cache
def use_reader() -> Reader:
    """Return the reader of the multilingual encoder."""
    return Reader(
        f"use3:{use_tokens.PIECES_SHA256[:16]}", use_tokens.LIMIT, 0.3, use_tokens.tokenizer, "<unk>"
    )
