"""Time-decayed popularity: the simple model that is hardest to beat on a cut in time.

One list for all users, by how many users wanted an item lately. A user's repeats on one item add only the
logarithm of their number, so that no single user can click an item to the top.
"""

import copy
from collections.abc import Hashable, Mapping
from math import inf
from typing import Any, Self

import numpy as np

from tacit.core.growing_arrays import padded
from tacit.core.kernels import loops
from tacit.core.parameters import learned, parameter
from tacit.core.spaces import Choice
from tacit.core.types import Array, Bool, Float32, Float64, Int32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.later import Later
from tacit.data.queries import Queries
from tacit.models.chunks import user_chunks
from tacit.models.decay import RECENT, fading, fading_seconds, left_at
from tacit.models.loops import baseline_of
from tacit.models.retriever import Retriever
from tacit.models.sparse_scores import Baseline, SparseScores

_HALF_LIVES = Choice((None, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 400.0, inf))

_MOST, _PART = 50, 10
"""At most so many items count as popular, and in a small catalogue at most one in so many."""


class Trending(Retriever):
    """Popularity that halves with age.

    Parameters
    ----------
    half_life : float, optional
        Days after which an event counts half; ``inf`` for plain popularity. By default the time in
        which the last ``share`` of the events happened. A log without timestamps is counted plainly.
    share : float
        In (0, 1); not used if ``half_life`` is given.

    Attributes
    ----------
    popularity_ : float32[items]
        ``-inf`` for items that nobody wanted.
    totals_ : float64[items]
        The same with 0 for them.
    clock_ : float64[2] or None
        The moment of the popularity, and the seconds after which an event counts half; None in older
        snapshots.
    """

    name: str = "trending"
    half_life: float | None = parameter(default=None, above=0, unit="days", search=_HALF_LIVES)
    share: float = parameter(default=RECENT, above=0, below=1)
    popularity_: Float32 = learned()
    baseline_: Baseline = learned()
    totals_: Float64 = learned()
    clock_: Float64 | None = learned(default=None)

    for_every_query = True

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Count the users of each item, weighted by their decayed events, and return self."""
        seconds = fading_seconds(interactions, self.half_life, self.share)
        total = np.zeros(len(catalogue))
        for events in user_chunks(interactions):
            left = fading(interactions, self.half_life, self.share, events=events, seconds=seconds)
            liked = np.maximum(interactions.weight[events], 0) * left
            total += _damped(interactions.user[events], interactions.item[events], liked, len(catalogue))
        self.clock_ = np.array([interactions.end, seconds])
        self._count(total)
        return self

    def updated(self, later: Later) -> Self:
        """Return a model that also counts later events; the half-life in seconds stays that of the fit."""
        if self.clock_ is None or not len(later.events):
            return self
        newer, (before, seconds) = copy.copy(self), self.clock_.tolist()
        end = max(before, later.events.end)
        total = self.totals_ * left_at(before, end, seconds)
        # What the users of the events count for these items is taken out and counted anew.
        total += self._of_pairs(later.pairs_after, end, seconds)
        total -= self._of_pairs(later.pairs_before, end, seconds)
        newer.clock_ = np.array([end, seconds])
        newer._count(np.maximum(total, 0))
        return newer

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return float32[n, m]: the same popularity for each query; ``-inf`` for items nobody wanted."""
        row = self.popularity_ if items is None else self.popularity_[items]
        return np.tile(row, (len(queries), 1))

    def sparse_scores(self, queries: Queries, k: int, allowed: Bool) -> SparseScores:
        """Return the same scores for each query, none of which depends on its history."""
        return SparseScores.constant(len(queries), self.baseline_)

    def compiled(self, shared: dict[Hashable, Any]) -> Any:
        """Return the compiled form of the sparse scores."""
        return loops().SameForAll(baseline_of(self.baseline_))

    @property
    def reason_for_all(self) -> str:
        """The reason for the most popular items."""
        return "popular" if self.half_life == inf else "popular now"

    def puts_forward(self, queries: Queries, items: Int32) -> Bool:
        """Return whether ``items[q]`` are among the most popular ones: bool[n]."""
        return among_most_popular(self.baseline_, items)

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a model of the larger catalogue: nobody wanted the new items yet."""
        larger = copy.copy(self)
        larger.baseline_ = self.baseline_.extended(len(catalogue))
        larger.popularity_ = larger.baseline_.scores
        larger.totals_ = padded(self.totals_, len(catalogue))
        return larger

    def arrays(self) -> dict[str, Array]:
        """Return the popularity, its moment and the half-life in seconds."""
        clock = {} if self.clock_ is None else {"clock": self.clock_}
        return {"popularity": self.popularity_, **clock}

    def _take(self, arrays: Mapping[str, Array], catalogue: Catalogue) -> None:
        self.popularity_, self.clock_ = arrays["popularity"], arrays.get("clock")
        self.totals_ = np.where(np.isfinite(self.popularity_), self.popularity_, 0).astype(np.float64)
        self.baseline_ = Baseline(self.popularity_)

    def _count(self, total: Float64) -> None:
        self.totals_ = total
        self.popularity_ = np.where(total > 0, total, -np.inf).astype(np.float32)
        self.baseline_ = Baseline(self.popularity_)

    def _of_pairs(self, log: Interactions, end: float, seconds: float) -> Float64:
        """Return what the events of a log count for each item at a moment: float64[items]."""
        liked = np.maximum(log.weight, 0) * left_at(log.at, end, seconds)
        return _damped(log.user, log.item, liked, len(self.totals_))


def among_most_popular(popularity: Baseline, items: Int32) -> Bool:
    """Return whether each of some items (int32[n]) is among the most popular of all: bool[n].

    The order of the items is kept from one state of a service to the next: nobody wanted later items yet.
    """
    count = min(_MOST, max(len(popularity.scores) // _PART, 1), len(popularity.order))
    if not count:
        return np.zeros(len(items), dtype=bool)
    own = popularity.scores[items]
    bar = popularity.scores[popularity.order[count - 1]]
    return np.asarray(np.isfinite(own) & (own >= bar))


def _damped(user: Int32, item: Int32, value: Float64, n_items: int) -> Float64:
    """Return the sum over users of ``largest value * (1 + ln(number of events))``: float64[n_items]."""
    keep = value > 0
    pair, place, repeats = np.unique(
        user[keep].astype(np.int64) * n_items + item[keep], return_inverse=True, return_counts=True
    )
    largest = np.zeros(len(pair))
    np.maximum.at(largest, place, value[keep])
    worth = largest * (1 + np.log(repeats))
    return np.bincount(pair % max(n_items, 1), worth, minlength=n_items).astype(np.float64)
