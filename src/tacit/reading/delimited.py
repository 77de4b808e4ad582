"""Delimited text to columns, whole blocks at once; a record that does not fit is rejected with its reason.

All cells stay text: an id never becomes a number. A record is split by its separator alone unless it holds
quotes; those go through the csv reader (with a separator of two characters a quote is like any other).
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

from tacit.core.errors import DataError
from tacit.data import columns as col
from tacit.reading.choices import NO_CHOICES, Reading
from tacit.reading.headers import is_header
from tacit.reading.text_records import Quoting, Records, records
from tacit.reading.textfile import Block

REJECTED = {col.LINE: pl.Int64, "reason": pl.String, "raw": pl.String}
"""Schema of rejected rows."""

_KNOWN = ("\t", "::", ",", ";", "||", "|", "\x01", "~", "^")
_QUOTED = re.compile(r'"(?:[^"]|""){0,100000}"')
_WHOLE_CELL = r'(?:^|{sign}) *"(?:[^"]|""){{0,10000}}"(?:{sign}|$)'
_FORMULA = r'^\s*="([^"]*)"\s*$'
"""A text written as a formula, so that Excel keeps the digits of a long id: ``="520011484137"``."""

_LONGEST_LINE = 1_000_000
_SAMPLE_LINES = 200
_MOST_PREAMBLE = 20
_LEAST_AGREEMENT = 0.6
"""Share of the lines that a separator must split into the same number of columns."""
_CLOSE = 0.05
_SHOWN = 60
_GROUP = re.compile(r"\d+:")
_SEPARATOR_LINE = re.compile(r"(?i)sep=(.)")

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
        The header record, if there is one.
    header_line : int
        Its number; 0 without one.
    preamble : frozenset of int
        Numbers of the lines before the table that are no rows: comments, a title.
    quoting : Quoting or None
        None where quotes are characters like any other.
    notes : tuple of str
        What was left out before the table, each a sentence.
    """

    separator: str | None
    names: tuple[str, ...]
    header: str | None
    header_line: int = 0
    preamble: frozenset[int] = frozenset()
    quoting: Quoting | None = None
    notes: tuple[str, ...] = field(default=())

    def records(self, blocks: Iterable[Block]) -> Iterator[Records]:
        """Yield the records of blocks of lines."""
        return records(blocks, self.quoting)


def separator_of(lines: list[str]) -> str | None:
    """Return the separator that splits most lines into the same number of columns; None for one column.

    Of several that agree as well, the one with most columns: a cell may hold another (``0,5;7``). Quoted text
    does not count, whether quotes go over several lines or each line has its own.
    """
    sample = lines[: 5 * _SAMPLE_LINES]
    by_line = [_QUOTED.sub("x", line) for line in sample]
    across = _QUOTED.sub("x", "\n".join(sample)).split("\n")
    found = [_best_separator(_KNOWN, bare) for bare in (by_line, across)]
    if not any(found):
        found = [_best_separator([" ", *_unusual(by_line)], by_line)]
    return max(filter(None, found), key=lambda pair: pair[0], default=(0.0, None))[1]


def _best_separator(candidates: Iterable[str], lines: list[str]) -> tuple[float, str] | None:
    """Return the best separator behind its share of agreeing lines."""
    bare = [line for line in lines if line.strip(" ")][:_SAMPLE_LINES]
    scored = []
    for place, candidate in enumerate(candidates):
        counts = Counter(line.count(candidate) for line in bare)
        count, agreeing = max(counts.items(), key=lambda pair: (pair[0] > 0, pair[1]), default=(0, 0))
        if count and agreeing > _LEAST_AGREEMENT * len(bare) and not _is_empty_cell(candidate, bare):
            scored.append((agreeing / len(bare), count, -place, candidate))
    if not scored:
        return None
    best = max(scored)[0]
    close = {candidate: rank for share, *rank, candidate in scored if share >= best - _CLOSE}
    # "1||b" holds "|" twice, and is separated by "||" all the same.
    return best, max((one for one in close if one * 2 not in close), key=close.__getitem__)


def _is_empty_cell(candidate: str, lines: list[str]) -> bool:
    """Return whether a doubled separator is a single one around an empty cell (``1|Toy Story||3``)."""
    if len(candidate) == 1:
        return False
    single = sum(line.count(candidate[0]) for line in lines)
    return single >= 3 * sum(line.count(candidate) for line in lines)


