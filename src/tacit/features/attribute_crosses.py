"""Attribute crosses: how much of a history shares the candidate's category, brand, ..., and its price."""

import numpy as np

from tacit.core.types import Float32
from tacit.data.queries import Queries, gather_ranges
from tacit.features.feature_columns import Values
from tacit.features.feature_state import FeatureState
from tacit.features.labels import Attributes
from tacit.features.pairs import CandidatePairs

LATELY = 3
"""Number of last events that show the present interest."""


def attributes(state: FeatureState, pairs: CandidatePairs) -> Values:
    """Return how much of the history, and of its last events, has each label, and the difference in price."""
    known = state.attributes
    values: Values = []
    if known.labels:
        whole = _affinities(pairs.queries, known, pairs)
        lately = _affinities(pairs.queries.last(LATELY), known, pairs)
        for place, name in enumerate(known.labels):
            values += [
                (f"same_{name}", "pair", whole[place]),
                (f"same_{name}_lately", "pair", lately[place]),
            ]
    return values if known.log_price is None else values + _prices(known.log_price, pairs)


def _affinities(queries: Queries, known: Attributes, pairs: CandidatePairs) -> Float32:
    """Return the share of the weight of each history on the labels of the candidate: float32[columns, pairs].

    The labels of all columns stand in one matrix, so one look-up serves every column.
    """
    stacked, column = known.stacked
    width, n_columns = stacked.shape[1], len(known.labels)
    liked = np.flatnonzero((queries.weight > 0) & (queries.item < stacked.shape[0]))
    row, weight = queries.row[liked].astype(np.int64), queries.weight[liked]
    total = np.maximum(np.bincount(row, weight, len(queries)), 1e-9)
    index, offsets = gather_ranges(stacked.indptr, queries.item[liked])
    counts = np.diff(offsets)
    cell = np.repeat(row * width, counts) + stacked.indices[index]
    sums = np.bincount(cell, np.repeat(weight, counts) * stacked.data[index], len(queries) * width)
    profile = (sums.reshape(len(queries), width) / total[:, None]).ravel()
    index, offsets = gather_ranges(stacked.indptr, pairs.item)
    counts = np.diff(offsets)
    label = stacked.indices[index]
    shared = stacked.data[index] * profile[np.repeat(pairs.row * width, counts) + label]
    pair = column[label] * len(pairs) + np.repeat(np.arange(len(pairs)), counts)
    found = np.bincount(pair, shared, n_columns * len(pairs))
    return found.reshape(n_columns, len(pairs)).astype(np.float32)


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
