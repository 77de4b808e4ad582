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
    except (pl.exceptions.PolarsError, OSError, EOFError) as error:
        raise DataError(f"{path} is not a whole Parquet file: {str(error).splitlines()[0]}") from error
    if col.LINE in frame.columns:
        frame = frame.drop(col.LINE)
    return frame.with_columns(pl.int_range(1, len(frame) + 1, dtype=pl.Int64, eager=True).alias(col.LINE))


def raw_rows(path: Path, rows: pl.Series) -> pl.Series:
    """Return rows of a file as JSON objects."""
    frame = read(path).drop(col.LINE)
    chosen = frame[(rows - 1).to_list()]
    return chosen.select(pl.struct(pl.all()).struct.json_encode().alias("raw"))["raw"]
