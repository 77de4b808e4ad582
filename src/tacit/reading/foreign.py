"""Files that hold no table that can be read, by their first bytes: each is named, with what to do."""

import re
from pathlib import Path

from tacit.core.errors import DataError

_PACKED_R = {".rda", ".rdata", ".rds"}
"""Ends of the names of R data files: packed by bzip2 or xz, their first bytes do not say what they are."""

_UNPACK = "unpack it and give the file inside"
_SAVE = "save its table as CSV or Parquet"
_R_DATA = ("an R data file", "save its table from R with write.csv")
_KINDS: tuple[tuple[tuple[bytes, ...], str, str], ...] = (
    ((b"RDX", b"RDA", b"X\n\0\0\0", b"A\n2\n", b"A\n3\n"), *_R_DATA),
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
    ((b"\x89PNG", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"), "an image", "give the table that it shows as CSV"),
)
_ARCHIVED = (
    ((".ods", ".ots"), "an OpenDocument spreadsheet", "save it as .xlsx or CSV"),
    ((".xlsb",), "a binary Excel workbook", "save it as .xlsx or CSV"),
    ((".npz",), "an archive of NumPy arrays", _SAVE),
    ((".docx", ".odt", ".pptx", ".odp"), "a document", "save the table in it as CSV"),
)
"""Kinds of zip archives by the ends of their names: unpacked, they hold nothing that can be read either."""

_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<rss", b"<feed", b"<xml")

_SQL = re.compile(
    rb"\s*(?:--[^\n]*\n\s*|/\*.*?\*/;?\s*)*(?:insert\s+into|create\s+table|drop\s+table|copy\s+\S+\s*\(|"
    rb"begin(?: transaction)?;|pragma\s|lock\s+tables|set\s+\w+\s*=)\s*",
    re.IGNORECASE | re.DOTALL,
)
"""How a dump of a database begins, after its remarks."""

_TEXT_PICKLE = re.compile(
    rb"\((?:[lditp]p?\d*\n|[VSIFL][^\n]*\n(?:p\d+\n|[VSIFLt]))"  # a list, a dictionary, a tuple as text
    rb"|[VSF][^\n]*\np\d+\n\."  # a lone string
    rb"|c[A-Za-z_][\w.]*\n[A-Za-z_]\w*\n(?:p\d+\n|q.|\()"  # a class by its name
    rb"|[\])}]q\x00[(.\x00-\xff]|\(?X.\x00\x00\x00",  # protocol 1
    re.DOTALL,
)
"""How pickles of the protocols 0 and 1 begin, which have no mark of their own."""

_ABOUT = re.compile(r"(?:readme|licen[cs]e|copying|changelog|changes|authors|notice)(?:[._-].*)?", re.I)
_TABLES = {".csv", ".tsv", ".tab", ".parquet", ".json", ".jsonl", ".ndjson", ".xlsx", ".dat", ".data"}
_SENTENCE = re.compile(r"[^\W\d_]{2,}[)\"'”’]?(?:[.!?](?:\s|$)|[。！？])")
_LEAST_LINES = 5
_SIGNS = re.compile(r"[\t;|]|::|,(?![\s\d])")


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
            elif starts in ((b"BZh",), (b"\xfd7zXZ",)) and _PACKED_R & {end.lower() for end in path.suffixes}:
                kind, advice = _R_DATA
            raise _refusal(path, kind, advice)
    if _TEXT_PICKLE.match(sample):
        raise _refusal(path, "a Python pickle", _SAVE)
    if sample[257:262] == b"ustar":
        raise _refusal(path, "a tar archive", _UNPACK)
    text = sample[:200].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_MARKUP):
        raise _refusal(path, "an HTML or XML page", "export the table as CSV or JSON")
    if _SQL.match(sample):
        raise _refusal(path, "a dump of a database (SQL)", "export the table of events as CSV")
    if sample.startswith(b"PAR1"):
        return
    if _is_binary(sample):
        raise _refusal(path, "binary", _SAVE)
    if _is_about(path) or _is_prose(sample) or _is_letter(sample):
        raise DataError(f"{path} is not a table but a text to read, like a README; give the file of the data")


def _is_about(path: Path) -> bool:
    """Return whether a file is named for a text about others and not for a table."""
    return _ABOUT.fullmatch(path.name) is not None and not _TABLES & {end.lower() for end in path.suffixes}


def _is_prose(sample: bytes) -> bool:
    """Return whether a text is sentences over lines: hardly any line has the signs that separate cells.

    A table whose cells hold reviews over several lines is told by its first line, which names the columns.
    """
    lines = [line for line in sample.decode("utf-8", "replace").splitlines() if line.strip()]
    if len(lines) < _LEAST_LINES or _SIGNS.search(lines[0]) or lines[0].lstrip()[0] in "[{":
        return False
    divided = sum(_SIGNS.search(line) is not None for line in lines)
    sentences = sum(_SENTENCE.search(line) is not None for line in lines)
    words = sum(len(line.split()) for line in lines)
    return divided < 0.25 * len(lines) and sentences > 0.2 * len(lines) and words > 3 * len(lines)


def _is_letter(sample: bytes) -> bool:
    """Return whether a text is a few sentences without any number, and its first line names no columns."""
    lines = [line.strip() for line in sample.decode("utf-8", "replace").splitlines() if line.strip()]
    if not 1 < len(lines) < _LEAST_LINES or _SIGNS.search(lines[0].rstrip(",;: ")):
        return False
    text = " ".join(lines)
    words = len(text.split())
    return words > 3 * len(lines) and not re.search(r'[\d"{}\t]', text) and _SENTENCE.search(text) is not None


def _is_binary(sample: bytes) -> bool:
    """Return whether bytes are no text: many control characters, and neither UTF-16 nor UTF-32."""
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")) or sample.count(0) > 0.1 * len(sample):
        return False
    return sum(map(sample.count, _CONTROLS)) > 0.03 * len(sample)


_CONTROLS = tuple(range(2, 8)) + tuple(range(14, 27))
"""Control characters that no text has; 1 and 28 to 31 separate cells."""


def _archived(path: Path) -> tuple[str, str] | None:
    """Return what a zip archive is by its name, and what to do; None where the name does not say it."""
    known = (entry for entry in _ARCHIVED if path.suffix.lower() in entry[0])
    return next(((kind, advice) for _, kind, advice in known), None)


def _refusal(path: Path, kind: str, advice: str) -> DataError:
    return DataError(f"{path} is not a text, JSON, Parquet or Excel file but {kind}; {advice}")
