"""Parquet files, packed or not, with every id as text."""

from pathlib import Path

import polars as pl

from tacit.core.errors import DataError
from tacit.reading import textfile
from tacit.reading.typed import json_rows, numbered, plain

_MAGIC = b"PAR1"


def is_parquet(sample: bytes) -> bool:
    """Return whether a file with these first bytes is Parquet."""
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
        return numbered(plain(frame))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, *textfile.UNPACKING) as error:
        reason = (str(error).splitlines() or ["unknown"])[0]
        raise DataError(f"{path} is not a whole Parquet file: {reason}") from error


def raw_rows(path: Path, rows: pl.Series) -> pl.Series:
    """Return rows of a file as JSON objects."""
    return json_rows(read(path), rows)
