"""Cleaning of a log in buckets: one bucket in memory at a time, with the results of `tacit.data.clean`.

Each rule is a `tacit.data.clean_steps.Step`. Where a rule must know of everybody, all buckets are measured
and what was measured is joined; a bucket that is looked at has all rules before it applied, and is kept so.
The cleaned log is one frame in the order of the source, and narrow: texts are categories in text order, 4
bytes an event, so that 100 million events take some 4 GB.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tacit.core.progress import SILENT, Progress
from tacit.core.types import Bool
from tacit.data import columns as col
from tacit.data.anonymous import anonymous_of, most_rows
from tacit.data.buckets import LogInBuckets, events_in
from tacit.data.clean import TAKEN, Cleaned, cleaned_log, narrow_log
from tacit.data.clean_steps import ROW, Step, no_removals, steps_of
from tacit.data.event_map import NO_EVENT_MAP, EventMap
from tacit.data.event_words import ValueKind
from tacit.data.order_status import StatusColumn, by_status, status_column
from tacit.data.returns import Settlement, settled
from tacit.data.rules import Rules

_CODE = "tacit code of "
"""Before the name of a column of texts: the column of their codes."""


@dataclass(frozen=True)
class Decisions:
    """What the whole log decides before the rules: which orders came to nothing, and what is no rating."""

    status: StatusColumn | None
    settlement: Settlement
    value_kind: ValueKind | None
    event_map: EventMap
    timed: bool


@dataclass(frozen=True)
class Prepared:
    """A bucket in the form that the rules look at.

    Attributes
    ----------
    narrow : polars.DataFrame
        See `tacit.data.clean_steps`; with the codes of the texts, and all other columns.
    words : mapping of column to polars.Series
        The different texts of each column in text order; a code is a place among them.
    types : frozenset of str
        Event types.
    users : list of (str, int)
        The users with most rows, and how many.
    """

    narrow: pl.DataFrame
    words: dict[str, pl.Series]
    types: frozenset[str]
    users: list[tuple[str, int]]


def prepared(events: pl.DataFrame, decisions: Decisions) -> Prepared:
    """Return a bucket of events, with `ROW`, in the form that the rules look at."""
    users = most_rows(events[col.USER])
    events = by_status(events, decisions.event_map, decisions.status).events
    events = settled(events, decisions.value_kind, decisions.event_map, decisions.settlement)
    texts = [name for name, kind in events.schema.items() if kind == pl.String]
    words, codes = {}, []
    for name in texts:
        words[name], code = _coded(events[name])
        codes.append(code.alias(_CODE + name))
    others = [events[name] for name in events.columns if name not in (*TAKEN, *texts, ROW)]
    rows, types = events[ROW], frozenset(events[col.EVENT].unique())
    narrow = narrow_log(events.drop(ROW).to_dict(), rows, timed=decisions.timed)
    return Prepared(narrow.with_columns(*codes, *others), words, types, users)


def _coded(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the different texts of a column in text order, and the place of each text among them."""
    found = texts.cast(pl.Categorical(pl.Categories.random()))
    distinct = found.unique().drop_nulls()
    words = distinct.cast(pl.String)
    order = words.arg_sort()
    places = np.zeros(len(words), dtype=np.uint32)  # of each word in text order, by its number
    places[distinct.to_physical().gather(order).to_numpy()] = np.arange(len(words))
    return words.gather(order), pl.Series(places).gather(found.to_physical())


