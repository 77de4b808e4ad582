"""Columns of texts that are categories: how a large log keeps its ids in 4 bytes an event.

A category is a place in a list of texts. What is done to each different text is done to that list, and not to
the column; and a table that is to be joined with others gets texts again.
"""

from collections.abc import Callable

import numpy as np
import polars as pl

from tacit.core.types import Int32


def is_category(column: pl.Series) -> bool:
    """Return whether the texts of a column are categories."""
    return isinstance(column.dtype, pl.Categorical)  # == is False for one with a list of its own


def holds_texts(kind: pl.DataType) -> bool:
    """Return whether a column of a type holds texts, plain ones or categories."""
    return isinstance(kind, (pl.String, pl.Categorical, pl.Enum))


def distinct_texts(column: pl.Series) -> pl.Series:
    """Return the different texts of a column of texts or categories, without the missing one."""
    distinct = column.unique() if is_category(column) else column
    return distinct.cast(pl.String).drop_nulls().unique()


def with_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame without categories; for small ones."""
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))


def by_text(column: pl.Series, numbers_of: Callable[[pl.Series], Int32]) -> Int32:
    """Return a number for each event by its text, -1 where there is none: int32[events].

    Parameters
    ----------
    column : polars.Series
        Categories.
    numbers_of : callable
        Different texts to their numbers, int32[texts].
    """
    distinct = column.unique().drop_nulls()
    places = distinct.to_physical().to_numpy()
    numbers = np.full(int(places.max(initial=0)) + 2, -1, dtype=np.int32)
    numbers[places] = numbers_of(distinct.cast(pl.String))
    found: Int32 = numbers[column.to_physical().fill_null(len(numbers) - 1).to_numpy()]
    return found


def per_text(column: pl.Series, of: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return what a function makes of the texts of a column, called for each different category once.

    Parameters
    ----------
    column : polars.Series
        Texts, categories or anything else, which goes to the function as it is.
    of : callable
        Texts to as many values, each by its own text.
    """
    if not is_category(column):
        return of(column)
    values: list[pl.Series] = []

    def numbered(texts: pl.Series) -> Int32:
        values.append(of(texts))
        return np.arange(len(texts), dtype=np.int32)

    places = pl.Series(by_text(column, numbered))
    return values[0].gather(places.set(places < 0, None)).alias(column.name)


def numbers_of(column: pl.Series) -> pl.Series:
    """Return numbers (UInt32) of the texts or categories of a column, the same for the same text."""
    found = column if is_category(column) else column.cast(pl.Categorical)
    return found.to_physical().cast(pl.UInt32)
