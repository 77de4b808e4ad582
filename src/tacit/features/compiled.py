"""Families of features by compiled loops: each returns the columns of its NumPy code as one array.

Only called where the loops are installed (`tacit.core.kernels`); the NumPy code is the specification.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tacit.core import kernels
from tacit.core.types import Array, Float32
from tacit.features import attribute_crosses, neighbours, people, retrieval_scores, vectors
from tacit.features.feature_state import FeatureState
from tacit.features.pairs import CandidatePairs
from tacit.models.accumulate import Rows
from tacit.models.decay import powers

Compiled = Callable[[FeatureState, CandidatePairs], Float32]
"""Function that returns float32[columns, pairs]."""


def _history(pairs: CandidatePairs) -> tuple[Array, ...]:
    return pairs.queries.offsets, pairs.queries.item, pairs.queries.weight


def _arrays(rows: Rows) -> tuple[Array, ...]:
    return rows.offsets, rows.columns, rows.values


def _loops() -> Any:
    assert kernels.COMPILED is not None
    return kernels.COMPILED


def retrieval(state: FeatureState, pairs: CandidatePairs) -> Float32:
    """See `tacit.features.retrieval_scores.retrieval`."""
    scores = pairs.candidates.scores
    standard = retrieval_scores.standard_scores(scores) if pairs.standard is None else pairs.standard
    limits = retrieval_scores.SILENT, retrieval_scores.HALF
    found: Float32 = _loops().retrieval_features(scores, standard, pairs.starts, pairs.place, *limits)
    return found


def neighbour_sums(state: FeatureState, pairs: CandidatePairs) -> Float32:
    """See `tacit.features.neighbours.neighbours`."""
    queries, n_kinds = pairs.queries, len(state.kinds) if len(state.kinds) > 1 else 0
    table = powers(neighbours.DECAY, neighbours.LAST)
    parts = [
        _loops().neighbour_features(
            pairs.starts,
            pairs.item,
            *_history(pairs),
            queries.kind,
            *_arrays(rows),
            rows.width,
            table,
            queries.ordered,
            n_kinds,
            neighbours.LAST,
        )
        for rows in (state.together_rows, state.follows_rows)
        if rows is not None
    ]
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def _similarity(space: vectors.Space) -> Compiled:
    def similarity(state: FeatureState, pairs: CandidatePairs) -> Float32:
        table = powers(vectors.DECAY, len(pairs.queries.item))
        found: Float32 = _loops().similarity_features(
            pairs.starts, pairs.item, *_history(pairs), getattr(state, space), table, vectors.RECENT
        )
        return found

    return similarity


text = _similarity("text")
collaborative = _similarity("collaborative")


def popularity(state: FeatureState, pairs: CandidatePairs) -> Float32:
    """See `tacit.features.popularity.popularity`."""
    own = state.statistics
    found: Float32 = _loops().popularity_features(
        pairs.starts, pairs.item, pairs.queries.now, own.popularity, own.born_at, own.last_at, own.span
    )
    return found


def history(state: FeatureState, pairs: CandidatePairs) -> Float32:
    """See `tacit.features.popularity.history`."""
    queries, span = pairs.queries, state.statistics.span
    found: Float32 = _loops().history_features(pairs.starts, queries.offsets, queries.at, queries.now, span)
    return found


def attributes(state: FeatureState, pairs: CandidatePairs) -> Float32:
    """See `tacit.features.attribute_crosses.attributes`."""
    known = state.attributes
    parts = [np.empty((0, len(pairs)), dtype=np.float32)]
    common = pairs.starts, pairs.item, *_history(pairs)
    if known.labels:
        rows, column = known.stacked_rows
        parts.append(
            _loops().label_features(
                *common, *_arrays(rows), column, len(known.labels), attribute_crosses.LATELY
            )
        )
    if known.log_price is not None:
        parts.append(_loops().price_features(*common, known.log_price))
    return np.concatenate(parts)


def traits(state: FeatureState, pairs: CandidatePairs) -> Float32:
    """See `tacit.features.crosses.people`."""
    known = state.people
    if known is None:
        return np.empty((0, len(pairs)), dtype=np.float32)
    found: Float32 = _loops().people_features(
        pairs.starts,
        pairs.item,
        known.rows(pairs.queries),
        *_arrays(known.chosen_rows),
        known.total,
        known.everybody,
        known.all_choices,
        people.PRIOR,
        *_arrays(known.label_rows),
        known.by_label,
    )
    return found