def cells_of(text: str, layout: Layout) -> list[str]:
    """Return the cells of one record without their quotes."""
    if layout.separator is None:
        return [text]
    if layout.quoting is not None and '"' in text and (cells := _alone(text, layout.quoting)):
        return cells
    return text.split(layout.separator)


def split(texts: pl.Series, layout: Layout, width: int | None) -> tuple[pl.DataFrame, pl.Series]:
    """Return the cells of records as columns "0", "1", ..., and why a record could not be split.

    Parameters
    ----------
    texts : polars.Series of str
    layout : Layout
        Its separator and quoting count.
    width : int or None
        Number of columns; that of the first record by default.

    Returns
    -------
    frame : polars.DataFrame
        A row a record; nulls where the record is bad.
    reason : polars.Series of str
        Null where the record is good.
    """
    separator = layout.separator
    if separator is None:
        return texts.alias("0").to_frame(), pl.Series([None] * len(texts), dtype=pl.String)
    width = width or _width(texts[0], separator)
    frame = texts.str.split_exact(separator, width - 1).struct.unnest()
    frame.columns = [str(place) for place in range(width)]
    reason = _miscounted(texts.str.count_matches(separator, literal=True).cast(pl.Int64) + 1, width)
    if layout.quoting is None:
        return frame, reason
    quoted = texts.str.contains('"', literal=True)
    if not quoted.any():
        return frame, reason
    return _with_quoted(frame, reason, texts, quoted.arg_true(), layout.quoting)


def _miscounted(found: pl.Series, width: int) -> pl.Series:
    """Return the reason to reject lines with so many columns; null where the number is right."""
    reason = pl.Series("reason", [None], dtype=pl.String).new_from_index(0, len(found))
    wrong = (found != width).fill_null(False).arg_true()
    reasons = [f"expected {width} columns, found {count}" for count in found.gather(wrong)]
    return reason.scatter(wrong, pl.Series(reasons, dtype=pl.String))


def _with_quoted(
    frame: pl.DataFrame, reason: pl.Series, texts: pl.Series, rows: pl.Series, quoting: Quoting
) -> tuple[pl.DataFrame, pl.Series]:
    """Replace the rows of records with quotes by what the csv reader finds in them."""
    width = frame.width
    cells = _read_quotes(texts.gather(rows), quoting)
    found = pl.Series([len(row) if row else None for row in cells], dtype=pl.Int64)
    wrong = _miscounted(found, width).set(found.is_null(), "a quote is opened and not closed")
    if quoting.separator not in ",;":  # elsewhere a quote may be a character like any other
        alike = reason.gather(rows).is_null() & wrong.is_not_null()
        kept = (~alike).arg_true()
        rows, wrong, cells = rows.gather(kept), wrong.gather(kept), [cells[place] for place in kept]
    whole = [row if len(row) == width else [None] * width for row in cells]
    columns = {
        name: frame[name].scatter(rows, pl.Series([row[place] for row in whole], dtype=pl.String))
        for place, name in enumerate(frame.columns)
    }
    return pl.DataFrame(columns), reason.scatter(rows, wrong)


def _read_quotes(texts: pl.Series, quoting: Quoting) -> list[list[str]]:
    """Return the cells of each record; none where a quote is opened and not closed."""
    short = texts.set(texts.str.len_bytes() > _LONGEST_LINE, "")
    closed = short.str.contains(quoting.closed) & (short != "")
    cells: list[list[str]] = [[]] * len(texts)
    together = "\n".join(short.filter(closed).to_list())
    for place, row in zip(closed.arg_true(), quoting.rows(together), strict=True):
        cells[place] = row
    for place in (~closed).arg_true():
        cells[place] = _alone(short[place], quoting)
    return cells


def _alone(text: str, quoting: Quoting) -> list[str]:
    try:
        rows = list(quoting.rows(text + "\n#"))  # an open quote would swallow the mark
    except csv.Error:
        return []
    return rows[0] if len(rows) == 2 else []


def _width(line: str, separator: str) -> int:
    return _QUOTED.sub("", line).count(separator) + 1


def _unusual(lines: list[str]) -> list[str]:
    """Return other characters of the first line that may be separators: single, or the same one twice."""
    signs = {sign for sign in lines[0] if not sign.isalnum() and sign not in "\"'._-/+@:"} if lines else set()
    doubles = {sign * 2 for sign in signs if lines and sign * 2 in lines[0]}
    return sorted(doubles) + sorted(signs - set(_KNOWN))


