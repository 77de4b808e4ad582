"""How much an item is wanted, lately and ever, by whom and how; how young it is; and the moment of asking."""

import numpy as np

from tacit.core.types import DAY, Array, Float32
from tacit.features.asked import Asked
from tacit.features.columns import Values
from tacit.features.past import Past
from tacit.features.statistics import HALF_LIVES


def popularity(past: Past, asked: Asked) -> Values:
    """Return decayed popularity at several half-lives, whether it is rising, and how young the item is."""
    statistics, item = past.statistics, asked.item
    counts = statistics.popularity[item]
    now = asked.queries.now[asked.row]

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


def liking(past: Past, asked: Asked) -> Values:
    """Return how much of what was done to an item was liked, and the share of each event type in it."""
    statistics, item = past.statistics, asked.item
    values: Values = [("liked", "item", statistics.liked[item])]
    if len(past.kinds) > 1:
        values += [(f"share_{one}", "item", statistics.kinds[item, k]) for k, one in enumerate(past.kinds)]
    return values


def history(past: Past, asked: Asked) -> Values:
    """Return how long the history is and how fresh."""
    length = np.log1p(asked.queries.lengths).astype(np.float32)
    has = asked.queries.lengths > 0
    absence = np.where(has, asked.queries.absence, np.nan)
    idle = np.log1p(100 * absence / past.statistics.span).astype(np.float32)
    return [("history_length", "user", length[asked.row]), ("history_idle", "user", idle[asked.row])]


def moment(past: Past, asked: Asked) -> Values:
    """Return hour and weekday of asking (UTC), as points on a circle; nothing where the log has no times."""
    if not past.timed:
        return []
    day = asked.queries.now[asked.row] / DAY
    values: Values = []
    for name, turns in (("hour", day % 1), ("weekday", day / 7 % 1)):
        values += [
            (f"{name}_sin", "user", np.sin(2 * np.pi * turns).astype(np.float32)),
            (f"{name}_cos", "user", np.cos(2 * np.pi * turns).astype(np.float32)),
        ]
    return values
