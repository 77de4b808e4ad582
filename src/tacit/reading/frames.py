"""Data frames of the caller, converted to the columns of `tacit.data.columns`.

A frame is any object with Arrow's ``__arrow_c_stream__``; it is read without a copy where its library makes
none. Its cells go through the functions that read a Parquet file, so an id, a time or a missing value means
the same in both.
"""

import sys
from dataclasses import replace
from typing import Any, Protocol, cast
from uuid import UUID

import polars as pl

from tacit.core.errors import DataError
from tacit.data import columns as col
from tacit.reading.choices import EVENT, ITEM, NO_CHOICES, SEQ, TIMESTAMP, USER, VALUE, Reading
from tacit.reading.read import FRAME
from tacit.reading.rows import Rows, finished
from tacit.reading.tables import CatalogueTable, UserTable, catalogue_table, user_table
from tacit.reading.text_log import SAMPLE_ROWS
from tacit.reading.typed import numbered, plain

_PLAIN_EVENT = "interaction"
_ROLES = {
    USER: col.USER,
    ITEM: col.ITEM,
    EVENT: col.EVENT,
    TIMESTAMP: col.TIMESTAMP,
    VALUE: col.VALUE,
    SEQ: col.SEQ,
}


class ArrowStream(Protocol):
    """A table that can be read through Arrow's C stream interface."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Return a capsule with the stream."""
        ...


Frame = pl.DataFrame | pl.LazyFrame | ArrowStream
"""A data frame of pandas, Polars (eager and lazy), pyarrow, DuckDB, ..."""


def polars_frame(frame: object, what: str) -> pl.DataFrame:
    """Return any frame as a Polars frame; an index of pandas is left out.

    Parameters
    ----------
    frame : Frame
    what : str
        What it is, for messages: "event log", "catalogue".

    Raises
    ------
    DataError
        If it is no frame, or its columns cannot be read.
    """
    if _is_pandas(frame):
        for name, column in cast("Any", frame).items():
            if hasattr(column.dtype, "closed"):  # intervals: older versions of Polars read them as structs
                raise _foreign(str(name), what, f"values of the type {column.dtype}")
    table = frame if isinstance(frame, pl.DataFrame) else _converted(frame, what)
    for name, kind in table.schema.items():
        own = getattr(kind, "ext_name", None)  # a type that another library registered with Arrow
        if kind == pl.Object or own is not None:
            raise _foreign(name, what, "Python objects" if own is None else f"values of the type {own()}")
    return table


def _foreign(column: str, what: str, held: str) -> DataError:
    return DataError(f"the column {column} of the {what} holds {held}; make them numbers, times or text")


def _converted(frame: object, what: str) -> pl.DataFrame:
    if isinstance(frame, pl.Series) or not (_is_pandas(frame) or _speaks_arrow(frame)):
        raise DataError(
            f"the {what} is of the type {type(frame).__name__}; give the path of a file (str or Path) or a "
            "frame of pandas, Polars, pyarrow, DuckDB or another library that speaks Arrow"
        )
    try:
        if isinstance(frame, pl.LazyFrame):
            return frame.collect()
        return _from_pandas(frame) if _is_pandas(frame) else pl.DataFrame(cast("Any", frame))
    except Exception as error:  # another library may raise anything here
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"the {what} cannot be read as an Arrow table: {reason}") from error


