"""Aggregates of the item-item weights from the last events of a history to a candidate.

A retriever gives one sum over the whole history. These columns distinguish one large weight from many small
ones, the last event from earlier ones, and a view from a purchase.
"""

from itertools import pairwise

import numpy as np
from scipy import sparse

from tacit.core.types import Float64, Int32, Int64
from tacit.data.queries import Queries, gather_ranges
from tacit.features.feature_columns import Values
from tacit.features.feature_state import FeatureState
from tacit.features.pairs import CandidatePairs
from tacit.models.decay import faded

LAST = 20
"""Events of a history that are used: the last ones."""
DECAY = 0.8
"""Factor of each earlier one of them in the sums."""
_FACTORS = ("sum", "mean", "last", "last3")
"""Sums over events, each with a factor for every event."""


def neighbours(state: FeatureState, pairs: CandidatePairs) -> Values:
    """Return the aggregates of items chosen together and of items that follow each other."""
    matrices = {"together": state.together, "follows": state.follows}
    return [
        column
        for name, matrix in matrices.items()
        if matrix is not None
        for column in _aggregates(name, matrix, state.kinds, pairs)
    ]


def _aggregates(name: str, matrix: sparse.csr_array, kinds: tuple[str, ...], pairs: CandidatePairs) -> Values:
    recent = pairs.recent(LAST, matrix.shape[0])
    factors = _factors(recent, len(kinds) if len(kinds) > 1 else 0)
    sums = np.zeros((len(factors), len(pairs)))
    most, linked = np.zeros(len(pairs)), np.zeros(len(pairs))
    # Where each item stands among the candidates of a query, -1 for all others: one look-up for each weight
    # in the rows of the events. A sparse product would compute every item, and most are no candidates.
    places = np.full(max(matrix.shape[1], int(pairs.item.max(initial=0)) + 1), -1, dtype=np.int32)
    events = pairwise(recent.offsets.tolist())
    for (first, last), (start, stop) in zip(events, pairwise(pairs.starts.tolist()), strict=True):
        if first == last or start == stop:
            continue
        items = pairs.item[start:stop]
        places[items] = np.arange(stop - start)
        links, count = _links(matrix, recent.item[first:last], places, stop - start)
        places[items] = -1
        np.matmul(factors[:, first:last], links, out=sums[:, start:stop])
        links.max(axis=0, initial=0, out=most[start:stop])
        linked[start:stop] = count
    length = np.maximum(recent.lengths, 1)[pairs.row]
    of_factor = dict(zip((*_FACTORS, *kinds), sums, strict=False))
    of_factor["mean"] = of_factor["mean"] / length
    parts = {
        "sum": of_factor.pop("sum"),
        "max": most,
        "mean": of_factor.pop("mean"),
        "linked": linked / length,
    }
    return [
        (f"{name}_{part}", "pair", values.astype(np.float32)) for part, values in (parts | of_factor).items()
    ]


def _factors(recent: Queries, n_kinds: int) -> Float64:
    """Return the factor of each event in each sum: float64[sums, events]; see `_FACTORS`, then the kinds."""
    position, decayed = recent.position, faded(recent, DECAY)
    factors = np.empty((len(_FACTORS) + n_kinds, len(position)))
    factors[0], factors[1], factors[2], factors[3] = decayed, 1, position == 0, position < 3
    factors[len(_FACTORS) :] = decayed * (recent.kind == np.arange(n_kinds)[:, None])
    return factors


def _links(matrix: sparse.csr_array, items: Int32, places: Int32, count: int) -> tuple[Float64, Int64]:
    """Return the weights from the events of a query to its candidates, and how many each candidate has.

    Parameters
    ----------
    matrix : csr_array
    items : int32[events]
    places : int32[items]
    count : int
        Candidates of the query.

    Returns
    -------
    float64[events, count], int64[count]
    """
    index, offsets = gather_ranges(matrix.indptr, items)
    place = places[matrix.indices[index]]
    found = np.flatnonzero(place >= 0)
    place = place[found]
    links = np.zeros((len(items), count))
    links[np.searchsorted(offsets, found, side="right") - 1, place] = matrix.data[index[found]]
    return links, np.bincount(place, minlength=count)
