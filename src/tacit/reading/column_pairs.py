"""What columns say of each other: whether one decides the other, and which rows stand together.

Judged on `ROWS` rows in a row from the middle of the table, and as many spread evenly: values repeat in the
former where a log is sorted by user or session, in the latter where it is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tacit.core.seeds import generator

ROWS = 10_000
_LEAST_EXPECTED = 8.0
"""Contradictions that chance would give, at least, before their absence shows anything."""

_EXCEPTIONS = 0.03
"""Contradictions in place of those that chance would give, at most, where one column decides another."""

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Columns as numbers, one a distinct value; -1 for a blank cell.

    Attributes
    ----------
    codes : mapping of column to array of int64
    """

    codes: Mapping[str, Codes]

    @classmethod
    def of(cls, table: pl.DataFrame, names: Sequence[str]) -> "Pairs":
        """Take rows of a table."""
        return cls({name: _codes(rows_of(table[name])) for name in names})

    def decides(self, one: str, other: str) -> bool:
        """Return whether each value of a column goes with one value of another (an item and its brand).

        False where chance would give nearly the same: too few repeats, or nearly constant values.
        """
        return self._support(one, other) > 0

    def same(self, one: str, other: str) -> bool:
        """Return whether two columns name the same things by different values."""
        first, second = self.codes[one], self.codes[other]
        both = (first >= 0) & (second >= 0)
        if not both.any():
            return False
        pairs = _distinct_pairs(first[both], second[both])
        counts = len(np.unique(first[both])), len(np.unique(second[both]))
        return pairs <= 1.02 * min(counts) and pairs <= 1.02 * max(counts) and pairs < 0.999 * int(both.sum())

    def _support(self, one: str, other: str) -> float:
        """Return how many contradictions chance would give where there are none; 0 where there are some."""
        if one not in self.codes or other not in self.codes:  # an empty column
            return 0.0
        first, second = self.codes[one], self.codes[other]
        both = (first >= 0) & (second >= 0)
        first, second = first[both], second[both]
        if len(first) < 4:
            return 0.0
        groups = len(np.unique(first))
        found = _distinct_pairs(first, second) - groups
        by_chance = _distinct_pairs(first, self._shuffled(second)) - groups
        if by_chance < _LEAST_EXPECTED or found > _EXCEPTIONS * by_chance:
            return 0.0
        return float(by_chance)

    @staticmethod
    def _shuffled(codes: Codes) -> Codes:
        return generator(len(codes), "pairs of columns").permutation(codes)

    def repeats_in_a_row(self, name: str) -> float:
        """Return how much oftener than by chance a value follows itself from row to row (0: as by chance)."""
        codes = self.codes[name][: len(self.codes[name]) // 2 if self._long else None]
        if len(codes) < 4:
            return 0.0
        shares = np.bincount(codes[codes >= 0]) / len(codes)
        by_chance = float((shares**2).sum())
        found = float((codes[1:] == codes[:-1]).mean())
        return max(0.0, found - by_chance) / max(1e-9, 1 - by_chance)

    def together(self, name: str, group: str) -> float:
        """Return the share of neighbouring rows of one group (a moment) with the same value of a column."""
        codes, groups = self.codes[name], self.codes[group]
        beside = (groups[1:] == groups[:-1]) & (groups[1:] >= 0)
        return float((codes[1:][beside] == codes[:-1][beside]).mean()) if beside.sum() >= 10 else 0.0

    def narrow(self, name: str, clock: NDArray[np.float64]) -> float:
        """Return how small the span of time of a value's rows is, as a share of the whole: an order."""
        codes = self.codes[name]
        good = (codes >= 0) & np.isfinite(clock)
        codes, clock = codes[good], clock[good]
        if not len(codes):
            return 1.0
        whole = float(np.quantile(clock, 0.98) - np.quantile(clock, 0.02))
        low = np.full(int(codes.max()) + 1, np.inf)
        high = np.full(int(codes.max()) + 1, -np.inf)
        np.minimum.at(low, codes, clock)
        np.maximum.at(high, codes, clock)
        rows = np.bincount(codes)
        several = rows > 1
        if several.sum() < 5 or whole <= 0:
            return 1.0
        return float(np.quantile((high - low)[several], 0.9)) / whole

    @cached_property
    def _long(self) -> bool:
        return any(len(codes) > ROWS for codes in self.codes.values())


def rows_of(column: pl.Series) -> pl.Series:
    """Return the cells of the rows that `Pairs` takes."""
    if len(column) <= 2 * ROWS:
        return column
    middle = (len(column) - ROWS) // 2
    return pl.concat([column.slice(middle, ROWS), column.gather_every(-(-len(column) // ROWS))])


def _codes(column: pl.Series) -> Codes:
    texts = column.cast(pl.String) if column.dtype != pl.String else column
    texts = texts.set(texts.str.len_bytes() == 0, None)
    ranks = texts.rank("dense").cast(pl.Int64) - 1
    return ranks.fill_null(-1).to_numpy()


def _distinct_pairs(first: Codes, second: Codes) -> int:
    return len(np.unique(first * (int(second.max(initial=0)) + 1) + second))
