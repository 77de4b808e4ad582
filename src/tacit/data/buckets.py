"""A log in buckets on disk, each with all events of some users, for logs that memory does not hold.

An event goes to the bucket that the hash of its user gives, in the order in which it came. So whatever looks
at the events of one user looks into one bucket, and what is known of everybody is a sum over buckets.
"""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp

import polars as pl

from tacit.core.errors import ConfigError, DataError
from tacit.core.unfinished import temporary_folder
from tacit.data import columns as col
from tacit.data.clean_steps import ROW
from tacit.data.event_map import NO_EVENT_MAP, EventMap
from tacit.data.event_words import ValueKind
from tacit.data.order_status import joined_words, status_words
from tacit.data.returns import Settlement
from tacit.data.source import Source

A_BUCKET = 4_000_000
"""Events of a bucket: its cleaning takes some hundred bytes for each."""

_SEED = 7
"""Of the hash that chooses a bucket: another than that of the cells, whose low bits would be all alike."""


@dataclass(frozen=True)
class LogFacts:
    """What must be known of a whole log before its events are cleaned.

    Attributes
    ----------
    types : frozenset of str
        Event types.
    timed : bool
        Whether any event has a time.
    status : mapping of column to words
        See `tacit.data.order_status.status_words`.
    settlement : Settlement
    """

    types: frozenset[str]
    timed: bool
    status: dict[str, frozenset[str] | None]
    settlement: Settlement

    @classmethod
    def of(
        cls, events: pl.DataFrame, value_kind: ValueKind | None = None, event_map: EventMap = NO_EVENT_MAP
    ) -> "LogFacts":
        """Return the facts of some events.

        Parameters
        ----------
        events : polars.DataFrame
            See `tacit.data.columns`.
        value_kind : ValueKind, optional
            What the values are by their column.
        event_map : EventMap
            What the user says that event types mean.
        """
        return cls(
            frozenset(events[col.EVENT].unique()),
            events[col.TIMESTAMP].null_count() < len(events),
            status_words(events),
            Settlement.of(events, value_kind, event_map),
        )

    @classmethod
    def joined(cls, parts: Sequence["LogFacts"]) -> "LogFacts":
        """Return the facts of a log from those of its parts."""
        return cls(
            frozenset().union(*(part.types for part in parts)),
            any(part.timed for part in parts),
            joined_words([part.status for part in parts]),
            Settlement.joined([part.settlement for part in parts]),
        )


@dataclass(frozen=True)
class LogInBuckets:
    """A log as it was read, in buckets on disk.

    Attributes
    ----------
    source : Source
        Its frame has the columns of the events and no rows.
    folders : tuple of Path
        One a bucket, as `write_part` has filled them.
    starts : tuple of int
        Events of the log before each part of it, and at the end their number.
    facts : LogFacts
    """

    source: Source
    folders: tuple[Path, ...]
    starts: tuple[int, ...]
    facts: LogFacts

    @property
    def rows(self) -> int:
        """Events in all buckets."""
        return self.starts[-1]


def partition(events: pl.DataFrame, buckets: int) -> list[tuple[int, pl.DataFrame]]:
    """Return the events of each bucket that has some, in their order.

    Parameters
    ----------
    events : polars.DataFrame
    buckets : int
        Number of all buckets; the bucket of a user is the same in every call and every process.
    """
    place = (events[col.USER].hash(seed=_SEED) % buckets).cast(pl.UInt32).alias(_BUCKET)
    parts = events.with_columns(place).partition_by(
        _BUCKET, maintain_order=True, include_key=False, as_dict=True
    )
    return sorted((int(key[0]), part) for key, part in parts.items())


_BUCKET = "tacit bucket"
_REMOVALS, _REST = 50, 0.1
"""How often a folder is removed to which somebody writes, and the seconds between."""


def bucket_folders(folder: Path, rows: int, workers: int = 1) -> tuple[Path, ...]:
    """Make the folders of the buckets of so many events, as many for each of some workers."""
    buckets = -(-rows // A_BUCKET) or 1
    buckets = -(-buckets // workers) * workers
    folders = tuple(folder / f"bucket-{place:04d}" for place in range(buckets))
    for one in folders:
        one.mkdir(parents=True)
    return folders


def write_part(folders: Sequence[Path], number: int, events: pl.DataFrame) -> None:
    """Write the events of a part of a log into their buckets, each file whole or not at all.

    The parts may be written at the same time, and one again that was thought lost.

    Parameters
    ----------
    folders : sequence of Path
    number : int
        Of the part.
    events : polars.DataFrame
    """
    events = events.with_columns(pl.int_range(pl.len(), dtype=pl.UInt64).alias(ROW))
    for place, some in partition(events, len(folders)):
        with written_whole(folders[place] / f"{number:06d}.parquet") as path:
            some.write_parquet(path, compression="lz4", statistics=False)


def events_in(folder: Path, starts: Sequence[int]) -> pl.DataFrame:
    """Return the events of a bucket in the order of the log, with `ROW`, the place of each in the log.

    Columns that some of its files lack are null there.

    Parameters
    ----------
    folder : Path
    starts : sequence of int
        Events of the log before each of its parts.
    """
    rows = pl.col(ROW)
    parts = [
        pl.read_parquet(path).with_columns(rows + pl.lit(starts[int(path.stem)], dtype=pl.UInt64))
        for path in sorted(folder.glob("*.parquet"))
    ]
    return pl.concat(parts, how="diagonal") if parts else pl.DataFrame()


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a file to write beside a path, which takes its name at the end.

    Raises
    ------
    ConfigError
        If this machine does not see the folder.
    """
    try:
        descriptor, name = mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except FileNotFoundError as error:
        raise ConfigError(
            f"a worker does not see the folder {path.parent}; on several machines name one that all of them "
            "share in the environment variable TMPDIR"
        ) from error
    os.close(descriptor)
    beside = Path(name)
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def working_folder() -> Iterator[Path]:
    """Give a folder among the temporary files, which is removed at the end, or by the next one after a kill.

    Where a job is given up, workers of other processes may still write there for a moment.
    """
    with temporary_folder() as folder:
        try:
            yield folder
        finally:
            for _ in range(_REMOVALS):
                shutil.rmtree(folder, ignore_errors=True)
                if not folder.exists():
                    break
                time.sleep(_REST)


def check_room(folder: Path, needed: int, what: str) -> None:
    """Refuse to begin where a disk has too little room for what will be written for a while.

    Raises
    ------
    DataError
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DataError(
            f"{what} is larger than memory should hold, so it is cleaned on disk, which takes about "
            f"{needed / 1e9:.1f} GB for a while, and {folder} has {free / 1e9:.1f} GB free; name another "
            "folder in the environment variable TMPDIR, or make room"
        )
