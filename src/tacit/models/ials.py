"""iALS: item factors from confidences, and a user vector solved for any history when it is scored.

Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008: an event is a 1
with the confidence of its weight, everything else a 0 with little, and users and items are solved in turn.
The regularisation grows with how often a row was seen (Rendle et al., "Revisiting the performance of iALS",
RecSys 2022), which is what makes it as good as newer models. Memory and time grow with the items, not with
their square, so it suits catalogues that EASE is too large for. Users are not kept: the same half-step
that trains them scores any history.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy import sparse

from tacit.core.growing_arrays import padded
from tacit.core.parameters import learned, parameter
from tacit.core.spaces import Choice, Float
from tacit.core.types import Array, Bool, Float32, Int32, Int64
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking, top_k
from tacit.models.decay import decayed, decayed_rows
from tacit.models.itemitem import shares
from tacit.models.retriever import Retriever
from tacit.models.shared_spaces import DECAY

_CELLS = 4_000_000
"""Numbers gathered at once while solving."""


@dataclass(frozen=True)
class Factors:
    """Vectors float32[n, d] of items or users, zeros for the unseen, and sums for a half-step."""

    vectors: Float32

    @cached_property
    def seen(self) -> Bool:
        """Which have had an event: bool[n]."""
        seen: Bool = np.any(self.vectors, axis=1)
        return seen

    @cached_property
    def baseline(self) -> Float32:
        """Added to scores: float32[n], 0, or ``-inf`` for the unseen."""
        return np.where(self.seen, 0, -np.inf).astype(np.float32)

    @cached_property
    def gram(self) -> Float32:
        """Sum of the outer products of all vectors: float32[d, d]."""
        return self.vectors.T @ self.vectors


class IALS(Retriever):
    """Factors of users and items whose product is large where a user wanted an item.

    Parameters
    ----------
    embedding_size : int
        Length of the vectors of users and items.
    epochs : int
        Rounds of solving the users, then the items.
    reg : float
        Regularisation of a row for each event of it (where ``frequency`` is 1).
    frequency : float
        In [0, 1]: how far the regularisation of a row follows its number of events; the paper's nu.
    unobserved : float
        Confidence of all pairs without an event together that they are 0, in units of the confidence of all
        events together, so that one value suits dense and sparse logs.
    decay : float
        How much less each earlier event of a history counts, in (0, 1].
    max_events : int
        A larger log is learned from as many of its users, drawn at random, as have that many events.

    Attributes
    ----------
    items_ : Factors
    scale_ : float
        Confidence that one pair without an event is a 0.
    """

    name: str = "ials"
    embedding_size: int = parameter(default=64, low=1, high=2_048, search=Choice((32, 64, 128)))
    epochs: int = parameter(default=8, low=1, high=10_000)
    reg: float = parameter(default=0.02, low=0, high=1_000, search=Float(0.003, 0.1, log=True))
    frequency: float = parameter(default=1.0, low=0, high=1)
    unobserved: float = parameter(default=2.0, above=0, high=1_000, search=Float(0.5, 10.0, log=True))
    decay: float = parameter(default=0.9, above=0, high=1, search=DECAY)
    max_events: int = parameter(default=3_000_000, low=1, high=10**12, unit="events")
    items_: Factors = learned()
    scale_: float = learned()

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Solve for users and items in turn and return self."""
        X = _sample(interactions.matrix(), self.max_events, rng)
        transposed = X.T.tocsr()
        self.scale_ = self.unobserved * _density(X)
        shape = (len(catalogue), self.embedding_size)
        first = rng.normal(scale=self.embedding_size**-0.5, size=shape).astype(np.float32)
        first[np.diff(transposed.indptr) == 0] = 0
        self.items_ = Factors(first)
        for _ in range(self.epochs):
            users = Factors(self._solved(X, self.items_))
            self.items_ = Factors(self._solved(transposed, users))
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return float32[n, m]; ``-inf`` for items without events, and for all where no event is known."""
        rows = decayed_rows(queries, self.decay, len(self.items_.seen))
        columns = slice(None) if items is None else items
        scores = self._solved(rows, self.items_) @ self.items_.vectors[columns].T
        scores += self.items_.baseline[columns]
        row = np.repeat(np.arange(len(queries)), np.diff(rows.indptr))
        known = np.bincount(row, self.items_.seen[rows.indices], minlength=len(queries))
        scores[known == 0] = -np.inf
        return scores

    def similar(self, items: Int32, k: int) -> Ranking:
        """Return the k items with the largest cosine to each of ``items``."""
        vectors = self.items_.vectors
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
        scores = unit[items] @ unit.T
        scores[:, ~self.items_.seen] = -np.inf
        scores[np.arange(len(items)), items] = -np.inf
        return top_k(scores, k)

    def explain(self, queries: Queries, items: Int32) -> Float32:
        """Return the share of each history event in the score of ``items[q]``: float32[events]."""
        # A score is a sum over events (section 5 of the paper): h_j' A^-1 (sum of c_i h_i).
        vectors = self.items_.vectors
        rows = decayed_rows(queries, self.decay, len(vectors))
        system, _ = self._systems(rows, self.items_, np.arange(len(queries)))
        direction = _solution(system, vectors[items])
        inside = queries.item < len(vectors)
        parts = np.zeros(len(queries.item))
        parts[inside] = (vectors[queries.item[inside]] * direction[queries.row[inside]]).sum(axis=1)
        return shares(queries, parts * decayed(queries, self.decay))

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a model of the larger catalogue: the new items score ``-inf``."""
        larger = copy.copy(self)
        larger.items_ = Factors(padded(self.items_.vectors, len(catalogue)))
        return larger

    def arrays(self) -> dict[str, Array]:
        """Return the factors of the items and the confidence of a 0."""
        return {"items": self.items_.vectors, "scale": np.array(self.scale_)}

    def _take(self, arrays: Mapping[str, Array], catalogue: Catalogue) -> None:
        self.items_ = Factors(arrays["items"])
        self.scale_ = float(arrays["scale"].item())

    def _solved(self, X: sparse.csr_array, factors: Factors) -> Float32:
        """Return the half-step: the best factors of the rows of X given those of its columns."""
        solved = np.zeros((X.shape[0], self.embedding_size), dtype=np.float32)
        for rows in _batches(np.diff(X.indptr), self.embedding_size):
            system, target = self._systems(X, factors, rows)
            solved[rows] = _solution(system, target)
        return solved

    def _systems(self, X: sparse.csr_array, factors: Factors, rows: Int64) -> tuple[Float32, Float32]:
        """Return the systems of the rows and their right-hand sides: float32[rows, d, d], float32[rows, d].

        With the confidences c of a row's events, the vectors h of their items and a = ``scale_``, its factors
        solve ``(sum c h h' + a H'H + reg * (sum c + a n)^frequency I) x = sum c h``.
        """
        place, inside = _padded(X.indptr.astype(np.int64, copy=False), rows)
        confidence = np.where(inside, X.data[place], 0)
        seen = factors.vectors[X.indices[place]]  # [rows, longest, d]
        target = (confidence[:, None, :] @ seen)[:, 0]
        system = seen.swapaxes(1, 2) @ (seen * confidence[:, :, None])
        system += np.float32(self.scale_) * factors.gram
        frequency = confidence.sum(axis=1) + self.scale_ * np.count_nonzero(factors.seen)
        corner = np.arange(self.embedding_size)
        system[:, corner, corner] += self.reg * frequency[:, None] ** self.frequency
        return system, target


