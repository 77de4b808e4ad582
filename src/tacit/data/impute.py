"""Filling what is missing, column by column."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from tacit.core.errors import ConfigError
from tacit.data import columns as col

How = Literal["constant", "mean", "median", "mode", "forward", "interpolate", "drop"]
_HOWS = ("constant", "mean", "median", "mode", "forward", "interpolate", "drop")
_COLUMNS = (col.VALUE, col.TIMESTAMP)


@dataclass(frozen=True)
class Fill:
    """How a column is filled.

    Attributes
    ----------
    how : {"constant", "mean", "median", "mode", "forward", "interpolate", "drop"}
        "forward" takes the user's event before, "interpolate" lies between the user's events before and
        after, by time for values and by place in the file for times; "drop" removes the row.
    constant : float or None
    """

    how: How
    constant: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Fill":
        """Return the fill that a word says: "median", or a number for a constant.

        Raises
        ------
        ConfigError
        """
        if text in _HOWS and text != "constant":
            return cls(text)  # type: ignore[arg-type]
        try:
            return cls("constant", float(text))
        except ValueError as error:
            raise ConfigError(
                f"cannot fill with {text!r}; give a number or one of {', '.join(_HOWS[1:])}"
            ) from error


def filled(events: pl.DataFrame, fills: Mapping[str, Fill]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the events with their columns filled, and the rows that were dropped (``line``, ``reason``).

    A value that cannot be filled (nothing before it, nothing known at all) stays missing.
    """
    removed = [pl.DataFrame(schema={col.LINE: pl.Int64, "reason": pl.String})]
    for name, fill in fills.items():
        if name not in _COLUMNS:
            raise ConfigError(f"cannot fill the column {name!r}; known: {', '.join(_COLUMNS)}")
        if fill.how == "drop":
            gone = events.filter(pl.col(name).is_null())
            removed.append(gone.select(col.LINE, pl.lit(f"no {name}").alias("reason")))
            events = events.filter(pl.col(name).is_not_null())
        else:
            events = events.with_columns(_filled(events, name, fill))
    return events, pl.concat(removed)


def _filled(events: pl.DataFrame, name: str, fill: Fill) -> pl.Series:
    column = pl.col(name)
    simple = {
        "constant": column.fill_null(fill.constant),
        "mean": column.fill_null(column.mean()),
        "median": column.fill_null(column.median()),
        "mode": column.fill_null(column.drop_nulls().mode().sort().first()),
    }
    if fill.how in simple:
        return events.select(simple[fill.how])[name]
    # Within a user, in time; for times themselves the file's order is all that is left.
    order = col.LINE if name == col.TIMESTAMP else col.TIMESTAMP
    within = column.forward_fill() if fill.how == "forward" else column.interpolate_by(order)
    ordered = events.with_row_index("place").sort(col.USER, order, maintain_order=True, nulls_last=False)
    if fill.how == "interpolate" and order == col.TIMESTAMP:
        ordered = ordered.with_columns(pl.col(order).fill_null(strategy="forward").fill_null(0))
    return ordered.with_columns(within.over(col.USER).alias(name)).sort("place")[name]
