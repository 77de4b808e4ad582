"""Files that hold no table that can be read, by their first bytes: each is named, with what to do."""

from pathlib import Path

from tacit.core.errors import DataError

_UNPACK = "unpack it and give the file inside"
_SAVE = "save its table as CSV or Parquet"
_KINDS: tuple[tuple[tuple[bytes, ...], str, str], ...] = (
    ((b"RDX", b"RDA", b"X\n\0\0\0", b"A\n2\n", b"A\n3\n"), "an R data file", "save it from R by write.csv"),
    ((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), "a Python pickle", _SAVE),
    ((b"\x93NUMPY",), "a NumPy array", _SAVE),
    ((b"SQLite format 3",), "a SQLite database", "export the table of events as CSV"),
    ((b"ARROW1", b"FEA1"), "an Arrow or Feather file", "save it as Parquet"),
    ((b"ORC",), "an ORC file", "save it as Parquet"),
    ((b"Obj\x01",), "an Avro file", "save it as Parquet"),
    ((b"\x89HDF",), "an HDF5 file", "save it as Parquet"),
    ((b"%PDF",), "a PDF document", "export the table behind it as CSV"),
    ((b"\xd0\xcf\x11\xe0",), "an old Excel or Office file", "save it as .xlsx or CSV"),
    ((b"PK\x03\x04", b"PK\x05\x06"), "a zip archive", _UNPACK),
    ((b"BZh",), "packed by bzip2", "unpack it, or pack it by gzip or zstd"),
    ((b"\xfd7zXZ",), "packed by xz", "unpack it, or pack it by gzip or zstd"),
    ((b"7z\xbc\xaf\x27\x1c",), "a 7-Zip archive", _UNPACK),
    ((b"Rar!",), "a RAR archive", _UNPACK),
)
_ARCHIVED = (
    ((".ods", ".ots"), "an OpenDocument spreadsheet", "save it as .xlsx or CSV"),
    ((".xlsb",), "a binary Excel workbook", "save it as .xlsx or CSV"),
    ((".npz",), "an archive of NumPy arrays", _SAVE),
    ((".docx", ".odt", ".pptx", ".odp"), "a document", "save the table in it as CSV"),
)
"""Kinds of zip archives by the ends of their names: unpacked, they hold nothing that can be read either."""

_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<rss", b"<feed", b"<xml")


def refuse(path: Path, sample: bytes) -> None:
    """Refuse a file whose first bytes show that it holds no table that can be read.

    Raises
    ------
    DataError
    """
    for starts, kind, advice in _KINDS:
        if sample.startswith(starts):
            if advice == _UNPACK:
                kind, advice = _archived(path) or (kind, advice)
            raise _refusal(path, kind, advice)
    if sample[257:262] == b"ustar":
        raise _refusal(path, "a tar archive", _UNPACK)
    text = sample[:200].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_MARKUP):
        raise _refusal(path, "an HTML or XML page", "export the table as CSV or JSON")


def _archived(path: Path) -> tuple[str, str] | None:
    """Return what a zip archive is by its name, and what to do; None where the name does not say it."""
    known = (entry for entry in _ARCHIVED if path.suffix.lower() in entry[0])
    return next(((kind, advice) for _, kind, advice in known), None)


def _refusal(path: Path, kind: str, advice: str) -> DataError:
    return DataError(f"{path} is not a text, JSON, Parquet or Excel file but {kind}; {advice}")
