"""Tables of Excel workbooks (``.xlsx``, ``.xlsm``): the first sheet that holds one.

A workbook is a zip archive: its sizes are checked before anything is unpacked.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from tacit.core.errors import AmbiguousError, DataError
from tacit.reading import textfile
from tacit.reading.headers import is_header

if TYPE_CHECKING:
    import fastexcel

MOST_BYTES = 2 * 2**30
"""Most bytes that a workbook may hold unpacked."""

MOST_RATIO = 200
"""Most times that a workbook of more than `_SMALL` bytes may grow when it is unpacked."""

_SMALL = 16 * 2**20
_SIGN = b"PK\x03\x04"
_WORKBOOK = "xl/workbook.xml"
_FIRST_ROWS = 200


@dataclass(frozen=True)
class Sheet:
    """A table of a workbook.

    Attributes
    ----------
    table : polars.DataFrame
        Numbers, moments and texts.
    named : bool
        Whether the columns have names of their own.
    notes : tuple of str
        Which sheet was taken where several hold data.
    """

    table: pl.DataFrame
    named: bool
    notes: tuple[str, ...]


def is_excel(path: Path, sample: bytes) -> bool:
    """Return whether a file is a workbook."""
    if not sample.startswith(_SIGN):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return _WORKBOOK in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def read(path: Path) -> Sheet:
    """Return the first sheet that holds a table with a header, else the first that holds a table.

    Raises
    ------
    DataError
        If the workbook is damaged or too large, or holds no table.
    """
    _check(path)
    import fastexcel  # 15 MB, and only workbooks need it

    try:
        book = fastexcel.read_excel(path)
        starts = {name: _start(_sheet(book, name, rows=_FIRST_ROWS)) for name in _shown(book)}
        filled = [name for name, start in starts.items() if start is not None]
        if not filled:
            raise DataError(
                f"{path} holds no table: no sheet has a row of two filled cells and one beneath it"
            )
        tops = {name: _top(_sheet(book, name, rows=_FIRST_ROWS), starts[name] or 0) for name in filled}
        used = next((name for name in filled if tops[name][1]), filled[0])
        start, (first, named) = starts[used] or 0, tops[used]
        table = _sheet(book, used, skip=start + named, typed=True)
    except fastexcel.FastExcelError as error:
        raise DataError(f"{path} is not a whole Excel workbook: {str(error).splitlines()[0]}") from error
    others = ", ".join(name for name in filled if name != used)
    notes = (f"the sheet {used} was read; the workbook also holds {others}",) if others else ()
    return Sheet(_tidy(table, first if named else None), named, notes)


def _shown(book: "fastexcel.ExcelReader") -> list[str]:
    """Return the sheets that a reader of the workbook sees; all where every one is hidden."""
    shown = [name for name in book.sheet_names if book.load_sheet(name, n_rows=1).visible == "visible"]
    return shown or book.sheet_names


def _check(path: Path) -> None:
    """Refuse a workbook that is too large when it is unpacked, or that lies about its sizes."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > MOST_BYTES or (size > _SMALL and size > MOST_RATIO * path.stat().st_size):
                raise DataError(
                    f"{path} would unpack to {size:,} bytes, too many for a workbook; save its table as CSV"
                )
            broken = archive.testzip()
    except (*textfile.UNPACKING, zipfile.BadZipFile, ValueError, RuntimeError) as error:
        raise DataError(f"{path} is not a whole Excel workbook: {error}") from error
    if broken is not None:
        raise DataError(f"{path} is not a whole Excel workbook: {broken} is damaged")


def _sheet(
    book: Any, name: str, *, rows: int | None = None, skip: int = 0, typed: bool = False
) -> pl.DataFrame:
    sheet = book.load_sheet(
        name,
        header_row=None,
        skip_rows=skip,
        n_rows=rows,
        schema_sample_rows=None,
        dtypes=None if typed else "string",
    )
    frame: pl.DataFrame = sheet.to_polars()
    return frame


def _start(frame: pl.DataFrame) -> int | None:
    """Return the first row of the table: one as full as most of the first rows, with one beneath it."""
    counts = [sum(bool(_text(cell)) for cell in row) for row in frame.rows()]
    filled = sorted(count for count in counts if count)
    if len(filled) < 2:
        return None
    least = max(1, (filled[len(filled) // 2] + 1) // 2)
    return next(place for place, count in enumerate(counts) if count >= least)


def _top(frame: pl.DataFrame, start: int) -> tuple[list[str], bool]:
    """Return the first row of a table and whether it names the columns: that of a cover sheet does not."""
    first, *below = [[_text(cell) for cell in row] for row in frame.rows()[start:]]
    return first, _is_header(first, below)


def _is_header(first: list[str], below: list[list[str]]) -> bool:
    try:
        return is_header(first, below)
    except AmbiguousError:
        return True  # a sheet without a header is rare


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def _tidy(table: pl.DataFrame, header: list[str] | None) -> pl.DataFrame:
    """Return a table without empty rows and columns, whole numbers as such, under its own names."""
    columns: list[pl.Series] = []
    taken: set[str] = set()
    for place, column in enumerate(table.get_columns()):
        own = header[place] if header and place < len(header) else ""
        if column.null_count() == len(column):
            continue
        name = own or (f"column_{place + 1}" if header else str(place + 1))
        while name in taken:
            name += "_2"
        taken.add(name)
        columns.append(_whole(column).alias(name))
    frame = pl.DataFrame(columns)
    return frame.filter(pl.any_horizontal(pl.all().is_not_null())) if columns else frame


def _whole(column: pl.Series) -> pl.Series:
    """Return a column whose decimal numbers are all whole as whole numbers: a sheet knows no others."""
    if column.dtype == pl.String:
        return column.str.replace(r"^(-?\d+)\.0$", "$1")
    if not column.dtype.is_float():
        return column
    known = column.drop_nulls()
    exact = bool(((known == known.round(0)) & (known.abs() < 2**53)).all())
    return column.cast(pl.Int64) if exact else column
