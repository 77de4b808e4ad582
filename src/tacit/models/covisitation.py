"""Streaming co-visitation: items that follow each other in recent histories.

Davidson et al., "The YouTube video recommendation system", RecSys 2010, with a decay. Each event is paired
with the few events of the same user before it; a pair counts half after a half-life.

At time t an event of time s counts ``2 ** ((s - t) / half_life)``. Counts are kept at the value of one
reference time r: an event adds ``2 ** ((s - r) / half_life)``, so that an update adds larger numbers instead
of changing the old ones, and all are multiplied by ``2 ** ((r - now) / half_life)`` to score. Rebasing moves
r to now by the same factor, before the numbers overflow.
"""

import copy
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Self

import numpy as np
from scipy import sparse

from tacit.core import kernels
from tacit.core.growing_arrays import padded
from tacit.core.parameters import learned, parameter
from tacit.core.spaces import Choice, Float, Int
from tacit.core.types import DAY, Array, Bool, Float32, Float64, Int32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.later import Later
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking, top_k
from tacit.models import csr
from tacit.models.chunks import gone_among
from tacit.models.itemitem import ItemItem
from tacit.models.retriever import Retriever
from tacit.models.sparse_scores import SparseScores

_HOUR = 3_600.0

_REBASE = 64.0
"""Half-lives after which the counts are moved to a newer reference time: far from the limits of float64."""


_ROOM = 1_000_000
"""Updates push the oldest events of users out beyond twice those of the fit, if these are so many."""

_ROUNDING = 1e-5
"""Relative difference of two weights that counts as none."""


@dataclass(frozen=True)
class Events:
    """Events sorted by user, then time.

    Attributes
    ----------
    user, item : int32[events]
    weight : float32[events]
    at : float64[events]
    """

    user: Int32
    item: Int32
    weight: Float32
    at: Float64

    @classmethod
    def of(cls, log: Interactions) -> Self:
        """Return the events that are no dislikes; all at time 0 where the log has no timestamps."""
        liked = log.select(log.weight > 0)
        at = liked.at if liked.timing == "time" else np.zeros(len(liked))
        return cls(liked.user, liked.item, liked.weight, at)

    def then(self, later: "Events") -> tuple[Self, Array]:
        """Return the events of both, and the place of each in ``self`` followed by ``later``."""
        order = np.argsort(np.concatenate([self.user, later.user]), kind="stable")
        pairs = ((name, np.concatenate([a, getattr(later, name)])) for name, a in vars(self).items())
        return type(self)(**{name: both[order] for name, both in pairs}), order

    def tail(self, count: int) -> Self:
        """Return the last ``count`` events of each user."""
        ends = np.searchsorted(self.user, self.user, side="right")
        kept = ends - np.arange(len(self.user)) <= count
        return type(self)(**{name: array[kept] for name, array in vars(self).items()})

    def newest(self, count: int) -> Self:
        """Return the last ``count`` events of all: later events of other users begin a history."""
        kept = np.zeros(len(self.at), dtype=bool)
        kept[np.argsort(self.at, kind="stable")[-count:]] = True
        return type(self)(**{name: array[kept] for name, array in vars(self).items()})


