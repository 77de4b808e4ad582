"""TextPrior: EASE with a penalty towards weights learned from texts, so that it scores items without events.

Moon et al., "L3AE: LLM-enhanced linear autoencoders for recommendation", 2025 (arXiv 2508.13500): ridge
regression between the items' unit vectors F gives weights C, and EASE is solved with the further penalty
``prior * |B - C|^2``. C is of the rank of F apart from its diagonal, so that with
``P = (X'X + (l2 + prior) I)^-1``, ``K = (F'F + ridge I)^-1`` and ``W = prior P F K`` the weights are
``B = W F' diag(s) - P diag(t)``: no second matrix of items x items. An item without events gets its
column from its vector alone, ``W f``: a product, not a new solution.
"""

import copy
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from scipy import sparse

from tacit.core.parameters import learned, parameter
from tacit.core.spaces import Choice, Float
from tacit.core.types import Array, Bool, Float32, Float64, Int32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.encoders.projection import Projection
from tacit.models import csr
from tacit.models.gram import (
    CELLS,
    among_all,
    blocks,
    check_memory,
    largest,
    most_popular,
    precision,
)
from tacit.models.itemitem import AlikeByItems, ItemItem
from tacit.models.projected import fitted, transformed
from tacit.models.shared_spaces import DECAY, FORGETS
from tacit.models.sharing import wanted


