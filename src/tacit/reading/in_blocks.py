"""Reading a log that memory does not hold: part by part, into buckets of users on disk.

1. Every part of the log becomes tables, which go to disk, and is surveyed (`tacit.reading.log_parts`).
2. The roles of the columns are decided by the joined survey.
3. Every table becomes events, which go to the bucket of their user (`tacit.data.buckets`).

The parts are the same for every executor, so what is read does not depend on it.

Times and values are decided by their whole columns. Where each block shows that its cells are read one by one
and all in one way (Unix seconds, ISO dates, plain numbers), the whole column is read so; where a block does
not, the whole column is read at once, as in a small log, which takes some 60 bytes a row.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path

import polars as pl

from tacit.core.errors import InputError
from tacit.core.executor import LOCAL, Executor
from tacit.core.progress import SILENT, Progress
from tacit.data import columns as col
from tacit.data.buckets import LogFacts, bucket_folders, write_part
from tacit.data.event_map import EventMap
from tacit.data.time_column import Times, unread_note
from tacit.reading.choices import TIMESTAMP, VALUE
from tacit.reading.numbers import read_numbers
from tacit.reading.parallel import in_order, threads_of
from tacit.reading.rows import (
    Rows,
    by_whole_columns,
    joined_column,
    read_moments,
    rows_to_events,
    with_unread,
)

_MOST_UNREAD = 1e-3
"""Share of cells that hold no time up to which no rule of `tacit.data.times` looks at the share."""


@dataclass(frozen=True)
class CellsRead:
    """How the cells of one column of one block were read.

    Attributes
    ----------
    alone : bool
        Whether each was read by itself.
    kinds : frozenset of str
        How they are written.
    known, unread : int
        Cells that hold a time or number, and those that hold something else.
    first : int
        Place of the first of the latter in the block.
    why : str
        What is wrong with it.
    notes : tuple of str
        Other notes.
    """

    alone: bool
    kinds: frozenset[str] = frozenset()
    known: int = 0
    unread: int = 0
    first: int = 0
    why: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BlockRead:
    """The events of a block.

    Attributes
    ----------
    events : polars.DataFrame
        See `tacit.data.columns`.
    rejected : polars.DataFrame
        ``line`` and ``reason`` of rows that are no events.
    rows : int
        Rows of the block.
    facts : LogFacts
    cells : mapping of column to CellsRead
        Of the columns of times and values.
    """

    events: pl.DataFrame
    rejected: pl.DataFrame
    rows: int
    facts: LogFacts
    cells: Mapping[str, CellsRead]


@dataclass(frozen=True)
class TablePart:
    """The tables of a part of a log, in files.

    Attributes
    ----------
    number : int
        Of the part.
    files : tuple of Path
        One a block.
    rows : int
    """

    number: int
    files: tuple[Path, ...]
    rows: int

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return map(pl.read_parquet, self.files)


def _columns(parts: Sequence[TablePart], names: Sequence[str]) -> list[pl.DataFrame]:
    """Return columns of all tables; one that a table lacks is not in its frame."""
    found = []
    for path in (path for part in parts for path in part.files):
        there = pl.read_parquet_schema(path)
        kept = [name for name in (*names, col.LINE) if name in there]
        found.append(pl.read_parquet(path, columns=list(dict.fromkeys(kept))))
    return found


def read_block(rows: Rows, event_map: EventMap, table: pl.DataFrame) -> BlockRead:
    """Return the events of a block, each of its columns read by its own cells."""
    cells: dict[str, CellsRead] = {}
    columns: list[pl.Series] = []
    if (name := rows.roles.get(TIMESTAMP)) is not None:
        found, cells[name] = _times(rows, joined_column([table], name, rows))
        columns.append(found.alias(name))
    if (name := rows.roles.get(VALUE)) is not None and not rows.impressions:
        numbers = read_numbers(joined_column([table], name, rows))
        cells[name] = CellsRead(numbers.alone)
        columns.append(numbers.values.alias(name))
    return _block(rows, event_map, table.with_columns(columns), cells)


def _block(rows: Rows, event_map: EventMap, table: pl.DataFrame, cells: Mapping[str, CellsRead]) -> BlockRead:
    events, rejected = rows_to_events(rows, table)
    facts = LogFacts.of(events, rows.value_kind, event_map)
    return BlockRead(events, rejected, len(table), facts, cells)


def _times(rows: Rows, column: pl.Series) -> tuple[pl.Series, CellsRead]:
    try:
        found = read_moments(rows, column)
    except InputError:  # the whole column may be read, or says what is wrong
        return pl.Series([None], dtype=pl.Float64).new_from_index(0, len(column)), CellsRead(False)
    return with_unread(found), _cells_of(found)


def _cells_of(found: Times) -> CellsRead:
    unread = len(found.unread)
    return CellsRead(
        found.alone,
        frozenset(found.kinds),
        len(found.seconds) - found.seconds.null_count(),
        unread,
        int(found.unread[0]) if unread else 0,
        found.why,
        found.notes[1:] if unread else found.notes,
    )


def joined_notes(blocks: Sequence[tuple[int, CellsRead]]) -> tuple[str, ...] | None:
    """Return the notes of a column that was read block by block; None where it must be read as a whole.

    Parameters
    ----------
    blocks : sequence of (int, CellsRead)
        Each with the number of rows before it.
    """
    cells = [one for _, one in blocks]
    unread, known = sum(one.unread for one in cells), sum(one.known for one in cells)
    kinds = frozenset().union(*(one.kinds for one in cells))
    if not all(one.alone for one in cells) or len(kinds) > 1 or unread > _MOST_UNREAD * (unread + known):
        return None
    notes = [note for one in cells for note in one.notes]
    if unread:
        start, first = next((start, one) for start, one in blocks if one.unread)
        notes.insert(0, unread_note(unread, start + first.first, first.why))
    return tuple(dict.fromkeys(notes))


@dataclass(frozen=True)
class EventsRead:
    """What was found out while the events of a log were written into buckets.

    Attributes
    ----------
    folders : tuple of Path
        The buckets.
    starts : tuple of int
        Events of the log before each part, and at the end their number.
    schema : mapping of column to type
        Of the events.
    rejected : polars.DataFrame
        ``line`` and ``reason`` of rows that are no events.
    facts : LogFacts
    notes : tuple of str
        What was decided of times and values.
    """

    folders: tuple[Path, ...]
    starts: tuple[int, ...]
    schema: dict[str, pl.DataType]
    rejected: pl.DataFrame
    facts: LogFacts
    notes: tuple[str, ...]


def write_events(
    tables: Sequence[TablePart],
    rows: Rows,
    event_map: EventMap,
    folder: Path,
    progress: Progress = SILENT,
    executor: Executor = LOCAL,
) -> EventsRead:
    """Write the events of tables into buckets.

    Parameters
    ----------
    tables : sequence of TablePart
        All of a log.
    rows : Rows
    event_map : EventMap
    folder : Path
        Where to make the folders of the buckets.
    progress : Progress
    executor : Executor
        Where the parts are read: workers of other processes see the folder and the tables.
    """
    expected = sum(part.rows for part in tables)
    workers = 1 if executor.in_process else executor.workers
    folders = bucket_folders(folder / "alone", expected, workers)
    sorting = _Sorting(rows, event_map, folders, threads_of(executor, len(tables)))
    parts = _sorted(sorting, tables, progress, executor)
    notes = {name: joined_notes(blocks) for name, blocks in _cells(parts).items()}
    if all(one is not None for one in notes.values()):
        said = tuple(f"{name}: {note}" for name, several in notes.items() for note in several or ())
        return _joined(parts, folders, said)
    for one in folders:
        shutil.rmtree(one)
    folders = bucket_folders(folder / "together", expected, workers)
    names = [name for name in (*notes, rows.clock, rows.zone.column if rows.zone else None) if name]
    columns, said = by_whole_columns(_columns(tables, names), rows)
    given = _write_columns(columns, tables, folder / "columns")
    parts = _sorted(replace(sorting, folders=folders, given=given), tables, progress, executor)
    shutil.rmtree(given)
    return _joined(parts, folders, said)


def _write_columns(columns: Mapping[str, pl.Series], tables: Sequence[TablePart], folder: Path) -> Path:
    """Write columns of the whole log into a file for each part."""
    folder.mkdir()
    start = 0
    for part in tables:
        some = pl.DataFrame(
            [values[start : start + part.rows].alias(name) for name, values in columns.items()]
        )
        some.write_parquet(folder / str(part.number), compression="lz4", statistics=False)
        start += part.rows
    return folder


@dataclass(frozen=True)
class _PartSorted:
    """What is known of a part whose events are in buckets; ``schema`` is that of the events."""

    rows: int
    events: int
    rejected: pl.DataFrame
    facts: LogFacts
    schema: dict[str, pl.DataType]
    cells: dict[str, list[tuple[int, CellsRead]]]


@dataclass(frozen=True)
class _Sorting:
    """How the events of a part are sorted into buckets.

    Attributes
    ----------
    rows : Rows
    event_map : EventMap
    folders : tuple of Path
        Of the buckets.
    threads : int or None
    given : Path or None
        Folder with the columns of times and values as numbers, where they are read as a whole.
    """

    rows: Rows
    event_map: EventMap
    folders: tuple[Path, ...]
    threads: int | None
    given: Path | None = None

    def part(self, part: TablePart) -> _PartSorted:
        """Write the events of a part, and return what is known of it."""
        if self.given is None:
            read, tables = partial(read_block, self.rows, self.event_map), iter(part)
        else:
            columns = pl.read_parquet(self.given / str(part.number))
            read, tables = partial(_given_block, self.rows, self.event_map), _completed(part, columns)
        blocks = list(in_order(read, tables, self.threads))
        events = pl.concat([block.events for block in blocks], how="diagonal", rechunk=False)
        write_part(self.folders, part.number, events)
        cells: dict[str, list[tuple[int, CellsRead]]] = {}
        start = 0
        for block in blocks:
            for name, found in block.cells.items():
                cells.setdefault(name, []).append((start, found))
            start += block.rows
        return _PartSorted(
            start,
            len(events),
            pl.concat([block.rejected for block in blocks]),
            LogFacts.joined([block.facts for block in blocks]),
            dict(events.schema),
            cells,
        )


def _sorted(
    sorting: _Sorting, tables: Sequence[TablePart], progress: Progress, executor: Executor
) -> list[_PartSorted]:
    with progress.task("sorting events by user", total=len(tables)) as task:
        parts = []
        for found in executor.map(_Sorting.part, tables, shared=sorting):
            parts.append(found)
            task.advance()
    return parts


def _cells(parts: Sequence[_PartSorted]) -> dict[str, list[tuple[int, CellsRead]]]:
    """Return how the cells of each column were read, with the number of rows before each block."""
    cells: dict[str, list[tuple[int, CellsRead]]] = {}
    start = 0
    for part in parts:
        for name, found in part.cells.items():
            cells.setdefault(name, []).extend((start + before, one) for before, one in found)
        start += part.rows
    return cells


def _joined(parts: Sequence[_PartSorted], folders: tuple[Path, ...], notes: tuple[str, ...]) -> EventsRead:
    schema: dict[str, pl.DataType] = {}
    for part in parts:
        schema |= {name: kind for name, kind in part.schema.items() if name not in schema}
    return EventsRead(
        folders,
        tuple(accumulate((part.events for part in parts), initial=0)),
        schema,
        pl.concat([part.rejected for part in parts]),
        LogFacts.joined([part.facts for part in parts]),
        notes,
    )


def _completed(part: TablePart, columns: pl.DataFrame) -> Iterator[pl.DataFrame]:
    start = 0
    for table in part:
        yield table.with_columns(columns[start : start + len(table)].get_columns())
        start += len(table)


def _given_block(rows: Rows, event_map: EventMap, table: pl.DataFrame) -> BlockRead:
    """Return the events of a block whose times and values are numbers."""
    return _block(rows, event_map, table, {})
