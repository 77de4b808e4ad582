"""Scores of the first stage.

For each retriever: its score (standardised within the list), the nearness to the top of its list, and whether
it scored the candidate.
"""

import numpy as np

from tacit.core.types import Float32, Int64
from tacit.features.feature_columns import Values
from tacit.features.feature_state import FeatureState
from tacit.features.pairs import CandidatePairs

SILENT = -1.0
HALF = 10
"""Place in a list at which nearness to the top is one half."""


def retrieval(state: FeatureState, pairs: CandidatePairs) -> Values:
    """Return three columns for each retriever."""
    scores = pairs.candidates.scores
    chosen = pairs.row, pairs.place
    scored = np.isfinite(scores[chosen])  # pairs, r
    known = standard_scores(scores) if pairs.standard is None else pairs.standard
    standard = np.where(scored, known[chosen], np.float32(SILENT))
    rank = _ranks(scores)[pairs.row, :, pairs.place]
    nearness = np.where(scored, HALF / (HALF + rank), 0).astype(np.float32)
    there = scored.astype(np.float32)
    values: Values = []
    for r, name in enumerate(pairs.candidates.retrievers):
        values += [
            (f"{name}_score", "pair", standard[:, r]),
            (f"{name}_rank", "pair", nearness[:, r]),
            (f"{name}_scored", "pair", there[:, r]),
        ]
    return values


def standard_scores(scores: Float32) -> Float32:
    """Return the scores of each retriever with mean 0 and deviation 1 in each list: float32[n, c, r]."""
    scored = np.isfinite(scores)
    count = np.maximum(scored.sum(axis=1, keepdims=True), 1)
    mean = np.where(scored, scores, 0).sum(axis=1, keepdims=True) / count
    centred = np.where(scored, scores - mean, 0)
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
    return np.asarray(centred / np.maximum(deviation, 1e-12), dtype=np.float32)


def _ranks(scores: Float32) -> Int64:
    """Return the place of each candidate in the list of each retriever, the best first: int64[n, r, c].

    Ties have different ranks: the lower code comes first, as in every list.
    """
    # Score and place as one whole number, in the order of the list: sorting such numbers takes a fifth of a
    # stable argsort. The bits of floats are in their order once those of negative ones are turned over.
    low = np.ascontiguousarray(np.negative(scores).transpose(0, 2, 1), dtype=np.float32)
    low += np.float32(0)  # -0 is 0
    bits = low.view(np.uint32)
    bits = bits ^ np.where(bits >> np.uint32(31), np.uint32(0xFFFFFFFF), np.uint32(0x80000000))
    width = scores.shape[1]
    keys = bits.astype(np.uint64) << np.uint64(32) | np.arange(width, dtype=np.uint64)
    keys.sort(axis=2)
    order = (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(width), order.shape), axis=2)
    return ranks
