"""The tables that a caller gives: a log, a catalogue and users as files, frames or what was read before."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from tacit import arguments
from tacit.core.clock import SystemClock
from tacit.core.errors import ConfigError, DataError
from tacit.core.executor import Executor, elsewhere
from tacit.core.notes import Notes
from tacit.core.progress import SILENT, Progress
from tacit.data import columns as col
from tacit.data.buckets import working_folder
from tacit.data.clean import Cleaned, clean
from tacit.data.clean_buckets import clean_in_buckets
from tacit.data.event_map import EventMap, nothing_says_yes
from tacit.data.rules import Rules
from tacit.data.source import Source
from tacit.pipeline.config import Config
from tacit.reading.choices import NO_CHOICES, Reading
from tacit.reading.frames import Frame, item_frame, log_frame, polars_frame, user_frame
from tacit.reading.read import (
    Place,
    is_large,
    opened,
    read_catalogue,
    read_events,
    read_frame,
    read_large,
    read_user_table,
)
from tacit.reading.tables import CatalogueTable, UserTable

Log = str | Path | Cleaned | Frame
"""An event log: a file, the result of `read`, or a frame."""

Table = str | Path | Frame
"""A catalogue or a table of users: a file or a frame."""

OnRead = Callable[[Path, Cleaned], None]
"""Called with a file and the log that was read from it and cleaned: ``reasons`` counts its rejected rows."""


def read(
    events: str | Path | Frame,
    *,
    mapping: Mapping[str, str] | None = None,
    reading: Reading | None = None,
    event_map: Mapping[str, float | str] | None = None,
    rules: Rules | None = None,
    progress: Progress = SILENT,
    executor: Executor | None = None,
) -> Cleaned:
    """Return a cleaned event log: ``events``, ``quarantine`` and counts.

    Parameters
    ----------
    events : path or frame
        A file: CSV, TSV, JSON lines or Parquet, packed or not, in any known dialect. Several Parquet files: a
        folder of them, a pattern (``logs/2026-*.parquet``), or the address of a folder in object storage
        (``s3://shop/log``). A frame: of pandas,
        Polars (eager or lazy), pyarrow, DuckDB or another library with Arrow's C stream interface; it is
        cleaned like a Parquet file with the same columns, and an index of pandas is left out.
    mapping : mapping of role to column, optional
        Overrides the detection: ``{"user": "visitor", "timestamp": "when"}``. Roles: user, item, event,
        timestamp, value, seq; a column is named or given by its place from 1.
    reading : Reading, optional
        Other choices in place of guesses: order of dates, time zone, encoding, ids. Columns of ``mapping``
        replace its own.
    event_map : mapping of event type to str or float, optional
        What event types mean where their names do not say it: yes, no, shown, ignore or a strength.
    rules : Rules, optional
    progress : Progress
    executor : Executor, optional
        Where the parts of a large log are read and cleaned, `tacit.scale.executors.open_executor` opens one;
        by default in this process. Workers of other machines must see the log and the folder of temporary
        files (``TMPDIR``).

    Raises
    ------
    InputError
        If the file or frame cannot be used.
    """
    rules = arguments.optional(rules, Rules, "rules")
    chosen = mapped(arguments.optional(reading, Reading, "reading") or NO_CHOICES, mapping)
    arguments.check_logs(log=events)
    meant = EventMap.parse(event_map or {}, where="event_map")
    now = SystemClock().now()
    log = opened(events) if isinstance(events, str | Path) else events
    if isinstance(log, Place) and is_large(log):
        # In this process one part after the other, each on all cores: memory holds one.
        about: dict[str, Any] = {"event_map": meant, "progress": progress, "executor": elsewhere(executor)}
        with working_folder() as folder:
            buckets = read_large(log, folder, reading=chosen, **about)
            return clean_in_buckets(buckets, rules, now=now, **about)
    # The source has no name here and the call no ``**``: either would keep the log as it was read in memory
    # until it is cleaned.
    return clean(_source_of(log, chosen, progress), rules, now=now, event_map=meant, progress=progress)


def _source_of(events: Place | Frame, reading: Reading, progress: Progress) -> Source:
    if isinstance(events, Place):
        return read_events(events, reading=reading, progress=progress)
    return read_frame(polars_frame(events, "event log"), reading=reading)


def mapped(reading: Reading, mapping: Mapping[str, str] | None) -> Reading:
    """Return choices of reading with the columns of a mapping."""
    columns = arguments.roles(mapping)
    return reading if not columns else replace(reading, columns={**reading.columns, **columns})


def events_of(
    events: Log,
    mapping: Mapping[str, str] | None,
    config: Config,
    rules: Rules | None,
    progress: Progress,
    on_read: OnRead | None,
    notes: Notes,
    executor: Executor | None = None,
) -> pl.DataFrame:
    """Return the events of a log of any form that count, and say what was guessed in it."""
    if isinstance(events, Cleaned):
        refuse_again(mapping, "mapping")
        notes.add(events.notes)
        frame = events.events
    elif isinstance(events, str | Path):
        cleaned = read(
            events,
            reading=config.reading,
            event_map=config.events,
            rules=rules,
            progress=progress,
            executor=executor,
        )
        if on_read is not None:
            on_read(Path(events), cleaned)
        notes.add(cleaned.notes, str(events))
        frame = cleaned.events
    else:
        frame = log_frame(polars_frame(events, "event log"), config.reading)
    ignored = [name for name in frame[col.EVENT].unique() if config.event_map.ignored(name)]
    if ignored:  # in a frame and in a log that was read before
        frame = frame.filter(~pl.col(col.EVENT).is_in(ignored))
    check_says_yes(frame, config.event_map)
    return frame


def check_says_yes(events: pl.DataFrame, event_map: EventMap) -> None:
    """Refuse a log in which no event is a yes: there is nothing to recommend by."""
    if (reason := nothing_says_yes(events[col.EVENT].unique(), event_map)) is not None:
        raise DataError(reason)


def refuse_again(value: object, name: str) -> None:
    """Refuse a choice that was made when the log was read."""
    if value is not None:
        raise ConfigError(f"{name} changes nothing in a log that was read before; give it to tacit.read")


def items_of(items: Table | None, reading: Reading, log: pl.DataFrame, notes: Notes) -> pl.DataFrame | None:
    """Return the frame of the catalogue, and say what was guessed or dropped in it."""
    return _said(catalogue_table(items, reading, log), notes)


def catalogue_table(items: Table | None, reading: Reading, log: pl.DataFrame) -> CatalogueTable | None:
    """Return the catalogue; the column that meets the items of the log holds its ids."""
    if items is None:
        return None
    met = log[col.ITEM]
    if isinstance(items, str | Path):
        return read_catalogue(Path(items), reading=reading, log_ids=met)
    return item_frame(polars_frame(items, "catalogue"), reading, log_ids=met)


def users_of(users: Table | None, reading: Reading, log: pl.DataFrame, notes: Notes) -> pl.DataFrame | None:
    """Return the frame of the users, and say what was guessed or dropped in it."""
    return _said(user_table(users, reading, log), notes)


def user_table(users: Table | None, reading: Reading, log: pl.DataFrame) -> UserTable | None:
    """Return what is known of users; the column that meets the users of the log holds the ids."""
    if users is None:
        return None
    met = log[col.USER]
    if isinstance(users, str | Path):
        return read_user_table(Path(users), reading=reading, log_ids=met)
    return user_frame(polars_frame(users, "table of users"), reading, log_ids=met)


def _said(table: CatalogueTable | UserTable | None, notes: Notes) -> pl.DataFrame | None:
    if table is None:
        return None
    notes.add(table.notes)
    return table.frame
