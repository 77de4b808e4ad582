"""Families of features by compiled loops: each adds its columns, those of its NumPy code, to the loops' own.

Only called where the loops are installed (`tacit.core.kernels`); the NumPy code is the specification.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tacit.core.kernels import loops
from tacit.core.types import Array
from tacit.data.queries import Queries
from tacit.features import attribute_crosses, neighbours, people, retrieval_scores, vectors
from tacit.features.feature_state import FeatureState
from tacit.models.accumulate import Rows
from tacit.models.decay import powers

Adds = Callable[[Any, FeatureState], None]
"""Function that adds a family to features by loops; the arrays of the state are kept, not copied."""


def features_of(state: FeatureState, families: Iterable[Adds]) -> Any:
    """Return the features of some families by loops, for any queries."""
    features = loops().Features()
    for add in families:
        add(features, state)
    return features


def histories(queries: Queries, state: FeatureState) -> Any:
    """Return what loops read of queries, which are without exposures."""
    if state.people is None:
        traits = np.empty((len(queries), 0), dtype=np.int64)
    else:
        traits = state.people.rows(queries)
    events = queries.offsets, queries.item, queries.weight, queries.at, queries.kind
    return loops().Histories(*events, queries.now, traits, queries.ordered)


def _arrays(rows: Rows) -> tuple[Array, ...]:
    return rows.offsets, rows.columns, rows.values


def retrieval(features: Any, state: FeatureState) -> None:
    """See `tacit.features.retrieval_scores.retrieval`."""
    features.add_retrieval(retrieval_scores.SILENT, retrieval_scores.HALF)


def neighbour_sums(features: Any, state: FeatureState) -> None:
    """See `tacit.features.neighbours.neighbours`."""
    n_kinds = len(state.kinds) if len(state.kinds) > 1 else 0
    table = powers(neighbours.DECAY, neighbours.LAST)
    for rows in (state.together_rows, state.follows_rows):
        if rows is not None:
            features.add_neighbours(*_arrays(rows), rows.width, table, n_kinds, neighbours.LAST)


def _similarity(space: vectors.Space) -> Adds:
    def similarity(features: Any, state: FeatureState) -> None:
        found = getattr(state, space)
        if found is not None:
            features.add_similarity(found, vectors.DECAY, vectors.RECENT)

    return similarity


text = _similarity("text")
collaborative = _similarity("collaborative")


def popularity(features: Any, state: FeatureState) -> None:
    """See `tacit.features.popularity.popularity`."""
    own = state.statistics
    features.add_popularity(own.popularity, own.born_at, own.last_at, own.span)


def liking(features: Any, state: FeatureState) -> None:
    """See `tacit.features.popularity.liking`."""
    features.add_liking(state.statistics.liked, state.statistics.kinds)


def history(features: Any, state: FeatureState) -> None:
    """See `tacit.features.popularity.history`."""
    features.add_history(state.statistics.span)


def attributes(features: Any, state: FeatureState) -> None:
    """See `tacit.features.attribute_crosses.attributes`."""
    known = state.attributes
    if known.labels:
        rows, column = known.stacked_rows
        features.add_labels(*_arrays(rows), column, len(known.labels), attribute_crosses.LATELY)
    if known.log_price is not None:
        features.add_prices(known.log_price)


def traits(features: Any, state: FeatureState) -> None:
    """See `tacit.features.crosses.people`."""
    known = state.people
    if known is not None:
        features.add_people(
            len(known.columns),
            *_arrays(known.chosen_rows),
            known.total,
            known.everybody,
            known.all_choices,
            people.PRIOR,
            *_arrays(known.label_rows),
            known.by_label,
        )
