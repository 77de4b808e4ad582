"""Attribute crosses: how much of a history shares the candidate's category, brand, ..., and its price."""

import numpy as np
from scipy import sparse

from tacit.core.types import Float32
from tacit.data.queries import Queries, gather_ranges
from tacit.features.feature_columns import Values
from tacit.features.feature_state import FeatureState
from tacit.features.pairs import CandidatePairs

_LATELY = 3
"""Number of last events that show the present interest."""


def attributes(state: FeatureState, pairs: CandidatePairs) -> Values:
    """Return how much of the history, and of its last events, has each label, and the difference in price."""
    known = state.attributes
    values: Values = []
    for name, matrix in known.labels.items():
        values += [
            (f"same_{name}", "pair", _affinity(pairs.queries, matrix, pairs)),
            (f"same_{name}_lately", "pair", _affinity(pairs.queries.last(_LATELY), matrix, pairs)),
        ]
    return values if known.log_price is None else values + _prices(known.log_price, pairs)


def _affinity(queries: Queries, matrix: sparse.csr_array, pairs: CandidatePairs) -> Float32:
    """Return the share of the weight of each history that lies on the labels of the candidate."""
    history = queries.matrix(matrix.shape[0])
    total = np.maximum(np.asarray(history.sum(axis=1)).ravel(), 1e-9)
    profile = (history @ matrix).toarray() / total[:, None]
    index, offsets = gather_ranges(matrix.indptr, pairs.item)
    pair = np.repeat(np.arange(len(pairs)), np.diff(offsets))
    shared = matrix.data[index] * profile[pairs.row[pair], matrix.indices[index]]
    return np.bincount(pair, shared, len(pairs)).astype(np.float32)


def _prices(log_price: Float32, pairs: CandidatePairs) -> Values:
    queries, item = pairs.queries, pairs.item
    known = (queries.item < len(log_price)) & (queries.weight > 0)
    prices = np.where(known, log_price[np.minimum(queries.item, len(log_price) - 1)], np.nan)
    priced = ~np.isnan(prices)
    total = np.bincount(queries.row[priced], prices[priced], len(queries))
    count = np.bincount(queries.row[priced], minlength=len(queries))
    usual = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    difference = (log_price[item] - usual[pairs.row]).astype(np.float32)
    return [
        ("price", "item", log_price[item]),
        ("price_above_usual", "pair", difference),
        ("price_off_usual", "pair", np.abs(difference)),
    ]
