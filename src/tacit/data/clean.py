"""Cleaning: rules that each remove rows for one reason, counted, with every removed row in the quarantine.

The rules run in a fixed order and a row is removed by the first that fits it, so ``rows_in`` is always the
number of events plus the number of quarantined rows. Missing values are filled before rows are compared.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from tacit.core.progress import SILENT, Progress
from tacit.data import columns as col
from tacit.data.clean_steps import FIRST_MOMENT as FIRST_MOMENT
from tacit.data.clean_steps import REST, ROW, no_removals, steps_of
from tacit.data.event_map import NO_EVENT_MAP, EventMap
from tacit.data.order_status import ByStatus, by_status
from tacit.data.returns import settled
from tacit.data.rules import Rules as Rules
from tacit.data.source import ColumnUse, Source, with_use


@dataclass(frozen=True)
class Cleaned:
    """A cleaned log.

    Attributes
    ----------
    events : polars.DataFrame
    quarantine : polars.DataFrame
        ``line``, ``reason``, ``raw`` of every row that is not among the events. Of a log in several files
        ``file``, too, and ``line`` is the row of that file; in the events it counts over all files.
    rows_in : int
    reasons : mapping of reason to count
    mapping : mapping of role to column
    dialect : str
    columns : tuple of ColumnUse
        How each column of the source is used.
    notes : tuple of str
        What was guessed or assumed in reading.
    """

    events: pl.DataFrame
    quarantine: pl.DataFrame
    rows_in: int
    reasons: dict[str, int]
    mapping: dict[str, str]
    dialect: str
    columns: tuple[ColumnUse, ...] = ()
    notes: tuple[str, ...] = ()


def clean(
    source: Source,
    rules: Rules | None = None,
    *,
    now: float,
    event_map: EventMap = NO_EVENT_MAP,
    progress: Progress = SILENT,
) -> Cleaned:
    """Return the events that pass every rule, and the removed rows with their reasons.

    Parameters
    ----------
    source : Source
        From `tacit.reading.read.read_events`.
    rules : Rules, optional
    now : float
        The present, Unix seconds: later times are impossible.
    event_map : EventMap
        What the user says that event types mean; ignored types are left out.
    progress : Progress
    """
    ordered = by_status(source.frame, event_map)
    columns = settled(ordered.events, source.value_kind, event_map).to_dict()
    ordered = replace(ordered, events=pl.DataFrame())
    types = columns[col.EVENT].unique().to_list()
    about = replace(source, frame=pl.DataFrame())
    del source  # where nobody else has it, its frame goes while the rows are looked at
    events, removed = _cleaned(columns, rules or Rules(), now, event_map, progress)
    return cleaned_log(about, events, removed, ordered, types, event_map)


def cleaned_log(
    about: Source,
    events: pl.DataFrame,
    removed: pl.DataFrame,
    ordered: ByStatus,
    types: Iterable[str],
    event_map: EventMap,
) -> Cleaned:
    """Return a cleaned log of its events and of the ``line`` and ``reason`` of the rows that were removed.

    Parameters
    ----------
    about : Source
        What is known of the source; its frame does not count.
    events, removed : polars.DataFrame
    ordered : ByStatus
        Its events do not count.
    types : iterable of str
        The event types before any was removed.
    event_map : EventMap
    """
    removed = removed.select(col.LINE, "reason", about.raw(removed[col.LINE]).alias("raw"))
    quarantine = pl.concat([about.rejected, removed]).sort(col.LINE, maintain_order=True)
    return Cleaned(
        events,
        quarantine if about.file_rows is None else about.file_rows.placed(quarantine),
        about.rows_in,
        _counted(quarantine),
        dict(about.mapping),
        about.dialect,
        with_use(about.columns, ordered.uses),
        (*about.notes, *ordered.notes, *_unmet(event_map, types)),
    )


def _unmet(event_map: EventMap, types: Iterable[str]) -> tuple[str, ...]:
    """Return what is to be said of event types that the user gave a meaning and the log does not have."""
    if not (names := event_map.without_events(types)):
        return ()
    return (
        f"--event-map names {', '.join(names)}, which the log does not have; its event types are "
        f"{', '.join(sorted(types)[:_SHOWN_TYPES])}",
    )


_SHOWN_TYPES = 12


def without_noise(events: pl.DataFrame, rules: Rules, event_map: EventMap = NO_EVENT_MAP) -> pl.DataFrame:
    """Return the events that pass the rules on statistics: how an evaluation cleans its training part."""
    return apply_rules(events, rules.statistical(), now=float("inf"), event_map=event_map)[0]


def apply_rules(
    events: pl.DataFrame,
    rules: Rules,
    *,
    now: float,
    event_map: EventMap = NO_EVENT_MAP,
    progress: Progress = SILENT,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the events that pass every rule, and the removed ones with a column ``reason``."""
    return _cleaned(events.to_dict(), rules, now, event_map, progress)


