"""Pairs of a history and an item as token codes, built by array operations: no string and no loop per pair.

Every text is tokenised once. A pair is ``[CLS] history [SEP] item [SEP]``; the history is the last liked
items, the latest first, with a separator between them, cut to a budget of tokens.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tacit.core.errors import ConfigError
from tacit.core.types import Bool, Int32, Int64
from tacit.data.queries import Queries
from tacit.encoders.tokens import Tokens, tokenised

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True)
class Marks:
    """Codes of the tokens around and between the texts of a pair."""

    start: int
    end: int
    between: Int32
    """Between two items of a history: int32[tokens]."""

    @classmethod
    def of(cls, tokenizer: "Tokenizer") -> "Marks":
        """Return the marks of a tokenizer.

        Raises
        ------
        ConfigError
            If it is not the tokenizer of a model like BERT.
        """
        start, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
        if start is None or end is None:
            raise ConfigError("the tokenizer knows no [CLS] and [SEP]; name a model like BERT")
        between = tokenised([";"], tokenizer, width=4)
        return cls(start, end, between.codes[0, : between.lengths[0]])


def histories(queries: Queries, items: Tokens, marks: Marks, *, count: int, budget: int) -> Tokens:
    """Return the last ``count`` liked items of each query, the latest first, as one text each.

    Parameters
    ----------
    queries : Queries
        n histories; items with codes beyond ``items`` are left out.
    items : Tokens
        Tokens of every item, by code.
    marks : Marks
    count : int
        The most items of a history.
    budget : int
        The most tokens of a history; each item has an equal share of them, its separator included.
    """
    liked = queries.keep((queries.weight > 0) & (queries.item < len(items))).last(count)
    listed = np.full((len(queries), count), -1, dtype=np.int32)  # n, count; -1 where a history is shorter
    listed[liked.row, liked.position] = liked.item
    real = listed >= 0
    # n, count, tokens of a text; the code -1 reads the last item, which `real` hides below.
    text = items.codes[listed, : max(budget // count - len(marks.between), 1)]
    between = np.broadcast_to(marks.between, (*listed.shape, len(marks.between)))
    kept_text = (np.arange(text.shape[2]) < items.lengths[listed][:, :, None]) & real[:, :, None]
    # Every item but the first has a separator before it.
    kept_between = np.broadcast_to((real & (np.arange(count) > 0))[:, :, None], between.shape)
    codes = np.concatenate([between, text], axis=2).reshape(len(queries), -1)
    kept = np.concatenate([kept_between, kept_text], axis=2).reshape(len(queries), -1)
    return _packed(codes, kept, budget)


@dataclass(frozen=True)
class TokenPairs:
    """Pairs of two texts, concatenated when they are read.

    Attributes
    ----------
    histories, items : Tokens
    row : int64[pairs], item : int32[pairs]
        History and item of each pair.
    marks : Marks
    """

    histories: Tokens
    items: Tokens
    row: Int64
    item: Int32
    marks: Marks

    def __len__(self) -> int:
        return len(self.row)

    @property
    def lengths(self) -> Int64:
        """Number of tokens of each pair: int64[pairs]."""
        return self.histories.lengths[self.row] + self.items.lengths[self.item] + 3  # [CLS], [SEP], [SEP]

    def take(self, pairs: Int64) -> "TokenPairs":
        """Return some of the pairs."""
        return TokenPairs(self.histories, self.items, self.row[pairs], self.item[pairs], self.marks)

    def joined(self) -> tuple[Tokens, Int64]:
        """Return each pair as one text, and the types of its tokens, int64[pairs, width]: 1 in the item."""
        first, second = self.histories.take(self.row), self.items.take(self.item)
        start, end = (np.full((len(self), 1), code) for code in (self.marks.start, self.marks.end))
        mark = np.ones((len(self), 1), dtype=bool)
        codes = np.concatenate([start, first.codes, end, second.codes, end], axis=1)
        kept = np.concatenate([mark, _filled(first), mark, _filled(second), mark], axis=1)
        pairs = _packed(codes, kept, int(self.lengths.max(initial=0)))
        # The item begins after [CLS], the history and [SEP].
        types = np.arange(pairs.codes.shape[1]) >= first.lengths[:, None] + 2
        return pairs, types.astype(np.int64)


def _filled(tokens: Tokens) -> Bool:
    """Return which places of rows of tokens are no padding: bool[n, width]."""
    return np.asarray(np.arange(tokens.codes.shape[1]) < tokens.lengths[:, None])


def _packed(codes: np.ndarray, kept: Bool, width: int) -> Tokens:
    """Return the kept tokens of each row moved to its front, cut to ``width``."""
    place = np.cumsum(kept, axis=1) - 1  # where each kept token goes
    row, column = np.nonzero(kept & (place < width))
    packed = np.zeros((len(codes), width), dtype=np.int32)
    packed[row, place[row, column]] = codes[row, column]
    return Tokens(packed, np.minimum(kept.sum(axis=1), width).astype(np.int64))
