"""Files of a snapshot: safetensors for arrays, Arrow for tables, JSON for the rest: nothing that runs code.

Arrays are mapped, not read: a page of the file comes into memory when it is looked at, and the processes of a
service share it. So every array begins at a multiple of 64 bytes (a cache line, and the width of the widest
vector instructions). The format allows no gaps, so an array of another length is followed by a few bytes
under a name of their own, and the header is filled up with spaces; any other reader of safetensors reads
these files too. Files of older versions are mapped as they are.
"""

import json
import mmap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from tacit.core.errors import ArtifactError, ConfigError
from tacit.core.types import Array

_ALIGNED = 64
_LENGTH_BYTES = 8
"""A file begins with the length of its header: an unsigned number of 64 bits."""
_LONGEST_HEADER = 100_000_000
_FILLING = "__filling__"
"""Beginning of the names of bytes that only fill up an array."""
_TYPES = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
}
_NAMES = {np.dtype(code): name for name, code in _TYPES.items()}


def write_arrays(file: Path, arrays: Mapping[str, Array]) -> None:
    """Write named arrays.

    Raises
    ------
    ConfigError
        If an array holds neither numbers nor true and false.
    """
    rows = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    header: dict[str, dict[str, Any]] = {}
    end = 0
    for name, array in rows.items():
        header[name] = _entry(_type_name(name, array), array.shape, end, array.nbytes)
        end += array.nbytes
        if missing := -end % _ALIGNED:
            header[f"{_FILLING}{len(header)}"] = _entry("U8", (missing,), end, missing)
            end += missing
    head = json.dumps(header, ensure_ascii=False).encode()
    head += b" " * (-(_LENGTH_BYTES + len(head)) % _ALIGNED)
    with file.open("wb") as stream:
        stream.write(len(head).to_bytes(_LENGTH_BYTES, "little") + head)
        for array in rows.values():
            stream.write(array.astype(array.dtype.newbyteorder("<"), copy=False).data)
            stream.write(bytes(-array.nbytes % _ALIGNED))


def read_arrays(file: Path) -> dict[str, Array]:
    """Return named arrays, views of the file that cannot be written to; it stays mapped as long as they live.

    Raises
    ------
    ArtifactError
        If the file is missing or not whole.
    """
    try:
        with file.open("rb") as stream:
            return _mapped(stream)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{file} cannot be read as arrays ({error}); fit again") from error


def write_table(file: Path, table: pl.DataFrame) -> None:
    """Write a table as an Arrow file (IPC), without compression and in one batch: it can be mapped.

    Texts lie one after the other, not as views into buffers: equal tables are equal files.
    """
    # A filter leaves out the marks of missing values of a column that has none.
    rows = table.filter(pl.repeat(True, len(table), eager=True))
    rows.write_ipc(
        file,
        compression="uncompressed",
        record_batch_size=max(len(table), 1),
        compat_level=pl.CompatLevel.oldest(),
    )


def write_pieces(
    file: Path, pieces: Callable[[], Iterator[pl.DataFrame]], schema: Mapping[str, pl.DataType]
) -> None:
    """Write a table as an Arrow file, as `write_table`, of which only a piece at a time is in memory.

    Parameters
    ----------
    file : Path
    pieces : callable
        Returns the pieces in their order; equal pieces are equal files.
    schema : mapping of column to type
    """

    def read(columns: Any, predicate: Any, rows: Any, size: Any) -> Iterator[pl.DataFrame]:
        yield from pieces()  # the whole table is written: nothing is left out

    table = register_io_source(read, schema=pl.Schema(schema), is_pure=True)
    table.sink_ipc(file, compression="uncompressed", compat_level=pl.CompatLevel.oldest())


def read_table(file: Path) -> pl.DataFrame:
    """Return a table whose columns look into the mapped file: texts are read when they are looked at.

    Raises
    ------
    ArtifactError
        If the file is missing or not whole.
    """
    try:
        return pl.read_ipc(file)  # maps it
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ArtifactError(f"{file} cannot be read as a table ({error}); fit again") from error


def read_text(file: Path) -> str:
    """Read a text.

    Raises
    ------
    ArtifactError
        If the file is missing or is not UTF-8.
    """
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{file} cannot be read as text ({error}); fit again") from error


def write_json(file: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON document."""
    file.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON document.

    Raises
    ------
    ArtifactError
        If the file is missing or is not JSON.
    """
    try:
        return json.loads(file.read_text("utf-8"))  # type: ignore[no-any-return]
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{file} cannot be read as JSON ({error}); fit again") from error


def _entry(kind: str, shape: tuple[int, ...], start: int, size: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": list(shape), "data_offsets": [start, start + size]}


def _type_name(name: str, array: Array) -> str:
    found = _NAMES.get(array.dtype.newbyteorder("<"))
    if found is None:
        raise ConfigError(
            f"the array {name!r} is of {array.dtype}, which no snapshot holds; give numbers of up to 64 bits"
        )
    return found


def _mapped(stream: BinaryIO) -> dict[str, Array]:
    """Return the arrays of an open file.

    Raises
    ------
    ValueError, KeyError, TypeError
        If its header is none, or names bytes that the file does not have.
    """
    length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
    if not 0 < length <= _LONGEST_HEADER:
        raise ValueError(f"its header has {length} bytes")
    entries = json.loads(stream.read(length))
    whole = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    data = memoryview(whole)[_LENGTH_BYTES + length :]
    return {
        name: _view(data, entry)
        for name, entry in entries.items()
        if name != "__metadata__" and not name.startswith(_FILLING)
    }


def _view(data: memoryview, entry: Mapping[str, Any]) -> Array:
    start, end = entry["data_offsets"]
    kind, shape = np.dtype(_TYPES[entry["dtype"]]), tuple(entry["shape"])
    if not 0 <= start <= end <= len(data):
        raise ValueError("it is shorter than its header says")
    if start == end:
        return np.empty(shape, dtype=kind)
    return np.frombuffer(data[start:end], dtype=kind).reshape(shape)
