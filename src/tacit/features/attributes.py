"""Attribute crosses: how much of a history shares the candidate's category, brand, ..., and its price."""

import numpy as np
from scipy import sparse

from tacit.core.types import Float32
from tacit.data.queries import Queries, gather_ranges
from tacit.features.asked import Asked
from tacit.features.columns import Values
from tacit.features.past import Past

_LATELY = 3
"""Events that show what somebody is after now: the last ones."""


def attributes(past: Past, asked: Asked) -> Values:
    """Return how much of the history, and of its last events, shares each label, and the price compared."""
    known = past.attributes
    values: Values = []
    for name, matrix in known.labels.items():
        values += [
            (f"same_{name}", "pair", _affinity(asked.queries, matrix, asked)),
            (f"same_{name}_lately", "pair", _affinity(asked.queries.last(_LATELY), matrix, asked)),
        ]
    return values if known.log_price is None else values + _prices(known.log_price, asked)


def _affinity(queries: Queries, matrix: sparse.csr_array, asked: Asked) -> Float32:
    """Return the share of the weight of each history that lies on the labels of the candidate."""
    history = queries.matrix(matrix.shape[0])
    total = np.maximum(np.asarray(history.sum(axis=1)).ravel(), 1e-9)
    profile = (history @ matrix).toarray() / total[:, None]
    index, offsets = gather_ranges(matrix.indptr, asked.item)
    pair = np.repeat(np.arange(len(asked)), np.diff(offsets))
    shared = matrix.data[index] * profile[asked.row[pair], matrix.indices[index]]
    return np.bincount(pair, shared, len(asked)).astype(np.float32)


def _prices(log_price: Float32, asked: Asked) -> Values:
    queries, item = asked.queries, asked.item
    known = (queries.item < len(log_price)) & (queries.weight > 0)
    prices = np.where(known, log_price[np.minimum(queries.item, len(log_price) - 1)], np.nan)
    priced = ~np.isnan(prices)
    total = np.bincount(queries.row[priced], prices[priced], len(queries))
    count = np.bincount(queries.row[priced], minlength=len(queries))
    usual = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    difference = (log_price[item] - usual[asked.row]).astype(np.float32)
    return [
        ("price", "item", log_price[item]),
        ("price_above_usual", "pair", difference),
        ("price_off_usual", "pair", np.abs(difference)),
    ]
