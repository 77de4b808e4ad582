"""Aggregates of the item-item weights from the last events of a history to a candidate.

A retriever gives one sum over the whole history. These columns distinguish one large weight from many small
ones, the last event from earlier ones, and a view from a purchase.
"""

from collections.abc import Mapping

import numpy as np
from scipy import sparse

from tacit.core.types import Array, Float32, Int32, Int64
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
    matrices = {"together": state.together, "follows": state.follows}
    known = {name: matrix for name, matrix in matrices.items() if matrix is not None}
    n_items = max(matrix.shape[0] for matrix in known.values())
    liked = pairs.queries.weight > 0
    recent = pairs.queries.keep(liked & (pairs.queries.item < n_items)).last(_LAST)
    links = _linked(recent, known, pairs)
    return [
        column for name, own in links.items() for column in _aggregates(name, own, recent, state.kinds, pairs)
    ]


_Links = tuple[Int64, Int64, Float32]
"""The event, the pair and the weight of each link from a history to a candidate."""


def _aggregates(
    name: str, links: _Links, recent: Queries, kinds: tuple[str, ...], pairs: CandidatePairs
) -> Values:
    event, pair, weight = links
    position = recent.position[event]
    decayed = weight * faded(recent, _DECAY)[event]
    length = np.maximum(recent.lengths, 1)[pairs.row]
    size = len(pairs)

    def total(values: Array, kept: Array) -> Array:
        return np.bincount(pair[kept], values[kept], size)

    most = np.zeros(size, dtype=np.float32)
    np.maximum.at(most, pair, weight)
    parts = {
        "sum": np.bincount(pair, decayed, size),
        "max": most,
        "mean": np.bincount(pair, weight, size) / length,
        "linked": np.bincount(pair, minlength=size) / length,
        "last": total(weight, position == 0),
        "last3": total(weight, position < 3),
    }
    if len(kinds) > 1:
        kind = recent.kind[event]
        parts |= {one: total(decayed, kind == k) for k, one in enumerate(kinds)}
    return [(f"{name}_{part}", "pair", values.astype(np.float32)) for part, values in parts.items()]


def _linked(
    recent: Queries, matrices: Mapping[str, sparse.csr_array], pairs: CandidatePairs
) -> dict[str, _Links]:
    """Return the links of each matrix."""
    width = max(*(matrix.shape[1] for matrix in matrices.values()), int(pairs.item.max(initial=0)) + 1)
    rows = max(_CELLS // width, 1)
    blocks = [
        _block(recent, matrices, pairs, start, min(start + rows, len(recent)), width)
        for start in range(0, max(len(recent), 1), rows)
    ]
    if len(blocks) == 1:
        return blocks[0]
    return {
        name: tuple(np.concatenate(arrays) for arrays in zip(*(one[name] for one in blocks), strict=True))  # type: ignore[misc]
        for name in matrices
    }


def _block(
    recent: Queries,
    matrices: Mapping[str, sparse.csr_array],
    pairs: CandidatePairs,
    start: int,
    stop: int,
    width: int,
) -> dict[str, _Links]:
    """Return the same of the queries ``start`` to ``stop``."""
    # A sparse product of events x weights would compute every item, and most are no candidates. Instead a
    # flat table, table[query * width + item], holds the number of that pair or -1: one lookup for each
    # weight in the rows of the events finds its pair.
    first, last = pairs.starts[start], pairs.starts[stop]
    table = np.full((stop - start) * width, -1, dtype=np.int32)
    table[(pairs.row[first:last] - start) * width + pairs.item[first:last]] = np.arange(first, last)
    event = np.arange(recent.offsets[start], recent.offsets[stop])
    item = recent.item[event]
    own = (recent.row[event] - start).astype(np.int64) * width
    return {name: _found(matrix, table, event, item, own) for name, matrix in matrices.items()}


def _found(matrix: sparse.csr_array, table: Int32, event: Int64, item: Int32, own: Int64) -> _Links:
    """Return the links of one matrix: the weights in the rows of the events that fall on a pair."""
    index, offsets = gather_ranges(matrix.indptr, item)
    counts = np.diff(offsets)
    columns = matrix.indices[index]
    pair = table[columns + np.repeat(own, counts)] if own.any() else table[columns]
    found = np.flatnonzero(pair >= 0)
    source = np.searchsorted(offsets, found, side="right") - 1
    return event[source], pair[found].astype(np.int64), matrix.data[index[found]]
