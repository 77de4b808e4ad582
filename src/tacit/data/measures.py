"""The figures of the quality report, each a group-by over integer codes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import polars as pl

from tacit.core.types import DAY, Int64
from tacit.data import columns as col
from tacit.data.catalogue import item_texts
from tacit.data.categories import numbers_of, with_texts
from tacit.data.ids import IdMatch, id_matches
from tacit.data.splits import cut_time

TEST_SHARE = 0.1
_BINS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500)
BUCKETS = (
    ("hour", 3600.0),
    ("day", DAY),
    ("week", 7 * DAY),
    ("month", 30.4375 * DAY),
    ("year", 365.25 * DAY),
)
"""Names and seconds of the spans of one point of a chart over time."""
_POINTS = 200  # no chart needs more
_FAST = 300  # events an hour: no person keeps that up for hours


@dataclass(frozen=True)
class EventType:
    """How often one type of event occurs, and for how many users and items."""

    event: str
    count: int
    share: float
    users: int
    items: int


@dataclass(frozen=True)
class Gap:
    """A stretch of time without any event: Unix seconds and days."""

    start: float
    end: float
    days: float


@dataclass(frozen=True)
class TimeSpan:
    """The time that a log covers.

    Attributes
    ----------
    start, end : float
        Unix seconds.
    days : float
    untimed : int
        Events without a time.
    bucket : str
        Span of one point of ``activity``: hour, day, week, month or year.
    activity : list of (str, int)
        ISO time of the start of each bucket and its number of events, empty buckets included.
    gaps : list of Gap
        The longest stretches without an event, at most five, each longer than a day and than ten times the
        99th percentile of the pauses between hours with events.
    tied_share : float
        Share of events at the very moment of another event of the same user: their order is unknown.
    midnight_share : float
        Share of events at midnight UTC; near 1 where only the date is known.
    """

    start: float
    end: float
    days: float
    untimed: int
    bucket: str
    activity: list[tuple[str, int]]
    gaps: list[Gap]
    tied_share: float
    midnight_share: float


@dataclass(frozen=True)
class Histories:
    """How many events users have; ``bins`` holds (label, users)."""

    mean: float
    median: float
    p90: float
    longest: int
    single_share: float
    bins: list[tuple[str, int]]


@dataclass(frozen=True)
class Popularity:
    """How unevenly the events are spread over the items.

    Attributes
    ----------
    top : dict
        Share of the events on the top 1, 5, 10 and 20 % of the items.
    gini : float
        0 if all items are equal, near 1 if one item has all events.
    curve : list of (float, float)
        Share of items (most popular first), share of events on them.
    """

    top: dict[str, float]
    gini: float
    curve: list[tuple[float, float]]


@dataclass(frozen=True)
class Catalogued:
    """How catalogue and log fit together.

    Attributes
    ----------
    rows, with_text, without_events : int
        Items of the catalogue; those with any text; those without any event (cold).
    events_without_text_share : float
        Share of events on items without text, listed or not.
    events_unlisted_share : float
        Share of events on items that the catalogue does not have.
    repeated_ids : int
        Rows with the id of an earlier row.
    ids : IdMatch or None
        How the ids of the events meet those of the catalogue, and what would make more of them meet.
    own : bool
        Whether the catalogue was made of columns of the log.
    """

    rows: int
    with_text: int
    without_events: int
    events_without_text_share: float
    events_unlisted_share: float
    repeated_ids: int
    ids: IdMatch | None = None
    own: bool = False


@dataclass(frozen=True)
class TimeSplit:
    """The two sides of a cut in time that holds out the last tenth of the events."""

    cut: float
    train_events: int
    test_events: int
    test_users: int
    warm_test_users: int
    test_items: int
    cold_items: int
    cold_event_share: float


def coded_log(events: pl.DataFrame) -> pl.DataFrame:
    """Return the log as ``user, item, event`` codes (UInt32), ``at`` and ``seq``, rows in their order."""
    return events.select(
        numbers_of(events[col.USER]).alias("user"),
        numbers_of(events[col.ITEM]).alias("item"),
        numbers_of(events[col.EVENT]).alias("event"),
        pl.col(col.TIMESTAMP).alias("at"),
        pl.col(col.SEQ).alias("seq"),
    )


def event_types(events: pl.DataFrame, coded: pl.DataFrame) -> list[EventType]:
    """Return the event types, most frequent first."""
    table = (
        coded.with_columns(events[col.EVENT].alias("name"))
        .group_by("event")
        .agg(
            pl.col("name").first(),
            pl.len().alias("count"),
            pl.col("user").n_unique().alias("users"),
            pl.col("item").n_unique().alias("items"),
        )
        .sort(["count", "name"], descending=[True, False])
    )
    total = max(len(events), 1)
    rows = table.select("name", "count", "users", "items").iter_rows()
    return [EventType(name, count, count / total, users, items) for name, count, users, items in rows]


def time_span(coded: pl.DataFrame) -> TimeSpan:
    """Return the time that a log covers; at least one event has a time."""
    at = coded["at"].drop_nulls()
    start, end = float(at.min()), float(at.max())  # type: ignore[arg-type]
    bucket, size = next(
        ((name, size) for name, size in BUCKETS if (end - start) / size <= _POINTS), BUCKETS[-1]
    )
    tied = coded.select(moments_of_users(coded).is_duplicated().mean()).item()
    return TimeSpan(
        start=start,
        end=end,
        days=(end - start) / DAY,
        untimed=len(coded) - len(at),
        bucket=bucket,
        activity=_activity(at, start, size),
        gaps=_gaps(at),
        tied_share=float(tied),
        midnight_share=float((at % DAY == 0).mean()),  # type: ignore[arg-type]
    )


def moments_of_users(coded: pl.DataFrame) -> pl.Series:
    """Return one number for each pair of user and moment."""
    return coded.select(pl.struct("user", "at").hash())["user"]


def _activity(at: pl.Series, start: float, size: float) -> list[tuple[str, int]]:
    first = np.floor(start / size)
    counts = np.bincount((at.to_numpy() // size - first).astype(np.int64))
    return [
        (datetime.fromtimestamp((first + place) * size, UTC).isoformat(timespec="minutes"), int(count))
        for place, count in enumerate(counts)
    ]


def _gaps(at: pl.Series) -> list[Gap]:
    hours = (at / 3600).floor().cast(pl.Int64).unique().sort().to_numpy()
    pause = np.diff(hours)
    if not len(pause):
        return []
    long = np.flatnonzero(pause > max(24.0, 10 * float(np.quantile(pause, 0.99))))
    longest = long[np.argsort(-pause[long], kind="stable")[:5]]
    return [
        Gap(float((hours[i] + 1) * 3600), float(hours[i + 1] * 3600), float((pause[i] - 1) / 24))
        for i in longest
    ]


def histories(per_user: pl.Series) -> Histories:
    """Return the lengths of histories; ``per_user`` holds the number of events of each user."""
    if not len(per_user):
        return Histories(0.0, 0.0, 0.0, 0, 0.0, [])
    lengths = per_user.to_numpy()
    edges = [*_BINS, np.inf]
    counts = np.histogram(lengths, bins=edges)[0]
    last = int(np.flatnonzero(counts)[-1])
    labels = [_label(low, high) for low, high in pairwise(edges)]
    return Histories(
        mean=float(lengths.mean()),
        median=float(np.median(lengths)),
        p90=float(np.quantile(lengths, 0.9)),
        longest=int(lengths.max()),
        single_share=float((lengths == 1).mean()),
        bins=[(label, int(count)) for label, count in zip(labels, counts, strict=True)][: last + 1],
    )


def _label(low: float, high: float) -> str:
    if high == np.inf:
        return f"{low}+"
    return f"{low}" if high == low + 1 else f"{low}-{high - 1}"


def popularity(per_item: pl.Series) -> Popularity:
    """Return how events are spread over items; ``per_item`` holds the number of events of each item."""
    if not len(per_item):
        return Popularity({}, 0.0, [])
    counts = np.sort(per_item.to_numpy())[::-1].astype(np.float64)
    n, covered = len(counts), np.cumsum(counts) / counts.sum()
    top = {str(percent): float(covered[_top_place(n, percent / 100)]) for percent in (1, 5, 10, 20)}
    # Gini of descending counts: 2 * area under the covered curve (trapezoids) - 1.
    area = float(np.trapezoid(np.append(0.0, covered), dx=1 / n))
    places = np.unique(np.linspace(0, n - 1, min(n, 101)).round().astype(np.int64))
    curve = [(0.0, 0.0), *((float((i + 1) / n), float(covered[i])) for i in places)]
    return Popularity(top, 2 * area - 1, curve)


def _top_place(n: int, share: float) -> int:
    return max(int(np.ceil(n * share)), 1) - 1


def repeated_share(coded: pl.DataFrame) -> float:
    """Return the share of events that repeat an earlier one of the same user, item and type."""
    if not len(coded):
        return 0.0
    distinct = coded.select(pl.struct("user", "item", "event").hash().n_unique()).item()
    return 1 - float(distinct) / len(coded)


def fast_users(coded: pl.DataFrame) -> int:
    """Return the number of users that are faster than a person over their whole history."""
    span = coded.group_by("user").agg(
        pl.len().alias("n"), ((pl.col("at").max() - pl.col("at").min()) / 3600).alias("hours")
    )
    fast = (pl.col("n") >= _FAST) & (pl.col("n") / pl.col("hours").clip(1) >= _FAST)
    return int(span.select(fast.sum()).item())


def catalogued(events: pl.DataFrame, items: pl.DataFrame, *, own: bool = False) -> Catalogued:
    """Return how catalogue and log fit together; ``own`` if the catalogue was made of the log."""
    unique = items.unique(col.ITEM, keep="first", maintain_order=True)
    attributes = unique.select(pl.exclude(col.ITEM, col.LINE, col.AVAILABLE, col.CREATED_AT))
    known = unique.select(
        pl.col(col.ITEM).cast(pl.String), item_texts(attributes).is_not_null().alias("has_text")
    )
    per_item = with_texts(events[col.ITEM].value_counts(name="events"))
    joined = per_item.join(known, on=col.ITEM, how="left")
    total = max(len(events), 1)
    silent = int(joined.filter(~pl.col("has_text").fill_null(False))["events"].sum())
    unlisted = int(joined.filter(pl.col("has_text").is_null())["events"].sum())
    return Catalogued(
        rows=len(unique),
        with_text=int(known["has_text"].sum()),
        without_events=len(known.join(per_item, on=col.ITEM, how="anti")),
        events_without_text_share=silent / total,
        events_unlisted_share=unlisted / total,
        repeated_ids=len(items) - len(unique),
        ids=None if own else id_matches(events[col.ITEM], unique[col.ITEM]),
        own=own,
    )


def described_users(events: pl.DataFrame, users: pl.DataFrame) -> IdMatch:
    """Return how the users of the log, each counted once, meet the file of users."""
    return id_matches(events[col.USER].unique(), users[col.USER])


def time_split(coded: pl.DataFrame) -> TimeSplit:
    """Return the two sides of a cut in time that holds out the last tenth of the events."""
    timed = coded.drop_nulls("at")
    cut = cut_time(timed["at"].to_numpy(), TEST_SHARE)
    train, test = timed.filter(pl.col("at") < cut), timed.filter(pl.col("at") >= cut)
    users, items = test.select(pl.col("user").unique()), test["item"].value_counts(name="n")
    cold = items.join(train.select(pl.col("item").unique()), on="item", how="anti")
    return TimeSplit(
        cut=cut,
        train_events=len(train),
        test_events=len(test),
        test_users=len(users),
        warm_test_users=len(users.join(train.select(pl.col("user").unique()), on="user", how="semi")),
        test_items=len(items),
        cold_items=len(cold),
        cold_event_share=float(cold["n"].sum()) / max(len(test), 1),
    )


def in_order(coded: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return about ``most`` events, those of whole users, sorted by user and then by time or order."""
    timed = pl.coalesce("at", pl.col("seq").cast(pl.Float64))
    if len(coded) > most:
        step = -(-len(coded) // most)
        coded = coded.filter(pl.col("user").hash(seed=0) % step == 0)
    return coded.with_columns(timed.alias("moment")).sort("user", "moment", maintain_order=True)


def as_int64(column: pl.Series) -> Int64:
    """Return a column of codes as NumPy integers."""
    return column.cast(pl.Int64).to_numpy()
