"""What the last events of a history say of a candidate, one by one: aggregates of item-item weights.

A retriever gives the sum over the whole history. Whether one event speaks loudly or many speak softly,
whether the last one does, and whether it was a view or a purchase, is told here.
"""

import numpy as np
from scipy import sparse

from tacit.core.types import Array, Float32, Int64
from tacit.data.queries import gather_ranges
from tacit.features.asked import Asked
from tacit.features.columns import Values
from tacit.features.past import Past
from tacit.models.history import faded

_LAST = 20
"""Events of a history that are looked at: the last ones."""
_DECAY = 0.8
"""How much less each earlier one of them counts in the sums."""


def neighbours(past: Past, asked: Asked) -> Values:
    """Return the aggregates of what goes together and of what follows what."""
    follows = _aggregates("follows", past.follows, past.kinds, asked)
    if past.together is None:
        return follows
    return _aggregates("together", past.together, past.kinds, asked) + follows


def _aggregates(name: str, matrix: sparse.csr_array, kinds: tuple[str, ...], asked: Asked) -> Values:
    liked = asked.queries.weight > 0
    recent = asked.queries.keep(liked & (asked.queries.item < matrix.shape[0])).last(_LAST)
    event, pair, weight = _spoken(recent.row, recent.item, matrix, asked)
    position, kind = recent.position[event], recent.kind[event]
    decayed = weight * faded(recent, _DECAY)[event]
    length = np.maximum(recent.lengths, 1)[asked.row]

    def total(values: Array, kept: Array | slice = slice(None)) -> Array:
        return np.bincount(pair[kept], values[kept], len(asked))

    most = np.zeros(len(asked), dtype=np.float32)
    np.maximum.at(most, pair, weight)
    parts = {
        "sum": total(decayed),
        "max": most,
        "mean": total(weight) / length,
        "speaking": total(np.ones(len(pair))) / length,
        "last": total(weight, position == 0),
        "last3": total(weight, position < 3),
    }
    if len(kinds) > 1:
        parts |= {one: total(decayed, kind == k) for k, one in enumerate(kinds)}
    return [(f"{name}_{part}", "pair", values.astype(np.float32)) for part, values in parts.items()]


def _spoken(row: Array, item: Array, matrix: sparse.csr_array, asked: Asked) -> tuple[Int64, Int64, Float32]:
    """Return which event speaks for which pair, and how loudly: three arrays of equal length.

    The candidates of a query ascend, so that query and item of all pairs are one sorted list of numbers, in
    which whatever an event speaks for is looked up.
    """
    width = np.int64(max(matrix.shape[1], int(asked.item.max(initial=0)) + 1))
    index, offsets = gather_ranges(matrix.indptr, item)
    among = np.zeros(width, dtype=bool)
    among[asked.item] = True
    near = np.flatnonzero(among[matrix.indices[index]])  # most of what is spoken for is nobody's candidate
    event, index = np.repeat(np.arange(len(item)), np.diff(offsets))[near], index[near]
    pairs = asked.row * width + asked.item
    wanted = row[event] * width + matrix.indices[index]
    place = np.searchsorted(pairs, wanted)
    found = place < len(pairs)
    found[found] = pairs[place[found]] == wanted[found]
    return event[found], place[found], matrix.data[index[found]]
