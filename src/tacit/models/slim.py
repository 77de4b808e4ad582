"""SLIM: sparse linear weights that are never negative, from the neighbours of each item only.

Ning and Karypis, "SLIM: Sparse linear methods for top-n recommender systems", ICDM 2011, in the form that
chooses among neighbours (fsSLIM, section IV-C): the weights of an item minimise
``|x - X w|^2 / 2 + l2 |w|^2 / 2 + l1 |w|`` with ``w >= 0`` over the items most alike by cosine. Many items
are solved together by coordinate descent on ``X'X`` (Friedman et al., "Regularization paths for generalized
linear models via coordinate descent", 2010).
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Self

import numpy as np
from scipy import sparse

from tacit.core import kernels
from tacit.core.parameters import parameter
from tacit.core.spaces import Float, Int
from tacit.core.types import Float32, Int64
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.models import csr
from tacit.models.gram import CELLS, check_memory, most_popular
from tacit.models.itemitem import AlikeByItems, ItemItem
from tacit.models.shared_spaces import DECAY, FORGETS
from tacit.models.sharing import shared_gram, wanted

_SWEEPS = 50
_STILL = 1e-4
"""The weights of an item have converged when none changes by more in a sweep over its neighbours."""


class SLIM(AlikeByItems):
    """Sparse weights from the items of a history to all items.

    Parameters
    ----------
    l1, l2 : float
        Regularisation, in units of the mean of the diagonal of ``X'X``, so that one value suits logs of
        all sizes. The first leaves few weights, the second makes them small.
    neighbours : int
        How many items have weights to an item; time grows with the square.
    decay : float
        How much less each earlier event of a history counts, in (0, 1].
    half_life : float, optional
        Days after which an event of the log counts half while learning; by default nothing fades.
    max_items : int
        The most popular items that take part; memory grows with the square of their number (10,000: 400
        MB). The others get ``-inf``.
    """

    name: str = "slim"
    l1: float = parameter(default=0.03, low=0, high=1e6, search=Float(0.003, 0.3, log=True))
    l2: float = parameter(default=1.0, low=0, high=1e6, search=Float(0.03, 10.0, log=True))
    neighbours: int = parameter(default=100, low=1, high=100_000, search=Int(50, 200, log=True))
    decay: float = parameter(default=1.0, above=0, high=1, search=DECAY)
    half_life: float | None = parameter(default=None, above=0, unit="days", search=FORGETS)
    max_items: int = parameter(default=10_000, low=1, high=1_000_000)

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Solve for the weights and return self.

        Raises
        ------
        UnsupportedError
            If the items need more than half of the machine's memory.
        """
        X = wanted(interactions, self.half_life)
        items = most_popular(X, self.max_items)
        check_memory(f"SLIM over {len(items):,} items", len(items) ** 2 + 3 * CELLS)
        weights = self._weights(shared_gram(interactions, self.half_life, items))
        self.weights_ = ItemItem.among(items, weights, len(catalogue))
        return self

    def _weights(self, G: Float32) -> sparse.coo_array:
        """Return the weight of each item (row) for each other (column): coo_array float32[items, items]."""
        width = min(self.neighbours, len(G) - 1)
        if width < 1:
            return sparse.coo_array(G.shape, dtype=np.float32)
        unit = float(np.diagonal(G).mean())
        parts = []
        for items in _blocks(len(G), width):
            alike = _most_alike(G, items, width)
            weights = _solved(G, items, alike, l1=self.l1 * unit, l2=self.l2 * unit)
            place, neighbour = np.nonzero(weights)
            parts.append((weights[place, neighbour], alike[place, neighbour], items[place]))
        data, row, column = (np.concatenate(part) for part in zip(*parts, strict=True))
        return sparse.coo_array((data, (row, column)), shape=G.shape)