def _cleaned(
    columns: dict[str, pl.Series], rules: Rules, now: float, event_map: EventMap, progress: Progress
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that pass every rule, and the removed ones; the columns are taken out of their dict.

    The rules look at a narrow copy of the log: user and item as hashes of 64 bits, which compare and sort
    faster than text. A large log is never in memory twice.
    """
    steps = steps_of(rules, now, event_map)
    rows = pl.int_range(len(columns[col.LINE]), dtype=pl.UInt32, eager=True)
    narrow = narrow_log(columns, rows, timed=columns[col.TIMESTAMP].null_count() < len(rows))
    gone = [no_removals()]
    with progress.task("cleaning", total=len(steps)) as task:
        for step in steps:
            known = None
            for measure in step.measures:
                if measure.needed(known):
                    known = measure.joined([measure.of(narrow, known)], known)
            narrow, removed = step.apply(narrow, known)
            gone.append(removed)
            task.advance()
    return _widened(narrow, columns), pl.concat(gone)


TAKEN = (col.TIMESTAMP, col.VALUE, col.SEQ, col.LINE)
"""Columns that move to the narrow copy; the others stay behind until the rows are known."""


def narrow_log(columns: dict[str, pl.Series], rows: pl.Series, *, timed: bool) -> pl.DataFrame:
    """Return the copy of a log that the rules look at; see `tacit.data.clean_steps`.

    Parameters
    ----------
    columns : dict
        Those of the log; `TAKEN` are taken out of it.
    rows : polars.Series of int
        The place of each row in the whole log.
    timed : bool
        Whether the whole log has times.
    """
    keys = [columns[name].hash().alias(name) for name in (col.USER, col.ITEM)]
    event = columns[col.EVENT].cast(pl.Categorical)
    taken = [columns[name] for name in TAKEN]
    columns.update({name: pl.Series(name, [], dtype=pl.Null) for name in TAKEN})
    rest = [] if timed else _rest(columns)
    return pl.DataFrame([*keys, event, *taken, rows.alias(ROW), *rest])


def _rest(columns: dict[str, pl.Series]) -> list[pl.Series]:
    """Return what columns without a role hold, as hashes.

    Without times they alone can show that two rows are two events: two loans of one book.
    """
    kept = [values for name, values in columns.items() if name not in (*TAKEN, col.USER, col.ITEM, col.EVENT)]
    return [pl.DataFrame(kept).hash_rows().alias(REST)] if kept else []


def _widened(narrow: pl.DataFrame, columns: dict[str, pl.Series]) -> pl.DataFrame:
    """Return the whole rows that are left, column by column."""
    rows, size = narrow.drop_in_place(ROW), len(columns[col.USER])
    left = None if len(rows) == size else _marked(rows, size)
    del rows
    whole = []
    for name in list(columns):
        column = columns.pop(name)
        if name in TAKEN:
            whole.append(narrow.drop_in_place(name))
        else:
            whole.append(column if left is None else column.filter(left))
    return pl.DataFrame(whole)


def _counted(quarantine: pl.DataFrame) -> dict[str, int]:
    counts = quarantine["reason"].value_counts(sort=True)
    return dict(zip(counts["reason"].to_list(), counts["count"].to_list(), strict=True))


def _marked(places: pl.Series, size: int) -> pl.Series:
    none = pl.Series("left", [False], dtype=pl.Boolean).new_from_index(0, size)
    return none.scatter(places, True)
