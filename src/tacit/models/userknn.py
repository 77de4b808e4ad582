"""User-based nearest neighbours: recent items of the users with the most similar histories.

Resnick et al., "GroupLens", CSCW 1994, in its form for implicit feedback. The neighbours are rows of the
training log, the user is the history of the query, so a new user needs no refit. Events of the neighbours
decay with their age, which helps most where fashions change quickly. Where items have very many users, only
some of all users are neighbours, so that a list costs as much as its history is long, whatever the number of
users (docs/decisions/037-fits-of-large-logs.md).
"""

import copy
from collections.abc import Hashable, Mapping
from dataclasses import replace
from hashlib import blake2b
from math import inf
from typing import Any, Literal, Self

import numpy as np
from scipy import sparse

from tacit.core.growing_arrays import padded
from tacit.core.kernels import loops
from tacit.core.parameters import learned, parameter
from tacit.core.parts import part_of
from tacit.core.spaces import Choice, Int
from tacit.core.types import Array, Bool, Float32, Float64, Int32, Int64
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.later import Later
from tacit.data.queries import Queries
from tacit.models import csr
from tacit.models.accumulate import Rows, accumulated, best_of_each, history_rows
from tacit.models.chunks import gone_among
from tacit.models.decay import decayed_rows, fading_seconds, left_at
from tacit.models.loops import baseline_of, powers_of, rows_of
from tacit.models.protocol import batches
from tacit.models.retriever import Retriever
from tacit.models.shared_spaces import DECAY
from tacit.models.sharing import shared
from tacit.models.sparse_scores import SparseScores

Weighting = Literal["cosine", "tfidf"]

_MET = 5_000
"""Users that an event of a history finds on average, at most: with all of them a list costs more in a larger
log."""
_LARGEST, _ROOM = 5_000_000, 1_000_000
"""A model with more entries is not updated, which would copy them all; and updates bring no new users beyond
twice the entries of the fit, if these are so many."""