def _solved(G: Float32, items: Int64, alike: Int64, *, l1: float, l2: float) -> Float32:
    """Return the weights of items over the neighbours of each (int64[n, m], -1: none): float32[n, m]."""
    if kernels.COMPILED is not None:
        found: Float32 = kernels.COMPILED.nonnegative(G, items, alike, l1, l2, _SWEEPS, _STILL)
        return found
    return nonnegative(
        partial(_products_of, G, alike),
        np.diagonal(G)[alike],
        np.where(alike >= 0, G[alike, items[:, None]], 0),
        l1=l1,
        l2=l2,
    )


def nonnegative(
    products: Callable[[Int64, int], Float32], diagonal: Float32, target: Float32, *, l1: float, l2: float
) -> Float32:
    """Return weights that minimise ``w'Gw / 2 - target'w + l2 w'w / 2 + l1 sum(w)`` with ``w >= 0``.

    Parameters
    ----------
    products : callable
        ``products(rows, k)`` returns, of some of n items, row k of G, the products of the k-th neighbour of
        each with all m: float32[rows, m].
    diagonal : float32[n, m]
        The diagonal of G: products of the neighbours with themselves.
    target : float32[n, m]
        Products of each item with its neighbours.
    l1, l2 : float

    Returns
    -------
    float32[n, m]
    """
    # rest = target - l1 - G w, kept up to date: minus the slope of the loss without its l2.
    n, m = target.shape
    weights, rest = np.zeros((m, n), dtype=np.float32), np.ascontiguousarray(target.T) - np.float32(l1)
    known = np.zeros((m, n), dtype=bool)
    rows_of_g = np.zeros((m, m, n), dtype=np.float32)  # [k, neighbour, item], filled where weights move
    own, penalised = np.ascontiguousarray(diagonal.T), np.ascontiguousarray(diagonal.T + np.float32(l2))
    added = np.empty((m, n), dtype=np.float32)
    still = np.zeros(n, dtype=bool)
    for _ in range(_SWEEPS):
        moved = np.zeros(n, dtype=np.float32)
        for k in range(m):
            best = (rest[k] + own[k] * weights[k]) / penalised[k]
            step = np.where(still, 0, np.maximum(best, 0) - weights[k])
            moving = np.flatnonzero(step)
            if not len(moving):
                continue
            new = moving[~known[k, moving]]
            if len(new):
                rows_of_g[k][:, new], known[k, new] = products(new, k).T, True
            weights[k] += step
            rest -= np.multiply(rows_of_g[k], step, out=added)
            np.maximum(moved, np.abs(step), out=moved)
        still |= moved < _STILL
        if still.all():
            break
    return np.ascontiguousarray(weights.T)


def _products_of(G: Float32, alike: Int64, rows: Int64, k: int) -> Float32:
    """Return the products of the k-th neighbour of some items with all of their neighbours."""
    return G[alike[rows, k, None], alike[rows]]


def _most_alike(G: Float32, items: Int64, width: int) -> Int64:
    """Return the neighbours of items by cosine, never themselves, those of equal cosine by their places.

    int64[n, width]: -1 where an item shares users with fewer others. A cosine of 0 is none: the weight of
    such a neighbour would be 0.
    """
    length = np.sqrt(np.diagonal(G))
    if kernels.COMPILED is not None:
        alike: Int64 = kernels.COMPILED.most_alike(G, items, length, width)
        return alike
    products = G[items]
    products[np.arange(len(items)), items] = 0
    shared = sparse.csr_array(products)
    row = np.repeat(np.arange(len(items)), np.diff(shared.indptr))
    # The length of an item whose events have faded away is 0 in float32.
    both = length[shared.indices] * length[items[row]]
    shared.data = np.divide(shared.data, both, out=np.zeros_like(both), where=both > 0)
    found = csr.best_of_rows(shared, width)
    best = np.full((len(items), width), -1, dtype=np.int64)
    row = np.repeat(np.arange(len(items)), np.diff(found.indptr))
    order = np.lexsort((found.indices, -found.data, row))
    best[row, np.arange(found.nnz) - found.indptr[row]] = found.indices[order]
    return best


def _blocks(size: int, width: int) -> Iterator[Int64]:
    step = max(CELLS // max(width**2, size), 1)
    for start in range(0, size, step):
        yield np.arange(start, min(start + step, size))
