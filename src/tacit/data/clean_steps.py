"""The rules of cleaning as steps, each of which looks at whole users of a log.

A log may be cleaned in one piece or in many, each with all rows of some users (`tacit.data.buckets`). What a
rule must know of everybody it measures in each piece; what was measured is joined, and with the result the
rule is applied to each piece. One piece is the same with one measurement, so both ways give the same rows.

The steps look at a narrow copy of the log: user and item as hashes of 64 bits, the event type as a category,
time, value, order, line, and `ROW`, the place of the row in the whole log.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from tacit.data import columns as col
from tacit.data.event_map import EventMap
from tacit.data.event_names import is_rated
from tacit.data.fill import Fill
from tacit.data.impute import fill_column, needs_measure, single_value
from tacit.data.order_status import UNDONE
from tacit.data.returns import undoes
from tacit.data.rules import Rules

FIRST_MOMENT = 631_152_000.0
"""1990-01-01: no log of what people did online is older."""

ROW, REST = "tacit row", "tacit rest"
"""Columns of the narrow copy: the place of a row in the log, and a hash of its columns without a role."""

_DAY_AHEAD = 86_400.0
_STRONG = 0.7
_BOT_DEVIATIONS = 3.0
_LEAST_SPREAD = 0.4
_BOT_MOMENTS = 10


def _always(_: Any) -> bool:
    return True


def _never(_: Any) -> bool:
    return False


@dataclass(frozen=True)
class Measure:
    """What a rule must know of everybody: it is measured in each piece, and what was measured is joined.

    Attributes
    ----------
    of : callable
        Events of whole users and what was measured before (None at first) to plain data.
    joined : callable
        The data of all pieces and what was measured before to what is known then.
    needed : callable
        Whether what was measured before asks for this.
    decides : callable
        Whether the data of one piece decide, whatever the others hold.
    """

    of: Callable[[pl.DataFrame, Any], Any]
    joined: Callable[[Sequence[Any], Any], Any]
    needed: Callable[[Any], bool] = _always
    decides: Callable[[Any], bool] = _never


@dataclass(frozen=True)
class Step:
    """A rule.

    Attributes
    ----------
    apply : callable
        Events of whole users and what was measured to the events that stay, and ``line`` and ``reason`` of
        the removed ones. The frame that it is given is emptied.
    measures : sequence of Measure
        In turn; none where users alone decide.
    fills : bool
        Whether it changes events that stay.
    """

    apply: Callable[[pl.DataFrame, Any], tuple[pl.DataFrame, pl.DataFrame]]
    measures: Sequence[Measure] = ()
    fills: bool = False


def no_removals() -> pl.DataFrame:
    """Return an empty frame of removed rows."""
    return pl.DataFrame(schema={col.LINE: pl.Int64, "reason": pl.String})


def steps_of(rules: Rules, now: float, event_map: EventMap) -> list[Step]:
    """Return the rules in their order."""
    steps: list[Step] = []
    if event_map.choices:
        steps.append(_removal("event type ignored", partial(_ignored, event_map=event_map)))
    if rules.impossible_times:
        steps.append(_removal("impossible time", partial(_impossible, now=now)))
    # Early, so that the other rules see the filled values.
    steps += [_fill_step(name, fill) for name, fill in rules.fill.items()]
    if rules.missing_times:
        steps.append(_removal("no time", _timeless, _HAS_TIMES))
    if rules.duplicates:
        steps.append(_removal("duplicate", _duplicates))
    if rules.burst_seconds > 0:
        bursts = partial(_bursts, seconds=rules.burst_seconds, event_map=event_map)
        steps.append(_removal("burst", bursts))
    if rules.bots:
        steps.append(_removal("bot", _bots, *_bot_measures(rules, event_map)))
    if rules.outliers is not None:
        measure = Measure(_known_values, partial(_limits, rules=rules))
        steps.append(_removal("outlying value", _outliers, measure))
    if rules.min_item_events > 1 or rules.min_user_events > 1:
        for reason, either in (("rare item", False), ("rare user", True)):
            measure = Measure(_pairs, partial(_rare, rules=rules, either=either))
            steps.append(_removal(reason, _at_rows, measure))
    return steps


def _removal(reason: str, find: Callable[..., pl.Series], *measures: Measure) -> Step:
    """Return the step that removes the rows that ``find`` returns, of the events and what was measured."""
    return Step(partial(_removed, reason=reason, find=find, measured=bool(measures)), measures)


def _removed(
    events: pl.DataFrame, known: Any, *, reason: str, find: Callable[..., pl.Series], measured: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    wrong = find(events, known) if measured else find(events)
    removed = events.filter(wrong).select(col.LINE, pl.lit(reason).alias("reason"))
    return (filtered(events, ~wrong) if len(removed) else events), removed


def filtered(events: pl.DataFrame, good: pl.Series) -> pl.DataFrame:
    """Return some rows of a frame, which is emptied meanwhile: a large log is never in memory twice."""
    return pl.DataFrame([events.drop_in_place(name).filter(good) for name in events.columns])


def _ignored(events: pl.DataFrame, event_map: EventMap) -> pl.Series:
    names = [name for name in events[col.EVENT].unique() if event_map.ignored(name)]
    return events[col.EVENT].is_in(names)


def _impossible(events: pl.DataFrame, now: float) -> pl.Series:
    at = events[col.TIMESTAMP]
    return ((at < FIRST_MOMENT) | (at > now + _DAY_AHEAD)).fill_null(False)


# Times: where a log has none at all, their absence is no fault of a row.


def _has_times(events: pl.DataFrame, _: Any) -> bool:
    return events[col.TIMESTAMP].null_count() < len(events)


def _any(found: Sequence[bool], _: Any) -> bool:
    return any(found)


_HAS_TIMES = Measure(_has_times, _any, decides=bool)


def _timeless(events: pl.DataFrame, has_times: bool) -> pl.Series:
    missing = events[col.TIMESTAMP].is_null()
    return missing if has_times else missing & False


# Missing values


def _fill_step(name: str, fill: Fill) -> Step:
    apply = partial(fill_column, name=name, fill=fill)
    if fill.how in ("forward", "interpolate"):
        return Step(apply, (_HAS_TIMES,), fills=True)
    if needs_measure(fill):
        value = Measure(partial(_known_of, name=name), partial(_fill_value, name=name, fill=fill))
        return Step(apply, (value,), fills=True)
    return Step(apply, fills=True)


def _known_of(events: pl.DataFrame, _: Any, *, name: str) -> pl.DataFrame:
    return events.select(ROW, name).drop_nulls(name)


def _fill_value(parts: Sequence[pl.DataFrame], _: Any, *, name: str, fill: Fill) -> float | None:
    # In the order of the log: a sum of decimal numbers depends on it.
    known = parts[0] if len(parts) == 1 else pl.concat(parts).sort(ROW)
    return single_value(known[name], fill)


# Rows that repeat others


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
    keys += [REST] * (REST in events.columns)
    again = (~pl.struct(keys).is_first_distinct()).alias("wrong")
    return _at_places(_repeated(events, keys).select("place", again), len(events))


def _bursts(events: pl.DataFrame, seconds: float, event_map: EventMap) -> pl.Series:
    names = events[col.EVENT].unique()
    weak = [name for name in names if is_weak(name, event_map)]
    keys = [col.USER, col.ITEM, col.EVENT]
    candidates = _repeated(events, keys).filter(
        pl.col(col.EVENT).is_in(weak), pl.col(col.TIMESTAMP).is_not_null()
    )
    ordered = _coded(candidates).sort(*keys, col.TIMESTAMP, "place")
    same = pl.all_horizontal(pl.col(key) == pl.col(key).shift(1) for key in keys)
    close = pl.col(col.TIMESTAMP) - pl.col(col.TIMESTAMP).shift(1) <= seconds
    return _at_places(ordered.select("place", (same & close).fill_null(False).alias("wrong")), len(events))


def is_weak(event: str, event_map: EventMap) -> bool:
    """Return whether two events of a type on one item, one right after the other, are a double click.

    Lines of an order that was undone are not.
    """
    return event_map.strength(event) < _STRONG and not (event in UNDONE or undoes(event))


def _at_places(found: pl.DataFrame, size: int) -> pl.Series:
    return _marked(found.filter("wrong")["place"], size)


def _marked(places: pl.Series, size: int) -> pl.Series:
    none = pl.Series("wrong", [False], dtype=pl.Boolean).new_from_index(0, size)
    return none.scatter(places, True)


# Bots: who is too fast, then who of them is too broad


def _bot_measures(rules: Rules, event_map: EventMap) -> tuple[Measure, Measure]:
    fast = partial(_fast_users, rules=rules, event_map=event_map)
    breadth = partial(_breadths, event_map=event_map)
    return Measure(fast, _concatenated), Measure(breadth, _bots_of, needed=_any_user)


def _concatenated(parts: Sequence[pl.Series], _: Any) -> pl.Series:
    return pl.concat(parts)


def _any_user(users: pl.Series) -> bool:
    return len(users) > 0


def _looks(events: pl.DataFrame, event_map: EventMap) -> list[str]:
    """Return the event types by which people look at items."""
    names = events[col.EVENT].unique()
    return [name for name in names if event_map.strength(name) > 0 and not is_rated(name)]


def _bots(events: pl.DataFrame, bots: pl.Series) -> pl.Series:
    if not len(bots):
        return _marked(pl.Series([], dtype=pl.UInt32), len(events))
    return events[col.USER].is_in(bots.to_list())


def _fast_users(events: pl.DataFrame, _: Any, *, rules: Rules, event_map: EventMap) -> pl.Series:
    return _fast(events, _looks(events, event_map), rules)


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


@dataclass(frozen=True)
class _Breadth:
    """How many different items users look at.

    Attributes
    ----------
    users : polars.DataFrame
        How many ``users`` have how many ``items``.
    fast : polars.DataFrame
        ``user_id`` and ``items`` of those who are too fast.
    items : polars.Series
        The different items.
    """

    users: pl.DataFrame
    fast: pl.DataFrame
    items: pl.Series


def _breadths(events: pl.DataFrame, fast: pl.Series, *, event_map: EventMap) -> _Breadth:
    looked = events[col.EVENT].is_in(_looks(events, event_map)) & events[col.TIMESTAMP].is_not_null()
    pairs = events.select(col.USER, col.ITEM)
    pairs = pairs if looked.all() else pairs.filter(looked)
    breadth = _breadth(pairs)
    counts = breadth["items"].value_counts(name="users")
    return _Breadth(counts, breadth.filter(pl.col(col.USER).is_in(fast.to_list())), pairs[col.ITEM].unique())


def _bots_of(parts: Sequence[_Breadth], _: Any) -> pl.Series:
    """Return those of the fast users whose number of different items is an outlier among all users."""
    counts = pl.concat([part.users for part in parts]).group_by("items").agg(pl.col("users").sum())
    items = counts.select(pl.col("items").repeat_by("users").explode())["items"]
    logs = items.log1p()
    middle = float(logs.median())  # type: ignore[arg-type]
    spread = 1.4826 * float((logs - middle).abs().median())  # type: ignore[arg-type]
    outlying = pl.col("items").log1p() > middle + _BOT_DEVIATIONS * max(spread, _LEAST_SPREAD)
    different = pl.concat([part.items for part in parts]).n_unique()
    half = pl.col("items") > max(different / 2, 2 * float(items.median()))  # type: ignore[arg-type]
    return pl.concat([part.fast for part in parts]).filter(outlying | half)[col.USER]


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


# Outlying values


def _known_values(events: pl.DataFrame, _: Any) -> pl.DataFrame:
    return events.select(col.EVENT, col.VALUE).drop_nulls(col.VALUE)


def _limits(parts: Sequence[pl.DataFrame], _: Any, *, rules: Rules) -> pl.DataFrame:
    """Return ``low`` and ``high`` of each event type: values outside are outlying."""
    known, value = pl.concat(parts), pl.col(col.VALUE)
    if rules.outliers == "quantile":
        share = rules.outlier_share
        low, high = value.quantile(share), value.quantile(1 - share)
        return known.group_by(col.EVENT).agg(low.alias("low"), high.alias("high"))
    middle = value.median().over(col.EVENT)
    distances = known.with_columns(middle.alias("middle"), (value - middle).abs().alias("distance"))
    by_type = distances.group_by(col.EVENT).agg(
        pl.col("middle").first(), (1.4826 * pl.col("distance").median()).alias("spread")
    )
    spread = pl.when(pl.col("spread") > 0).then(rules.outlier_deviations * pl.col("spread"))
    return by_type.select(col.EVENT, "middle", spread.alias("farthest"))


def _outliers(events: pl.DataFrame, limits: pl.DataFrame) -> pl.Series:
    value = pl.col(col.VALUE)
    joined = events.select(col.EVENT, col.VALUE).join(limits, on=col.EVENT, how="left", maintain_order="left")
    if "low" in limits.columns:
        wrong = (value < pl.col("low")) | (value > pl.col("high"))
    else:
        wrong = (value - pl.col("middle")).abs() > pl.col("farthest")
    return joined.select(wrong.fill_null(False).alias("wrong"))["wrong"]


# Rare users and items


def _pairs(events: pl.DataFrame, _: Any) -> pl.DataFrame:
    return events.select(col.USER, col.ITEM, ROW)


def _rare(parts: Sequence[pl.DataFrame], _: Any, *, rules: Rules, either: bool) -> pl.Series:
    """Return the rows whose item is rare, or whose item or user is, counted again without those found."""
    left = pl.concat(parts)
    found: dict[str, list[pl.Series]] = {col.ITEM: [], col.USER: []}
    size = -1
    while size != len(left):
        size = len(left)
        for name, least in ((col.ITEM, rules.min_item_events), (col.USER, rules.min_user_events)):
            rare = left.select((pl.len().over(name) < least).alias("rare"))["rare"]
            found[name].append(left[ROW].filter(rare))
            left = left.filter(~rare)
    rows = found[col.ITEM] + (found[col.USER] if either else [])
    return pl.concat(rows)


def _at_rows(events: pl.DataFrame, rows: pl.Series) -> pl.Series:
    return events[ROW].is_in(rows.implode())
