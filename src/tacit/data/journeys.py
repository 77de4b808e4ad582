"""How users move: from a look to a purchase (the funnel), and in sessions."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from tacit.core.types import DAY
from tacit.data.event_map import NO_EVENT_MAP, EventMap
from tacit.data.event_names import is_rated
from tacit.data.measures import BUCKETS, TimeSpan

PAUSE = 1_800.0
"""Seconds without an event after which a new session begins, as in web analytics."""

_MOST_STAGES = 4


@dataclass(frozen=True)
class Stage:
    """One event type of the funnel.

    Attributes
    ----------
    event : str
    users, pairs : int
        Users, and pairs of a user and an item, with such an event.
    users_from_last, pairs_from_last : float or None
        Share of those of the stage before that came here too; None for the first stage.
    """

    event: str
    users: int
    pairs: int
    users_from_last: float | None
    pairs_from_last: float | None


@dataclass(frozen=True)
class Funnel:
    """Stages from the weakest to the strongest sign of interest.

    Attributes
    ----------
    stages : list of Stage
        At least two.
    activity : dict
        Event type: events in each bucket of `TimeSpan.activity`; empty where the log has no times.
    """

    stages: list[Stage]
    activity: dict[str, list[int]]


@dataclass(frozen=True)
class Sessions:
    """Runs of events of a user without a pause of half an hour.

    Attributes
    ----------
    count : int
    per_user : float
        Mean number of a user.
    events : float
        Median number of events.
    minutes : float
        Median length of those with more than one event.
    single_share : float
        Share with one event only.
    """

    count: int
    per_user: float
    events: float
    minutes: float
    single_share: float


def funnel(
    coded: pl.DataFrame,
    names: pl.Series,
    time: TimeSpan | None,
    event_map: EventMap = NO_EVENT_MAP,
) -> Funnel | None:
    """Return the funnel of a log; None where it has fewer than two stages.

    Parameters
    ----------
    coded : polars.DataFrame
        From `tacit.data.measures.coded_log`.
    names : polars.Series of str
        The event type of each row.
    time : TimeSpan or None
    event_map : EventMap
        What the user says that event types mean.
    """
    stages = _stages(names, event_map)
    if len(stages) < 2:
        return None
    log = coded.with_columns(names.alias("name"))
    sides = [log.filter(pl.col("name") == stage).select("user", "item").unique().lazy() for stage in stages]
    rows, last = [], None
    for stage, pairs in zip(stages, sides, strict=True):
        users = pairs.select(pl.col("user").unique())
        counts = pl.concat([users.select(pl.len()), pairs.select(pl.len())]).collect()["len"].to_list()
        shares = (None, None) if last is None else _came(last, (users, pairs))
        rows.append(Stage(stage, counts[0], counts[1], *shares))
        last = (users, pairs)
    if time is None:
        return Funnel(rows, {})
    size = dict(BUCKETS)[time.bucket]
    return Funnel(rows, _by_bucket(log, stages, size, time.start, len(time.activity)))


def sessions(coded: pl.DataFrame) -> Sessions | None:
    """Return what the sessions of a log are like; None where it knows no time of day."""
    timed = coded.drop_nulls("at").sort("user", "at")
    if not len(timed) or bool((timed["at"] % DAY == 0).all()):
        return None
    begins = (pl.col("user") != pl.col("user").shift(1)) | (pl.col("at") - pl.col("at").shift(1) > PAUSE)
    runs = (
        timed.select("at", begins.fill_null(True).cum_sum().alias("session"))
        .group_by("session")
        .agg(pl.len().alias("events"), (pl.col("at").max() - pl.col("at").min()).alias("seconds"))
    )
    longer = runs.filter(pl.col("events") > 1)["seconds"]
    return Sessions(
        count=len(runs),
        per_user=len(runs) / max(timed["user"].n_unique(), 1),
        events=float(runs["events"].median()),  # type: ignore[arg-type]
        minutes=float(longer.median() or 0.0) / 60,  # type: ignore[arg-type]
        single_share=float((runs["events"] == 1).mean()),  # type: ignore[arg-type]
    )


def _stages(names: pl.Series, event_map: EventMap) -> list[str]:
    """Return the event types that are steps towards a purchase: the most frequent, weakest first."""
    counts = names.value_counts(sort=True, name="n")
    likely = [
        (event_map.strength(name), -number, name)
        for name, number in counts.iter_rows()
        if name is not None and event_map.strength(name) > 0 and not is_rated(name)
    ]
    frequent = sorted(likely, key=lambda stage: stage[1])[:_MOST_STAGES]
    return [name for _, _, name in sorted(frequent)]


_Sides = tuple[pl.LazyFrame, pl.LazyFrame]


def _came(last: _Sides, now: _Sides) -> tuple[float, float]:
    """Return the shares of the users and of the pairs of the last stage that are in this one too."""
    shares = []
    for keys, before, after in zip((["user"], ["user", "item"]), last, now, strict=True):
        both = before.join(after, on=keys, how="semi").select(pl.len())
        kept, all_of_them = pl.concat([both, before.select(pl.len())]).collect()["len"].to_list()
        shares.append(kept / max(all_of_them, 1))
    return shares[0], shares[1]


def _by_bucket(
    log: pl.DataFrame, stages: list[str], size: float, start: float, n: int
) -> dict[str, list[int]]:
    first = np.floor(start / size)
    counts = {}
    for stage in stages:
        at = log.filter(pl.col("name") == stage)["at"].drop_nulls().to_numpy()
        counts[stage] = np.bincount((at // size - first).astype(np.int64), minlength=n).tolist()
    return counts
