"""Bursts: a day on which one account, item or source brought far more events than anybody is used to.

They may be a crawler, a script that sends twice, or somebody who pushes an item; or a film that was on TV. So
they are said, and it is for people to leave them out of a fit.
"""

import time
from dataclasses import asdict, dataclass

import polars as pl

from tacit.core.types import DAY, Json
from tacit.data import columns as col

_TIMES, _TIMES_COMMON = 10.0, 1.5
"""A burst is more than so many times the mean day of the same one before, and the common day of all."""
_LEAST = {"account": 100, "item": 200, "source": 1_000}
"""Fewer events in a day are no burst."""
_COMMON = 0.995
"""Of the days of all accounts (items, sources) so many had fewer events: that is the common day."""
_SHOWN = 10
_COLUMNS = {"account": col.USER, "item": col.ITEM, "source": col.SOURCE}


@dataclass(frozen=True)
class Burst:
    """One burst.

    Attributes
    ----------
    kind : {"account", "item", "source"}
    name : str
        An account, an item or a source by its id.
    day : float
        Begin of the day, Unix seconds.
    events : int
        On that day.
    usual : float
        What is usual: the mean day of the same one before, or the common day of all, whatever is more.
    """

    kind: str
    name: str
    day: float
    events: int
    usual: float

    def __str__(self) -> str:
        day = time.strftime("%Y-%m-%d", time.gmtime(self.day))
        return (
            f"a burst: {self.kind} {self.name!r} has {self.events:,} events on {day}, where "
            f"{self.usual:,.0f} are usual"
        )

    def to_json(self) -> dict[str, Json]:
        """Return the burst as JSON."""
        return asdict(self)


def bursts(events: pl.DataFrame, since: float = float("-inf")) -> list[Burst]:
    """Return the bursts of a log, the largest of each kind first; none of a log without times.

    Parameters
    ----------
    events : polars.DataFrame
        See `tacit.data.columns`; with or without a column ``source``.
    since : float
        Only days that end later count; Unix seconds.
    """
    found = []
    for kind, column in _COLUMNS.items():
        if column in events.columns:
            found += _of_kind(events, kind, column, since)
    return found


def _of_kind(events: pl.DataFrame, kind: str, column: str, since: float) -> list[Burst]:
    day = (pl.col(col.TIMESTAMP) // DAY).alias("day")
    days = events.select(column, day).drop_nulls().group_by(column, "day").len("events").sort("day")
    if not len(days):
        return []
    many = len(days) > 1 / (1 - _COMMON)
    common = float(days["events"].quantile(_COMMON if many else 0.5, "lower") or 0.0)
    earlier = pl.int_range(pl.len()).over(column).alias("earlier")
    so_far = (pl.col("events").cum_sum().over(column) - pl.col("events")).alias("so_far")
    rows = days.with_columns(earlier, so_far).with_columns(
        (pl.col("so_far") / pl.col("earlier").clip(1)).alias("mean")
    )
    rows = rows.filter(
        (pl.col("day") + 1) * DAY > since,
        pl.col("events") >= _LEAST[kind],
        pl.col("events") > pl.max_horizontal(_TIMES * pl.col("mean"), pl.lit(_TIMES_COMMON * common)),
        pl.lit(kind != "source") | (pl.col("earlier") > 0),  # a new source has no usual day yet
    )
    rows = rows.sort("events", descending=True).head(_SHOWN)
    names = rows[column].cast(pl.String)
    return [
        Burst(kind, name, day * DAY, count, round(max(mean, common), 1))
        for name, day, count, mean in zip(names, rows["day"], rows["events"], rows["mean"], strict=True)
    ]