def _solution(system: Float32, target: Float32) -> Float32:
    """Return the solutions of positive semidefinite systems, the shortest of a singular one: float32[n, d].

    A history without events is singular where pairs without an event have no weight either.
    """
    column = target[:, :, None]
    try:
        solved = np.linalg.solve(system, column)
    except np.linalg.LinAlgError:
        solved = np.linalg.pinv(system, hermitian=True) @ column
    return np.asarray(solved[..., 0], dtype=np.float32)


def _sample(X: sparse.csr_array, max_events: int, rng: np.random.Generator) -> sparse.csr_array:
    """Return the rows of users drawn at random that have ``max_events`` entries together."""
    if X.nnz <= max_events:
        return X
    order = rng.permutation(X.shape[0])
    taken = np.cumsum(np.diff(X.indptr)[order]) <= max_events
    return X[np.sort(order[taken])]


def _density(X: sparse.csr_array) -> float:
    """Return the mean of the cells of users and items that have an event."""
    cells = np.count_nonzero(np.diff(X.indptr)) * len(np.unique(X.indices))
    return float(X.data.sum(dtype=np.float64)) / cells if cells else 0.0


def _batches(lengths: Int64, width: int) -> Iterator[Int64]:
    """Return rows of like lengths, so that little is padded: none twice as long as another of its batch."""
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]
    ascending = -lengths[order]
    start = 0
    while start < len(order):
        longest = int(-ascending[start])
        alike = int(np.searchsorted(ascending, -(longest // 2), side="left"))
        stop = min(max(alike, start + 1), start + max(_CELLS // ((longest + width) * width), 1))
        yield order[start:stop]
        start = stop


def _padded(indptr: Int64, rows: Int64) -> tuple[Int64, Bool]:
    """Return the places of the entries of each row, padded to the longest, and which are real."""
    lengths = (indptr[rows + 1] - indptr[rows])[:, None]
    along = np.arange(int(lengths.max(initial=0)))[None]
    inside = along < lengths
    return np.where(inside, indptr[rows][:, None] + along, 0), inside