class UserKNN(Retriever):
    """Sum of the items of the nearest training users, weighted by their similarity to the history.

    Parameters
    ----------
    k : int
        Neighbours whose items are added up: the users most like the history.
    weighting : {"cosine", "tfidf"}
        How histories are compared; with "tfidf" a rare item in both counts more.
    decay : float
        How much less each earlier event of the query's history counts, in (0, 1].
    half_life : float, optional
        Days after which an event of a neighbour counts half; ``inf`` for never. By default the time in
        which the last tenth of the log's events happened.

    Attributes
    ----------
    wanted_ : csr_array float32[users, items]
        Decayed weights of the items of each training user.
    rarity_ : float32[items]
        Weight of an item when histories are compared.
    unit_ : csr_array float32[items, users]
        The users' rows with length 1, transposed for the product.
    rows_, unit_rows_ : Rows
        The two matrices as plain arrays.
    digest_ : str
        Hash of what histories are compared with.
    clock_ : float64[3] or None
        The moment of the decayed weights, the seconds after which one counts half, and the share of all users
        who are neighbours; None in older snapshots.
    room_ : int
        Entries from which on updates bring no new users.
    """

    name: str = "userknn"
    k: int = parameter(default=100, low=1, high=100_000, search=Int(20, 500, log=True))
    weighting: Weighting = parameter(default="cosine", search=Choice(("cosine", "tfidf")))
    decay: float = parameter(default=0.85, above=0, high=1, search=DECAY)
    half_life: float | None = parameter(default=None, above=0, unit="days", search=Choice((None, inf)))
    wanted_: sparse.csr_array = learned()
    rarity_: Float32 = learned()
    unit_: sparse.csr_array = learned()
    rows_: Rows = learned()
    unit_rows_: Rows = learned()
    digest_: str = learned()
    clock_: Float64 | None = learned(default=None)
    room_: int = learned()

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Keep the users' rows, for comparing and for adding up, and return self."""
        self.rarity_, self.unit_, neighbours = shared(
            interactions, ("unit", self.weighting), lambda: _compared(interactions, self.weighting)
        )
        self.wanted_ = csr.some_rows(csr.summed(interactions, self.half_life), neighbours)
        active = np.bincount(interactions.user[interactions.weight > 0]) > 0
        share = neighbours.sum() / active.sum() if active.any() else 1.0
        self.clock_ = np.array([interactions.end, fading_seconds(interactions, self.half_life), share])
        self._index()
        self.room_ = max(2 * self.wanted_.nnz, _ROOM)
        return self

    def updated(self, later: Later) -> Self:
        """Return a model in which the users of later events are neighbours with these.

        Half-life, rarity of the items and share of the users are those of the fit.
        """
        if self.clock_ is None or self.wanted_.nnz > _LARGEST or not len(later.events):
            return self
        users = np.unique(later.events.user[later.events.weight > 0])
        users = users[self._joins(users)]
        newer, (before, seconds, share) = copy.copy(self), self.clock_.tolist()
        end = max(before, later.events.end)
        log = later.after
        faded = (log.weight * left_at(log.at, end, seconds)).astype(np.float32)
        left = np.float32(left_at(before, end, seconds))
        old = sparse.csr_array(
            (self.wanted_.data * left, self.wanted_.indices, self.wanted_.indptr), shape=self.wanted_.shape
        )
        newer.wanted_ = csr.with_rows(old, users, self._rows_of(log, faded, users))
        compared = _unit(csr.scaled(self._rows_of(log, log.weight, users), columns=self.rarity_))
        newer.unit_ = csr.with_rows(self.unit_.T.tocsr(), users, compared).T.tocsr()
        newer.clock_ = np.array([end, seconds, share])
        newer._index(_digest(self.digest_.encode(), users, compared.indptr, compared.indices, compared.data))
        return newer

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return float32[n, m]; ``-inf`` for items that no neighbour wanted.

        A query that carries its user code is not compared with the training row of that very user.
        """
        scores = np.empty((len(queries), len(self.rarity_)), dtype=np.float32)
        start = 0
        for batch in batches(queries, self.wanted_.shape[0]):
            scores[start : start + len(batch)] = csr.dense_product(
                self._neighbours(batch), self.wanted_, -np.inf
            )
            start += len(batch)
        return scores if items is None else scores[:, items]

    def sparse_scores(self, queries: Queries, k: int, allowed: Bool) -> SparseScores:
        """Return the items that a neighbour wanted, with the same scores."""
        return self.scores_from(self.search(queries))

    @property
    def search_key(self) -> Hashable:
        """What decides which neighbours are found."""
        return self.k, self.decay, self.digest_, len(self.rarity_)

    def search(self, queries: Queries) -> Rows:
        """Return the likeness of the k users most like each history: a row a query, over users."""
        rows = history_rows(queries, self.decay, len(self.rarity_))
        likeness, _ = accumulated(_unit_rows(rows, self.rarity_), self.unit_rows_)
        return best_of_each(likeness, self.k, queries.user)

    def scores_from(self, found: Rows) -> SparseScores:
        """Return the scores of the items of the neighbours that `search` found."""
        total, met = accumulated(found, self.rows_)
        return SparseScores(total.offsets, total.columns, total.values, scored=met)

    def compiled(self, shared: dict[Hashable, Any]) -> Any:
        """Return the compiled form of the sparse scores; models with the same likeness share a search."""
        if self.search_key not in shared:
            shared[self.search_key] = loops().UserSearch(
                rows_of(self.unit_rows_), self.rarity_, powers_of(self.decay), self.k
            )
        return loops().UserSums(shared[self.search_key], rows_of(self.rows_), baseline_of(None))

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a model of the larger catalogue: nobody wanted the new items yet."""
        larger = copy.copy(self)
        n_users = self.wanted_.shape[0]
        larger.wanted_ = csr.resized(self.wanted_, n_users, len(catalogue))
        larger.unit_ = csr.resized(self.unit_, len(catalogue), n_users)
        larger.rarity_ = padded(self.rarity_, len(catalogue), 1)
        larger.rows_, larger.unit_rows_ = Rows.of(larger.wanted_), Rows.of(larger.unit_)
        return larger

    def without_users(self, gone: Bool) -> Self:
        """Return a model that finds some users (bool[users]) no more."""
        less = copy.copy(self)
        kept = ~gone_among(gone, np.arange(self.wanted_.shape[0]))
        less.wanted_ = csr.some_rows(self.wanted_, kept)
        less.unit_ = csr.some_columns(self.unit_, kept)
        less._index()
        return less

    def arrays(self) -> dict[str, Array]:
        """Return the users' rows, the transposed unit rows, the items' rarity and the hash of both."""
        return {
            **{f"wanted_{name}": array for name, array in csr.parts(self.wanted_).items()},
            **{f"unit_{name}": array for name, array in csr.parts(self.unit_).items()},
            "rarity": self.rarity_,
            "digest": np.frombuffer(bytes.fromhex(self.digest_), dtype=np.uint8),
            **({} if self.clock_ is None else {"clock": self.clock_}),
        }

    def _take(self, arrays: Mapping[str, Array], catalogue: Catalogue) -> None:
        self.rarity_ = arrays["rarity"]
        self.wanted_ = csr.assembled(part_of(arrays, "wanted", "_"), len(self.rarity_))
        self.unit_ = csr.assembled(part_of(arrays, "unit", "_"), self.wanted_.shape[0])
        known = arrays.get("digest")  # to compute it again would read all that is mapped
        self._index(None if known is None else known.tobytes().hex())
        self.clock_, self.room_ = arrays.get("clock"), max(2 * self.wanted_.nnz, _ROOM)

    def _joins(self, users: Int32) -> Bool:
        """Return which users are neighbours once they have an event: bool[n]."""
        assert self.clock_ is not None
        known = users < self.wanted_.shape[0]
        entries = np.diff(self.wanted_.indptr)[np.where(known, users, 0)]
        share = float(self.clock_[2])
        chosen = (users * share).astype(np.int64) < ((users + 1.0) * share).astype(np.int64)
        return (known & (entries > 0)) | (chosen & (self.wanted_.nnz < self.room_))

    def _rows_of(self, log: Interactions, weight: Float32, users: Int32) -> sparse.csr_array:
        """Return the summed positive weights of some users: csr_array float32[n, items]."""
        kept = np.flatnonzero((weight > 0) & np.isin(log.user, users))
        places = np.searchsorted(users, log.user[kept]), log.item[kept]
        rows = sparse.coo_array((weight[kept], places), shape=(len(users), len(self.rarity_))).tocsr()
        rows.sum_duplicates()
        return rows

    def _index(self, digest_: str | None = None) -> None:
        """Keep the matrices as plain arrays, and their hash if it is not known."""
        self.rows_, self.unit_rows_ = Rows.of(self.wanted_), Rows.of(self.unit_)
        rows = self.unit_rows_
        if digest_ is None:
            digest_ = _digest(self.rarity_.tobytes(), rows.offsets, rows.columns, rows.values)
        self.digest_ = digest_

    def _neighbours(self, queries: Queries) -> sparse.csr_array:
        """Return the likeness of the k users most like each history: csr_array float32[n, users]."""
        rows = _unit(csr.scaled(decayed_rows(queries, self.decay, len(self.rarity_)), columns=self.rarity_))
        likeness = csr.dense_product(rows, self.unit_, -np.inf)
        own = np.flatnonzero((queries.user >= 0) & (queries.user < likeness.shape[1]))
        likeness[own, queries.user[own]] = -np.inf
        return csr.best_of_dense(likeness, self.k)


