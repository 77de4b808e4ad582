"""Cleaning of a log in buckets: one bucket in memory at a time, with the results of `tacit.data.clean`.

Each rule is a `tacit.data.clean_steps.Step`. Where a rule must know of everybody, all buckets are measured
and what was measured is joined; a bucket that is looked at has all rules before it applied, and is kept so.
The cleaned log is one frame in the order of the source, and narrow: texts are categories in text order, 4
bytes an event, so that 100 million events take some 4 GB.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tacit.core.executor import LOCAL, Executor
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Bool
from tacit.data import columns as col
from tacit.data.anonymous import anonymous_of, most_rows
from tacit.data.buckets import LogInBuckets, events_in, written_whole
from tacit.data.clean import TAKEN, Cleaned, cleaned_log, narrow_log
from tacit.data.clean_steps import ROW, Measure, Step, no_removals, steps_of
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


@dataclass(frozen=True)
class _Bucket:
    """A bucket on disk as some rules have left it.

    It goes to the worker that looks at it, and comes back as another one. The worker writes new files and
    leaves the old ones alone, so that it can be done again where a worker was lost.

    Attributes
    ----------
    folder : Path
    file : Path or None
        The events in the form that the rules look at; None where they are as they were read.
    words : mapping of column to Path
        The different texts of each column in text order.
    types : frozenset of str
    users : tuple of (str, int)
        See `Prepared`.
    applied : int
        How many rules it has seen.
    """

    folder: Path
    file: Path | None = None
    words: Mapping[str, Path] = field(default_factory=dict)
    types: frozenset[str] = frozenset()
    users: tuple[tuple[str, int], ...] = ()
    applied: int = 0

    @property
    def empty(self) -> bool:
        return next(self.folder.glob("*.parquet"), None) is None

    def columns(self, *names: str) -> pl.DataFrame:
        """Return columns of the events that are left."""
        assert self.file is not None
        return pl.read_ipc(self.file, columns=list(names))


@dataclass(frozen=True)
class _Look:
    """What a worker does with a bucket: it applies the rules that the bucket has not seen, and measures.

    Attributes
    ----------
    decisions : Decisions
    starts : tuple of int
        See `LogInBuckets`.
    settled : tuple of (Step, known)
        All rules so far, with what was measured of everybody.
    measure : Measure or None
    known : object
        What was measured before, for ``measure``.
    """

    decisions: Decisions
    starts: tuple[int, ...]
    settled: tuple[tuple[Step, Any], ...]
    measure: Measure | None = None
    known: Any = None

    def at(self, bucket: _Bucket) -> "_Looked":
        """Return a bucket with all rules so far applied, and what was measured in it."""
        changed = bucket.file is None
        if bucket.file is None:
            bucket, events = self._prepared(bucket)
        else:
            events = pl.read_ipc(bucket.file)
        gone = []
        for step, known in self.settled[bucket.applied :]:
            events, removed = step.apply(events, known)
            gone.append(removed)
            changed = changed or step.fills or len(removed) > 0
        bucket = replace(bucket, applied=len(self.settled))
        if changed:
            file = bucket.folder / f"narrow-{bucket.applied}"
            with written_whole(file) as path:
                events.write_ipc(path, compression="lz4")
            bucket = replace(bucket, file=file)
        return _Looked(bucket, gone, None if self.measure is None else self.measure.of(events, self.known))

    def _prepared(self, bucket: _Bucket) -> tuple[_Bucket, pl.DataFrame]:
        found = prepared(events_in(bucket.folder, self.starts), self.decisions)
        files = {name: bucket.folder / f"words-{place}" for place, name in enumerate(found.words)}
        for name, words in found.words.items():
            with written_whole(files[name]) as path:
                words.alias(name).to_frame().write_parquet(path, compression="lz4")
        return replace(bucket, words=files, types=found.types, users=tuple(found.users)), found.narrow


@dataclass(frozen=True)
class _Looked:
    """A bucket that was looked at: the rows that each rule removed, and what was measured."""

    bucket: _Bucket
    removed: list[pl.DataFrame]
    measured: Any


class _Buckets:
    """All buckets of a log, and the rules that they have seen or will see at the next look.

    Parameters
    ----------
    log : LogInBuckets
    decisions : Decisions
    executor : Executor
    """

    def __init__(self, log: LogInBuckets, decisions: Decisions, executor: Executor) -> None:
        self.all = [one for folder in log.folders if not (one := _Bucket(folder)).empty]
        self._removed = [[no_removals()] for _ in self.all]
        self._look = _Look(decisions, log.starts, ())
        self._executor = executor

    def apply(self, step: Step) -> None:
        """Measure what a rule must know of everybody, and let it wait for the next look at each bucket."""
        known = None
        for measure in step.measures:
            if measure.needed(known):
                known = measure.joined(self._measured(measure, known), known)
        self._look = replace(self._look, settled=(*self._look.settled, (step, known)))

    def _measured(self, measure: Measure, known: Any) -> list[Any]:
        """Return what was measured in the buckets, up to the first that decides."""
        parts = []
        for found in self._looked(replace(self._look, measure=measure, known=known)):
            parts.append(found)
            if measure.decides(found):
                break
        return parts

    def finish(self) -> None:
        """Apply what waits."""
        for _ in self._looked(self._look):
            pass

    def _looked(self, look: _Look) -> Iterator[Any]:
        for place, found in enumerate(self._executor.map(_Look.at, list(self.all), shared=look)):
            old, self.all[place] = self.all[place], found.bucket
            self._removed[place] += found.removed
            if old.file is None:
                for path in old.folder.glob("*.parquet"):
                    path.unlink()
            elif old.file != found.bucket.file:
                old.file.unlink()
            yield found.measured

    def removed(self) -> pl.DataFrame:
        """Return the removed rows, rule by rule, as they are removed where all buckets are one."""
        parts: list[pl.DataFrame] = [part for parts in zip(*self._removed, strict=True) for part in parts]
        return pl.concat(parts)


def clean_in_buckets(
    log: LogInBuckets,
    rules: Rules | None = None,
    *,
    now: float,
    event_map: EventMap = NO_EVENT_MAP,
    progress: Progress = SILENT,
    executor: Executor = LOCAL,
) -> Cleaned:
    """Return the events that pass every rule, and the removed rows with their reasons.

    Parameters
    ----------
    log : LogInBuckets
        Its files are used up.
    rules, now, event_map, progress
        As for `tacit.data.clean.clean`, with the same result but that texts are categories.
    executor : Executor
        Where the buckets are cleaned: workers of other processes see its folders.
    """
    facts, source = log.facts, log.source
    status = status_column(facts.types, facts.status, event_map)
    decisions = Decisions(status, facts.settlement, source.value_kind, event_map, facts.timed)
    buckets = _Buckets(log, decisions, executor)
    steps = steps_of(rules or Rules(), now, event_map)
    with progress.task("cleaning", total=len(steps) + 2) as task:
        for step in steps:
            buckets.apply(step)
            task.advance()
        buckets.finish()
        task.advance()
        events = _assembled(log, buckets.all)
        task.advance()
    users = [pair for bucket in buckets.all for pair in bucket.users]
    anonymous = tuple(one.note for one in anonymous_of(users, log.rows))
    types = frozenset().union(*(bucket.types for bucket in buckets.all))
    source = replace(source, notes=(*source.notes, *anonymous))
    uses = by_status(source.frame, event_map, status)
    return cleaned_log(source, events, buckets.removed(), uses, types, event_map)


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
        if (path := bucket.words.get(name)) is not None:
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
        if (path := bucket.words.get(name)) is None:
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
