"""TextPrior: EASE that is pulled towards what the items' texts say, so that it knows items without events.

Moon et al., "L3AE: LLM-enhanced linear autoencoders for recommendation", 2025 (arXiv 2508.13500): ridge
regression between the items' unit vectors F gives weights C, and EASE is solved with the further penalty
``prior * |B - C|^2``. C is of the rank of F apart from its diagonal, so that with
``P = (X'X + (l2 + prior) I)^-1``, ``K = (F'F + ridge I)^-1`` and ``W = prior P F K`` the weights are
``B = W F' diag(s) - P diag(t)``: no second matrix of items x items. An item nobody has clicked gets its
column from its vector alone, ``W f``: a product, not a new solution.
"""

import copy
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from scipy import sparse

from tacit.core.types import Array, Bool, Float32, Float64, Int32, Int64, Json
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
from tacit.models.itemitem import ByItems, ItemItem


class TextPrior(ByItems):
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
    name : str
    """

    def __init__(
        self,
        *,
        l2: float = 4.0,
        prior: float = 10.0,
        ridge: float = 0.1,
        dimension: int | None = None,
        keep: int = 200,
        decay: float = 1.0,
        half_life: float | None = None,
        max_items: int = 10_000,
        name: str = "textprior",
    ) -> None:
        self.l2 = l2
        self.prior = prior
        self.ridge = ridge
        self.dimension = dimension
        self.keep = keep
        self.decay = decay
        self.half_life = half_life
        self.max_items = max_items
        self.name = name
        self.projection_: Projection | None = None
        self.solved_: Int32
        self.text_: Float32

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Solve for the weights and return self; without vectors in the catalogue they are those of EASE.

        The projection is fitted on the items with events and those that were listed before the log ends.
        """
        X = csr.wanted(interactions, self.half_life)
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
        """Return a model of the larger catalogue, whose new items are known by their vectors.

        The old weights stay as they are; a new one is kept where it is as large as the least of its row.
        """
        old, size = self.weights_, len(catalogue)
        F = self._vectors(catalogue, first=len(old.known))
        larger = copy.copy(self)
        known = np.concatenate([old.known, np.any(F, axis=1)])
        larger.weights_ = ItemItem(csr.resized(old.matrix, size, size) + self._columns(F), known)
        return larger

    def spec(self) -> dict[str, Json]:
        """Return the hyperparameters and the projection's own spec (None where there were no vectors)."""
        names = ("l2", "prior", "ridge", "dimension", "keep", "decay", "max_items", "name")
        parameters: dict[str, Json] = {name: getattr(self, name) for name in names}
        return {
            "parameters": parameters | {"half_life": csr.finite(self.half_life)},
            "projection": None if self.projection_ is None else self.projection_.spec(),
        }

    def arrays(self) -> dict[str, Array]:
        """Return the kept weights, what turns a vector into a column, and the projection."""
        own = {"solved": self.solved_, "text": self.text_}
        projection = {} if self.projection_ is None else self.projection_.arrays()
        return self.weights_.arrays() | own | projection

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array], catalogue: Catalogue) -> Self:
        """Rebuild from what `spec` and `arrays` returned."""
        model = cls(**spec["parameters"])
        if spec["projection"] is not None:
            model.projection_ = Projection.restore(spec["projection"], arrays)
        model.solved_, model.text_ = arrays["solved"], arrays["text"]
        model.weights_ = ItemItem.restore(arrays)
        return model

    def _projection(self, interactions: Interactions, catalogue: Catalogue) -> Projection | None:
        there = np.isfinite(catalogue.created_at) & (catalogue.created_at <= interactions.end)
        there[interactions.item] = True
        there &= catalogue.has_text
        if catalogue.vectors is None or not there.any():
            return None
        raw = catalogue.vectors[there]
        if self.dimension is None:
            return Projection().fit(raw)
        return Projection(dimension=min(self.dimension, *raw.shape), mode="pca").fit(raw)

    def _vectors(self, catalogue: Catalogue, first: int = 0) -> Float32:
        """Return the unit vectors of the items from ``first`` on, zeros where an item has no text."""
        if self.projection_ is None or catalogue.vectors is None:
            return np.zeros((len(catalogue) - first, 1), dtype=np.float32)
        unit = self.projection_.transform(catalogue.vectors[first:])
        return np.where(catalogue.has_text[first:, None], unit, np.float32(0))

    def _solve(self, X: sparse.csr_array, F: Float32) -> sparse.csr_array:
        """Keep what turns vectors into columns and return the largest weights: csr_array[items, items]."""
        seen = F[self.solved_]
        K, s = _regression(seen, self.ridge)
        unit = float(np.square(X.data, dtype=np.float64).sum()) / max(X.shape[1], 1)
        pull = self.prior * unit if self.projection_ is not None else 0.0
        P = precision(X, np.full(X.shape[1], self.l2 * unit + pull)) if len(seen) else X[:0].toarray()
        self.text_ = (pull * (P @ seen) @ K).astype(np.float32)
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
        """Return the weights of new items that are as large as the least of their row, as last columns."""
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
    """Return K = (F'F + ridge I)^-1 and by how much leaving an item itself out raises its own column.

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
    """Return the least absolute value of each row, 0 of one with room for more: float32[rows]."""
    lengths: Int64 = np.diff(matrix.indptr)
    least = np.zeros(len(lengths), dtype=np.float32)
    full = lengths >= keep
    least[full] = np.minimum.reduceat(np.abs(matrix.data), matrix.indptr[:-1][full]) if full.any() else 0
    return least
