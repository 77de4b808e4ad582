"""Cleaning: rules that each remove rows for one reason, counted, with every removed row in the quarantine.

The rules run in a fixed order and a row is removed by the first that fits it, so ``rows_in`` is always the
number of events plus the number of quarantined rows. Missing values are filled before rows are compared.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Literal

import polars as pl

from tacit.core.errors import ConfigError
from tacit.core.parameters import Parameterised, build, declared, parameter, values_of
from tacit.core.progress import SILENT, Progress
from tacit.data import columns as col
from tacit.data.event_names import is_rated, strength
from tacit.data.impute import Fill, check_fills, filled
from tacit.data.read import Source, raw_lines

FIRST_MOMENT = 631_152_000.0
"""1990-01-01: no log of what people did online is older."""

_DAY_AHEAD = 86_400.0
_STRONG = 0.7
_BOT_DEVIATIONS = 3.0
_LEAST_SPREAD = 0.4
_BOT_MOMENTS = 10


class Rules(Parameterised):
    """What to remove and what to fill in.

    Parameters
    ----------
    impossible_times : bool
        Times before 1990 or later than a day after now.
    missing_times : bool
        Events without a time in a log that has times.
    duplicates : bool
        Events that repeat another in user, item, type, time, value and order.
    burst_seconds : float
        A view, click or the like that follows the same one by at most so many seconds; 0 keeps them.
        Carts, purchases and ratings are never bursts.
    bots : bool
        Users who are too fast and too broad at once. Too fast: looks at ``bot_items_per_minute`` different
        items within a minute or ``bot_items_per_hour`` within an hour, at ten moments or more (an order of
        many items at one moment is none). Too broad: the number of different items is an outlier (3 robust
        deviations of its logarithm), or half of all items and twice the median. Ratings, refusals and what
        was only shown are not counted: people rate and refuse whole pages at once.
    bot_items_per_minute, bot_items_per_hour : int
    outliers : {"quantile", "mad"} or None
        Values in the outer ``outlier_share`` of either side, or further than ``outlier_deviations`` robust
        deviations from the median of their event type.
    outlier_share, outlier_deviations : float
    min_user_events, min_item_events : int
        Users and items with fewer events are removed, items first, until none is left that has fewer.
    fill : mapping of column to Fill
        How missing values are filled, by column ("value", "timestamp").
    """

    impossible_times: bool = True
    missing_times: bool = True
    duplicates: bool = True
    burst_seconds: float = parameter(default=2.0, low=0, below=inf, unit="seconds")
    bots: bool = True
    bot_items_per_minute: int = parameter(default=20, low=1)
    bot_items_per_hour: int = parameter(default=300, low=1)
    outliers: Literal["quantile", "mad"] | None = None
    outlier_share: float = parameter(default=0.001, low=0, below=0.5)
    outlier_deviations: float = parameter(default=10.0, above=0, below=inf)
    min_user_events: int = parameter(default=1, low=1)
    min_item_events: int = parameter(default=1, low=1)
    fill: dict[str, Fill] = parameter(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bot_items_per_hour < self.bot_items_per_minute:
            raise ConfigError(
                f"the cleaning rules contradict each other: bot_items_per_hour is {self.bot_items_per_hour}, "
                f"less than bot_items_per_minute, {self.bot_items_per_minute}; raise the first"
            )
        check_fills(self.fill)

    def to_dict(self) -> dict[str, Any]:
        """Return the rules as plain data: what `parse_rules` takes, without what is None."""
        values = {name: value for name, value in values_of(self).items() if value is not None}
        return {**values, "fill": {name: how.word for name, how in self.fill.items()}}

    def rows_only(self) -> "Rules":
        """Return the rules that look at rows and their neighbours only, never at statistics over the log.

        What an evaluation applies before its cut: statistics over the whole log would tell of the future.
        """
        return replace(self, bots=False, outliers=None, min_user_events=1, min_item_events=1, fill={})

    def statistical(self) -> "Rules":
        """Return the other rules: what an evaluation applies to its training part alone."""
        return replace(self, impossible_times=False, missing_times=False, duplicates=False, burst_seconds=0)


def parse_rules(values: Mapping[str, Any], *, where: str = "the cleaning rules") -> Rules:
    """Return the rules of plain data: the fields of `Rules`, ``fill`` as column to word or number.

    Raises
    ------
    ConfigError
        If a key is no rule or a value does not fit it.
    """
    known = declared(Rules)
    for name in values:
        if name not in known:
            raise ConfigError(f"{where} have no {name!r}; known: {', '.join(sorted(known))}")
    fill = values.get("fill") or {}
    if not isinstance(fill, Mapping):
        raise ConfigError(f"{where}: fill is {fill!r}; it must name columns, for example value = 'median'")
    return build(Rules, {**values, "fill": {name: Fill.parse(str(how)) for name, how in fill.items()}}, where)


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
    """

    events: pl.DataFrame
    quarantine: pl.DataFrame
    rows_in: int
    reasons: dict[str, int]
    mapping: dict[str, str]
    dialect: str


