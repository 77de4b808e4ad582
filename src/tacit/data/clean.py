"""Cleaning: rules that each remove rows for one reason, counted, with every removed row in the quarantine.

The rules run in a fixed order and a row is removed by the first that fits it, so ``rows_in`` is always the
number of events plus the number of quarantined rows. Missing values are filled before rows are compared.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl

from tacit.core.progress import SILENT, Progress
from tacit.data import columns as col
from tacit.data.event_map import NO_EVENT_MAP, EventMap
from tacit.data.event_names import is_rated
from tacit.data.impute import filled
from tacit.data.order_status import UNDONE, by_status
from tacit.data.returns import settled, undoes
from tacit.data.rules import Rules as Rules
from tacit.data.source import ColumnUse, Source, with_use

FIRST_MOMENT = 631_152_000.0
"""1990-01-01: no log of what people did online is older."""

_DAY_AHEAD = 86_400.0
_STRONG = 0.7
_BOT_DEVIATIONS = 3.0
_LEAST_SPREAD = 0.4
_BOT_MOMENTS = 10
_ROW = "row"
_REST = "rest"


@dataclass(frozen=True)
class Cleaned:
    """A cleaned log.

    Attributes
    ----------
    events : polars.DataFrame
    quarantine : polars.DataFrame
        ``line``, ``reason``, ``raw`` of every row that is not among the events.
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
    unmet = _unmet(event_map, columns[col.EVENT].unique().to_list())
    about = replace(source, frame=pl.DataFrame())
    del source  # where nobody else has it, its frame goes while the rows are looked at
    events, removed = _cleaned(columns, rules or Rules(), now, event_map, progress)
    removed = removed.select(col.LINE, "reason", about.raw(removed[col.LINE]).alias("raw"))
    quarantine = pl.concat([about.rejected, removed]).sort(col.LINE, maintain_order=True)
    return Cleaned(
        events,
        quarantine,
        about.rows_in,
        _counted(quarantine),
        dict(about.mapping),
        about.dialect,
        with_use(about.columns, ordered.uses),
        (*about.notes, *ordered.notes, *unmet),
    )


def _unmet(event_map: EventMap, types: list[str]) -> tuple[str, ...]:
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
    steps = _steps(rules, now, event_map)
    narrow = _narrow(columns)
    gone = [pl.DataFrame(schema={col.LINE: pl.Int64, "reason": pl.String})]
    with progress.task("cleaning", total=len(steps)) as task:
        for step in steps:
            narrow, removed = step(narrow)
            gone.append(removed)
            task.advance()
    return _widened(narrow, columns), pl.concat(gone)


_TAKEN = (col.TIMESTAMP, col.VALUE, col.SEQ, col.LINE)
"""Columns that move to the narrow copy; the others stay behind until the rows are known."""


def _narrow(columns: dict[str, pl.Series]) -> pl.DataFrame:
    rows = pl.int_range(len(columns[col.LINE]), dtype=pl.UInt32, eager=True).alias(_ROW)
    keys = [columns[name].hash().alias(name) for name in (col.USER, col.ITEM)]
    event = columns[col.EVENT].cast(pl.Categorical)
    taken = [columns[name] for name in _TAKEN]
    columns.update({name: pl.Series(name, [], dtype=pl.Null) for name in _TAKEN})
    rest = _rest(columns) if taken[0].is_null().all() else []
    return pl.DataFrame([*keys, event, *taken, rows, *rest])


def _rest(columns: dict[str, pl.Series]) -> list[pl.Series]:
    """Return what columns without a role hold, as hashes.

    Without times they alone can show that two rows are two events: two loans of one book.
    """
    kept = [
        values for name, values in columns.items() if name not in (*_TAKEN, col.USER, col.ITEM, col.EVENT)
    ]
    return [pl.DataFrame(kept).hash_rows().alias(_REST)] if kept else []


def _widened(narrow: pl.DataFrame, columns: dict[str, pl.Series]) -> pl.DataFrame:
    """Return the whole rows that are left, column by column."""
    rows, size = narrow.drop_in_place(_ROW), len(columns[col.USER])
    left = None if len(rows) == size else _marked(rows, size)
    del rows
    whole = []
    for name in list(columns):
        column = columns.pop(name)
        if name in _TAKEN:
            whole.append(narrow.drop_in_place(name))
        else:
            whole.append(column if left is None else column.filter(left))
    return pl.DataFrame(whole)


_Step = Callable[[pl.DataFrame], tuple[pl.DataFrame, pl.DataFrame]]