def _digest(first: bytes, *arrays: Array) -> str:
    digest = blake2b(first, digest_size=16)
    for one in arrays:
        digest.update(np.ascontiguousarray(one).data)
    return digest.hexdigest()


def _compared(log: Interactions, weighting: Weighting) -> tuple[Float32, sparse.csr_array, Bool]:
    """Return the rarity of the items, the rows that histories are compared with, and whose rows these are.

    Returns
    -------
    float32[items], csr_array float32[items, users], bool[users]
        The users' rows have length 1 and are transposed.
    """
    rows = csr.summed(log, np.inf)
    users = np.bincount(rows.indices, minlength=log.n_items)
    rarity = np.ones(log.n_items, dtype=np.float32)
    if weighting == "tfidf":
        rarity = np.log1p(log.n_users / (1 + users)).astype(np.float32)
    neighbours = _neighbours_of(np.diff(rows.indptr) > 0, users)
    rows = csr.some_rows(rows, neighbours)
    return rarity, _unit(csr.scaled(rows, columns=rarity)).T.tocsr(), neighbours


def _neighbours_of(active: Bool, users: Int64) -> Bool:
    """Return which users may be neighbours: bool[users].

    All of them, or so many, evenly spread, that an event of a history finds `_MET` of them on average.

    Parameters
    ----------
    active : bool[users]
        Users with events.
    users : int64[items]
        How many users wanted each item.
    """
    met = float(np.square(users, dtype=np.float64).sum() / max(users.sum(), 1))
    if met <= _MET:
        return active
    share = _MET / met
    codes = np.flatnonzero(active)
    kept = np.zeros(len(active), dtype=bool)
    kept[codes[(np.arange(int(len(codes) * share)) / share).astype(np.int64)]] = True
    return kept


def _unit(rows: sparse.csr_array) -> sparse.csr_array:
    """Return the rows with Euclidean length 1 (an empty row stays empty)."""
    lengths = csr.row_norms(rows)
    return csr.scaled(rows, rows=np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0))


def _unit_rows(rows: Rows, scale: Float32) -> Rows:
    """Return the rows with their columns scaled (float32[columns]) and Euclidean length 1."""
    values = rows.values * scale[rows.columns]
    row = np.repeat(np.arange(len(rows)), np.diff(rows.offsets))
    length = np.sqrt(np.bincount(row, np.square(values, dtype=np.float64), minlength=len(rows)))
    factor = np.divide(1, length, out=np.zeros_like(length), where=length > 0)
    return replace(rows, values=(values * factor[row]).astype(np.float32))
