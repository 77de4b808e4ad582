"""Parquet files, packed or not, with every id as text."""

from pathlib import Path

import polars as pl

from tacit.core.errors import DataError
from tacit.data import columns as col
from tacit.data import textfile

_MAGIC = b"PAR1"


def is_parquet(sample: bytes) -> bool:
    """Return whether a file that begins like this is Parquet."""
    return sample.startswith(_MAGIC)


def read(path: Path) -> pl.DataFrame:
    """Return the columns as text (numbers and times stay what they are), with ``line`` = row number from 1.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    try:
        with path.open("rb") as stream:
            packed = not is_parquet(stream.read(4))
        if packed:
            with textfile.open_unpacked(path) as stream:
                frame = pl.read_parquet(stream.read())
        else:
            frame = pl.read_parquet(path)
        frame = frame.select(_plain(column) for column in frame if column.name != col.LINE)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, *textfile.UNPACKING) as error:
        reason = (str(error).splitlines() or ["unknown"])[0]
        raise DataError(f"{path} is not a whole Parquet file: {reason}") from error
    return frame.with_columns(pl.int_range(1, len(frame) + 1, dtype=pl.Int64, eager=True).alias(col.LINE))


def raw_rows(path: Path, rows: pl.Series) -> pl.Series:
    """Return rows of a file as JSON objects."""
    chosen = read(path).drop(col.LINE)[rows - 1]
    return chosen.select(pl.struct(pl.all()).struct.json_encode().alias("raw"))["raw"]


def _plain(column: pl.Series) -> pl.Series:
    """Return a column of numbers, times or text; a list becomes one text, its parts joined by commas."""
    kind = column.dtype
    if isinstance(kind, pl.List) and not kind.inner.is_nested():
        return column.cast(pl.List(pl.String)).list.join(",")
    if kind.is_nested():
        return (
            column.to_frame().select(pl.struct(pl.all()).struct.json_encode().alias(column.name)).to_series()
        )
    if kind == pl.Binary:
        return column.map_elements(_decoded, return_dtype=pl.String)
    return column if kind.is_numeric() or kind in (pl.Date, pl.Datetime) else _text(column)


def _text(column: pl.Series) -> pl.Series:
    return (column.to_physical() if column.dtype == pl.Duration else column).cast(pl.String)


def _decoded(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
