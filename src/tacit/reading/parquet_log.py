"""An event log in several Parquet files, here or in object storage, and its parts that are read alone."""

import glob
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, combinations
from pathlib import Path
from typing import Any

import polars as pl

from tacit.core.errors import DataError
from tacit.core.executor import LOCAL, Executor
from tacit.core.extras import require
from tacit.core.folders import RemoteFolder, is_address
from tacit.data import columns as col
from tacit.data.source import FileRows
from tacit.reading.choices import EVENT, ITEM, USER
from tacit.reading.delimited import REJECTED
from tacit.reading.text_log import Form, typed_form
from tacit.reading.typed import json_rows, plain

_ENDING = ".parquet"
Types = dict[str, dict[pl.DataType, str]]
"""Column -> type -> the first file in which it has that type."""
_ROWS_OF_A_PART, _ROWS_OF_A_BLOCK = 2_000_000, 500_000


@dataclass(frozen=True)
class Rows:
    """Some rows of one of the files, and how many rows of the log are before them."""

    file: str
    start: int
    count: int
    before: int


@dataclass(frozen=True)
class ParquetLog:
    """A log in several files with about the same columns, in the order of their names.

    Attributes
    ----------
    place : str
        The folder or pattern, or the address of a folder in object storage.
    files : tuple of str
        Their paths, or in object storage their names.
    rows : tuple of int
        Of each file.
    schema : mapping of column to type
        Of all files together.
    types : mapping of column to (mapping of type to file)
        The types that a column has in some file, each with the first such file.
    """

    place: str
    files: tuple[str, ...]
    rows: tuple[int, ...]
    schema: dict[str, pl.DataType]
    types: Types

    @property
    def path(self) -> Path:
        """The log, for messages."""
        return Path(self.place)

    @property
    def form(self) -> Form:
        """That of a table with types."""
        return typed_form("Parquet")

    @property
    def encoding(self) -> str:
        """There is no text to decode."""
        return "binary"

    @property
    def file_rows(self) -> FileRows:
        """Which row of which file the rows are."""
        return FileRows(self.files, tuple(accumulate(self.rows, initial=0))[:-1])

    def check_numbers(self, roles: Mapping[str, str]) -> None:
        """Refuse a column of values or times that is text in some files and decimal numbers in others.

        As text, a number of one file would be read by the rule of the others: where they write 2,5 for two
        and a half, 1.234 is more than a thousand.

        Raises
        ------
        DataError
        """
        for role, column in roles.items():
            found = {_word(kind): file for kind, file in reversed(self.types.get(column, {}).items())}
            if role not in (USER, ITEM, EVENT) and {_TEXT, _DECIMAL} <= found.keys():
                raise DataError(
                    f"the column {column} of {self.place} holds text in {found[_TEXT]} and decimal numbers "
                    f"in {found[_DECIMAL]}, and whether a point of the text is a decimal one cannot be told; "
                    "rewrite files so that all hold numbers (in Polars str.to_decimal or cast, in pandas "
                    "to_numeric)"
                )

    def notes(self, roles: Mapping[str, str], rules: Sequence[str]) -> tuple[str, ...]:
        """Return what is to be said of ids that are text in some files and numbers in others.

        Parameters
        ----------
        roles : mapping of role to column
        rules : sequence of str
            Those of the ids: see `tacit.data.ids.apply_ids`.
        """
        said = []
        for column in dict.fromkeys(roles[role] for role in (USER, ITEM) if role in roles):
            found: dict[str, str] = {}
            for kind, file in self.types.get(column, {}).items():
                found.setdefault(_word(kind), file)
            said += [
                f"{column} holds text in {found[_TEXT]} and {word} in {found[word]}: ids are text and read "
                f"as they are written, so {one} and 7 are two ids; --ids {rule} makes them one"
                for word, one, rule in _WRITTEN
                if {_TEXT, word} <= found.keys() and rule not in rules
            ]
        return tuple(said)

    def parts(self, executor: Executor = LOCAL) -> list[Rows]:
        """Return the parts: some million rows of a file each; one of object storage is not cut."""
        found = []
        for file, rows, first in zip(self.files, self.rows, self.file_rows.starts, strict=True):
            step = max(rows, 1) if is_address(self.place) else _ROWS_OF_A_PART
            found += [
                Rows(file, start, min(step, rows - start), first + start) for start in range(0, rows, step)
            ]
        return found

    def size(self, part: Rows) -> int:
        """Return the rows of a part."""
        return part.count

    def frame(self, parts: Sequence[Rows]) -> pl.DataFrame:
        """Return numbered rows; a column that a file lacks is null there."""
        return pl.concat([self._frame(part) for part in parts])

    def tables(
        self, part: Rows, threads: int | None = None
    ) -> Iterator[tuple[pl.DataFrame, pl.DataFrame, int]]:
        """Yield the rows of a part in blocks; none is rejected."""
        for block in self._frame(part).iter_slices(_ROWS_OF_A_BLOCK):
            yield block, pl.DataFrame(schema=REJECTED), len(block)

    def raw_of(self, parts: Sequence[Rows], executor: Executor, lines: pl.Series) -> pl.Series:
        """Return rows by their numbers as JSON objects."""
        wanted = lines.unique().sort().cast(pl.Int64)
        among = [wanted.filter(wanted.is_between(one.before + 1, one.before + one.count)) for one in parts]
        lookups = [(part, some) for part, some in zip(parts, among, strict=True) if len(some)]
        found = [pl.DataFrame(schema={col.LINE: pl.Int64, "raw": pl.String})]
        found += executor.map(ParquetLog._texts, lookups, shared=self)
        by_line = lines.cast(pl.Int64).alias(col.LINE).to_frame()
        return by_line.join(pl.concat(found), on=col.LINE, how="left", maintain_order="left")["raw"]

    def _texts(self, lookup: tuple[Rows, pl.Series]) -> pl.DataFrame:
        part, wanted = lookup
        texts = json_rows(self._frame(part), wanted - part.before)
        return pl.DataFrame({col.LINE: wanted, "raw": texts})

    def _frame(self, part: Rows) -> pl.DataFrame:
        frame = plain(_rows_of(self.place, part)).drop(col.LINE, strict=False)
        missing = [pl.lit(None, kind).alias(name) for name, kind in self.schema.items() if name not in frame]
        lines = pl.int_range(part.before + 1, part.before + part.count + 1, dtype=pl.Int64, eager=True)
        return frame.with_columns(missing).select(
            *(pl.col(name).cast(kind) for name, kind in self.schema.items()), lines.alias(col.LINE)
        )


