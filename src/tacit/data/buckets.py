"""A log in buckets on disk, each with all events of some users, for logs that memory does not hold.

An event goes to the bucket that the hash of its user gives, in the order in which it came. So whatever looks
at the events of one user looks into one bucket, and what is known of everybody is a sum over buckets.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tacit.core.errors import DataError
from tacit.data import columns as col
from tacit.data.clean_steps import ROW
from tacit.data.event_map import NO_EVENT_MAP, EventMap
from tacit.data.event_words import ValueKind
from tacit.data.order_status import joined_words, status_words
from tacit.data.returns import Settlement
from tacit.data.source import Source

A_BUCKET = 4_000_000
"""Events of a bucket: its cleaning takes some hundred bytes for each."""

_A_PART = 4_000_000
"""Events that wait in memory before they are written into the buckets."""

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
        One a bucket; the Parquet files in it, in the order of their names, hold its events, with
        `tacit.data.clean_steps.ROW`, the place of each in the log.
    rows : int
        Events in all buckets.
    facts : LogFacts
    """

    source: Source
    folders: tuple[Path, ...]
    rows: int
    facts: LogFacts


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


class BucketWriter:
    """Writes events into buckets, as they come.

    Parameters
    ----------
    folder : Path
        An empty folder.
    rows : int
        Events that are expected; they decide the number of buckets.
    """

    def __init__(self, folder: Path, rows: int) -> None:
        self.folders = tuple(folder / f"bucket-{place:04d}" for place in range(-(-rows // A_BUCKET) or 1))
        for one in self.folders:
            one.mkdir(parents=True)
        self.rows = 0
        self.schema: dict[str, pl.DataType] = {}
        self._waiting: list[pl.DataFrame] = []
        self._parts = 0

    def add(self, events: pl.DataFrame) -> None:
        """Add the next events; those of one user stay in their order."""
        rows = pl.int_range(self.rows, self.rows + len(events), dtype=pl.UInt64, eager=True)
        self.rows += len(events)
        self._waiting.append(events.with_columns(rows.alias(ROW)))
        if sum(map(len, self._waiting)) >= _A_PART:
            self._write()

    def close(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._write()

    def remove(self) -> None:
        """Remove what was written."""
        for one in self.folders:
            shutil.rmtree(one)

    def _write(self) -> None:
        events = pl.concat(self._waiting, how="diagonal", rechunk=False)
        self._waiting = []
        new = {name: kind for name, kind in events.drop(ROW).schema.items() if name not in self.schema}
        self.schema |= new
        for place, part in partition(events, len(self.folders)):
            part.write_parquet(
                self.folders[place] / f"{self._parts:05d}.parquet", compression="lz4", statistics=False
            )
        self._parts += 1


def events_in(folder: Path) -> pl.DataFrame:
    """Return the events of a bucket, with `ROW`; columns that some of its files lack are null there."""
    parts = [pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))]
    return pl.concat(parts, how="diagonal") if parts else pl.DataFrame()


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