def _removal(reason: str, find: Callable[[pl.DataFrame], pl.Series]) -> _Step:
    """Return the cleaning step that removes the rows that ``find`` returns."""

    def remove(events: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        wrong = find(events)
        removed = events.filter(wrong).select(col.LINE, pl.lit(reason).alias("reason"))
        return (_filtered(events, ~wrong) if len(removed) else events), removed

    return remove


def _filtered(events: pl.DataFrame, good: pl.Series) -> pl.DataFrame:
    """Return some rows of a frame, which is emptied meanwhile: a large log is never in memory twice."""
    return pl.DataFrame([events.drop_in_place(name).filter(good) for name in events.columns])


def _steps(rules: Rules, now: float, event_map: EventMap) -> list[_Step]:
    steps: list[_Step] = []
    if event_map.choices:
        steps.append(_removal("event type ignored", lambda e: _ignored(e, event_map)))
    if rules.impossible_times:
        steps.append(_removal("impossible time", lambda e: _impossible(e, now)))
    if rules.fill:  # early, so that the other rules see the filled values
        steps.append(lambda e: filled(e, rules.fill))
    if rules.missing_times:
        steps.append(_removal("no time", _timeless))
    if rules.duplicates:
        steps.append(_removal("duplicate", _duplicates))
    if rules.burst_seconds > 0:
        steps.append(_removal("burst", lambda e: _bursts(e, rules.burst_seconds, event_map)))
    if rules.bots:
        steps.append(_removal("bot", lambda e: _bots(e, rules, event_map)))
    if rules.outliers is not None:
        steps.append(_removal("outlying value", lambda e: _outliers(e, rules)))
    if rules.min_item_events > 1 or rules.min_user_events > 1:
        steps.append(_removal("rare item", lambda e: _rare(e, rules)[0]))
        steps.append(_removal("rare user", lambda e: _rare(e, rules)[1]))
    return steps


def _ignored(events: pl.DataFrame, event_map: EventMap) -> pl.Series:
    names = [name for name in events[col.EVENT].unique() if event_map.ignored(name)]
    return events[col.EVENT].is_in(names)


def _impossible(events: pl.DataFrame, now: float) -> pl.Series:
    at = events[col.TIMESTAMP]
    return ((at < FIRST_MOMENT) | (at > now + _DAY_AHEAD)).fill_null(False)


def _timeless(events: pl.DataFrame) -> pl.Series:
    missing = events[col.TIMESTAMP].is_null()
    return missing & (not missing.all())


def _coded(events: pl.DataFrame) -> pl.DataFrame:
    """Return the event as a number, which sorts faster, beside user, item, time and place."""
    return events.select(
        col.USER, col.ITEM, pl.col(col.EVENT).to_physical().alias(col.EVENT), col.TIMESTAMP, "place"
    )


def _frequent(keys: pl.DataFrame, least: int) -> pl.Series:
    """Return the places of rows that occur so many times: by a sort of hashes, without a group-by.

    Rows that have only their hash in common with others may be among them.
    """
    hashes = keys.hash_rows()
    ordered = hashes.sort()
    often = ordered.filter((ordered == ordered.shift(least - 1)).fill_null(False)).unique()
    return hashes.is_in(often.implode()).arg_true()


def _repeated(events: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Return the rows whose keys occur more than once, with their place."""
    places = _frequent(events.select(keys), 2)
    return events[places].with_columns(places.alias("place"))


def _duplicates(events: pl.DataFrame) -> pl.Series:
    keys = [col.USER, col.ITEM, col.EVENT, col.TIMESTAMP, col.VALUE, col.SEQ]
    keys += [_REST] * (_REST in events.columns)
    again = (~pl.struct(keys).is_first_distinct()).alias("wrong")
    return _at_places(_repeated(events, keys).select("place", again), len(events))


def _bursts(events: pl.DataFrame, seconds: float, event_map: EventMap) -> pl.Series:
    names = events[col.EVENT].unique()
    weak = [name for name in names if event_map.strength(name) < _STRONG and not _is_undone(name)]
    keys = [col.USER, col.ITEM, col.EVENT]
    candidates = _repeated(events, keys).filter(
        pl.col(col.EVENT).is_in(weak), pl.col(col.TIMESTAMP).is_not_null()
    )
    ordered = _coded(candidates).sort(*keys, col.TIMESTAMP, "place")
    same = pl.all_horizontal(pl.col(key) == pl.col(key).shift(1) for key in keys)
    close = pl.col(col.TIMESTAMP) - pl.col(col.TIMESTAMP).shift(1) <= seconds
    return _at_places(ordered.select("place", (same & close).fill_null(False).alias("wrong")), len(events))


def _is_undone(event: str) -> bool:
    """Return whether an event is a line of an order that was undone: two of them are no double click."""
    return event in UNDONE or undoes(event)


def _at_places(found: pl.DataFrame, size: int) -> pl.Series:
    return _marked(found.filter("wrong")["place"], size)


def _marked(places: pl.Series, size: int) -> pl.Series:
    none = pl.Series("wrong", [False], dtype=pl.Boolean).new_from_index(0, size)
    return none.scatter(places, True)


def _bots(events: pl.DataFrame, rules: Rules, event_map: EventMap) -> pl.Series:
    names = events[col.EVENT].unique()
    looks = [name for name in names if event_map.strength(name) > 0 and not is_rated(name)]
    fast = _fast(events, looks, rules)
    if not len(fast):
        return _marked(pl.Series([], dtype=pl.UInt32), len(events))
    looked = events[col.EVENT].is_in(looks) & events[col.TIMESTAMP].is_not_null()
    pairs = events.select(col.USER, col.ITEM)
    bots = _broad(pairs if looked.all() else pairs.filter(looked), fast)
    return events[col.USER].is_in(bots.to_list())


def _fast(events: pl.DataFrame, looks: list[str], rules: Rules) -> pl.Series:
    """Return the users who look at more items in a minute or an hour than a person does."""
    hour, second = pl.col(col.TIMESTAMP) // 3600, pl.col(col.TIMESTAMP).floor()
    least = min(rules.bot_items_per_minute, rules.bot_items_per_hour)
    busy = events[_frequent(events.select(col.USER, hour.alias("hour")), least)]
    looked = busy.filter(pl.col(col.EVENT).is_in(looks), pl.col(col.TIMESTAMP).is_not_null())
    rows = looked.select(col.USER, col.ITEM, second.alias("second"), hour.alias("hour"))
    items, moments = pl.col(col.ITEM).n_unique(), pl.col("second").n_unique()
    by_minute = rows.group_by(col.USER, pl.col("second") // 60).agg(items, moments.alias("moments"))
    by_hour = rows.group_by(col.USER, "hour").agg(items, moments.alias("moments"))
    limits = ((by_minute, rules.bot_items_per_minute), (by_hour, rules.bot_items_per_hour))
    found = [
        spans.filter(pl.col(col.ITEM) >= limit, pl.col("moments") >= min(_BOT_MOMENTS, limit))[col.USER]
        for spans, limit in limits
    ]
    return pl.concat(found).unique()


def _broad(pairs: pl.DataFrame, fast: pl.Series) -> pl.Series:
    """Return those of some users whose number of different items is an outlier among all users."""
    breadth = _breadth(pairs).with_columns(pl.col("items").log1p().alias("log"))
    middle = float(breadth["log"].median())  # type: ignore[arg-type]
    spread = 1.4826 * float((breadth["log"] - middle).abs().median())  # type: ignore[arg-type]
    outlying = pl.col("log") > middle + _BOT_DEVIATIONS * max(spread, _LEAST_SPREAD)
    half = pl.col("items") > max(pairs[col.ITEM].n_unique() / 2, 2 * float(breadth["items"].median()))  # type: ignore[arg-type]
    return breadth.filter(outlying | half, pl.col(col.USER).is_in(fast.to_list()))[col.USER]


def _breadth(pairs: pl.DataFrame) -> pl.DataFrame:
    """Return the number of different ``items`` of each user.

    Rows are counted by a sort, and only those of pairs that occur again are grouped: a group-by of all pairs
    took more time and memory than any other part of the cleaning.
    """
    rows = pairs[col.USER].sort().rle().struct.unnest().rename({"value": col.USER, "len": "rows"})
    repeated = pairs[_frequent(pairs, 2)]
    again = repeated.filter(~pl.struct(pl.all()).is_first_distinct()).group_by(col.USER).len("again")
    items = pl.col("rows") - pl.col("again").fill_null(0)
    return rows.join(again, on=col.USER, how="left").select(col.USER, items.alias("items"))


def _outliers(events: pl.DataFrame, rules: Rules) -> pl.Series:
    value = pl.col(col.VALUE)
    if rules.outliers == "quantile":
        low, high = value.quantile(rules.outlier_share), value.quantile(1 - rules.outlier_share)
        wrong = (value < low.over(col.EVENT)) | (value > high.over(col.EVENT))
    else:
        middle = value.median().over(col.EVENT)
        spread = 1.4826 * (value - middle).abs().median().over(col.EVENT)
        wrong = (spread > 0) & ((value - middle).abs() > rules.outlier_deviations * spread)
    return events.select(wrong.fill_null(False).alias("wrong"))["wrong"]


def _rare(events: pl.DataFrame, rules: Rules) -> tuple[pl.Series, pl.Series]:
    """Return where an item is rare, and where an item or a user is, counted again without those found."""
    left = _coded(events.with_row_index("place")).select(col.USER, col.ITEM, "place")
    found: dict[str, list[pl.Series]] = {col.ITEM: [], col.USER: []}
    size = -1
    while size != len(left):
        size = len(left)
        for name, least in ((col.ITEM, rules.min_item_events), (col.USER, rules.min_user_events)):
            rare = left.select((pl.len().over(name) < least).alias("rare"))["rare"]
            found[name].append(left["place"].filter(rare))
            left = left.filter(~rare)
    items, users = (_marked(pl.concat(found[name]), len(events)) for name in (col.ITEM, col.USER))
    return items, items | users


def _counted(quarantine: pl.DataFrame) -> dict[str, int]:
    counts = quarantine["reason"].value_counts(sort=True)
    return dict(zip(counts["reason"].to_list(), counts["count"].to_list(), strict=True))
