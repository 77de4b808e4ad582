"""EASE: the closed-form linear model that is at or near the top of sparse benchmarks.

Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019: with ``G = X'X + l2 I`` and
``P = G^-1`` the weights are ``B = -P / diag(P)`` with an empty diagonal. Solved in place in float32 by a
Cholesky factorisation over the items that have events. Only the largest weights of each row are kept: that is
faster to serve and no worse (often better) to follow.
"""

import copy
import os
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
from scipy import linalg, sparse

from tacit.core.errors import UnsupportedError
from tacit.core.types import Array, Float32, Int32, Json
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.models.itemitem import ItemItem

_CELLS = 16_000_000
"""Cells of a block of rows that is worked on at once."""

_GB = 1e9


class EASE:
    """Linear weights from the items of a history to all items.

    Parameters
    ----------
    l2 : float
        Regularisation, in units of the mean of the diagonal of ``X'X``, so that one value suits
        logs of all sizes.
    rarity : float
        In [0, 1]: how far the regularisation of an item follows its own frequency. 0 is the same for all;
        1 regularises popular items most, which lets rare ones through.
    keep : int
        Weights kept of each row, the largest by absolute value.
    decay : float
        How much less each earlier event of a history counts, in (0, 1].
    max_items : int
        The most popular items that take part; time grows with the third power of their number, memory
        with the second (15,000: half a minute on two cores, 1.2 GB). The others get ``-inf``.
    name : str
    """

    def __init__(
        self,
        *,
        l2: float = 4.0,
        rarity: float = 0.0,
        keep: int = 200,
        decay: float = 0.9,
        max_items: int = 15_000,
        name: str = "ease",
    ) -> None:
        self.l2 = l2
        self.rarity = rarity
        self.keep = keep
        self.decay = decay
        self.max_items = max_items
        self.name = name
        self.weights_: ItemItem

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Solve for the weights and return self.

        Raises
        ------
        UnsupportedError
            If the items need more than half of the machine's memory.
        """
        X = interactions.matrix()
        items = _most_popular(X, self.max_items)
        _check_memory(len(items))
        B = _truncated(self._solved(X[:, items]), self.keep) if len(items) else sparse.coo_array((0, 0))
        rows, columns = B.coords
        shape = (len(catalogue), len(catalogue))
        matrix = sparse.coo_array((B.data, (items[rows], items[columns])), shape=shape).tocsr()
        known = np.zeros(len(catalogue), dtype=bool)
        known[items] = True
        self.weights_ = ItemItem(matrix, known)
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return float32[n, m]; ``-inf`` for untrained items, and for all where no event is known."""
        return self.weights_.score(queries, self.decay, items)

    def similar(self, items: Int32, k: int) -> Ranking:
        """Return the k items that an event on each of ``items`` speaks for most."""
        return self.weights_.similar(items, k)

    def explain(self, queries: Queries, items: Int32) -> Float32:
        """Return the share of each history event in the score of ``items[q]``: float32[events]."""
        return self.weights_.explain(queries, self.decay, items)

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a model of the larger catalogue: it says nothing about the new items."""
        larger = copy.copy(self)
        larger.weights_ = self.weights_.extended(len(catalogue))
        return larger

    def spec(self) -> dict[str, Json]:
        """Return the hyperparameters."""
        names = ("l2", "rarity", "keep", "decay", "max_items", "name")
        return {name: getattr(self, name) for name in names}

    def arrays(self) -> dict[str, Array]:
        """Return the kept weights and the trained items."""
        return self.weights_.arrays()

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array], catalogue: Catalogue) -> Self:
        """Rebuild from what `spec` and `arrays` returned."""
        model = cls(**spec)
        model.weights_ = ItemItem.restore(arrays)
        return model

    def _solved(self, X: sparse.csr_array) -> Float32:
        """Return the dense weights: float32[items, items]."""
        G = _gram(X)
        frequency = np.diagonal(G) / np.diagonal(G).mean()
        G[np.diag_indices_from(G)] += self.l2 * np.diagonal(G).mean() * frequency**self.rarity
        B = _inverse(G)
        B /= -np.diagonal(B)
        np.fill_diagonal(B, 0)
        return B


def _most_popular(X: sparse.csr_array, count: int) -> Array:
    """Return the ``count`` columns with the most users, ascending; never those without any: int[items]."""
    users = np.bincount(X.indices, minlength=X.shape[1])
    best = np.lexsort((np.arange(len(users)), -users))[:count]
    return np.sort(best[users[best] > 0])


def _check_memory(n_items: int) -> None:
    needed = 1.25 * n_items**2 * np.dtype(np.float32).itemsize + 8 * _CELLS
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2
    if needed > available:
        raise UnsupportedError(
            f"EASE over {n_items:,} items needs {needed / _GB:.1f} GB and half of this machine's memory is "
            f"{available / _GB:.1f} GB; lower max_items or leave EASE out"
        )


def _gram(X: sparse.csr_array) -> Float32:
    """Return X'X as float32[items, items], filled block by block."""
    transposed = X.T.tocsr()
    G = np.empty((X.shape[1], X.shape[1]), dtype=np.float32)
    for block in _blocks(len(G)):
        G[block] = (transposed[block] @ X).toarray()
    return G


def _inverse(G: Float32) -> Float32:
    """Return the inverse of a symmetric positive definite matrix, in its own memory."""
    # G is symmetric, so its transpose is the same matrix in the column order that LAPACK works on in place.
    factor, failed = linalg.lapack.spotrf(G.T, lower=1, overwrite_a=1, clean=0)
    if failed:
        raise UnsupportedError(
            "EASE cannot be solved for this log: raise l2, which is too small for its weights"
        )
    P, _ = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    for block in _blocks(len(P)):
        square = P[block, block]
        square[:] = np.tril(square) + np.tril(square, -1).T
        P[block, block.stop :] = P[block.stop :, block].T
    return P  # type: ignore[no-any-return]


def _truncated(B: Float32, keep: int) -> sparse.coo_array:
    """Return the entries of each row that are among its ``keep`` largest by absolute value."""
    width = min(keep, len(B))
    parts = []
    for block in _blocks(len(B)):
        size = np.abs(B[block])
        bar = np.partition(size, -width, axis=1)[:, -width]
        parts.append(sparse.csr_array(np.where(size >= bar[:, None], B[block], 0)))
    return sparse.coo_array(sparse.vstack(parts))


def _blocks(n: int) -> Iterator[slice]:
    rows = max(_CELLS // n, 1)
    for start in range(0, n, rows):
        yield slice(start, min(start + rows, n))