class _Bucket:
    """A bucket on disk, and the rules that wait to be applied to it."""

    def __init__(self, folder: Path, decisions: Decisions) -> None:
        self.folder = folder
        self.decisions = decisions
        self.types: frozenset[str] = frozenset()
        self.users: list[tuple[str, int]] = []
        self.removed: list[pl.DataFrame] = [no_removals()]
        self.waiting: list[tuple[Step, Any]] = []
        self._file: Path | None = None

    @property
    def empty(self) -> bool:
        return self._file is None and next(self.folder.glob("*.parquet"), None) is None

    def current(self) -> pl.DataFrame:
        """Return the events that the rules so far have left."""
        changed = self._file is None
        events = self._prepared() if self._file is None else pl.read_ipc(self._file)
        for step, known in self.waiting:
            events, removed = step.apply(events, known)
            self.removed.append(removed)
            changed = changed or step.fills or len(removed) > 0
        if changed:
            self._write(events)
        self.waiting = []
        return events

    def _write(self, events: pl.DataFrame) -> None:
        """Write the events beside the old file, which may still be mapped into memory."""
        old, self._file = self._file, self.folder / f"narrow-{len(self.removed)}"
        events.write_ipc(self._file, compression="lz4")
        if old is not None:
            old.unlink()

    def _prepared(self) -> pl.DataFrame:
        found = prepared(events_in(self.folder), self.decisions)
        for path in self.folder.glob("*.parquet"):
            path.unlink()
        for place, (name, words) in enumerate(found.words.items()):
            words.alias(name).to_frame().write_parquet(self.folder / f"words-{place}", compression="lz4")
        self.types, self.users = found.types, found.users
        return found.narrow

    def words(self) -> dict[str, Path]:
        """Return the files of the words of each column of texts."""
        paths = sorted(self.folder.glob("words-*"))
        return {pl.read_parquet_schema(path).popitem()[0]: path for path in paths}

    def columns(self, *names: str) -> pl.DataFrame:
        """Return columns of the events that are left."""
        assert self._file is not None
        return pl.read_ipc(self._file, columns=list(names))


def clean_in_buckets(
    log: LogInBuckets,
    rules: Rules | None = None,
    *,
    now: float,
    event_map: EventMap = NO_EVENT_MAP,
    progress: Progress = SILENT,
) -> Cleaned:
    """Return the events that pass every rule, and the removed rows with their reasons.

    Parameters
    ----------
    log : LogInBuckets
        Its files are used up.
    rules, now, event_map, progress
        As for `tacit.data.clean.clean`, with the same result but that texts are categories.
    """
    facts, source = log.facts, log.source
    status = status_column(facts.types, facts.status, event_map)
    decisions = Decisions(status, facts.settlement, source.value_kind, event_map, facts.timed)
    buckets = [one for folder in log.folders if not (one := _Bucket(folder, decisions)).empty]
    steps = steps_of(rules or Rules(), now, event_map)
    with progress.task("cleaning", total=len(steps) + 2) as task:
        for step in steps:
            _apply(step, buckets)
            task.advance()
        for bucket in buckets:
            bucket.current()
        task.advance()
        events = _assembled(log, buckets)
        task.advance()
    # Step by step, as they are removed where all buckets are one.
    removed = pl.concat(
        [part for parts in zip(*(bucket.removed for bucket in buckets), strict=True) for part in parts]
    )
    users = [pair for bucket in buckets for pair in bucket.users]
    anonymous = tuple(one.note for one in anonymous_of(users, log.rows))
    types = frozenset().union(*(bucket.types for bucket in buckets))
    source = replace(source, notes=(*source.notes, *anonymous))
    uses = by_status(source.frame, event_map, status)
    return cleaned_log(source, events, removed, uses, types, event_map)


def _apply(step: Step, buckets: Sequence[_Bucket]) -> None:
    """Measure what a rule must know, and let it wait in each bucket."""
    known = None
    for measure in step.measures:
        if not measure.needed(known):
            continue
        parts: list[Any] = []
        for bucket in buckets:
            parts.append(measure.of(bucket.current(), known))
            if measure.decides(parts[-1]):
                break
        known = measure.joined(parts, known)
    for bucket in buckets:
        bucket.waiting.append((step, known))


# The cleaned log as one frame