def layout_of(lines: list[str], first_line: int = 1, reading: Reading = NO_CHOICES) -> Layout:
    """Return how a file is built, from its first lines; the first is not empty and has this number.

    Raises
    ------
    AmbiguousError
        If the first line may be a header or not, and it is not said which.
    """
    given = _SEPARATOR_LINE.fullmatch(lines[0].strip()) if len(lines) > 1 else None
    skipped = 1 if given else 0
    separator = given[1] if given else separator_of(_after_comments(lines))
    quoting = None if separator is None else _quoting_of(lines[skipped:], separator)
    if separator is not None and (group := next(filter(_GROUP.fullmatch, map(str.strip, lines)), None)):
        raise DataError(
            f"the line {group!r} heads a group of rows, as in the Netflix Prize; write what it names "
            "into every row, as a column of its own"
        )
    bare = Layout(separator, (), None, quoting=quoting)
    whole = _whole_records(lines[skipped:], bare)
    before = _preamble(whole, bare)
    table = [text for _, text in whole[before:]]
    preamble = [*range(skipped), *(skipped + place for place, _ in whole[:before])]
    notes = _notes([lines[place] for place in preamble])
    left_out = frozenset(first_line + place for place in preamble)
    first, rows = cells_of(table[0], bare), [cells_of(text, bare) for text in table[1:]]
    if _has_header(first, rows, reading):
        if "\0" in table[0]:
            raise DataError("the header holds a NUL character: the file is damaged; write its header anew")
        names = [cell.strip().removeprefix("#").strip().partition(":")[0] for cell in first]
        names = _fitted(names, rows)
        line = first_line + skipped + whole[before][0]
        return Layout(separator, _distinct(names), table[0], line, left_out, quoting, notes)
    width = Counter(len(row) for row in [first, *rows]).most_common(1)[0][0]
    names = [str(place) for place in range(1, width + 1)]
    return Layout(separator, tuple(names), None, 0, left_out, quoting, notes)


def _has_header(first: list[str], rows: list[list[str]], reading: Reading) -> bool:
    """Return whether the first line is a header; one that holds the columns that the caller names is."""
    if reading.header is not None:
        return reading.header == "yes"
    cells = {cell.strip() for cell in first}
    wanted = {name for name in reading.columns.values() if not name.isdigit()}
    return bool(wanted & cells) or is_header(first, rows)


def _after_comments(lines: list[str]) -> list[str]:
    start = next((place for place, line in enumerate(lines) if not line.lstrip().startswith("#")), 0)
    return lines[start:] if start < min(len(lines), _MOST_PREAMBLE) else lines


def _quoting_of(lines: list[str], separator: str) -> Quoting | None:
    """Return how cells are quoted, None where quotes are characters like any other."""
    if len(separator) != 1 or separator == " ":
        return None
    sample = [line for line in lines[:1_000] if '"' in line]
    sign = re.escape(separator)
    blanks = any(re.search(rf'{sign} +"[^"]*"\s*(?:{sign}|$)', line) for line in sample)
    ways: list[Quoting | None] = [Quoting(separator, blanks=blanks)]
    if any('\\"' in line for line in sample):
        ways.append(Quoting(separator, escape=True, blanks=blanks))
    if separator not in ",;":  # elsewhere a quote may be a character like any other
        whole = [line for line in sample if re.search(_WHOLE_CELL.format(sign=sign), line)]
        ways.insert(0 if len(whole) <= 0.5 * len(sample) else len(ways), None)
    return max(ways, key=lambda way: _agreement(lines, separator, way))


def _agreement(lines: list[str], separator: str, quoting: Quoting | None) -> float:
    """Return the share of the records that have the usual number of cells."""
    layout = Layout(separator, (), None, quoting=quoting)
    widths = [len(cells_of(text, layout)) for _, text in _whole_records(lines, layout)]
    return Counter(widths).most_common(1)[0][1] / len(widths)


def _whole_records(lines: list[str], layout: Layout) -> list[tuple[int, str]]:
    """Return place and text of the records of a sample."""
    block = Block(0, pl.Series("raw", lines, dtype=pl.String), frozenset(), 0)
    found: list[tuple[int, str]] = []
    for part in layout.records([block]):
        numbered = zip(part.line.to_list(), part.text.to_list(), strict=True)
        found += [(place, text) for place, text in numbered if text.strip()]
        if len(found) > _SAMPLE_LINES:
            break
    return found