def clean(source: Source, rules: Rules | None = None, *, now: float, progress: Progress = SILENT) -> Cleaned:
    """Return the events that stand every rule, and the rest with its reasons.

    Parameters
    ----------
    source : Source
        From `tacit.data.read.read_events`.
    rules : Rules, optional
    now : float
        The present, Unix seconds: later times are impossible.
    progress : Progress
    """
    events, removed = apply_rules(source.frame, rules or Rules(), now=now, progress=progress)
    removed = removed.select(col.LINE, "reason", raw_lines(source, removed[col.LINE]).alias("raw"))
    quarantine = pl.concat([source.rejected, removed]).sort(col.LINE, maintain_order=True)
    return Cleaned(
        events, quarantine, source.rows_in, _counted(quarantine), dict(source.mapping), source.dialect
    )


def without_noise(events: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Return the events that stand the rules on statistics: what an evaluation makes of its training part."""
    return apply_rules(events, rules.statistical(), now=float("inf"))[0]


def apply_rules(
    events: pl.DataFrame, rules: Rules, *, now: float, progress: Progress = SILENT
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the events that stand every rule, and the removed ones with a column ``reason``."""
    steps = _steps(rules, now)
    events = events.clone()  # its columns are let go one by one
    gone = [pl.DataFrame(schema={col.LINE: pl.Int64, "reason": pl.String})]
    with progress.task("cleaning", total=len(steps)) as task:
        for step in steps:
            events, removed = step(events)
            gone.append(removed)
            task.advance()
    return events, pl.concat(gone)


_Step = Callable[[pl.DataFrame], tuple[pl.DataFrame, pl.DataFrame]]


def _removal(reason: str, find: Callable[[pl.DataFrame], pl.Series]) -> _Step:
    """Return the step that removes the rows that are found."""

    def remove(events: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        wrong = find(events)
        removed = events.filter(wrong).select(col.LINE, pl.lit(reason).alias("reason"))
        return (_filtered(events, ~wrong) if len(removed) else events), removed

    return remove


def _filtered(events: pl.DataFrame, good: pl.Series) -> pl.DataFrame:
    """Return some rows of a frame, which is emptied on the way: a large log is never there twice."""
    return pl.DataFrame([events.drop_in_place(name).filter(good) for name in events.columns])


def _steps(rules: Rules, now: float) -> list[_Step]:
    steps: list[_Step] = []
    if rules.impossible_times:
        steps.append(_removal("impossible time", lambda e: _impossible(e, now)))
    if rules.fill:  # early, so that the other rules judge what will be there
        steps.append(lambda e: filled(e, rules.fill))
    if rules.missing_times:
        steps.append(_removal("no time", _timeless))
    if rules.duplicates:
        steps.append(_removal("duplicate", _duplicates))
    if rules.burst_seconds > 0:
        steps.append(_removal("burst", lambda e: _bursts(e, rules.burst_seconds)))
    if rules.bots:
        steps.append(_removal("bot", lambda e: _bots(e, rules)))
    if rules.outliers is not None:
        steps.append(_removal("outlying value", lambda e: _outliers(e, rules)))
    if rules.min_item_events > 1 or rules.min_user_events > 1:
        steps.append(_removal("rare item", lambda e: _rare(e, rules)[0]))
        steps.append(_removal("rare user", lambda e: _rare(e, rules)[1]))
    return steps


def _impossible(events: pl.DataFrame, now: float) -> pl.Series:
    at = events[col.TIMESTAMP]
    return ((at < FIRST_MOMENT) | (at > now + _DAY_AHEAD)).fill_null(False)


def _timeless(events: pl.DataFrame) -> pl.Series:
    missing = events[col.TIMESTAMP].is_null()
    return missing & (not missing.all())


def _coded(events: pl.DataFrame) -> pl.DataFrame:
    """Return user, item and event as numbers, which sort and compare faster, beside time and place."""
    names = (col.USER, col.ITEM, col.EVENT)
    return events.select(
        *(pl.col(name).cast(pl.Categorical).to_physical().alias(name) for name in names),
        col.TIMESTAMP,
        "place",
    )


def _frequent(keys: pl.DataFrame, least: int) -> pl.Series:
    """Return the places of rows that stand there so many times: found by a sort of hashes, without a group.

    A row that shares only its hash with others may be among them.
    """
    hashes = keys.hash_rows()
    ordered = hashes.sort()
    often = ordered.filter((ordered == ordered.shift(least - 1)).fill_null(False)).unique()
    return hashes.is_in(often.implode()).arg_true()


def _repeated(events: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Return the rows whose keys are not theirs alone, with their place."""
    places = _frequent(events.select(keys), 2)
    return events[places].with_columns(places.alias("place"))


def _duplicates(events: pl.DataFrame) -> pl.Series:
    keys = [col.USER, col.ITEM, col.EVENT, col.TIMESTAMP, col.VALUE, col.SEQ]
    again = (~pl.struct(keys).is_first_distinct()).alias("wrong")
    return _at_places(_repeated(events, keys).select("place", again), len(events))


def _bursts(events: pl.DataFrame, seconds: float) -> pl.Series:
    weak = [name for name in events[col.EVENT].unique() if strength(name) < _STRONG]
    keys = [col.USER, col.ITEM, col.EVENT]
    candidates = _repeated(events, keys).filter(
        pl.col(col.EVENT).is_in(weak), pl.col(col.TIMESTAMP).is_not_null()
    )
    ordered = _coded(candidates).sort(*keys, col.TIMESTAMP, "place")
    same = pl.all_horizontal(pl.col(key) == pl.col(key).shift(1) for key in keys)
    close = pl.col(col.TIMESTAMP) - pl.col(col.TIMESTAMP).shift(1) <= seconds
    return _at_places(ordered.select("place", (same & close).fill_null(False).alias("wrong")), len(events))


def _at_places(found: pl.DataFrame, size: int) -> pl.Series:
    return _marked(found.filter("wrong")["place"], size)


def _marked(places: pl.Series, size: int) -> pl.Series:
    none = pl.Series("wrong", [False], dtype=pl.Boolean).new_from_index(0, size)
    return none.scatter(places, True)


def _bots(events: pl.DataFrame, rules: Rules) -> pl.Series:
    names = events[col.EVENT].unique()
    looks = [name for name in names if strength(name) > 0 and not is_rated(name)]
    fast = _fast(events, looks, rules)
    looked = events.lazy().filter(pl.col(col.EVENT).is_in(looks), pl.col(col.TIMESTAMP).is_not_null())
    bots = _broad(looked, fast) if len(fast) else fast
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


def _broad(looked: pl.LazyFrame, fast: pl.Series) -> pl.Series:
    """Return those of some users whose number of different items is out of line with that of all users."""
    pairs = looked.select(col.USER, col.ITEM).unique().collect(engine="streaming")
    breadth = pairs.group_by(col.USER).len("items").with_columns(pl.col("items").log1p().alias("log"))
    middle = float(breadth["log"].median())  # type: ignore[arg-type]
    spread = 1.4826 * float((breadth["log"] - middle).abs().median())  # type: ignore[arg-type]
    outlying = pl.col("log") > middle + _BOT_DEVIATIONS * max(spread, _LEAST_SPREAD)
    half = pl.col("items") > max(pairs[col.ITEM].n_unique() / 2, 2 * float(breadth["items"].median()))  # type: ignore[arg-type]
    return breadth.filter(outlying | half, pl.col(col.USER).is_in(fast.to_list()))[col.USER]


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
