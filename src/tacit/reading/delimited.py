"""Lines with a separator to columns, all at once; every line that does not fit is rejected with its reason.

All cells stay text: an id never becomes a number. A line is split by its separator alone unless it holds
quotes; those go through the csv reader (with a separator of two characters a quote is like any other).
"""

import csv
import re
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import polars as pl

from tacit.data import columns as col
from tacit.reading.headers import is_header
from tacit.reading.textfile import Block

REJECTED = {col.LINE: pl.Int64, "reason": pl.String, "raw": pl.String}
"""Schema of rejected rows."""

_KNOWN = ("\t", "::", ",", ";", "||", "|", "\x01", "~", "^", " ")
_QUOTED = re.compile(r'"[^"]*"')
_LONGEST_LINE = 1_000_000
_ROWS = 200
"""Rows that a header is compared with."""

csv.field_size_limit(16 * 2**20)


@dataclass(frozen=True)
class Layout:
    """How the lines of a file are built.

    Attributes
    ----------
    separator : str or None
        None for one column.
    names : tuple of str
        Names of the columns; "1", "2", ... without a header.
    header : str or None
        The header line, if there is one.
    header_line : int
        Its number; 0 without one.
    """

    separator: str | None
    names: tuple[str, ...]
    header: str | None
    header_line: int = 0


def separator_of(lines: list[str]) -> str | None:
    """Return the separator that splits most lines into the same number of columns; None for one column."""
    bare = [_QUOTED.sub("", line) for line in lines if line.strip()][:200]
    best, best_score = None, 0.6
    for candidate in (*_KNOWN, *_unusual(bare)):
        counts = Counter(line.count(candidate) for line in bare)
        count, agreeing = max(counts.items(), key=lambda pair: (pair[0] > 0, pair[1]))
        score = agreeing / len(bare) if count and not _is_empty_cell(candidate, bare) else 0.0
        if score > best_score + (0.05 if best else 0):
            best, best_score = candidate, score
    return best


def _is_empty_cell(candidate: str, lines: list[str]) -> bool:
    """Return whether a doubled separator is a single one around an empty cell (``1|Toy Story||3``)."""
    if len(candidate) == 1:
        return False
    single = sum(line.count(candidate[0]) for line in lines)
    return single >= 3 * sum(line.count(candidate) for line in lines)


def cells_of(line: str, separator: str | None) -> list[str]:
    """Return the cells of one line without their quotes."""
    frame, _ = split(pl.Series([line]), separator, None)
    return list(frame.row(0))


def split(lines: pl.Series, separator: str | None, width: int | None) -> tuple[pl.DataFrame, pl.Series]:
    """Return the cells of lines as columns "0", "1", ..., and why a line could not be split.

    Parameters
    ----------
    lines : polars.Series of str
    separator : str or None
    width : int or None
        Number of columns; that of the first line by default.

    Returns
    -------
    frame : polars.DataFrame
        A row a line; nulls where the line is bad.
    reason : polars.Series of str
        Null where the line is good.
    """
    if separator is None:
        return lines.alias("0").to_frame(), pl.Series([None] * len(lines), dtype=pl.String)
    quoted = lines.str.contains('"', literal=True) & (len(separator) == 1)
    width = width or _width(lines[0], separator)
    frame = lines.str.split_exact(separator, width - 1).struct.unnest()
    frame.columns = [str(place) for place in range(width)]
    found = lines.str.count_matches(separator, literal=True).cast(pl.Int64) + 1
    reason = _miscounted(found, width)
    if quoted.any():
        frame, reason = _with_quoted(frame, reason, lines, quoted, separator, width)
    return frame, reason


def _miscounted(found: pl.Series, width: int) -> pl.Series:
    """Return the reason to reject lines with so many columns; null where the number is right."""
    reason = pl.Series("reason", [None], dtype=pl.String).new_from_index(0, len(found))
    wrong = (found != width).fill_null(False).arg_true()
    reasons = [f"expected {width} columns, found {count}" for count in found.gather(wrong)]
    return reason.scatter(wrong, pl.Series(reasons, dtype=pl.String))


def _with_quoted(
    frame: pl.DataFrame, reason: pl.Series, lines: pl.Series, quoted: pl.Series, separator: str, width: int
) -> tuple[pl.DataFrame, pl.Series]:
    """Replace the rows of quoted lines by what the csv reader finds in them."""
    rows = quoted.arg_true()
    cells = _read_quotes(lines.gather(rows).to_list(), separator)
    found = pl.Series([len(row) if row else None for row in cells], dtype=pl.Int64)
    wrong = _miscounted(found, width).set(found.is_null(), "a quote is opened and not closed")
    if separator not in ",;":  # elsewhere a quote may be a character like any other
        alike = reason.gather(rows).is_null() & wrong.is_not_null()
        kept = (~alike).arg_true()
        rows, wrong, cells = rows.gather(kept), wrong.gather(kept), [cells[place] for place in kept]
    whole = [row if len(row) == width else [None] * width for row in cells]
    columns = {
        name: frame[name].scatter(rows, pl.Series([row[place] for row in whole], dtype=pl.String))
        for place, name in enumerate(frame.columns)
    }
    return pl.DataFrame(columns), reason.scatter(rows, wrong)


