"""Scores of the first stage.

For each retriever: its score (standardised within the list), the nearness to the top of its list, and whether
it scored the candidate.
"""

import numpy as np

from tacit.features.feature_columns import Values
from tacit.features.feature_state import FeatureState
from tacit.features.pairs import CandidatePairs

_SILENT = -1.0
_HALF = 10
"""Place in a list at which nearness to the top is one half."""


def retrieval(state: FeatureState, pairs: CandidatePairs) -> Values:
    """Return three columns for each retriever."""
    scores = pairs.candidates.scores
    scored = np.isfinite(scores)
    count = np.maximum(scored.sum(axis=1, keepdims=True), 1)
    mean = np.where(scored, scores, 0).sum(axis=1, keepdims=True) / count
    centred = np.where(scored, scores - mean, 0)
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
    standard = np.where(scored, centred / np.maximum(deviation, 1e-12), _SILENT).astype(np.float32)
    # Ties have different ranks: the lower code comes first, as in every list.
    rank = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1, kind="stable")
    nearness = np.where(scored, _HALF / (_HALF + rank), 0).astype(np.float32)
    values: Values = []
    for r, name in enumerate(pairs.candidates.retrievers):
        values += [
            (f"{name}_score", "pair", standard[pairs.row, pairs.place, r]),
            (f"{name}_rank", "pair", nearness[pairs.row, pairs.place, r]),
            (f"{name}_scored", "pair", scored[pairs.row, pairs.place, r].astype(np.float32)),
        ]
    return values
