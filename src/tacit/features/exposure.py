"""Exposures and their outcome: over all users, and for the user of the query."""

import numpy as np

from tacit.core.types import Float32
from tacit.features.feature_columns import Values
from tacit.features.feature_state import FeatureState
from tacit.features.pairs import CandidatePairs


def exposure(state: FeatureState, pairs: CandidatePairs) -> Values:
    """Return how often an exposure leads to an act, and how often this user saw the item without one.

    No column if the log has no exposures.
    """
    lift = state.statistics.lift
    if np.isnan(lift).all():
        return []
    times = _shown(pairs)
    return [
        ("click_through", "item", lift[pairs.item]),
        ("shown", "pair", (times > 0).astype(np.float32)),
        ("shown_times", "pair", np.log1p(times)),
    ]


def _shown(pairs: CandidatePairs) -> Float32:
    """Return how often the item of each pair was shown to its user, 0 if they ever acted on it: [pairs].

    The pairs ascend by query and item, so each exposure is looked up in a sorted list.
    """
    codes = (pairs.item, pairs.shown.item, pairs.queries.item)
    width = np.int64(max(int(item.max(initial=0)) for item in codes) + 1)
    cells = pairs.row * width + pairs.item
    shown = pairs.shown.row * width + pairs.shown.item
    shown = shown[np.isin(shown, cells)]
    times = np.bincount(np.searchsorted(cells, shown), minlength=len(cells)).astype(np.float32)
    times[np.isin(cells, pairs.queries.row * width + pairs.queries.item)] = 0
    return times
