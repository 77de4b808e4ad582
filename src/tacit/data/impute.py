"""Filling of missing values, column by column."""

from collections.abc import Mapping

import polars as pl

from tacit.data import columns as col
from tacit.data.fill import Fill


def filled(events: pl.DataFrame, fills: Mapping[str, Fill]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the events with their columns filled, and the rows that were dropped (``line``, ``reason``).

    A value that cannot be filled (nothing before it, or no known value at all) stays missing.
    """
    removed = [pl.DataFrame(schema={col.LINE: pl.Int64, "reason": pl.String})]
    for name, fill in fills.items():
        if fill.how == "drop":
            gone = events.filter(pl.col(name).is_null())
            removed.append(gone.select(col.LINE, pl.lit(f"no {name}").alias("reason")))
            events = events.filter(pl.col(name).is_not_null())
        else:
            events = events.with_columns(_filled(events, name, fill))
    return events, pl.concat(removed)


def _filled(events: pl.DataFrame, name: str, fill: Fill) -> pl.Series:
    if fill.how not in ("forward", "interpolate"):
        value = _single(events[name].drop_nulls(), fill)
        return events[name] if value is None else events[name].fill_null(value)
    # Within a user, by time; times themselves, and logs without times, in the order of the file.
    timed = name != col.TIMESTAMP and not events[col.TIMESTAMP].is_null().all()
    order = col.TIMESTAMP if timed else col.LINE
    placed = events.select(col.USER, order, name).with_row_index("place").filter(pl.col(order).is_not_null())
    column = pl.col(name)
    within = column.forward_fill() if fill.how == "forward" else column.interpolate_by(order)
    found = placed.sort(col.USER, order, "place").with_columns(within.over(col.USER))
    return events[name].scatter(found["place"], found[name])


def _single(known: pl.Series, fill: Fill) -> float | None:
    """Return the one value that fills all missing ones."""
    if fill.how == "constant":
        return fill.constant
    if fill.how == "mode":
        return known.mode().min()  # type: ignore[return-value]
    return known.mean() if fill.how == "mean" else known.median()  # type: ignore[return-value]
