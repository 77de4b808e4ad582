"""What a long table holds, found out block by block: rows that show it, and counts of all of them.

The roles of columns are judged on a few rows of a table (`tacit.reading.column_content`) and on how many
values each column has. Where a table is too long for memory a survey keeps those rows as its blocks pass: the
first ones, a run of rows from its second half, rows at even distances, and for columns of few words a row
with each word. Distinct values are estimated from the least hashes of a column (a sketch of k minimum values:
Bar-Yossef and others, 2002), within about one per cent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tacit.data import columns as col
from tacit.reading.column_content import Totals
from tacit.reading.column_pairs import ROWS

FIRST = 20_000
"""Rows from the start."""
_RUN = 2 * FIRST + 2 * ROWS
"""Rows in a row: so many that the middle of the chosen rows lies within them."""
_SPACED = 200_000
"""Rows at even distances: up to twice as many."""
_FEW_WORDS = 200
_HASHES = 2**14


class Sketch:
    """An estimate of the number of distinct values, from the least of their hashes."""

    def __init__(self) -> None:
        self._least: NDArray[np.uint64] = np.zeros(0, dtype=np.uint64)

    def add(self, column: pl.Series) -> None:
        """Add values."""
        hashes = column.drop_nulls().hash()
        if len(self._least) == _HASHES:  # hardly any of a later block is below the greatest that is kept
            hashes = hashes.filter(hashes < int(self._least[-1]))
        if not len(hashes):
            return
        self._keep(hashes.unique().to_numpy())

    def join(self, other: "Sketch") -> None:
        """Add the values of another sketch."""
        self._keep(other._least)

    def _keep(self, hashes: NDArray[np.uint64]) -> None:
        self._least = np.union1d(self._least, hashes)[:_HASHES]

    def count(self) -> int:
        """Return about how many distinct values there are; exactly where they are few."""
        if len(self._least) < _HASHES:
            return len(self._least)
        return round((_HASHES - 1) / (float(self._least[-1]) / 2.0**64))


@dataclass
class _Column:
    kind: pl.DataType
    known: int = 0
    sketch: Sketch = field(default_factory=Sketch)
    words: set[str] | None = field(default_factory=set)


class Survey:
    """Rows and counts of a table of texts that passes in blocks.

    Parameters
    ----------
    place, count : int
        The table is one of so many of about one size, whose surveys are to be joined, and its place among
        them: only rows are kept that the joined survey may need.
    """

    def __init__(self, place: int = 0, count: int = 1) -> None:
        self.rows = 0
        self._columns: dict[str, _Column] = {}
        self._blocks = 0
        self._step = 1
        self._most = -(-2 * _SPACED // count)
        self._has_run = _is_power_of_two(place)
        self._first = pl.DataFrame()
        self._run = pl.DataFrame()
        self._spaced: list[pl.DataFrame] = []
        self._with_words: list[pl.DataFrame] = []

    @classmethod
    def joined(cls, parts: Sequence["Survey"]) -> "Survey":
        """Return the survey of a table from those of its parts, in their order."""
        whole = cls()
        for part in parts:
            whole._join(part)
        return whole

    def _join(self, other: "Survey") -> None:
        if not other.rows:
            return
        new_words = [self._join_column(name, found) for name, found in other._columns.items()]
        self._with_words += [rows.filter(_any(new_words, rows)) for rows in other._with_words]
        self._keep_first(other._first)
        if other._run.height:
            self._run = other._run
        step = max(self._step, other._step)
        spaced = [
            pl.concat(one._spaced, how="diagonal").gather_every(step // one._step)
            for one in (self, other)
            if one._spaced
        ]
        self._spaced, self._step = spaced, step
        self._thin_out()
        self.rows += other.rows
        self._blocks += 1

    def _join_column(self, name: str, other: "_Column") -> tuple[str, set[str]]:
        """Join the counts of a column, and return its words that no row had before."""
        found = self._columns.setdefault(name, _Column(other.kind))
        found.known += other.known
        found.sketch.join(other.sketch)
        if found.words is None or other.words is None or found.sketch.count() > _FEW_WORDS:
            found.words = None
            return name, set()
        new = other.words - found.words
        found.words |= new
        return name, new

    def add(self, block: pl.DataFrame) -> None:
        """Look at the next rows, which have ``line``."""
        if not len(block):
            return
        new_words: set[int] = set()
        for column in block:
            if column.name != col.LINE:
                new_words |= self._count(column)
        self._with_words.append(_own(block[sorted(new_words)]))
        self._choose(block)
        self.rows += len(block)
        self._blocks += 1

    def _count(self, column: pl.Series) -> set[int]:
        """Count a column, and return the places of words that no row had before."""
        found = self._columns.setdefault(column.name, _Column(column.dtype))
        blank = int((column.str.len_bytes() == 0).sum() or 0) if column.dtype == pl.String else 0
        found.known += len(column) - column.null_count() - blank
        found.sketch.add(column)
        if found.words is None:
            return set()
        if found.sketch.count() > _FEW_WORDS:
            found.words = None
            return set()
        new = set(column.unique().drop_nulls().cast(pl.String)) - found.words
        found.words |= new
        texts = column.cast(pl.String)
        return {place for word in new if (place := texts.index_of(word)) is not None}

    def _choose(self, block: pl.DataFrame) -> None:
        self._keep_first(block)
        if self._has_run and _is_power_of_two(self._blocks):
            self._run = _own(block.head(_RUN))
        offset = -self.rows % self._step
        self._spaced.append(_own(block.slice(offset).gather_every(self._step)))
        self._thin_out()

    def _keep_first(self, rows: pl.DataFrame) -> None:
        if len(self._first) < FIRST:
            self._first = pl.concat([self._first, _own(rows.head(FIRST - len(self._first)))], how="diagonal")

    def _thin_out(self) -> None:
        while sum(map(len, self._spaced)) > self._most:
            self._spaced = [pl.concat(self._spaced, how="diagonal").gather_every(2)]
            self._step *= 2

    @property
    def complete(self) -> bool:
        """Whether the chosen rows are all rows."""
        return self.rows == len(self._first)

    def table(self) -> pl.DataFrame:
        """Return the chosen rows, in the order in which the roles of columns are judged on them."""
        if self.complete:
            return self._first
        kinds = {name: column.kind for name, column in self._columns.items()}
        columns = pl.DataFrame(schema=kinds | {col.LINE: pl.Int64})
        spaced = pl.concat([columns, *self._spaced], how="diagonal_relaxed")
        # The run stands in the middle of the table, from which `column_pairs` takes rows in a row.
        before = max((len(spaced) - len(self._first)) // 2, 0)
        parts = [columns, self._first, spaced[:before], self._run, spaced[before:], *self._with_words]
        return pl.concat(parts, how="diagonal_relaxed").select(*self._columns, col.LINE)

    def totals(self) -> dict[str, Totals] | None:
        """Return the counts of each column over all rows, None where these are the chosen ones."""
        if self.complete:
            return None
        return {
            name: Totals(self.rows, column.known, column.sketch.count())
            for name, column in self._columns.items()
        }


def _own(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with texts of their own: those that Polars takes from others keep all of them in memory."""
    return pl.DataFrame(
        [pl.Series(column.name, column.to_list(), dtype=column.dtype) for column in rows], schema=rows.schema
    )


def _is_power_of_two(blocks: int) -> bool:
    """Return whether blocks are 0, 1, 2, 4, 8, ...: the last of these is in the second half of a table."""
    return blocks & (blocks - 1) == 0


def _any(words: Sequence[tuple[str, set[str]]], rows: pl.DataFrame) -> pl.Expr:
    """Return which rows have one of some words in its column."""
    tests = [pl.col(name).cast(pl.String).is_in(list(new)) for name, new in words if new and name in rows]
    return pl.any_horizontal(*tests) if tests else pl.lit(False)
