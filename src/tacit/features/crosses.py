"""Features of the user: what similar people choose, and crosses of their traits with a candidate's labels.

No column if the log has no traits; NaN if the user has none.
"""

import numpy as np

from tacit.core.types import Float32
from tacit.features.feature_columns import Values
from tacit.features.feature_state import FeatureState
from tacit.features.pairs import CandidatePairs
from tacit.features.people import crossed, slot_names


def people(state: FeatureState, pairs: CandidatePairs) -> Values:
    """Return how much more often people with the user's traits choose the candidate, and its labels."""
    known = state.people
    if known is None:
        return []
    row = known.rows(pairs.queries)[pairs.row]
    values = _lifts("item", known.columns, known.item_lift(row, pairs.item))
    if len(known.labels):
        values += _lifts("label", known.columns, known.label_lift(row, pairs.item))
    return values


def crosses(state: FeatureState, pairs: CandidatePairs) -> Values:
    """Return a bucket for every pair of a trait and a label of the candidate."""
    known = state.people
    if known is None:
        return []
    traits, labels = known.pairs(pairs.queries)[pairs.row], known.item_labels[pairs.item]
    return [
        (f"cross_{who}_{what}", "bucket", crossed(traits[:, t], labels[:, s]).astype(np.float32))
        for t, who in enumerate(known.columns)
        for s, what in enumerate(slot_names(known.slots))
    ]


def _lifts(what: str, names: tuple[str, ...], lift: Float32) -> Values:
    """Return the lift by each attribute, their mean and the greatest; NaN where none is known."""
    known = ~np.isnan(lift)
    count = known.sum(axis=1)
    mean = np.where(count > 0, np.where(known, lift, 0).sum(axis=1) / np.maximum(count, 1), np.nan)
    most = np.where(count > 0, np.where(known, lift, -np.inf).max(axis=1, initial=-np.inf), np.nan)
    return [
        *((f"{what}_lift_{name}", "pair", lift[:, place]) for place, name in enumerate(names)),
        (f"people_{what}_mean", "pair", mean.astype(np.float32)),
        (f"people_{what}_most", "pair", most.astype(np.float32)),
    ]