def parquet_log(place: str | Path) -> ParquetLog | None:
    """Return the log of a folder, of a pattern such as ``logs/2026-*.parquet``, or of an address.

    None for anything else. Files whose names begin with a dot or ``_`` are no part of it.

    Raises
    ------
    DataError
        If there are no Parquet files, or others beside them, or if the types of their columns do not fit.
    """
    name = str(place)
    files = _files(name)
    if files is None:
        return None
    found = [_head(name, file) for file in files]
    heads, rows = [plain(head) for head, _ in found], tuple(count for _, count in found)
    types = _types(files, [head for head, _ in found], heads)
    schema = _schema(name, heads, types)
    if not sum(rows):
        raise DataError(f"{name} is empty: there is no event in it")
    return ParquetLog(name, tuple(files), rows, schema, types)


def _schema(place: str, heads: Sequence[pl.DataFrame], types: Types) -> dict[str, pl.DataType]:
    """Return the types of the columns of all files: of numbers the widest, of numbers and texts text."""
    for name, found in types.items():
        for (one, first), (other, second) in combinations(found.items(), 2):
            if not _fit(one, other):
                raise DataError(
                    f"the column {name} of {place} holds {_word(one)} in {first} ({one}) and "
                    f"{_word(other)} in {second} ({other}), and no option of reading joins them; rewrite "
                    "files so that all have one type of this column (in Polars "
                    f"{_MENDS[one.is_temporal() == other.is_temporal()]})"
                )
    whole = pl.concat(heads, how="diagonal_relaxed").schema
    return {name: kind for name, kind in whole.items() if name != col.LINE}


_MENDS = {
    True: "dt.replace_time_zone adds a zone, in pandas dt.tz_localize",
    False: "from_epoch makes times of numbers, in pandas to_datetime",
}
"""By whether both types are times."""


def _fit(one: pl.DataType, other: pl.DataType) -> bool:
    """Return whether one column may hold both types: what unit numbers beside times have is not known."""
    if {one.is_temporal(), other.is_temporal()} == {one.is_numeric(), other.is_numeric()} == {True, False}:
        return False
    try:
        pl.concat([pl.Series([], dtype=kind).to_frame() for kind in (one, other)], how="vertical_relaxed")
    except pl.exceptions.PolarsError:
        return False
    return True