def _read_quotes(lines: list[str], separator: str) -> list[list[str]]:
    """Return the cells of each line; none where a quote is opened and not closed."""
    short = [line if len(line) <= _LONGEST_LINE else "" for line in lines]
    try:
        cells = list(csv.reader(short, delimiter=separator))
    except csv.Error:  # an open quote swallowed line after line
        cells = []
    if len(cells) == len(lines) and _alone(short[-1], separator):  # no line ran into the next
        return cells
    return [_alone(line, separator) for line in short]


def _alone(line: str, separator: str) -> list[str]:
    reader = csv.reader([line, ""], delimiter=separator)
    row = next(reader)
    return row if reader.line_num == 1 else []


def _width(line: str, separator: str) -> int:
    return _QUOTED.sub("", line).count(separator) + 1


def _unusual(lines: list[str]) -> list[str]:
    """Return other characters of the first line that may be separators: single, or the same one twice."""
    signs = {sign for sign in lines[0] if not sign.isalnum() and sign not in "\"'._-/+@:"} if lines else set()
    doubles = {sign * 2 for sign in signs if lines and sign * 2 in lines[0]}
    return sorted(doubles) + sorted(signs - set(_KNOWN))


def layout_of(lines: list[str], first_line: int = 1, *, header: Literal["yes", "no"] | None = None) -> Layout:
    """Return how a file is built, from its first lines (none of them empty; the first has this number).

    Raises
    ------
    AmbiguousError
        If the first line may be a header or not, and it is not said which.
    """
    separator = separator_of(lines)
    first = cells_of(lines[0], separator)
    rows = [
        [cell or "" for cell in row] for row in (cells_of(line, separator) for line in lines[1 : 1 + _ROWS])
    ]
    if is_header([cell or "" for cell in first], rows) if header is None else header == "yes":
        names = [(cell or "").strip().partition(":")[0] for cell in first]
        return Layout(separator, _distinct(names), lines[0], first_line)
    counts = Counter(_width(line, separator) if separator else 1 for line in lines[:200])
    width = counts.most_common(1)[0][0]
    return Layout(separator, tuple(str(place) for place in range(1, width + 1)), None)


def parse(block: Block, layout: Layout) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the cells of a block under the layout's names (with ``line``), and the rejected lines."""
    lines = pl.Series("raw", block.lines, dtype=pl.String)
    number = pl.int_range(block.first, block.first + len(lines), dtype=pl.Int64, eager=True).alias(col.LINE)
    frame, reason = split(lines, layout.separator, len(layout.names))
    frame.columns = list(layout.names)
    reason = _line_reasons(lines, reason, block, layout)
    is_row = number != layout.header_line
    good = reason.is_null() & is_row
    bad = (~good & is_row).arg_true()
    aside = pl.DataFrame({col.LINE: number[bad], "reason": reason[bad], "raw": lines[bad]}, schema=REJECTED)
    return frame.with_columns(number).filter(good), aside


def _line_reasons(lines: pl.Series, reason: pl.Series, block: Block, layout: Layout) -> pl.Series:
    """Add what is wrong with whole lines to what is wrong with their cells."""
    checks = [
        (lines.str.strip_chars() == "", "empty line"),
        (lines.str.contains("\0", literal=True), "holds a NUL character"),
        (lines.str.len_bytes() > _LONGEST_LINE, f"longer than {_LONGEST_LINE:,} bytes"),
    ]
    if layout.header is not None:
        checks.append((lines == layout.header, "the header again"))
    if block.damaged:
        numbers = pl.int_range(block.first, block.first + len(lines), dtype=pl.Int64, eager=True)
        checks.append((numbers.is_in(list(block.damaged)), "bytes that do not fit the encoding"))
    for wrong, why in checks:
        if wrong.any():
            reason = reason.set(wrong, why)
    return reason


def _distinct(names: list[str]) -> tuple[str, ...]:
    """Return unique names: a second ``item`` becomes ``item_2``, so that no column hides another.

    The name of the column with the line numbers is reserved.
    """
    seen = Counter([col.LINE])
    kept: list[str] = []
    for place, name in enumerate(names, 1):
        base = name or f"column_{place}"
        while (name := base if not seen[base] else f"{base}_{seen[base] + 1}") in kept:
            seen[base] += 1
        seen[base] += 1
        kept.append(name)
    return tuple(kept)
