"""Reading event logs, catalogues and user files of many dialects into the columns of `tacit.data.columns`.

Nothing is dropped silently: a row that cannot be used is in `Source.rejected` with its line, its reason and
its text, and ``rows_in == len(frame) + len(rejected)`` always holds. In a format whose rows hold several
events (browse records, impressions, lists of items) each event counts as a row.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl

from tacit.core.errors import DataError
from tacit.core.executor import LOCAL, Executor
from tacit.core.progress import SILENT, Progress
from tacit.data import columns as col
from tacit.data.buckets import LogInBuckets, check_room
from tacit.data.event_map import NO_EVENT_MAP, EventMap
from tacit.data.source import Source
from tacit.reading import delimited, excel, foreign, parquetfile, textfile
from tacit.reading.choices import NO_CHOICES, Reading
from tacit.reading.column_content import Totals
from tacit.reading.delimited import REJECTED
from tacit.reading.dialects import dialect_of
from tacit.reading.in_blocks import write_events
from tacit.reading.log_parts import LogParts, write_tables
from tacit.reading.parquet_log import ParquetLog, parquet_log
from tacit.reading.rows import Rows, events_of
from tacit.reading.shapes import is_numbered_list, is_table_of_things
from tacit.reading.table_ids import looks_like_catalogue
from tacit.reading.tables import CatalogueTable, UserTable, catalogue_table, read_table, user_table
from tacit.reading.text_log import SAMPLE_ROWS, Form, TextLog, typed_form
from tacit.reading.typed import json_rows, numbered, plain

FRAME = Path("the event frame")
"""Stands for the path of a frame in messages; the type of its events is not read from this name."""


Place = str | Path | ParquetLog
"""A log by its name, or several files that are opened already."""


def opened(place: Place) -> Path | ParquetLog:
    """Return the path of a log that is one file, or the log of several Parquet files with their heads read.

    That is a request for each file in object storage: a log that is opened already is returned as it is.

    Raises
    ------
    DataError
        See `tacit.reading.parquet_log.parquet_log`.
    """
    return place if isinstance(place, ParquetLog) else parquet_log(place) or Path(place)


def read_events(place: Place, *, reading: Reading = NO_CHOICES, progress: Progress = SILENT) -> Source:
    """Read an event log.

    Parameters
    ----------
    place : str, Path or ParquetLog
        CSV, TSV or any single or doubled separator, with or without a header, JSON, Parquet or Excel;
        plain, gzip or zstd; in any encoding of `tacit.reading.encodings`. Or several Parquet files: see
        `tacit.reading.parquet_log`.
    reading : Reading
        Choices in place of what is detected.
    progress : Progress

    Raises
    ------
    DataError
        If the file holds no readable event, or the roles of its columns are not clear.
    """
    place = opened(place)
    if isinstance(place, ParquetLog):
        raw = partial(place.raw_of, place.parts(), LOCAL)
        source = _read_table(place.frame(place.parts()), place.path, "Parquet", reading, raw=raw)
        return _of_files(source, place, reading)
    path, sample = place, _sample_of(place)
    if parquetfile.is_parquet(sample):
        raw = partial(parquetfile.raw_rows, path)
        return _read_table(parquetfile.read(path), path, "Parquet", reading, raw=raw)
    if excel.is_excel(path, sample):
        return _read_workbook(path, reading)
    log = TextLog.of(path, reading)
    try:
        parts, rejected = _tables(log, progress)
    except delimited.SecondHeaderError as error:
        raise DataError(f"{path}: {error}") from error
    rows = _rows(path, _together(parts), log.form.named, reading)
    return _source(path, parts, rejected, rows, log.form, log.encoding, log.raw)


LARGE = 2**29
"""Bytes of text from which a log is read in blocks and cleaned on disk: some 10 million events."""

_PACKED, _A_BYTE, _A_ROW = 6, 1.5, 60
"""Bytes of text a byte of a packed file, bytes on disk a byte of text and a row: rather too many."""


LARGE_ROWS = 12_000_000
"""Rows of several Parquet files from which they are read so."""


def is_large(place: Place) -> bool:
    """Return whether a log is of text, or in several Parquet files, and memory should not hold all of it."""
    path = opened(place)
    if isinstance(path, ParquetLog):
        return sum(path.rows) >= LARGE_ROWS
    size = _size_of_text(path)
    if size < LARGE:
        return False
    sample = _sample_of(path)
    return not (parquetfile.is_parquet(sample) or excel.is_excel(path, sample))


def _size_of_text(path: Path) -> int:
    if not path.is_file():
        return 0
    return path.stat().st_size * (_PACKED if _is_packed(path) else 1)


def read_large(
    place: Place,
    folder: Path,
    *,
    reading: Reading = NO_CHOICES,
    event_map: EventMap = NO_EVENT_MAP,
    progress: Progress = SILENT,
    executor: Executor = LOCAL,
) -> LogInBuckets:
    """Read a large event log, of text or in several Parquet files, into buckets of users on disk.

    The columns are read as by `read_events`, judged by a survey of the log in place of all of its rows.

    Parameters
    ----------
    place : str, Path or ParquetLog
        As for `read_events`.
    folder : Path
        An empty folder, or one to make, with room for the text of the log half as much again.
    reading : Reading
    event_map : EventMap
        What the user says that event types mean.
    progress : Progress
    executor : Executor
        Where the parts of the file are read: workers of other processes see it and the folder.

    Raises
    ------
    DataError
        As `read_events`; or if there is too little room in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = _log_in_parts(place, folder, reading)
    path, parts = log.path, log.parts(executor)
    try:
        found = write_tables(log, parts, folder / "tables", progress, executor)
    except delimited.SecondHeaderError as error:
        raise DataError(f"{path}: {error}") from error
    _check_any(path, log.form, found.survey.rows, found.rejected)
    rows = _rows(path, found.survey.table(), log.form.named, reading, found.survey.totals())
    events = write_events(found.tables, rows, event_map, folder / "events", progress, executor)
    shutil.rmtree(folder / "tables")
    raw = partial(log.raw_of, parts, executor)
    rejected = _all_rejected(found.rejected, events.rejected, raw)
    if not events.starts[-1]:
        raise DataError(f"{path} holds no event that can be read (first row: {rejected['reason'][0]})")
    empty = pl.DataFrame(schema=events.schema)
    source = _source_of(path, empty, rejected, rows, log.form, log.encoding, raw, events.notes)
    source = replace(source, rows_in=events.starts[-1] + len(rejected))
    if isinstance(log, ParquetLog):
        source = _of_files(source, log, reading)
    return LogInBuckets(source, events.folders, events.starts, events.facts)


