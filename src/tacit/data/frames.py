"""Frames of the caller's own, brought into the columns of `tacit.data.columns`."""

import polars as pl

from tacit.core.errors import DataError
from tacit.data import columns as col
from tacit.data.rows import text_ids
from tacit.data.tables import catalogue_columns, identified

_PLAIN_EVENT = "interaction"


def log_frame(events: pl.DataFrame) -> pl.DataFrame:
    """Return an event frame with every column of a cleaned log; ``user_id`` and ``item_id`` must be there.

    An ``event`` that is missing is a plain interaction; ``timestamp`` may be a number of seconds or a date
    and time; rows are neither removed nor moved.

    Raises
    ------
    DataError
        If an id column is missing or an id in it is.
    """
    for name in (col.USER, col.ITEM):
        if name not in events.columns:
            raise DataError(
                f"the event frame has no column {name!r}; rename yours to user_id and item_id, and where "
                "you have them event, timestamp (Unix seconds), value and seq"
            )
        if missing := text_ids(events[name]).is_null().sum():
            raise DataError(f"{missing:,} rows of the event frame have no {name}; leave them out first")
    absent = {
        col.EVENT: pl.lit(None, pl.String),
        col.TIMESTAMP: pl.lit(None, pl.Float64),
        col.VALUE: pl.lit(None, pl.Float64),
        col.SEQ: pl.lit(None, pl.Int64),
        col.LINE: pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
    }
    whole = events.with_columns(
        **{name: value for name, value in absent.items() if name not in events.columns}
    )
    return whole.with_columns(
        text_ids(whole[col.USER]),
        text_ids(whole[col.ITEM]),
        pl.col(col.EVENT).cast(pl.String).fill_null(_PLAIN_EVENT),
        _seconds(whole[col.TIMESTAMP]),
        pl.col(col.VALUE).cast(pl.Float64),
        pl.col(col.SEQ).cast(pl.Int64),
    )


def item_frame(items: pl.DataFrame) -> pl.DataFrame:
    """Return a catalogue frame with unique text ids; ``item_id`` must be there.

    Raises
    ------
    DataError
    """
    if col.ITEM not in items.columns:
        raise DataError(f"the catalogue frame has no column {col.ITEM!r}; rename yours")
    return catalogue_columns(items, col.ITEM)


def user_frame(users: pl.DataFrame) -> pl.DataFrame:
    """Return a frame of users with unique text ids; ``user_id`` must be there.

    Raises
    ------
    DataError
    """
    if col.USER not in users.columns:
        raise DataError(f"the frame of users has no column {col.USER!r}; rename yours")
    return identified(users, col.USER, col.USER)


def _seconds(column: pl.Series) -> pl.Series:
    if column.dtype.is_temporal():
        return (column.dt.epoch("us") / 1e6).alias(column.name)
    return column.cast(pl.Float64)
