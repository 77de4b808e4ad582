"""An event log as it was read: its events, its rejected rows, and how its columns were understood."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import polars as pl

from tacit.data import columns as col
from tacit.data.event_words import ValueKind

How = Literal["map", "name", "part", "content", "place", "shape"]
"""How the role of a column was found: by the user's choice, the whole name, parts of the name, the content,
the place in a known layout without a header, or the shape of the rows (impressions, nested records)."""


@dataclass(frozen=True)
class ColumnUse:
    """How one column of a source is used.

    Attributes
    ----------
    column : str
    role : str or None
        None where the column is kept as it is and has no role.
    how : How or None
        None without a role.
    samples : tuple of str
        Up to three values.
    note : str or None
        A sentence where there is something to say: that it was dropped and why, or that it holds times and
        is not used.
    use : str or None
        What a column without a role is used for all the same: it gives the titles of the items.
    """

    column: str
    role: str | None = None
    how: How | None = None
    samples: tuple[str, ...] = ()
    note: str | None = None
    use: str | None = None


def with_use(columns: Sequence[ColumnUse], uses: Mapping[str, str]) -> tuple[ColumnUse, ...]:
    """Return columns with what those without a role are used for, by their names."""
    return tuple(one if one.role else replace(one, use=uses.get(one.column, one.use)) for one in columns)


@dataclass(frozen=True)
class FileRows:
    """Which row of which file the rows of a log in several files are.

    Attributes
    ----------
    files : tuple of str
    starts : tuple of int
        Rows of the log before each file.
    """

    files: tuple[str, ...]
    starts: tuple[int, ...]

    def placed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows of the log with a first column ``file``, and with ``line`` as the row of that file."""
        lines = rows[col.LINE]
        starts = pl.Series(self.starts, dtype=pl.Int64)
        at = starts.search_sorted(lines - 1, side="right") - 1  # of files without rows none
        files = pl.Series(self.files, dtype=pl.String).gather(at).alias(col.FILE)
        return rows.with_columns(lines - starts.gather(at)).insert_column(0, files)


@dataclass(frozen=True)
class Source:
    """An event log as it was read.

    Attributes
    ----------
    frame : polars.DataFrame
        Events; see `tacit.data.columns`. Other columns are kept as text under their own names.
    rejected : polars.DataFrame
        ``line``, ``reason`` and ``raw`` of the rows that cannot be used.
    rows_in : int
        ``len(frame) + len(rejected)``.
    mapping : mapping of role to column
    dialect : str
        "MovieLens 1M", "RecBole atomic", ..., or the kind of file.
    encoding : str
    separator : str or None
    path : Path
        For a frame, a name for messages.
    raw : callable
        The text of rows by their line (Int64 -> String): as in the file, or as JSON for typed columns.
    columns : tuple of ColumnUse
        Every column of the source, in its order.
    notes : tuple of str
        What was guessed or assumed, each a sentence.
    value_kind : ValueKind or None
        What the values are by their column; None where that does not say it.
    file_rows : FileRows or None
        Of a log in several files, over all of which ``line`` counts; None for any other.
    """

    frame: pl.DataFrame
    rejected: pl.DataFrame
    rows_in: int
    mapping: dict[str, str]
    dialect: str
    encoding: str
    separator: str | None
    path: Path
    raw: Callable[[pl.Series], pl.Series]
    columns: tuple[ColumnUse, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
    value_kind: ValueKind | None = None
    file_rows: FileRows | None = None
