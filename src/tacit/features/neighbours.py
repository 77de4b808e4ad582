"""Aggregates of the item-item weights from the last events of a history to a candidate.

A retriever gives one sum over the whole history. These columns distinguish one large weight from many small
ones, the last event from earlier ones, and a view from a purchase.
"""

import numpy as np
from scipy import sparse

from tacit.core.types import Array, Float32, Int64
from tacit.data.queries import Queries, gather_ranges
from tacit.features.feature_columns import Values
from tacit.features.feature_state import FeatureState
from tacit.features.pairs import CandidatePairs
from tacit.models.decay import faded

_LAST = 20
"""Events of a history that are used: the last ones."""
_DECAY = 0.8
"""Factor of each earlier one of them in the sums."""
_CELLS = 1_000_000
"""Queries times items of one table: few enough for a processor's cache."""


def neighbours(state: FeatureState, pairs: CandidatePairs) -> Values:
    """Return the aggregates of items chosen together and of items that follow each other."""
    follows = _aggregates("follows", state.follows, state.kinds, pairs)
    if state.together is None:
        return follows
    return _aggregates("together", state.together, state.kinds, pairs) + follows


def _aggregates(name: str, matrix: sparse.csr_array, kinds: tuple[str, ...], pairs: CandidatePairs) -> Values:
    liked = pairs.queries.weight > 0
    recent = pairs.queries.keep(liked & (pairs.queries.item < matrix.shape[0])).last(_LAST)
    event, pair, weight = _linked(recent, matrix, pairs)
    position, kind = recent.position[event], recent.kind[event]
    decayed = weight * faded(recent, _DECAY)[event]
    length = np.maximum(recent.lengths, 1)[pairs.row]

    def total(values: Array, kept: Array | slice = slice(None)) -> Array:
        return np.bincount(pair[kept], values[kept], len(pairs))

    most = np.zeros(len(pairs), dtype=np.float32)
    np.maximum.at(most, pair, weight)
    parts = {
        "sum": total(decayed),
        "max": most,
        "mean": total(weight) / length,
        "linked": total(np.ones(len(pair))) / length,
        "last": total(weight, position == 0),
        "last3": total(weight, position < 3),
    }
    if len(kinds) > 1:
        parts |= {one: total(decayed, kind == k) for k, one in enumerate(kinds)}
    return [(f"{name}_{part}", "pair", values.astype(np.float32)) for part, values in parts.items()]


def _linked(recent: Queries, matrix: sparse.csr_array, pairs: CandidatePairs) -> tuple[Int64, Int64, Float32]:
    """Return the event, the pair and the weight of each link from a history to a candidate."""
    width = max(matrix.shape[1], int(pairs.item.max(initial=0)) + 1)
    rows = max(_CELLS // width, 1)
    parts = [
        _block(recent, matrix, pairs, start, min(start + rows, len(recent)), width)
        for start in range(0, max(len(recent), 1), rows)
    ]
    event, pair, weight = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return event, pair, weight


def _block(
    recent: Queries, matrix: sparse.csr_array, pairs: CandidatePairs, start: int, stop: int, width: int
) -> tuple[Int64, Int64, Float32]:
    """Return the same of the queries ``start`` to ``stop``."""
    # A sparse product of events x weights would compute every item, and most are no candidates. Instead a
    # flat table, table[query * width + item], holds the number of that pair or -1: one lookup for each
    # weight in the rows of the events finds its pair.
    first, last = np.searchsorted(pairs.row, [start, stop])
    table = np.full((stop - start) * width, -1, dtype=np.int32)
    table[(pairs.row[first:last] - start) * width + pairs.item[first:last]] = np.arange(first, last)
    event, _ = gather_ranges(recent.offsets, np.arange(start, stop))
    index, offsets = gather_ranges(matrix.indptr, recent.item[event])
    own = (recent.row[event] - start).astype(np.int64) * width
    pair = table[np.repeat(own, np.diff(offsets)) + matrix.indices[index]]
    found = np.flatnonzero(pair >= 0)
    return np.repeat(event, np.diff(offsets))[found], pair[found], matrix.data[index[found]]
