"""Filling of missing values, column by column."""

import polars as pl

from tacit.data import columns as col
from tacit.data.fill import Fill


def needs_measure(fill: Fill) -> bool:
    """Return whether one value of the whole column fills all that are missing."""
    return fill.how in ("mean", "median", "mode")


def fill_column(
    events: pl.DataFrame, known: object, *, name: str, fill: Fill
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the events with a column filled, and the rows that were dropped (``line``, ``reason``).

    A value that cannot be filled (nothing before it, or no known value at all) stays missing.

    Parameters
    ----------
    events : polars.DataFrame
    known : object
        Of the whole log: the value that fills (`single_value`), or whether it has times for a fill by the
        order of a user's events; nothing for others.
    name : str
    fill : Fill
    """
    removed = pl.DataFrame(schema={col.LINE: pl.Int64, "reason": pl.String})
    if fill.how == "drop":
        missing = pl.col(name).is_null()
        removed = events.filter(missing).select(col.LINE, pl.lit(f"no {name}").alias("reason"))
        return events.filter(~missing), removed
    if fill.how in ("forward", "interpolate"):
        return events.with_columns(_filled_by_order(events, name, fill, timed=bool(known))), removed
    value = fill.constant if fill.how == "constant" else known
    return (events if value is None else events.with_columns(pl.col(name).fill_null(value))), removed


def _filled_by_order(events: pl.DataFrame, name: str, fill: Fill, *, timed: bool) -> pl.Series:
    # Within a user, by time; times themselves, and logs without times, in the order of the file.
    order = col.TIMESTAMP if name != col.TIMESTAMP and timed else col.LINE
    placed = events.select(col.USER, order, name).with_row_index("place").filter(pl.col(order).is_not_null())
    column = pl.col(name)
    within = column.forward_fill() if fill.how == "forward" else column.interpolate_by(order)
    found = placed.sort(col.USER, order, "place").with_columns(within.over(col.USER))
    return events[name].scatter(found["place"], found[name])


def single_value(known: pl.Series, fill: Fill) -> float | None:
    """Return the one value that fills all missing ones, None if no value is known."""
    if fill.how == "mode":
        return known.mode().min()  # type: ignore[return-value]
    return known.mean() if fill.how == "mean" else known.median()  # type: ignore[return-value]
