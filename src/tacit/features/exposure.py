"""What was shown and how it was taken: by everybody, and by whoever asks."""

import numpy as np

from tacit.core.types import Float32
from tacit.features.asked import Asked
from tacit.features.columns import Values
from tacit.features.past import Past


def exposure(past: Past, asked: Asked) -> Values:
    """Return how often showing an item leads to an act, and how often it was shown to this user in vain.

    Nothing where the log has no events that only show.
    """
    lift = past.statistics.lift
    if np.isnan(lift).all():
        return []
    times = _shown(asked)
    return [
        ("click_through", "item", lift[asked.item]),
        ("shown", "pair", (times > 0).astype(np.float32)),
        ("shown_times", "pair", np.log1p(times)),
    ]


def _shown(asked: Asked) -> Float32:
    """Return how often the item of each pair was shown to its user, 0 if they ever acted on it: [pairs].

    The pairs ascend by query and item, so that each showing is looked up in a sorted list.
    """
    codes = (asked.item, asked.shown.item, asked.queries.item)
    width = np.int64(max(int(item.max(initial=0)) for item in codes) + 1)
    pairs = asked.row * width + asked.item
    shown = asked.shown.row * width + asked.shown.item
    shown = shown[np.isin(shown, pairs)]
    times = np.bincount(np.searchsorted(pairs, shown), minlength=len(pairs)).astype(np.float32)
    times[np.isin(pairs, asked.queries.row * width + asked.queries.item)] = 0
    return times