def _of_files(source: Source, log: ParquetLog, reading: Reading) -> Source:
    """Return what was read of several files with what is to be known and said of them."""
    log.check_numbers(source.mapping)
    notes = log.notes(source.mapping, reading.ids)
    return replace(source, file_rows=log.file_rows, notes=(*source.notes, *notes))


def _log_in_parts(place: Place, folder: Path, reading: Reading) -> LogParts:
    """Return a log whose parts can be read alone; refuse one for which the folder has too little room."""
    path = opened(place)
    if isinstance(path, ParquetLog):
        check_room(folder, _A_ROW * sum(path.rows), path.place)
        return path
    _sample_of(path)
    check_room(folder, round(_A_BYTE * _size_of_text(path)), str(path))
    return TextLog.of(path, reading)


def _read_workbook(path: Path, reading: Reading) -> Source:
    sheet = excel.read(path)
    rows = numbered(plain(sheet.table))
    raw = partial(json_rows, rows)
    source = _read_table(rows, path, "Excel", reading, raw=raw, named=sheet.named)
    return replace(source, notes=(*sheet.notes, *source.notes))


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
    table = read_table(path, reading)
    found = catalogue_table(table.frame, reading, where=str(path), log_ids=log_ids)
    return replace(found, columns=replace(found.columns, notes=(*table.notes, *found.columns.notes)))


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
    table = read_table(path, reading)
    found = user_table(table.frame, reading, where=str(path), log_ids=log_ids)
    return replace(found, notes=(*table.notes, *found.notes))


def _sample_of(path: Path) -> bytes:
    if path.is_dir():
        raise DataError(f"{path} is a folder; name a file")
    sample = textfile.head(path)
    if not sample.strip():
        raise DataError(f"{path} is empty: there is no event in it")
    if not excel.is_excel(path, sample):
        foreign.refuse(path, sample)
    return sample


def _is_packed(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4).startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd"))