def _assembled(log: LogInBuckets, buckets: Sequence[_Bucket]) -> pl.DataFrame:
    """Return the events of all buckets in the order of the log, put together column by column."""
    kept = np.zeros(log.rows, dtype=bool)
    for bucket in buckets:
        kept[bucket.columns(ROW)[ROW].to_numpy()] = True
    places = _Places(kept)
    schema = log.source.frame.schema
    whole = {name: _whole(name, kind, places, buckets) for name, kind in schema.items()}
    empty = [name for name, column in whole.items() if column is None]
    events = pl.DataFrame({name: column for name, column in whole.items() if column is not None})
    # A literal takes no memory until it is looked at: a log with times has no order beside them.
    return events.with_columns(pl.lit(None, dtype=schema[name]).alias(name) for name in empty).select(
        list(schema)
    )


class _Places:
    """Where rows that are left stand in the cleaned log.

    Parameters
    ----------
    kept : bool[rows]
    """

    def __init__(self, kept: Bool) -> None:
        self.total = int(kept.sum())
        counted = np.cumsum(kept, dtype=np.uint32 if len(kept) < 2**32 else np.uint64)
        self._place: Any = np.subtract(counted, 1, out=counted)

    def of(self, rows: pl.Series) -> Any:
        return self._place[rows.to_numpy()]


def _whole(name: str, kind: pl.DataType, places: _Places, buckets: Sequence[_Bucket]) -> pl.Series | None:
    """Return a column of the whole log, None if no event has a value there."""
    if kind == pl.String:
        return _texts(name, _all_words(name, buckets), places, buckets)
    if kind.is_numeric():
        return _numbers(name, kind, places, buckets)
    return pl.concat([bucket.columns(ROW, name) for bucket in buckets]).sort(ROW)[name]


def _all_words(name: str, buckets: Sequence[_Bucket]) -> pl.Series:
    whole = pl.Series(name, [], dtype=pl.String)
    for bucket in buckets:
        if (path := bucket.words().get(name)) is not None:
            whole = pl.concat([whole, pl.read_parquet(path)[name]]).unique()
    return whole.sort()


def _texts(name: str, words: pl.Series, places: _Places, buckets: Sequence[_Bucket]) -> pl.Series | None:
    """Return a column of texts as categories, whose codes are the places of the texts in their order."""
    if not len(words):
        return None
    small = len(words) < 2**8
    kind = pl.Categorical(pl.Categories.random(physical=pl.UInt8 if small else pl.UInt32))
    known = words.cast(kind)  # registers the words in their order
    codes = np.zeros(places.total, dtype=np.uint8 if small else np.uint32)
    missing = _Missing(places.total)
    for bucket in buckets:
        if (path := bucket.words().get(name)) is None:
            missing.add(places.of(bucket.columns(ROW)[ROW]), None)
            continue
        part = bucket.columns(ROW, _CODE + name)
        at = places.of(part[ROW])
        found = pl.read_parquet(path)[name].cast(kind).to_physical().gather(part[_CODE + name])
        missing.add(at, found)
        codes[at] = found.fill_null(0).to_numpy()
    return missing.marked(known.gather(pl.Series(codes)).alias(name))


class _Missing:
    """Where a column has no value; nothing is kept while it has one everywhere."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._mask: Bool | None = None

    def add(self, at: Any, found: pl.Series | None) -> None:
        """Add the values of some places, None where all are missing."""
        if found is not None and not found.null_count():
            return
        if self._mask is None:
            self._mask = np.zeros(self._size, dtype=bool)
        self._mask[at] = True if found is None else found.is_null().to_numpy()

    def marked(self, column: pl.Series) -> pl.Series:
        return column if self._mask is None else column.set(pl.Series(self._mask), None)


def _numbers(name: str, kind: pl.DataType, places: _Places, buckets: Sequence[_Bucket]) -> pl.Series | None:
    """Return a column of numbers, None if there is none."""
    whole: Any = None
    missing = _Missing(places.total)
    for bucket in buckets:
        part = bucket.columns(ROW, name)
        at, column = places.of(part[ROW]), part[name]
        missing.add(at, column)
        if column.null_count() < len(column):
            if whole is None:
                whole = np.zeros(places.total, dtype=column.clear().to_numpy().dtype)
            whole[at] = column.fill_null(0).to_numpy()
    return None if whole is None else missing.marked(pl.Series(name, whole, dtype=kind))
