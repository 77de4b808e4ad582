"""Tables whose columns have types (Parquet files, frames) in the form in which rows are read."""

import polars as pl

from tacit.data import columns as col


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table whose columns are numbers, dates, moments or text.

    A list becomes one text, its parts joined by commas; NaN is a missing value, as in a file of text.
    """
    return frame.select(_plain(column) for column in frame)


def numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table with the number of each row, from 1, as ``line`` in place of a column of that name."""
    lines = pl.int_range(1, len(frame) + 1, dtype=pl.Int64, eager=True)
    return frame.drop(col.LINE, strict=False).with_columns(lines.alias(col.LINE))


def json_rows(frame: pl.DataFrame, rows: pl.Series) -> pl.Series:
    """Return rows of a numbered table, by their numbers, as JSON objects."""
    chosen = frame.drop(col.LINE)[rows - 1]
    return chosen.select(pl.struct(pl.all()).struct.json_encode().alias("raw"))["raw"]


def _plain(column: pl.Series) -> pl.Series:
    kind = column.dtype
    if isinstance(kind, pl.List) and not kind.inner.is_nested():
        return column.cast(pl.List(pl.String)).list.join(",")
    if kind.is_nested():
        return (
            column.to_frame().select(pl.struct(pl.all()).struct.json_encode().alias(column.name)).to_series()
        )
    if kind == pl.Binary:
        return column.map_elements(_decoded, return_dtype=pl.String)
    if kind.is_float():
        return column.fill_nan(None)
    return column if kind.is_numeric() or kind in (pl.Date, pl.Datetime) else _text(column)


def _text(column: pl.Series) -> pl.Series:
    return (column.to_physical() if column.dtype == pl.Duration else column).cast(pl.String)


def _decoded(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