def _tables(log: TextLog, progress: Progress) -> tuple[list[pl.DataFrame], pl.DataFrame]:
    """Return all rows of a file as text, block by block, and the rejected records."""
    parts, rejected = [], []
    size = max(log.path.stat().st_size, 1)
    with progress.task(f"reading {log.path.name}", total=None if _is_packed(log.path) else size) as task:
        for rows, bad, done in log.tables(None):
            parts.append(rows)
            rejected.append(bad)
            task.advance(done)
    aside = pl.concat(rejected)
    _check_any(log.path, log.form, sum(map(len, parts)), aside)
    return parts, aside


def _check_any(path: Path, form: Form, rows: int, rejected: pl.DataFrame) -> None:
    if rows:
        return
    kind = "JSON record of an event" if form.kind in ("JSON", "JSON lines") else "row that can be read"
    reason = f" (first row: {rejected['reason'][0]})" if len(rejected) else ""
    raise DataError(f"{path} holds no {kind}{reason}")


def _together(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Return the parts of a table as one, without a copy where all have the same columns."""
    return pl.concat(parts, how="diagonal", rechunk=False)


def _rows(
    path: Path,
    table: pl.DataFrame,
    named: bool,
    reading: Reading,
    totals: Mapping[str, Totals] | None = None,
) -> Rows:
    """Return how the rows of a log become events; a catalogue and a list of names are refused."""
    first = table if totals is None else table.head(SAMPLE_ROWS)
    reason = None if reading.columns else looks_like_catalogue(table.head(SAMPLE_ROWS).drop(col.LINE))
    if reason is not None:
        raise DataError(
            f"{path} looks like a catalogue: {reason}; give a log of events, or name its columns with "
            "--map COLUMN=user and --map COLUMN=item"
        )
    if not named and not reading.columns and is_numbered_list(first.drop(col.LINE)):
        raise DataError(
            f"{path} is a list of numbered names, not a log of events: each row is another number and "
            "another name; give a log, or name its columns with --map 1=user and --map 2=item"
        )
    if not named and not reading.columns and is_table_of_things(table.head(SAMPLE_ROWS).drop(col.LINE)):
        raise DataError(
            f"{path} is a table of items or users, not a log of events: each row is another id in the first "
            "column and describes it; give a log, or name its columns with --map COLUMN=user and --map "
            "COLUMN=item"
        )
    return Rows.of(path, table, named, reading, totals)


def _source(
    path: Path,
    parts: list[pl.DataFrame],
    rejected: pl.DataFrame,
    rows: Rows,
    form: Form,
    encoding: str,
    raw: Callable[[pl.Series], pl.Series],
) -> Source:
    """Return the events of the parts of a table of numbered rows; the list is emptied."""
    frame, more, notes = events_of(parts, rows)
    rejected = _all_rejected(rejected, more, raw)
    if not len(frame):
        raise DataError(f"{path} holds no event that can be read (first row: {rejected['reason'][0]})")
    return _source_of(path, frame, rejected, rows, form, encoding, raw, notes)


def _all_rejected(
    records: pl.DataFrame, rows: pl.DataFrame, raw: Callable[[pl.Series], pl.Series]
) -> pl.DataFrame:
    """Return rejected records and rejected rows, with their texts, by line."""
    if not len(rows):
        return records
    rejected = pl.concat([records, rows.with_columns(raw(rows[col.LINE]).alias("raw"))])
    return rejected.sort(col.LINE, maintain_order=True)


def _source_of(
    path: Path,
    frame: pl.DataFrame,
    rejected: pl.DataFrame,
    rows: Rows,
    form: Form,
    encoding: str,
    raw: Callable[[pl.Series], pl.Series],
    notes: tuple[str, ...],
) -> Source:
    return Source(
        frame,
        rejected,
        len(frame) + len(rejected),
        rows.roles,
        dialect_of(rows, form.separator, form.kind),
        encoding,
        form.separator,
        path,
        raw,
        rows.uses,
        (*form.notes, *rows.notes, *notes),
        rows.value_kind,
    )


def _read_table(
    table: pl.DataFrame,
    path: Path,
    kind: str,
    reading: Reading,
    *,
    raw: Callable[[pl.Series], pl.Series],
    named: bool = True,
) -> Source:
    """Read numbered rows of typed columns."""
    if not len(table):
        raise DataError(f"{path} is empty: there is no event in it")
    rows = _rows(path, table, named, reading)
    form = typed_form(kind, named=named)
    return _source(path, [table], pl.DataFrame(schema=REJECTED), rows, form, "binary", raw)
