"""Reading event logs, catalogues and user files of many dialects into the columns of `tacit.data.columns`.

Nothing is dropped silently: a row that cannot be used is in `Source.rejected` with its line, its reason and
its text, and ``rows_in == len(frame) + len(rejected)`` always holds. In a format whose rows hold several
events (browse records, impressions, lists of items) each event counts as a row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from tacit.core.errors import DataError
from tacit.core.progress import SILENT, Progress
from tacit.data import columns as col
from tacit.data.source import ColumnUse, Source
from tacit.reading import delimited, jsonlines, parquetfile, textfile
from tacit.reading.choices import NO_CHOICES, Reading
from tacit.reading.delimited import REJECTED
from tacit.reading.dialects import RECBOLE, dialect_of
from tacit.reading.rows import Rows, finished
from tacit.reading.table_ids import looks_like_catalogue
from tacit.reading.tables import CatalogueTable, UserTable, catalogue_table, read_table, user_table
from tacit.reading.typed import json_rows, numbered, plain

SAMPLE_ROWS = 20_000
FRAME = Path("the event frame")
"""Stands for the path of a frame in messages; the type of its events is not read from this name."""
_FOREIGN = (
    b"RDX", b"ORC", b"ARROW1", b"Obj\x01", b"SQLite format 3", b"\xfd7zXZ", b"BZh", b"PK\x03\x04", b"%PDF"
)  # fmt: skip


def read_events(path: Path, *, reading: Reading = NO_CHOICES, progress: Progress = SILENT) -> Source:
    """Read an event log.

    Parameters
    ----------
    path : Path
        CSV, TSV or any single or doubled separator, with or without a header, JSON lines or Parquet;
        plain, gzip or zstd; UTF-8, UTF-16, GB18030 or latin-1.
    reading : Reading
        Choices in place of what is detected.
    progress : Progress

    Raises
    ------
    DataError
        If the file holds no readable event, or the roles of its columns are not clear.
    """
    sample = _sample_of(path)
    if parquetfile.is_parquet(sample):
        raw = partial(parquetfile.raw_rows, path)
        return _read_table(parquetfile.read(path), path, "Parquet", reading, raw=raw)
    encoding = textfile.encoding_of(sample)
    parser = _parser(path, encoding, reading)
    parts, size = [], max(path.stat().st_size, 1)
    with progress.task(f"reading {path.name}", total=None if _is_packed(path) else size) as task:
        for block in textfile.blocks(path, encoding):
            parts.append(parser.parse(block))
            task.advance(block.size)
    return _source(path, parts, parser, encoding, partial(_raw_lines, path, encoding))


def read_frame(table: pl.DataFrame, *, reading: Reading = NO_CHOICES) -> Source:
    """Read an event log from a frame, by the rules for a Parquet file with the same columns.

    Parameters
    ----------
    table : polars.DataFrame
    reading : Reading

    Raises
    ------
    DataError
        If the frame holds no readable event, or the roles of its columns are not clear.
    """
    rows = numbered(plain(table))
    return _read_table(rows, FRAME, "frame", reading, raw=partial(json_rows, rows))


def read_items(
    path: Path, *, reading: Reading = NO_CHOICES, log_ids: pl.Series | None = None
) -> pl.DataFrame:
    """Read a catalogue: ``item_id`` (unique, text) and every other column that is there.

    ``title``, ``description``, ``available`` and ``created_at`` are recognised by their names and their
    content; of several rows of one item the first is kept. `read_catalogue` says what was taken for what.

    Raises
    ------
    DataError
        If the file cannot be read as a table with item ids.
    """
    return read_catalogue(path, reading=reading, log_ids=log_ids).frame


def read_catalogue(
    path: Path, *, reading: Reading = NO_CHOICES, log_ids: pl.Series | None = None
) -> CatalogueTable:
    """Read a catalogue with what each of its columns was taken for.

    Parameters
    ----------
    path : Path
    reading : Reading
    log_ids : polars.Series of str, optional
        An item id an event of the log, if it is known: the strongest evidence on which column holds the ids.

    Raises
    ------
    DataError
        If the file cannot be read as a table with item ids.
    """
    return catalogue_table(read_table(path), reading, where=str(path), log_ids=log_ids)


def read_users(
    path: Path, *, reading: Reading = NO_CHOICES, log_ids: pl.Series | None = None
) -> pl.DataFrame:
    """Read a file of users: ``user_id`` (unique, text) and every other column.

    Raises
    ------
    DataError
        If the file cannot be read as a table with user ids.
    """
    return read_user_table(path, reading=reading, log_ids=log_ids).frame


def read_user_table(
    path: Path, *, reading: Reading = NO_CHOICES, log_ids: pl.Series | None = None
) -> UserTable:
    """Read a file of users with what is to be said of it; parameters as for `read_catalogue`.

    Raises
    ------
    DataError
        If the file cannot be read as a table with user ids.
    """
    return user_table(read_table(path), reading, where=str(path), log_ids=log_ids)


def _sample_of(path: Path) -> bytes:
    if path.is_dir():
        raise DataError(f"{path} is a folder; name a file")
    sample = textfile.head(path)
    if not sample.strip():
        raise DataError(f"{path} is empty: there is no event in it")
    if sample.startswith(_FOREIGN):
        raise DataError(f"{path} is not a text, JSON lines or Parquet file; export it as one of these")
    return sample


def _is_packed(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4).startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd"))


@dataclass
class _Parser:
    """Turns blocks of lines into events, the same way for all blocks of a file."""

    table: Callable[[textfile.Block], tuple[pl.DataFrame, pl.DataFrame]]
    rows: Rows
    separator: str | None
    kind: str | None = None

    def parse(self, block: textfile.Block) -> tuple[pl.DataFrame, pl.DataFrame]:
        frame, bad = self.table(block)
        events, more = finished(frame, self.rows)
        raw = pl.Series("raw", block.lines, dtype=pl.String).gather(more[col.LINE] - block.first)
        return events, pl.concat([bad, more.with_columns(raw)])


def _parser(path: Path, encoding: str, reading: Reading) -> _Parser:
    block = _sample_block(path, encoding)
    filled = [place for place, line in enumerate(block.lines) if line.strip()]
    if not filled:
        raise DataError(f"{path} is empty: there is no event in it")
    lines = [block.lines[place] for place in filled]
    if _is_json(path, lines):
        frame, _ = jsonlines.parse(block.lines, 1)
        if not len(frame):
            raise DataError(f"{path} holds no JSON record of an event")
        rows = _rows(path, frame, True, reading)
        return _Parser(lambda b: jsonlines.parse(b.lines, b.first), rows, None, "JSON lines")
    layout = delimited.layout_of(lines, filled[0] + 1)
    frame, _ = delimited.parse(block, layout)
    if not len(frame):
        raise DataError(
            f"{path} has a header and no row beneath it"
            if layout.header and len(lines) == 1
            else f"{path} holds no row that can be read"
        )
    rows = _rows(path, frame, layout.header is not None, reading)
    kind = RECBOLE if layout.header and ":token" in layout.header else None
    return _Parser(lambda b: delimited.parse(b, layout), rows, layout.separator, kind)


def _rows(path: Path, sample: pl.DataFrame, named: bool, reading: Reading) -> Rows:
    """Return how the rows of a log become events; a catalogue is refused."""
    reason = None if reading.columns else looks_like_catalogue(sample.drop(col.LINE))
    if reason is not None:
        raise DataError(
            f"{path} looks like a catalogue: {reason}; give a log of events, or name its columns with "
            "--map COLUMN=user and --map COLUMN=item"
        )
    return Rows.of(path, sample, named, reading)


def _is_json(path: Path, lines: list[str]) -> bool:
    first = lines[0].lstrip()
    if first == "[" or first.startswith("[{"):
        raise DataError(f"{path} is one JSON array; write one object a line instead (JSON lines)")
    return sum(line.lstrip().startswith("{") for line in lines[:100]) > 0.5 * len(lines[:100])


def _sample_block(path: Path, encoding: str) -> textfile.Block:
    """Return the first lines of a file as one block, the same whatever the size of a block."""
    lines: list[str] = []
    damaged: frozenset[int] = frozenset()
    for block in textfile.blocks(path, encoding):
        lines += block.lines
        damaged |= block.damaged
        if len(lines) >= SAMPLE_ROWS:
            break
    return textfile.Block(1, lines[:SAMPLE_ROWS], damaged, 0)


def _source(
    path: Path,
    parts: list[tuple[pl.DataFrame, pl.DataFrame]],
    parser: _Parser,
    encoding: str,
    raw: Callable[[pl.Series], pl.Series],
) -> Source:
    frame = pl.concat([events for events, _ in parts], how="diagonal", rechunk=False)
    rejected = pl.concat([bad for _, bad in parts])
    if not len(frame):
        reason = rejected["reason"][0] if len(rejected) else "no row"
        raise DataError(f"{path} holds no event that can be read (first row: {reason})")
    rows_in = len(frame) + len(rejected)
    taken = {column: role for role, column in parser.rows.roles.items()}
    columns = tuple(
        ColumnUse(name, taken.get(name), "name" if name in taken else None) for name in parser.rows.columns
    )
    dialect = dialect_of(parser.rows, parser.separator, parser.kind)
    return Source(
        frame, rejected, rows_in, parser.rows.roles, dialect, encoding, parser.separator, path, raw, columns
    )


def _read_table(
    table: pl.DataFrame,
    path: Path,
    kind: str,
    reading: Reading,
    *,
    raw: Callable[[pl.Series], pl.Series],
) -> Source:
    """Read numbered rows of typed columns."""
    if not len(table):
        raise DataError(f"{path} is empty: there is no event in it")
    rows = _rows(path, table.head(SAMPLE_ROWS), True, reading)
    frame, rejected = finished(table, rows)
    if len(rejected):
        rejected = rejected.with_columns(raw=json_rows(table, rejected[col.LINE]))
    else:
        rejected = pl.DataFrame(schema=REJECTED)
    return _source(path, [(frame, rejected)], _Parser(_no_blocks, rows, None, kind), "binary", raw)


def _no_blocks(_: textfile.Block) -> tuple[pl.DataFrame, pl.DataFrame]:
    return pl.DataFrame(), pl.DataFrame(schema=REJECTED)


def _raw_lines(path: Path, encoding: str, lines: pl.Series) -> pl.Series:
    """Return the text of lines of a file by their numbers."""
    wanted = lines.unique().sort()
    numbers, texts = [], []
    for block in textfile.blocks(path, encoding):
        last = block.first + len(block.lines)
        for number in wanted.filter(wanted.is_between(block.first, last, closed="left")):
            numbers.append(number)
            texts.append(block.lines[number - block.first])
    known = pl.DataFrame(
        {col.LINE: pl.Series(numbers, dtype=pl.Int64), "raw": pl.Series(texts, dtype=pl.String)}
    )
    return (
        lines.cast(pl.Int64)
        .alias(col.LINE)
        .to_frame()
        .join(known, on=col.LINE, how="left", maintain_order="left")["raw"]
    )