def log_frame(events: pl.DataFrame, reading: Reading = NO_CHOICES) -> pl.DataFrame:
    """Return an event frame with every column of a cleaned log; ``user_id`` and ``item_id`` must be there.

    A missing ``event`` is a plain interaction; ``timestamp`` may be anything that a file may hold; rows are
    neither removed nor moved.

    Parameters
    ----------
    events : polars.DataFrame
    reading : Reading
        Its columns are those that have other names than in a cleaned log; its other choices hold too.

    Raises
    ------
    ConfigError
        If the mapping names no role or no column.
    DataError
        If an id column is missing, or a row would be rejected in a file.
    """
    for role in (USER, ITEM):
        name = _ROLES[role]
        if name not in events.columns and role not in reading.columns:
            raise DataError(
                f"the event frame has no column {name!r}; rename yours to user_id and item_id, and where "
                "you have them event, timestamp, value and seq, or give it to tacit.read, which knows other "
                "names"
            )
    table = _with_lines(plain(events))
    frame, rejected = finished(table, _as_named(table, reading))
    if len(rejected):
        counts = rejected["reason"].value_counts(sort=True, name="rows")
        reasons = "; ".join(f"{why}: {rows:,}" for why, rows in counts.rows())
        raise DataError(
            f"{len(rejected):,} of the {len(table):,} rows of the event frame cannot be used ({reasons}); "
            "leave them out, or give the frame to tacit.read, which does and lists them"
        )
    return frame


def item_frame(
    items: pl.DataFrame, reading: Reading = NO_CHOICES, *, log_ids: pl.Series | None = None
) -> CatalogueTable:
    """Return a catalogue with unique text ids; the columns are found as in a file.

    Raises
    ------
    DataError
        If no column holds ids, or it is not clear which.
    """
    return catalogue_table(plain(items), reading, where="the catalogue frame", log_ids=log_ids)


def user_frame(
    users: pl.DataFrame, reading: Reading = NO_CHOICES, *, log_ids: pl.Series | None = None
) -> UserTable:
    """Return users with unique text ids; the column of the ids is found as in a file.

    Raises
    ------
    DataError
        If no column holds ids, or it is not clear which.
    """
    return user_table(plain(users), reading, where="the frame of users", log_ids=log_ids)


def _with_lines(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table with row numbers: its own if it was cleaned before, else from 1."""
    if col.LINE not in table.columns:
        return numbered(table)
    lines = table[col.LINE]
    return table if lines.dtype == pl.Int64 and not lines.null_count() else numbered(table)


def _as_named(table: pl.DataFrame, reading: Reading) -> Rows:
    """Return how rows become events, by the names of the columns only: nothing is guessed."""
    named = {role: name for role, name in _ROLES.items() if name in table.columns}
    by_name = replace(reading, columns={**named, **reading.columns}, event=reading.event or _PLAIN_EVENT)
    return Rows.given(FRAME, table.head(SAMPLE_ROWS), by_name)


def _speaks_arrow(frame: object) -> bool:
    return isinstance(frame, pl.LazyFrame) or hasattr(frame, "__arrow_c_stream__")


def _is_pandas(frame: object) -> bool:
    pandas = sys.modules.get("pandas")  # a frame of it exists only where it is imported already
    return pandas is not None and isinstance(frame, pandas.DataFrame)


def _from_pandas(frame: Any) -> pl.DataFrame:
    return pl.DataFrame([_pandas_column(str(name), column) for name, column in frame.items()])


def _pandas_column(name: str, column: Any) -> pl.Series:
    """Return a column of pandas: through Arrow, else (no pyarrow, mixed types, UUIDs) from its values.

    A period is the moment at which it begins.
    """
    if hasattr(column.dtype, "freq"):
        column = column.dt.to_timestamp()
    if column.dtype == object and isinstance(next(iter(column.dropna().head(1)), None), UUID):
        return _from_values(name, column.astype(str).where(column.notna()))
    try:
        return cast("pl.Series", pl.from_pandas(column)).alias(name)
    except (ImportError, TypeError, ValueError, pl.exceptions.PolarsError):
        return _from_values(name, column)


def _from_values(name: str, column: Any) -> pl.Series:
    if column.dtype.kind == "M":
        return pl.Series(name, column.to_numpy(dtype="datetime64[us]"))  # a moment with a zone in UTC
    missing = column.isna().tolist()
    values = [None if gone else value for value, gone in zip(column.tolist(), missing, strict=True)]
    try:
        return pl.Series(name, values)
    except (TypeError, pl.exceptions.PolarsError):  # of several types: text, as in a file
        return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
