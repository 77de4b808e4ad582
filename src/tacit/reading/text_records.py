"""Records of delimited text: one line each, or several where a quote is open at the end of a line.

A line break inside quotes belongs to its field, so a text can neither begin a record nor end one. A quote
that is not closed within `MOST_LINES` lines and `MOST_BYTES` bytes, or behind which something else than a
separator follows, opens nothing: its line stands alone.
"""

import csv
import io
import re
from bisect import bisect_right
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from tacit.reading.textfile import Block

MOST_LINES = 200_000
MOST_BYTES = 16_000_000


@dataclass(frozen=True)
class Quoting:
    """How a file quotes its cells.

    Attributes
    ----------
    separator : str
        One character.
    escape : bool
        A quote inside a quoted cell has a backslash before it and is not doubled.
    blanks : bool
        Blanks may stand between a separator and a quote.
    """

    separator: str
    escape: bool = False
    blanks: bool = False

    def rows(self, text: str, *, strict: bool = False) -> Iterator[list[str]]:
        """Yield the cells of each record of a text.

        Raises
        ------
        csv.Error
            If a quote is not closed; with ``strict`` also if anything but a separator follows a closing one.
        """
        return csv.reader(
            io.StringIO(text, newline=""),
            delimiter=self.separator,
            escapechar="\\" if self.escape else None,
            doublequote=not self.escape,
            skipinitialspace=self.blanks,
            strict=strict,
        )

    @property
    def closed(self) -> str:
        """Pattern of a line whose quotes, if any, are whole cells."""
        sign = re.escape(self.separator)
        inside = r'(?:[^"\\]|\\.)*' if self.escape else r'(?:[^"]|"")*'
        blanks = " *" if self.blanks else ""
        cell = rf'(?:{blanks}"{inside}"|[^"{sign}]*)'
        return rf"^{cell}(?:{sign}{cell})*$"


@dataclass(frozen=True)
class Records:
    """Consecutive records.

    Attributes
    ----------
    line : polars.Series of int64
        Number of the first line of each, from 1.
    text : polars.Series of str
        Without the line end.
    damaged : frozenset of int
        Numbers of lines with bytes that did not fit the encoding.
    size : int
        Bytes on the way in, unpacked.
    """

    line: pl.Series
    text: pl.Series
    damaged: frozenset[int]
    size: int


def records(blocks: Iterable[Block], quoting: Quoting | None) -> Iterator[Records]:
    """Yield the records of blocks of lines; ``quoting`` is None where each line is one."""
    held = yield from _whole_records(blocks, quoting)
    if held is not None:
        assert quoting is not None
        yield _records(held, _starts(held.lines, quoting, more=False)[0])


def is_open_behind(blocks: Iterable[Block], quoting: Quoting | None) -> bool:
    """Return whether a record of blocks may go on in the lines that follow them."""
    found = _whole_records(blocks, quoting)
    while True:
        try:
            next(found)
        except StopIteration as end:
            return end.value is not None


def _whole_records(
    blocks: Iterable[Block], quoting: Quoting | None
) -> Generator[Records, None, Block | None]:
    """Yield the records that end within blocks, and return the lines from which more must be seen."""
    held: Block | None = None
    for block in blocks:
        whole = block if held is None else _joined(held, block)
        starts = np.arange(len(whole.lines))
        if quoting is not None:
            starts, waits = _starts(whole.lines, quoting, more=True)
            held = _from(whole, waits)
            whole = _until(whole, waits)
            starts = starts[starts < waits]
        yield _records(whole, starts)
    return held


def _starts(lines: pl.Series, quoting: Quoting, *, more: bool) -> tuple[np.ndarray, int]:
    """Return the places at which records start, and the place from which more lines must be seen."""
    quoted = lines.str.contains('"', literal=True).fill_null(False)
    first = np.ones(len(lines), dtype=bool)
    if not quoted.any():
        return np.flatnonzero(first), len(lines)
    places = quoted.arg_true()
    with_quotes = lines.gather(places)
    odd = places.filter(_is_odd(with_quotes, quoting)).to_list()
    free = 0
    for start in odd:
        if start < free:
            continue
        found = bisect_right(odd, start)
        end = odd[found] if found < len(odd) else None
        if end is None and more and _may_go_on(lines, start):
            return np.flatnonzero(first), start
        if end is not None and _is_record(lines, start, end, quoting):
            first[start + 1 : end + 1] = False
            free = end + 1
    return np.flatnonzero(first), len(lines)


def _is_odd(lines: pl.Series, quoting: Quoting) -> pl.Series:
    """Return where a line holds an odd number of quotes: only there may a cell be open at its end."""
    bare = lines.str.replace_all(r"\\.", "") if quoting.escape else lines
    return bare.str.count_matches('"', literal=True) % 2 == 1


def _may_go_on(lines: pl.Series, start: int) -> bool:
    """Return whether a record that starts at a line may end in the next block."""
    return len(lines) - start < MOST_LINES and _size(lines, start, len(lines)) < MOST_BYTES


def _size(lines: pl.Series, start: int, end: int) -> int:
    return int(lines[start:end].str.len_bytes().sum() or 0)


def _is_record(lines: pl.Series, start: int, end: int, quoting: Quoting) -> bool:
    """Return whether the lines from a start to an end are one record by the rules of quotes."""
    if end - start >= MOST_LINES or _size(lines, start, end + 1) > MOST_BYTES:
        return False
    try:
        return len(list(quoting.rows("\n".join(lines[start : end + 1].to_list()), strict=True))) == 1
    except csv.Error:
        return False


def _records(block: Block, starts: np.ndarray) -> Records:
    line = pl.Series("line", starts + block.first, dtype=pl.Int64)
    if len(starts) == len(block.lines):
        return Records(line, block.lines, block.damaged, block.size)
    ends = np.append(starts[1:], len(block.lines))
    text = block.lines.gather(starts)
    longer = np.flatnonzero(ends - starts > 1)
    joined = ["\n".join(block.lines[int(starts[n]) : int(ends[n])].to_list()) for n in longer]
    damaged = frozenset(
        int(starts[np.searchsorted(starts, number - block.first, side="right") - 1]) + block.first
        for number in block.damaged
    )
    return Records(
        line, text.scatter(longer.tolist(), pl.Series(joined, dtype=pl.String)), damaged, block.size
    )


def _joined(held: Block, block: Block) -> Block:
    lines = pl.concat([held.lines, block.lines])
    return Block(held.first, lines, held.damaged | block.damaged, held.size + block.size)


def _until(block: Block, place: int) -> Block:
    if place == len(block.lines):
        return block
    last = block.first + place
    return Block(
        block.first, block.lines[:place], frozenset(n for n in block.damaged if n < last), block.size
    )


def _from(block: Block, place: int) -> Block | None:
    if place == len(block.lines):
        return None
    first = block.first + place
    return Block(first, block.lines[place:], frozenset(n for n in block.damaged if n >= first), 0)
