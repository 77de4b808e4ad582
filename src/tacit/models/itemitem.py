"""A sparse matrix of weights from items to items: how much an event on one adds to the score of the other.

Item-kNN and EASE learn matrices of the same shape and use them the same way; only the learning differs.
"""

import copy
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy import sparse

from tacit.core.growing_arrays import padded
from tacit.core.kernels import loops
from tacit.core.parameters import learned, parameter
from tacit.core.types import Array, Bool, Float32, Int32, Int64
from tacit.data.catalogue import Catalogue
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking, top_k
from tacit.models import csr
from tacit.models.accumulate import Rows, accumulated, history_rows
from tacit.models.decay import decayed, decayed_rows
from tacit.models.gram import among_all
from tacit.models.loops import baseline_of, powers_of, rows_of
from tacit.models.retriever import Retriever
from tacit.models.score_parts import Sums, SumTables, between, weights_of
from tacit.models.sparse_scores import Baseline, SparseScores


@dataclass(frozen=True)
class ItemItem:
    """Weights from the items of a history to the items that may follow.

    Attributes
    ----------
    matrix : csr_array float32[items, items]
        Row: the item of an event; column: the item to score. The diagonal is empty.
    known : bool[items]
        Items that score 0 if a history has evidence, but none for them; others get ``-inf``.
    """

    matrix: sparse.csr_array
    known: Bool

    @classmethod
    def among(cls, items: Int32 | Int64, weights: sparse.coo_array, size: int) -> Self:
        """Return weights between some items (int[m], all of them known) of a catalogue of ``size``."""
        known = np.zeros(size, dtype=bool)
        known[items] = True
        return cls(among_all(weights, items, items, size), known)

    def score(self, queries: Queries, decay: float, items: Int32 | None = None) -> Float32:
        """Return the decayed sum of the rows of each history: float32[n, m]; ``-inf`` without evidence."""
        histories = decayed_rows(queries, decay, len(self.known))
        scores = csr.dense_product(histories, self.matrix, self._baseline)
        return scores if items is None else scores[:, items]

    def sparse_scores(self, queries: Queries, decay: float, last: int | None = None) -> SparseScores:
        """Return the same scores, as a list of the items that the last events have weights to."""
        total, met = accumulated(history_rows(queries, decay, len(self.known), last), self._rows)
        return SparseScores(total.offsets, total.columns, total.values, self._no_evidence, met)

    def compiled(self, decay: float, last: int | None = None) -> Any:
        """Return the compiled form of the sparse scores."""
        longest = np.iinfo(np.int64).max if last is None else last
        return loops().ItemSums(
            rows_of(self._rows), powers_of(decay), longest, baseline_of(self._no_evidence)
        )

    @cached_property
    def _baseline(self) -> Float32:
        """Score of an item without evidence in a history: float32[items]."""
        return np.where(self.known, 0, -np.inf).astype(np.float32)

    @cached_property
    def _no_evidence(self) -> Baseline | None:
        return Baseline.zero(self.known)

    @cached_property
    def _rows(self) -> Rows:
        return Rows.of(self.matrix)

    def tables(self, decay: float) -> SumTables | None:
        """Return the weights as compiled loops look them up; None if columns do not ascend."""
        if not self.matrix.has_sorted_indices:
            return None
        own = self._rows
        return SumTables(own.offsets, own.columns, own.values, decay)

    def best(self, items: Int32, k: int) -> Ranking:
        """Return the k items with the largest weights from each of ``items``."""
        rows = self.matrix[items]
        return top_k(csr.densified(rows, -np.inf), k)

    def explain(self, queries: Queries, decay: float, items: Int32) -> Float32:
        """Return each event's share of the score of ``items[q]``: float32[events]; see `shares`."""
        inside = queries.item < len(self.known)
        weights = np.zeros(len(queries.item), dtype=np.float64)
        pairs = queries.item[inside], items[queries.row][inside]
        weights[inside] = np.asarray(self.matrix[pairs])
        return shares(queries, weights * decayed(queries, decay))

    def extended(self, n_items: int) -> Self:
        """Return the weights for a larger catalogue, without weights of the new items."""
        larger = csr.resized(self.matrix, n_items, n_items)
        larger.has_sorted_indices = self.matrix.has_sorted_indices  # else all entries are looked at again
        return type(self)(larger, padded(self.known, n_items))

    def arrays(self) -> dict[str, Array]:
        """Return the matrix's parts and the known items."""
        return {**csr.parts(self.matrix), "known": self.known}

    @classmethod
    def restore(cls, arrays: Mapping[str, Array]) -> Self:
        """Rebuild from what `arrays` returned."""
        return cls(csr.assembled(arrays, len(arrays["known"])), arrays["known"])


class ByItems(Retriever):
    """Base of models that score by an `ItemItem`; a subclass learns the weights.

    Parameters
    ----------
    decay : float
        How much less each earlier event of a history counts, in (0, 1].

    Attributes
    ----------
    weights_ : ItemItem
    """

    decay: float = parameter(default=1.0, above=0, high=1)
    weights_: ItemItem = learned()

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return float32[n, m]; ``-inf`` for unknown items without a weight, and without evidence."""
        return self.weights_.score(queries, self.decay, items)

    def sparse_scores(self, queries: Queries, k: int, allowed: Bool) -> SparseScores:
        """Return the items with a weight from the history, with their scores."""
        return self.weights_.sparse_scores(queries, self.decay)

    def compiled(self, shared: dict[Hashable, Any]) -> Any:
        """Return the compiled form of the sparse scores."""
        return self.weights_.compiled(self.decay)

    def explain(self, queries: Queries, items: Int32) -> Float32:
        """Return the share of each history event in the score of ``items[q]``: float32[events]."""
        return self.weights_.explain(queries, self.decay, items)

    def parts(self, query: Queries, items: Int32) -> Sums:
        """Return what the events of one history add to the scores of some items."""
        links = between(self.weights_.matrix, query.item, items)
        return Sums(links, weights_of(query), self.decay if query.ordered else 1.0)

    def tables(self) -> SumTables | None:
        """Return what the parts of every history are taken from."""
        return self.weights_.tables(self.decay)

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a model of the larger catalogue, without scores of the new items."""
        larger = copy.copy(self)
        larger.weights_ = self.weights_.extended(len(catalogue))
        return larger

    def arrays(self) -> dict[str, Array]:
        """Return the kept weights and the known items."""
        return self.weights_.arrays()

    def _take(self, arrays: Mapping[str, Array], catalogue: Catalogue) -> None:
        self.weights_ = ItemItem.restore(arrays)


class AlikeByItems(ByItems):
    """A model by an `ItemItem` whose weights know no order: two items with a large one are alike."""

    def similar(self, items: Int32, k: int) -> Ranking:
        """Return the k items with the largest weights from each of ``items``."""
        return self.weights_.best(items, k)


def shares(queries: Queries, parts: Array) -> Float32:
    """Return parts of a score as shares: absolute values sum to 1 within a query, or are all 0."""
    total = np.bincount(queries.row, np.abs(parts), minlength=len(queries))[queries.row]
    return np.divide(parts, total, out=np.zeros(len(parts)), where=total > 0).astype(np.float32)