class TextPrior(AlikeByItems):
    """Linear weights from the items of a history to all items, with or without events.

    Parameters
    ----------
    l2 : float
        Regularisation, in units of the mean of the diagonal of ``X'X``.
    prior : float
        How strongly the weights are pulled to those of the texts, in the same units.
    ridge : float
        Regularisation of the regression between the texts' vectors, which have length 1.
    dimension : int, optional
        Principal directions of the vectors that are kept; all by default.
    keep : int
        Weights kept of each row, the largest by absolute value.
    decay : float
        How much less each earlier event of a history counts, in (0, 1].
    half_life : float, optional
        Days after which an event of the log counts half while learning; by default nothing fades.
    max_items : int
        The most popular items that are solved for; time grows with its third power, memory with the second.
        Others are treated as items without events.

    Attributes
    ----------
    projection_ : Projection or None
        None where the catalogue has no vectors.
    solved_ : int32[s]
        The items that are solved for.
    text_ : float32[s, d]
        W of the head of this module: times the vector of an item it gives its column of weights.
    """

    name: str = "textprior"
    l2: float = parameter(default=4.0, low=0, high=1e6, search=Float(0.3, 30.0, log=True))
    prior: float = parameter(default=10.0, low=0, high=1e9, search=Float(1.0, 100.0, log=True))
    ridge: float = parameter(default=0.1, above=0, high=1e6, search=Float(0.01, 1.0, log=True))
    dimension: int | None = parameter(default=None, low=1, high=65_536, search=Choice((None, 64, 128, 256)))
    keep: int = parameter(default=200, low=1, high=100_000)
    decay: float = parameter(default=1.0, above=0, high=1, search=DECAY)
    half_life: float | None = parameter(default=None, above=0, unit="days", search=FORGETS)
    max_items: int = parameter(default=10_000, low=1, high=1_000_000)
    projection_: Projection | None = learned(default=None)
    solved_: Int32 = learned()
    text_: Float32 = learned()

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Solve for the weights and return self; without vectors in the catalogue they are those of EASE.

        The projection is fitted on the items with events and those that were listed before the log ends.
        """
        X = wanted(interactions, self.half_life)
        self.solved_ = most_popular(X, self.max_items).astype(np.int32)
        count = len(self.solved_)
        check_memory(f"a text prior over {count:,} items", 1.25 * count**2 + 4 * CELLS)
        self.projection_ = self._projection(interactions, catalogue)
        F = self._vectors(catalogue)
        known: Bool = np.any(F, axis=1)
        known[self.solved_] = True
        matrix = self._solve(X[:, self.solved_], F)
        self.weights_ = ItemItem(matrix, known)
        return self

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a model of the larger catalogue, with weights of new items from their vectors.

        The old weights stay as they are; a new one is kept if it is as large as the smallest of its row.
        """
        old, size = self.weights_, len(catalogue)
        F = self._vectors(catalogue, first=len(old.known))
        larger = copy.copy(self)
        known = np.concatenate([old.known, np.any(F, axis=1)])
        larger.weights_ = ItemItem(csr.resized(old.matrix, size, size) + self._columns(F), known)
        return larger

    def arrays(self) -> dict[str, Array]:
        """Return the kept weights, the matrix from vectors to columns, and the projection."""
        own = {"solved": self.solved_, "text": self.text_}
        projection = {} if self.projection_ is None else self.projection_.arrays()
        return self.weights_.arrays() | own | projection

    def _take(self, arrays: Mapping[str, Array], catalogue: Catalogue) -> None:
        super()._take(arrays, catalogue)
        if "mean" in arrays:
            self.projection_ = Projection.restore(arrays)
        self.solved_, self.text_ = arrays["solved"], arrays["text"]

    def _projection(self, interactions: Interactions, catalogue: Catalogue) -> Projection | None:
        there = np.isfinite(catalogue.created_at) & (catalogue.created_at <= interactions.end)
        there[interactions.item] = True
        there &= catalogue.has_text
        if catalogue.vectors is None or not there.any():
            return None
        projection = Projection()
        if self.dimension is not None:
            width = min(self.dimension, catalogue.vectors.shape[1], int(there.sum()))
            projection = Projection(dimension=width, mode="pca")
        return fitted(projection, catalogue.vectors, there, centred=catalogue.centred)

    def _vectors(self, catalogue: Catalogue, first: int = 0) -> Float32:
        """Return the unit vectors of the items from ``first`` on, zeros where an item has no text."""
        if self.projection_ is None or catalogue.vectors is None:
            return np.zeros((len(catalogue) - first, 1), dtype=np.float32)
        unit = transformed(self.projection_, catalogue.vectors[first:])
        unit[~catalogue.has_text[first:]] = 0
        return unit

    def _solve(self, X: sparse.csr_array, F: Float32) -> sparse.csr_array:
        """Keep the matrix from vectors to columns and return the largest weights: csr_array[items, items]."""
        seen = F[self.solved_]  # [s, d]
        K, s = _regression(seen, self.ridge)
        unit = float(np.square(X.data, dtype=np.float64).sum()) / max(X.shape[1], 1)
        pull = self.prior * unit if self.projection_ is not None else 0.0
        P = precision(X, np.full(X.shape[1], self.l2 * unit + pull)) if len(seen) else X[:0].toarray()
        self.text_ = (pull * (P @ seen) @ K).astype(np.float32)
        # t_i empties the diagonal of ``I + W F' diag(s) - P diag(t)``.
        t = (1 + s * np.einsum("id,id->i", self.text_, seen)) / np.diagonal(P)
        scaled = F.copy()
        scaled[self.solved_] *= s[:, None].astype(np.float32)
        return self._largest(P, t.astype(np.float32), scaled)

    def _largest(self, P: Float32, t: Float32, F: Float32) -> sparse.csr_array:
        """Return the largest of each row of ``W F' - P diag(t)``, with an empty diagonal."""
        parts = []
        for rows in blocks(len(F), len(P)):
            B = self.text_[rows] @ F.T
            B[:, self.solved_] -= P[rows] * t
            B[np.arange(len(B)), self.solved_[rows]] = 0
            parts.append(largest(B, self.keep))
        return _placed(parts, self.solved_, len(F))

    def _columns(self, F: Float32) -> sparse.csr_array:
        """Return the weights of new items that are as large as the smallest of their row, as last columns."""
        size = len(self.weights_.known) + len(F)
        bar = _least(self.weights_.matrix[self.solved_], self.keep)
        parts = []
        for rows in blocks(len(F), len(self.solved_)):
            B = self.text_[rows] @ F.T
            kept = sparse.csr_array(np.where(np.abs(B) >= bar[rows, None], B, 0))
            kept.indices += size - len(F)
            parts.append(sparse.csr_array((kept.data, kept.indices, kept.indptr), shape=(len(B), size)))
        return _placed(parts, self.solved_, size)


def _regression(F: Float32, ridge: float) -> tuple[Float64, Float64]:
    """Return K = (F'F + ridge I)^-1 and the factor s by which leaving an item itself out raises its column.

    The matrix F K F' regresses every item on all, itself included; the weights C on the others alone are
    that times ``s = 1 / (1 - f'K f)`` off the diagonal (Woodbury).
    """
    wide = F.astype(np.float64)
    K = np.linalg.inv(wide.T @ wide + ridge * np.eye(F.shape[1])).astype(np.float64, copy=False)
    return K, 1 / (1 - np.einsum("id,id->i", wide @ K, wide))


def _placed(parts: list[Any], items: Int32, size: int) -> sparse.csr_array:
    """Return the blocks of rows, which are those of ``items``, within a matrix of all items."""
    none = sparse.coo_array((0, size), dtype=np.float32)
    return among_all(sparse.coo_array(sparse.vstack([none, *parts])), items, np.arange(size), size)


def _least(matrix: sparse.csr_array, keep: int) -> Float32:
    """Return the smallest absolute value of each row, 0 for a row with room for more: float32[rows]."""
    full = np.diff(matrix.indptr) >= keep
    return np.where(full, csr.row_minima(abs(matrix), 0), np.float32(0))