class CoVisitation(Retriever):
    """Sum of the co-visits of an item with the items of the history.

    Parameters
    ----------
    window : int
        Events of the same user before an event that are paired with it.
    gap : float
        Hours between two events at most, where the log has times; ``inf`` for any.
    half_life : float
        Days after which a pair counts half, where the log has times; ``inf`` for never.
    backward : float
        Weight of a pair from the later item to the earlier one; from the earlier to the later it is 1.
    distance : float
        Factor of a pair for each event between its two, in (0, 1].
    popularity : float
        Power of the (faded) weight of each of two items by which their co-visits are divided, as 0.5 is in
        a cosine; 0 favours popular items.
    last : int
        Events of a history that are used: the last ones.
    decay : float
        How much less each earlier event of a history counts, in (0, 1].

    Attributes
    ----------
    tails_ : Events
        The last events of each user: later ones are paired with them.
    room_ : int
        Length of these from which on updates push out the oldest.
    counts_ : csr_array float64[items, items]
        Pairs, at the value of ``since_``.
    visits_ : float64[items]
        Events, at the value of ``since_``.
    since_, now_ : float
        The reference time and that of the last event.
    weights_ : ItemItem
    """

    name: str = "covisitation"
    window: int = parameter(default=10, low=1, high=1_000, unit="events", search=Int(3, 20, log=True))
    gap: float = parameter(default=inf, low=0, unit="hours")
    half_life: float = parameter(default=inf, above=0, unit="days", search=Choice((inf, 7.0, 30.0, 90.0)))
    backward: float = parameter(default=0.75, low=0, high=1_000, search=Float(0.0, 1.0))
    distance: float = parameter(default=0.8, above=0, high=1, search=Float(0.5, 1.0))
    popularity: float = parameter(default=0.15, low=0, high=10, search=Float(0.0, 0.5))
    last: int = parameter(default=30, low=1, high=10_000, unit="events")
    decay: float = parameter(default=0.85, above=0, high=1, search=Float(0.5, 0.9))
    tails_: Events = learned()
    room_: int = learned()
    counts_: sparse.csr_array = learned()
    visits_: Float64 = learned()
    since_: float = learned()
    now_: float = learned()
    weights_: ItemItem = learned()

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Count the pairs and return self."""
        n_items = len(catalogue)
        none = np.empty(0, dtype=np.int32)
        self.tails_ = Events(none, none, np.empty(0, np.float32), np.empty(0, np.float64))
        self.counts_ = sparse.csr_array((n_items, n_items), dtype=np.float64)
        self.visits_ = np.zeros(n_items)
        events = Events.of(interactions)
        self.since_ = self.now_ = float(events.at.max()) if len(events.at) else 0.0
        self._learn(events)
        self.room_ = max(2 * len(self.tails_.user), _ROOM)
        return self

    def updated(self, later: Later) -> Self:
        """Return a model that also counts later events: equal to a refit on all of them."""
        newer = copy.copy(self)
        newer._learn(Events.of(later.events))
        if len(newer.tails_.user) > self.room_:
            newer.tails_ = newer.tails_.newest(self.room_ // 2)
        return newer

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return float32[n, m]; ``-inf`` for items that were not seen with any of the history."""
        return self.weights_.score(self._last(queries), self.decay, items)

    def sparse_scores(self, queries: Queries, k: int, allowed: Bool) -> SparseScores:
        """Return the items that were seen with any of the last events of the history."""
        return self.weights_.sparse_scores(queries, self.decay, self.last)

    def compiled(self, shared: dict[Hashable, Any]) -> Any:
        """Return the compiled form of the sparse scores."""
        return self.weights_.compiled(self.decay, self.last)

    def following(self, items: Int32, k: int) -> Ranking:
        """Return the k items that came most often after each of ``items``, without the other direction."""
        return top_k(csr.densified(self._forward(items), -np.inf), k)

    def explain(self, queries: Queries, items: Int32) -> Float32:
        """Return the share of each history event in the score of ``items[q]``: float32[events]."""
        return self.weights_.explain(self._last(queries), self.decay, items)

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a model of the larger catalogue: the new items have no visits yet."""
        larger = copy.copy(self)
        n_items = len(catalogue)
        larger.counts_ = csr.resized(self.counts_, n_items, n_items)
        larger.visits_ = padded(self.visits_, n_items)
        larger.weights_ = self.weights_.extended(n_items)
        return larger

    def without_users(self, gone: Bool) -> Self:
        """Return a model that pairs no later events with those of some users (bool[users])."""
        less = copy.copy(self)
        kept = ~gone_among(gone, self.tails_.user)
        less.tails_ = Events(**{name: array[kept] for name, array in vars(self.tails_).items()})
        return less

    def arrays(self) -> dict[str, Array]:
        """Return the counts, the two moments they refer to and the last events of each user."""
        counts = self.counts_
        return {
            "pairs": counts.data,
            "indices": counts.indices.astype(np.int32, copy=False),
            "indptr": counts.indptr.astype(np.int64, copy=False),
            "visits": self.visits_,
            "moments": np.array([self.since_, self.now_]),
            **vars(self.tails_),
        }

    def _take(self, arrays: Mapping[str, Array], catalogue: Catalogue) -> None:
        self.since_, self.now_ = (float(moment) for moment in arrays["moments"])
        self.visits_ = arrays["visits"]
        pairs = arrays["pairs"], arrays["indices"], arrays["indptr"]
        self.counts_ = sparse.csr_array(pairs, shape=(len(self.visits_), len(self.visits_)))
        self.tails_ = Events(**{name: arrays[name] for name in ("user", "item", "weight", "at")})
        self.room_ = max(2 * len(self.tails_.user), _ROOM)
        self._weigh()

    def _forward(self, items: Int32) -> sparse.csr_array:
        """Return the weights of the pairs whose earlier item is one of ``items``: float32[n, items].

        The matrix that scores is F + b F', with the pairs F and the backward weight b; so F follows from it
        and its transpose, unless both directions have the same weight.
        """
        both, back = self.weights_.matrix, self.backward
        rows: sparse.csr_array = both[items]
        if back == 1:
            return rows
        forward: sparse.csr_array = (rows * (1 - _ROUNDING) - back * both[:, items].T.tocsr()).tocsr()
        forward = forward / np.float32(1 - back**2)
        forward.data[forward.data <= 0] = 0
        forward.eliminate_zeros()
        return forward

    def _last(self, queries: Queries) -> Queries:
        """Return the queries without the weight of all but the last events."""
        return replace(queries, weight=np.where(queries.position < self.last, queries.weight, np.float32(0)))

    def _learn(self, later: Events) -> None:
        """Add later events to the counts, in place: only for a model that no caller holds yet."""
        self.now_ = float(later.at.max(initial=self.now_))
        self._rebase()  # first: the new events are added at the value of the new reference time
        events, source = self.tails_.then(later)
        new = source >= len(self.tails_.user)
        strength = events.weight * self._value(events.at)
        n_items = len(self.visits_)
        self.visits_ = self.visits_ + np.bincount(events.item[new], strength[new], minlength=n_items)
        self.counts_ = (self.counts_ + self._pairs(events, new)).tocsr()
        self.tails_ = events.tail(self.window)
        self._weigh()

    def _value(self, at: Float64) -> Float64:
        """Return the factor of an event of each time at the reference time: float64[events]."""
        return np.exp2((at - self.since_) / self._half_life())

    def _left(self) -> float:
        """Return the factor from the value at the reference time to the value now."""
        return float(np.exp2((self.since_ - self.now_) / self._half_life()))

    def _half_life(self) -> float:
        """Return the half-life in seconds; one of less than a second is one second, as in `fading`."""
        return max(self.half_life * DAY, 1.0)

    def _rebase(self) -> None:
        """Move the counts to a newer reference time, before numbers grow too large."""
        if self.now_ - self.since_ > _REBASE * self._half_life():
            left = self._left()
            self.counts_, self.visits_, self.since_ = self.counts_ * left, self.visits_ * left, self.now_

    def _pairs(self, events: Events, new: Array) -> sparse.csr_array:
        """Return the pairs whose later event is new: csr_array float64[items, items]."""
        forward = self._forward_pairs(events, new)
        both: sparse.csr_array = (forward + self.backward * forward.T).tocsr()
        return both

    def _forward_pairs(self, events: Events, new: Array) -> sparse.csr_array:
        """Return them by the earlier (row) and the later item: csr_array float64[items, items]."""
        if kernels.COMPILED is not None:
            columns = events.user, events.item, events.weight, events.at, self._value(events.at), new
            sizes = self.window, self.distance, self.gap * _HOUR, len(self.visits_)
            found = kernels.COMPILED.pairs_within(*columns, *sizes)
            arrays = dict(zip(("data", "indices", "indptr"), found, strict=True))
            return csr.assembled(arrays, len(self.visits_))
        longest = int(np.bincount(events.user).max(initial=0))  # no two events of a user are further apart
        lags = range(1, max(min(self.window, longest - 1), 1) + 1)
        parts = [self._apart(events, new, lag) for lag in lags]
        first, second, value = (np.concatenate(column) for column in zip(*parts, strict=True))
        return sparse.coo_array((value, (first, second)), shape=self.counts_.shape).tocsr()

    def _apart(self, events: Events, new: Array, lag: int) -> tuple[Int32, Int32, Float64]:
        """Return the items and the value of the pairs of events that are ``lag`` places apart."""
        late = np.flatnonzero(new[lag:]) + lag
        early = late - lag
        paired = (
            (events.user[late] == events.user[early])
            & (events.item[late] != events.item[early])
            & (events.at[late] - events.at[early] <= self.gap * _HOUR)
        )
        late, early = late[paired], early[paired]
        weight = np.sqrt(events.weight[late] * events.weight[early], dtype=np.float64)
        value = weight * self.distance ** (lag - 1) * self._value(events.at[late])
        return events.item[early], events.item[late], value

    def _weigh(self) -> None:
        """Set the weights that score: ``count_ij / (visits_i visits_j) ** popularity``, all as of now."""
        visits = self.visits_ * self._left()
        own = np.where(visits > 0, visits, 1.0) ** -self.popularity
        scaled = csr.scaled(self.counts_, rows=own * self._left(), columns=own)
        self.weights_ = ItemItem(scaled, np.zeros(len(self.visits_), dtype=bool))
