"""Reading a log that memory does not hold: block by block, into buckets of users on disk.

1. Every block of the file becomes a table of texts, which goes to disk, and is surveyed
   (`tacit.reading.survey`).
2. The roles of the columns are decided by the survey.
3. Every table becomes events, which go to the bucket of their user (`tacit.data.buckets`).

Times and values are decided by their whole columns. Where each block shows that its cells are read one by one
and all in one way (Unix seconds, ISO dates, plain numbers), the whole column is read so; where a block does
not, the whole column is read at once, as in a small log, which takes some 60 bytes a row.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import polars as pl

from tacit.core.errors import InputError
from tacit.core.progress import SILENT, Progress, Task
from tacit.data import columns as col
from tacit.data.buckets import BucketWriter, LogFacts
from tacit.data.event_map import EventMap
from tacit.data.time_column import Times, unread_note
from tacit.reading.choices import TIMESTAMP, VALUE
from tacit.reading.numbers import read_numbers
from tacit.reading.parallel import in_order
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


class TablesOnDisk:
    """Tables that were written into a folder, one a file.

    Parameters
    ----------
    folder : Path
        An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._files: list[Path] = []

    def add(self, table: pl.DataFrame) -> None:
        """Write a table."""
        path = self._folder / f"{len(self._files):06d}"
        table.write_parquet(path, compression="lz4", statistics=False)
        self._files.append(path)

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return map(pl.read_parquet, self._files)

    def remove(self) -> None:
        """Remove the files."""
        for path in self._files:
            path.unlink()

    def columns(self, names: Sequence[str]) -> list[pl.DataFrame]:
        """Return columns of all tables; one that a table lacks is not in its frame."""
        found = []
        for path in self._files:
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
    rejected : polars.DataFrame
        ``line`` and ``reason`` of rows that are no events.
    facts : LogFacts
    notes : tuple of str
        What was decided of times and values.
    """

    rejected: pl.DataFrame
    facts: LogFacts
    notes: tuple[str, ...]


def write_events(
    tables: TablesOnDisk,
    rows: Rows,
    event_map: EventMap,
    folder: Path,
    expected: int,
    progress: Progress = SILENT,
) -> tuple[BucketWriter, EventsRead]:
    """Write the events of tables into buckets.

    Parameters
    ----------
    tables : TablesOnDisk
    rows : Rows
    event_map : EventMap
    folder : Path
        Where to make the folders of the buckets.
    expected : int
        Rows of all tables.
    progress : Progress
    """
    with progress.task("sorting events by user", total=len(tables)) as task:
        blocks = in_order(partial(read_block, rows, event_map), tables)
        written, found, cells = _written(blocks, BucketWriter(folder / "alone", expected), task)
    notes = {name: joined_notes(blocks) for name, blocks in cells.items()}
    if all(one is not None for one in notes.values()):
        said = tuple(f"{name}: {note}" for name, several in notes.items() for note in several or ())
        return written, replace(found, notes=said)
    written.remove()
    names = [name for name in (*cells, rows.clock, rows.zone.column if rows.zone else None) if name]
    columns, said = by_whole_columns(tables.columns(names), rows)
    with progress.task("sorting events by user", total=len(tables)) as task:
        blocks = in_order(partial(_given_block, rows, event_map), _completed(tables, columns))
        written, found, _ = _written(blocks, BucketWriter(folder / "together", expected), task)
    return written, replace(found, notes=said)


def _completed(tables: TablesOnDisk, columns: Mapping[str, pl.Series]) -> Iterator[pl.DataFrame]:
    start = 0
    for table in tables:
        end = start + len(table)
        yield table.with_columns(values[start:end].alias(name) for name, values in columns.items())
        start = end


def _given_block(rows: Rows, event_map: EventMap, table: pl.DataFrame) -> BlockRead:
    """Return the events of a block whose times and values are numbers."""
    return _block(rows, event_map, table, {})


def _written(
    blocks: Iterator[BlockRead], writer: BucketWriter, task: Task
) -> tuple[BucketWriter, EventsRead, dict[str, list[tuple[int, CellsRead]]]]:
    rejected: list[pl.DataFrame] = []
    facts: list[LogFacts] = []
    cells: dict[str, list[tuple[int, CellsRead]]] = {}
    start = 0
    for block in blocks:
        writer.add(block.events)
        rejected.append(block.rejected)
        facts = [LogFacts.joined([*facts, block.facts])]
        for name, found in block.cells.items():
            cells.setdefault(name, []).append((start, found))
        start += block.rows
        task.advance()
    writer.close()
    return writer, EventsRead(pl.concat(rejected), facts[0], ()), cells
