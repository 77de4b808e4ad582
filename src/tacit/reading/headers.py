"""Whether the first line of a file names its columns.

A header differs from the rows beneath it in kind: a word over numbers or moments, a word that stands nowhere
else over a few that come again and again, a word of another shape than the ids beneath. Known words of names
count as well, the less the more they could be values.
"""

import re
from collections import Counter
from collections.abc import Sequence

import polars as pl

from tacit.core.errors import AmbiguousError
from tacit.data.event_names import meaning as event_meaning
from tacit.data.times import holds_times
from tacit.reading.column_content import may_be_times
from tacit.reading.column_names import NameMeaning, meaning

_ROWS = 200
"""Rows that the first line is compared with."""

_FEW = 10
"""Rows below which a first line of unknown words is one like the others."""

_SURE = 1.0
"""Points for or against a header at which the line is one or none."""

_TYPED = re.compile(r"\w+:(token|token_seq|float|float_seq)")
_NUMBER = re.compile(r"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*")
_BLANK = frozenset({"", "null", "na", "nan", "n/a", "none", "nil", "\\n", "-", "?"})


def is_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first line names the columns rather than holding values.

    Parameters
    ----------
    first : sequence of str
        Cells of the first line.
    rows : sequence of sequences of str
        Cells of the lines beneath it.

    Raises
    ------
    AmbiguousError
        If nothing decides.
    """
    cells = [cell.strip() for cell in first]
    if cells and all(_TYPED.fullmatch(cell) for cell in cells):
        return True
    body = [row for row in rows if len(row) == len(cells) and list(row) != list(first)][:_ROWS]
    if not body:
        return _by_names(cells) >= _SURE
    columns = [[row[place].strip() for row in body] for place in range(len(cells))]
    points = _by_names(cells) + sum(map(_by_content, cells, columns))
    filled = [cell for cell in cells if cell]
    points -= 2.0 * (len(set(filled)) < len(filled))
    if abs(points) >= _SURE or not any(filled):
        return points > 0
    if _by_names(cells) < 0.5 and len(body) < _FEW:
        return False
    raise AmbiguousError(
        f"the first line ({', '.join(cells)[:80]}) may name the columns or hold values; choose with --header "
        "yes or with --header no"
    )


def _by_names(cells: Sequence[str]) -> float:
    """Return points for words that name columns, less those that name events and so may be values."""
    points = 0.0
    kinds = []
    for cell in cells:
        found = meaning(cell) if _is_name(cell) else None
        if found is None or not found.kinds:
            continue
        points += 1.0 * found.certainty if not _may_be_value(cell, found) else 0.25
        kinds.append(found.kind)
    return min(points, 4.0) + 2.0 * ("user" in kinds and "item" in kinds)


def _is_name(cell: str) -> bool:
    return (
        0 < len(cell) <= 60 and not _NUMBER.fullmatch(cell) and not re.fullmatch(r"[^\W_]*\d{2,}[\w-]*", cell)
    )


def _may_be_value(cell: str, found: NameMeaning) -> bool:
    """Return whether a word is as likely a value: an event type, or a word that is only in part known."""
    return event_meaning(cell).known or not found.whole


def _by_content(cell: str, column: Sequence[str]) -> float:
    """Return points for a header (or against it) from one column."""
    known = [value for value in column if value.lower() not in _BLANK]
    if cell.lower() in _BLANK or not known:
        return 0.3 if cell and not known and _is_name(cell) else 0.0
    if _share(_NUMBER.fullmatch(value) is not None for value in known) > 0.9:
        return -4.0 if _NUMBER.fullmatch(cell) else 4.0
    if _NUMBER.fullmatch(cell):
        return -2.0
    if _holds_times(known):
        return -4.0 if _holds_times([cell]) else 4.0
    return _over_text(cell, known)


def _over_text(cell: str, known: Sequence[str]) -> float:
    counts = Counter(known)
    if cell in counts:
        return -3.0
    shapes = Counter(map(_shape, counts))
    shape, most = shapes.most_common(1)[0]
    if most >= 0.9 * len(counts) and len(known) > 1 and any(sign in shape for sign in "9@/"):
        return -2.0 if _shape(cell) == shape else 2.5
    if len(known) >= 10 and len(counts) <= 0.3 * len(known):
        return 2.0 if len(known) >= 30 else 1.0
    return -0.5 if len(known) > 1 and " " in cell and _share(" " in value for value in known) > 0.7 else 0.0


def _shape(value: str) -> str:
    """Return how a value is built: runs of letters, of digits, and its signs."""
    if re.fullmatch(r"[0-9a-fA-F-]{16,}", value):
        return "9"
    if re.fullmatch(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9]{6,}", value):
        return "9x"
    shape = re.sub(r"[^\W\d_]+", "x", value)
    return re.sub(r"\d+", "9", shape)


def _holds_times(values: Sequence[str]) -> bool:
    cells = pl.Series(values[:20], dtype=pl.String)
    return may_be_times(cells) and holds_times(cells)


def _share(found: object) -> float:
    hits = list(found)  # type: ignore[call-overload]
    return sum(hits) / len(hits) if hits else 0.0