_WHOLE, _DECIMAL, _TEXT = "whole numbers", "decimal numbers", "text"
_WRITTEN = ((_WHOLE, "007", "trim-zeros"), (_DECIMAL, "7.0", "trim-float"))
"""How text may write an id that is 7 in another file, or such a number as text; the rule that joins them."""


def _word(kind: pl.DataType) -> str:
    if kind.is_temporal():
        return "times"
    if kind.is_numeric():
        return _WHOLE if kind.is_integer() else _DECIMAL
    return _TEXT


def _types(files: Sequence[str], stored: Sequence[pl.DataFrame], heads: Sequence[pl.DataFrame]) -> Types:
    """Return the types that each column has in some file, each with the first such file.

    ``stored`` are the heads as they lie in the files: a column that has no value there has no type.
    """
    found: Types = {}
    for file, raw, head in zip(files, stored, heads, strict=True):
        for name, kind in head.schema.items():
            of_column = found.setdefault(name, {})
            if raw.schema[name] != pl.Null:
                of_column.setdefault(kind, file)
    return found


def _files(place: str) -> list[str] | None:
    """Return the names of the files of a log, None where it is a single file."""
    path = Path(place)
    if is_address(place):
        names = sorted(RemoteFolder(place).sizes())
    elif path.is_dir():
        names = sorted(str(one) for one in path.iterdir() if one.is_file())
        _check_left_out(path)
    elif not path.exists() and glob.has_magic(place):
        names = sorted(glob.glob(place, recursive=True))  # noqa: PTH207 - of any folder, also an absolute one
    else:
        return None
    names = [name for name in names if not Path(name).name.startswith((".", "_"))]
    others = [name for name in names if not name.lower().endswith(_ENDING)]
    if others and len(others) < len(names):
        raise DataError(
            f"{place} holds other files than Parquet ({others[0]}); name those of the log: DIR/*{_ENDING}"
        )
    if others or not names:
        raise DataError(f"there is no Parquet file in {place}; name a file, or a folder of Parquet files")
    return names


def _check_left_out(folder: Path) -> None:
    """Refuse a folder with Parquet files that would not be read.

    Raises
    ------
    DataError
        If a link leads nowhere, or a folder within holds some: those of a name that begins with a dot or an
        underscore are no part of a log.
    """
    for one in sorted(folder.rglob(f"*{_ENDING}")):
        within = one.relative_to(folder).parts
        if any(part.startswith((".", "_")) for part in within):
            continue
        if not one.exists():
            raise DataError(f"{one} is a link to a file that is not there; remove it, or bring the file back")
        if len(within) > 1 and one.is_file():
            raise DataError(
                f"{folder} holds Parquet files in folders of its own, such as {one}, which are not read with "
                f"the folder; name all of them by a pattern, '{folder}/**/*{_ENDING}'"
            )


def _head(place: str, file: str) -> tuple[pl.DataFrame, int]:
    """Return a file without its rows, and their number."""
    with _damage(file):
        if is_address(place):
            return _remote_head(place, file)
        scanned = pl.scan_parquet(file, glob=False)
        return scanned.head(0).collect(), int(scanned.select(pl.len()).collect().item())


def _remote_head(place: str, file: str) -> tuple[pl.DataFrame, int]:
    """Return the same of a file in object storage, of which only the end is fetched."""
    parquet: Any = require("pyarrow.parquet", "storage")
    with RemoteFolder(place).opened(file) as stream:
        content = parquet.ParquetFile(stream)
        empty = pl.from_arrow(content.schema_arrow.empty_table())
        assert isinstance(empty, pl.DataFrame)
        return empty, int(content.metadata.num_rows)


def _rows_of(place: str, part: Rows) -> pl.DataFrame:
    with _damage(part.file):
        if is_address(place):
            return pl.read_parquet(io.BytesIO(RemoteFolder(place).read(part.file)))
        return pl.scan_parquet(part.file, glob=False).slice(part.start, part.count).collect()


@contextmanager
def _damage(file: str) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = (str(error).splitlines() or ["unknown"])[0]
        raise DataError(f"{file} is not a whole Parquet file: {reason}") from error