def _preamble(whole: list[tuple[int, str]], layout: Layout) -> int:
    """Return how many records stand before the table: comments, and lines of one cell above others."""
    if layout.separator is None:
        return 0
    widths = [len(cells_of(text, layout)) for _, text in whole[:_SAMPLE_LINES]]
    usual = Counter(widths).most_common(1)[0][0]
    place = 0
    for width, (_, text) in zip(widths[:_MOST_PREAMBLE], whole, strict=False):
        comment = text.lstrip().startswith("#") and width != usual
        if not comment and not (width == 1 and usual > 2):
            break
        place += 1
    return place if place < min(len(widths), _MOST_PREAMBLE) else 0


def _notes(lines: list[str]) -> tuple[str, ...]:
    if not lines:
        return ()
    shown = lines[0] if len(lines[0]) <= _SHOWN else f"{lines[0][:_SHOWN]}…"
    return (f"{len(lines)} line(s) before the table were left out (the first: {shown!r})",)


def _fitted(names: list[str], rows: list[list[str]]) -> list[str]:
    """Return the names of a header for rows that have one cell more or less: separators at the ends of lines.

    R writes no name for the column of the row names, the first.
    """
    width = Counter(len(row) for row in rows).most_common(1)[0][0] if rows else len(names)
    usual = [row for row in rows if len(row) == width]
    more = width - len(names)
    if more > 0 and all(not any(map(str.strip, row[len(names) :])) for row in usual):
        return [*names, *[""] * more]
    if more == 1 and all(row[0].strip('"') == str(place) for place, row in enumerate(usual, 1)):
        return ["", *names]
    while len(names) > width and not names[-1]:
        names = names[:-1]
    if sum(len(row) == len(names) for row in rows) < 0.5 * len(rows):
        raise DataError(
            f"the header ({', '.join(names)[:_SHOWN]}) has {len(names)} columns and most rows have {width}; "
            "mend it or, if it is a row, use --header no"
        )
    return names


def parse(part: Records, layout: Layout) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the cells of records under the layout's names (with ``line``), and the rejected records."""
    number, texts = part.line.alias(col.LINE), part.text
    frame, reason = split(texts, layout, len(layout.names))
    frame.columns = list(layout.names)
    if texts.str.contains('="', literal=True).any():
        frame = frame.with_columns(pl.all().str.replace(_FORMULA, "$1"))
    _check_headers(part, layout)
    reason = _record_reasons(part, reason, layout)
    is_row = ~number.is_in([layout.header_line, *layout.preamble])
    good = reason.is_null() & is_row
    bad = (~good & is_row).arg_true()
    aside = pl.DataFrame({col.LINE: number[bad], "reason": reason[bad], "raw": texts[bad]}, schema=REJECTED)
    frame = frame.with_columns(number)
    return (frame if good.all() else frame.filter(good)), aside


class SecondHeaderError(DataError):
    """A file holds a second header with the same names in another order."""


def _check_headers(part: Records, layout: Layout) -> None:
    """Refuse rows beneath a second header of another order: they would be read by the first one.

    Raises
    ------
    SecondHeaderError
    """
    if layout.header is None or layout.separator is None:
        return
    # As long as the header, so that hardly any row is split.
    alike = part.text.str.len_bytes() == len(layout.header.encode())
    alike &= part.text != layout.header
    if not alike.any():
        return
    first = cells_of(layout.header, layout)
    for line, text in zip(part.line.filter(alike), part.text.filter(alike), strict=True):
        if first[0] in text and sorted(cells_of(text, layout)) == sorted(first):
            raise SecondHeaderError(
                f"line {line} is a second header with the columns in another order ({text[:_SHOWN]}); "
                "give the rows above and beneath it as two files"
            )


def _record_reasons(part: Records, reason: pl.Series, layout: Layout) -> pl.Series:
    """Add what is wrong with whole records to what is wrong with their cells."""
    texts = part.text
    checks = [
        (texts.str.contains(r"^\s*$"), "empty line"),
        (texts.str.contains("\0", literal=True), "holds a NUL character"),
        (texts.str.len_bytes() > _LONGEST_LINE, f"longer than {_LONGEST_LINE:,} bytes"),
    ]
    if layout.header is not None:
        checks.append((texts == layout.header, "the header again"))
    if part.damaged:
        checks.append((part.line.is_in(list(part.damaged)), "bytes that do not fit the encoding"))
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
