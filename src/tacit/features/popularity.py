"""Popularity of an item, its event types and its age; the history; the moment of a query."""

import numpy as np

from tacit.core.types import DAY, Array, Float32
from tacit.features.feature_columns import Values
from tacit.features.feature_state import FeatureState
from tacit.features.pairs import CandidatePairs
from tacit.features.statistics import HALF_LIVES


def popularity(state: FeatureState, pairs: CandidatePairs) -> Values:
    """Return decayed popularity at several half-lives, whether it is rising, and the age of the item."""
    statistics, item = state.statistics, pairs.item
    counts = statistics.popularity[item]
    now = pairs.queries.now[pairs.row]

    def since(moment: Array) -> Float32:
        return np.log1p(100 * np.maximum(now - moment[item], 0) / statistics.span).astype(np.float32)

    return [
        *((f"popularity_{name}", "item", counts[:, h]) for h, name in enumerate(HALF_LIVES)),
        ("rising", "item", counts[:, 0] - counts[:, 1]),
        ("rising_slowly", "item", counts[:, 1] - counts[:, 2]),
        ("unseen", "item", (counts[:, -1] == 0).astype(np.float32)),
        ("age", "item", since(statistics.born_at)),
        ("idle", "item", since(statistics.last_at)),
    ]


def liking(state: FeatureState, pairs: CandidatePairs) -> Values:
    """Return the share of an item's events that are no refusals, and of each event type."""
    statistics, item = state.statistics, pairs.item
    values: Values = [("liked", "item", statistics.liked[item])]
    if len(state.kinds) > 1:
        values += [(f"share_{one}", "item", statistics.kinds[item, k]) for k, one in enumerate(state.kinds)]
    return values


def history(state: FeatureState, pairs: CandidatePairs) -> Values:
    """Return the length of the history and the time since its last event."""
    length = np.log1p(pairs.queries.lengths).astype(np.float32)
    has = pairs.queries.lengths > 0
    idle_time = np.where(has, pairs.queries.idle_time, np.nan)
    idle = np.log1p(100 * idle_time / state.statistics.span).astype(np.float32)
    return [("history_length", "user", length[pairs.row]), ("history_idle", "user", idle[pairs.row])]


def moment(state: FeatureState, pairs: CandidatePairs) -> Values:
    """Return hour and weekday of the query (UTC), as points on a circle; none if the log has no times."""
    if not state.timed:
        return []
    day = pairs.queries.now[pairs.row] / DAY
    values: Values = []
    for name, turns in (("hour", day % 1), ("weekday", day / 7 % 1)):
        values += [
            (f"{name}_sin", "user", np.sin(2 * np.pi * turns).astype(np.float32)),
            (f"{name}_cos", "user", np.cos(2 * np.pi * turns).astype(np.float32)),
        ]
    return values
