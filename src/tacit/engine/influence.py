"""Whose new events a refit keeps without learning from them, so that one account moves nobody else's lists.

A thousand events of one account, accepted like all others, change one item in ten of the lists of other users
after a fit of MovieLens 100K (`benchmarks/influence.py`), and one in fifty to twenty with each model alone:
closed forms, neighbours and forecasts all weigh what was chosen together, and near the end of a list scores
lie close. A bound on the weight of a user makes that smaller by a factor, and not by a hundred. So a refit,
which nobody watches, learns nothing from what far exceeds what accounts do: these events are stored, stay in
the log and in the history of the account, whose own lists follow them, and are said. A person who finds them
genuine lets them in (``--learn-from``).
"""

from collections.abc import Collection

import numpy as np
import polars as pl

from tacit.core.types import DAY, Bool
from tacit.data import columns as col

_WINDOWS = ((1.0, 100), (30.0, 200))
"""Days of a window, and as many events of one account within it are never held."""
_RANK = 0.005
"""Of the accounts so many may have had more: what the busiest of the others did is known to be usual."""
_TIMES = 1.5
"""What is held is so many times that."""


def held(events: pl.DataFrame, new: Bool, trusted: Collection[str] = ()) -> Bool:
    """Return which new events are not to be learned from: bool[events]; none of a log without times.

    Parameters
    ----------
    events : polars.DataFrame
        All events of the log, see `tacit.data.columns`.
    new : bool[events]
        Those that no earlier fit has learned from.
    trusted : collection of str
        Users whose events are never held.
    """
    found = np.zeros(len(events), dtype=bool)
    if not new.any() or new.all():
        return found
    rows = events.select(
        pl.col(col.USER).to_physical() if events[col.USER].dtype != pl.String else col.USER,
        col.TIMESTAMP,
        pl.Series("new", new),
    )
    for days, least in _WINDOWS:
        for shift in (0.0, 0.5):  # what lies across the end of a window lies within a shifted one
            found |= _held_of(rows, days * DAY, shift, least)
    if trusted:
        found &= ~events[col.USER].cast(pl.String).is_in(list(trusted)).to_numpy()
    return found


def _held_of(rows: pl.DataFrame, seconds: float, shift: float, least: int) -> Bool:
    window = (pl.col(col.TIMESTAMP) / seconds + shift).floor().alias("window")
    placed = rows.with_columns(window)
    own = _own(placed.filter(~pl.col("new")).drop_nulls("window"), seconds)
    limit = max(float(least), _TIMES * _usual(own["largest"]))
    counts = placed.group_by(col.USER, "window").agg(pl.len().alias("events"), pl.col("new").any())
    counts = counts.join(own, on=col.USER, how="left")
    over = counts.filter(
        "new",
        pl.col("window").is_not_null(),
        pl.col("events") > limit,
        pl.col("events") > _TIMES * pl.col("own").fill_null(0),  # who was as busy before goes on
    )
    joined = placed.with_row_index("row").filter("new").join(over, on=[col.USER, "window"], how="semi")
    found = np.zeros(len(rows), dtype=bool)
    found[joined["row"].to_numpy()] = True
    return found


def _own(learned: pl.DataFrame, seconds: float) -> pl.DataFrame:
    """Return the ``largest`` window of each account, and what a window of its ``own`` may hold.

    The second is the mean over its time where that is more: its last window may have just begun.
    """
    at = pl.col(col.TIMESTAMP)
    span = (at.max() - at.min()).clip(seconds)
    mean = learned.group_by(col.USER).agg((pl.len() / span * seconds).alias("mean"))
    counts = learned.group_by(col.USER, "window").len()
    largest = counts.group_by(col.USER).agg(pl.col("len").max().alias("largest"))
    own = pl.max_horizontal("mean", "largest").alias("own")
    return largest.join(mean, on=col.USER).with_columns(own)


def _usual(largest: pl.Series) -> float:
    """Return how many events an account had at most in a window, but for the busiest few accounts."""
    ordered = largest.sort(descending=True)
    if not len(ordered):
        return 0.0
    return float(ordered[min(max(int(_RANK * len(ordered)), 1), len(ordered) - 1)])
