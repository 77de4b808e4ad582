"""Session-based nearest neighbours (VMIS-kNN): what followed in the most similar recent sessions.

Kersbergen, Sprangers and Schelter, "Serenade: low-latency session-based recommendation in e-commerce at
scale", SIGMOD 2022, after VS-kNN (Ludewig and Jannach, UMUAI 2018). An index from items to their sessions,
newest last, bounds the work of a query whatever the size of the log. A session is a stretch of a user's
history: it ends after a pause, or when it is full. A batch is scored by gathers and sorts, not in a loop.
"""

import copy
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from math import inf
from typing import Any, Self

import numpy as np
from scipy import sparse

from tacit.core.growing_arrays import appended
from tacit.core.kernels import loops
from tacit.core.parameters import learned, parameter
from tacit.core.parts import part_of
from tacit.core.spaces import Float, Int
from tacit.core.types import Array, Bool, Float32, Float64, Int32, Int64
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.later import Later
from tacit.data.queries import Queries, gather_ranges
from tacit.data.ranking import place_in_row
from tacit.models import csr
from tacit.models.accumulate import Rows, accumulated
from tacit.models.chunks import gone_among
from tacit.models.decay import decayed, faded, powers
from tacit.models.loops import baseline_of, powers_of, rows_of
from tacit.models.retriever import Retriever
from tacit.models.shared_spaces import DECAY
from tacit.models.sparse_scores import SparseScores

_HOUR = 3_600.0

_EVENTS = 2_000_000
"""Events of the sessions whose rows are made together."""
_LARGEST, _ROOM = 5_000_000, 1_000_000
"""A model with more events is not updated, which would copy them all; updates push the oldest sessions out
beyond twice the events of the fit, if these are so many."""
_AT_ONCE = 64
"""Histories scored together: bounds the memory for the sessions that their events look up."""


@dataclass(frozen=True)
class Sessions:
    """Sessions by the time of their last event, the newest last.

    Attributes
    ----------
    user : int32[sessions]
    offsets : int64[sessions + 1]
        Session s is the events ``offsets[s]:offsets[s + 1]``.
    item : int32[events], weight : float32[events], at : float64[events]
    """

    user: Int32
    offsets: Int64
    item: Int32
    weight: Float32
    at: Float64

    @classmethod
    def none(cls) -> Self:
        """Return no sessions."""
        return cls(
            np.empty(0, np.int32),
            np.zeros(1, np.int64),
            np.empty(0, np.int32),
            np.empty(0, np.float32),
            np.empty(0, np.float64),
        )

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: Int64) -> Self:
        """Return the given sessions in their order."""
        events, offsets = gather_ranges(self.offsets, rows)
        return type(self)(self.user[rows], offsets, self.item[events], self.weight[events], self.at[events])

    @property
    def ends(self) -> Float64:
        """Time of the last event of each session: float64[sessions]."""
        return self.at[self.offsets[1:] - 1]

    def open_of(self, users: Int32, length: int) -> Bool:
        """Return which sessions are the last of one of the users and may continue: bool[sessions]."""
        last = np.full(int(self.user.max(initial=-1)) + 1, -1, dtype=np.int64)
        last[self.user] = np.arange(len(self))
        going_on: Bool = (last[self.user] == np.arange(len(self))) & np.isin(self.user, users)
        return going_on & (np.diff(self.offsets) < length)

    def with_events(self, log: Interactions, gap: float, length: int) -> tuple[Self, Int64]:
        """Return the sessions with later events, and which of the old ones they begin with: int64[kept].

        Sessions that continue are cut again. The old ones that are kept may stand between new ones: then
        none are said to be there.

        Parameters
        ----------
        log : Interactions
        gap : float
            Seconds of a pause that ends a session.
        length : int
            Events of a full session.
        """
        liked = log.select(log.weight > 0)
        if not len(self):
            return self._of(liked, gap, length), np.empty(0, dtype=np.int64)
        going_on = self.open_of(liked.user, length)
        kept = np.flatnonzero(~going_on)
        rest, recut = self.take(kept), self.take(np.flatnonzero(going_on))._continued(liked, gap, length)
        recut = recut.in_order()
        if not len(kept) or recut.ends.min(initial=np.inf) > rest.ends[-1]:
            return rest._then(recut), kept
        return rest._then(recut).in_order(), kept[:0]

    def newest(self, events: int) -> tuple[Self, int]:
        """Return the last sessions with at most so many events, and how many others there are."""
        first = int(np.searchsorted(self.offsets, len(self.item) - events))
        return self.take(np.arange(first, len(self))), first

    @classmethod
    def _of(cls, log: Interactions, gap: float, length: int) -> Self:
        """Return the sessions of a log, by the time of their last event."""
        clock = log.at if log.timing == "time" else np.zeros(len(log))
        starts = _starts(log.user, clock, gap, length)
        return cls(log.user[starts], np.append(starts, len(log)), log.item, log.weight, clock).in_order()

    def _continued(self, later: Interactions, gap: float, length: int) -> Self:
        """Return the sessions, one of each user, together with later events, cut by user."""
        user = np.concatenate([np.repeat(self.user, np.diff(self.offsets)), later.user])
        order = np.argsort(user, kind="stable")  # the old events of a user stay before the new ones
        clock = later.at if later.timing == "time" else np.zeros(len(later))
        user, at = user[order], np.concatenate([self.at, clock])[order]
        starts = _starts(user, at, gap, length)
        item = np.concatenate([self.item, later.item])[order]
        weight = np.concatenate([self.weight, later.weight])[order]
        return type(self)(user[starts], np.append(starts, len(user)), item, weight, at)

    def in_order(self) -> Self:
        """Return the sessions by the time of their last event."""
        return self.take(np.lexsort((self.user, self.ends)))

    def _then(self, others: Self) -> Self:
        """Return the sessions of both, one after the other."""
        return type(self)(
            np.concatenate([self.user, others.user]),
            np.concatenate([self.offsets, self.offsets[-1] + others.offsets[1:]]),
            np.concatenate([self.item, others.item]),
            np.concatenate([self.weight, others.weight]),
            np.concatenate([self.at, others.at]),
        )

    def matrix(self, n_items: int) -> sparse.csr_array:
        """Return sessions x items with the largest weight of an item's events: csr_array float32."""
        edges = np.searchsorted(self.offsets, np.arange(_EVENTS, len(self.item), _EVENTS))
        ranges = pairwise(np.unique([0, *edges, len(self)]).tolist())
        parts = [self._part(*one, n_items) for one in ranges] or [self._part(0, 0, n_items)]
        return sparse.csr_array(sparse.vstack(parts, format="csr")) if len(parts) > 1 else parts[0]

    def _part(self, first: int, last: int, n_items: int) -> sparse.csr_array:
        """Return the rows of the sessions from one on and before another; see `matrix`."""
        events = slice(self.offsets[first], self.offsets[last])
        row = np.repeat(np.arange(last - first, dtype=np.int64), np.diff(self.offsets[first : last + 1]))
        cell = row * n_items + self.item[events]
        order = np.argsort(cell, kind="stable")
        cell, begins = np.unique(cell[order], return_index=True)
        weight = self.weight[events][order]
        largest = np.maximum.reduceat(weight, begins) if len(begins) else weight
        places = np.divmod(cell, max(n_items, 1))
        return sparse.csr_array((largest, places), shape=(last - first, n_items))


class SessionKNN(Retriever):
    """Sum of the items of the nearest sessions, weighted by their similarity to the history.

    Parameters
    ----------
    k : int
        Sessions whose items are added up: the most similar ones, of equals the most recent.
    recent : int
        Sessions that each item of the history looks up: the most recent ones (in a log without times those
        of the highest user codes).
    last : int
        Events of the history that are looked up: the last ones.
    decay : float
        How much less each earlier event of the history counts for the similarity, in (0, 1].
    focus : float
        Power of ``decay ** position`` of the last event that is shared with a session: above 0, sessions
        that share only early events count less.
    rarity : float
        Power of the rarity ``ln(1 + sessions / sessions with the item)`` in the score of an item; 0 favours
        popular items.
    evenness : float
        Power of a session's number of items by which its similarity is divided, in [0, 1]: lowers long
        sessions.
    gap : float
        Hours of a pause that ends a session, where the log has times; ``inf`` for never, which was best on
        all measured logs with returning users: their earlier days are evidence too.
    length : int
        Events of a full session. Without it long histories match everything: 50 was far better than no
        limit on films, and no worse on baskets.

    Attributes
    ----------
    sessions_ : Sessions
    held_ : csr_array float32[sessions, items]
        Weights of the items of each session.
    holders_ : csr_array float32[items, sessions]
        Its transpose: the sessions with an item, the newest last in a row.
    held_rows_, holder_rows_ : Rows
        The same two as plain arrays.
    evened_ : float64[sessions]
        By what the similarity of a session is divided.
    rarity_ : float32[items]
    room_ : int
        Events from which on updates push out the oldest sessions.
    """

    name: str = "sessionknn"
    k: int = parameter(default=200, low=1, high=100_000, search=Int(50, 1000, log=True))
    recent: int = parameter(default=200, low=1, high=1_000_000, search=Int(100, 2000, log=True))
    last: int = parameter(default=10, low=1, high=10_000, unit="events", search=Int(5, 50, log=True))
    decay: float = parameter(default=0.85, above=0, high=1, search=DECAY)
    focus: float = parameter(default=0.5, low=0, high=10, search=Float(0.0, 2.0))
    rarity: float = parameter(default=0.5, low=0, high=10, search=Float(0.0, 1.0))
    evenness: float = parameter(default=0.25, low=0, high=1, search=Float(0.0, 0.75))
    gap: float = parameter(default=inf, low=0, unit="hours")
    length: int = parameter(default=50, low=1, high=10_000, unit="events")
    sessions_: Sessions = learned()
    held_: sparse.csr_array = learned()
    held_rows_: Rows = learned()
    holders_: sparse.csr_array = learned()
    holder_rows_: Rows = learned()
    evened_: Float64 = learned()
    rarity_: Float32 = learned()
    room_: int = learned()

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Cut the log into sessions, index them and return self."""
        sessions, _ = Sessions.none().with_events(interactions, self.gap * _HOUR, self.length)
        self._index(sessions, len(catalogue))
        self.room_ = max(2 * len(sessions.item), _ROOM)
        return self

    def updated(self, later: Later) -> Self:
        """Return a model that also knows later events: equal to a refit on all of them."""
        if len(self.sessions_.item) > max(_LARGEST, self.room_) or not (later.events.weight > 0).any():
            return self
        newer, n_items = copy.copy(self), len(self.rarity_)
        sessions, kept = self.sessions_.with_events(later.events, self.gap * _HOUR, self.length)
        if len(sessions.item) > self.room_:
            sessions, _ = sessions.newest(self.room_ // 2)
            newer._index(sessions, n_items)
        elif not len(kept):
            newer._index(sessions, n_items)
        else:
            new = sessions.take(np.arange(len(kept), len(sessions))).matrix(n_items)
            held = sparse.csr_array(sparse.vstack([self.held_[kept], new], format="csr"))
            newer.sessions_ = sessions
            newer._take_matrices(held, held.T.tocsr())
        return newer

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return float32[n, m]; ``-inf`` for items that no neighbour holds.

        A query that carries its user code is not compared with that very user's sessions.
        """
        scores = np.full((len(queries), len(self.rarity_)), -np.inf, dtype=np.float32)
        for start in range(0, len(queries), _AT_ONCE):
            stop = min(start + _AT_ONCE, len(queries))
            self._fill(scores[start:stop], queries.slice(start, stop))
        return scores if items is None else scores[:, items]

    def sparse_scores(self, queries: Queries, k: int, allowed: Bool) -> SparseScores:
        """Return the items that a neighbour holds, with the same scores."""
        total, met = accumulated(self._nearest(queries), self.held_rows_, zeros=True)
        scores = total.values * self.rarity_[total.columns]
        return SparseScores(total.offsets, total.columns, scores, scored=met)

    def _nearest(self, queries: Queries) -> Rows:
        """Return the similarity of the neighbours of each history: a row a query, over sessions."""
        parts = []
        for start in range(0, len(queries), _AT_ONCE):
            few = queries.slice(start, min(start + _AT_ONCE, len(queries)))
            row, session, similarity = self._neighbours(few)
            offsets = np.searchsorted(row, np.arange(len(few) + 1)).astype(np.int64)
            parts.append(Rows(offsets, session.astype(np.int32), similarity, len(self.sessions_)))
        return Rows.joined(parts, len(self.sessions_))

    def compiled(self, shared: dict[Hashable, Any]) -> Any:
        """Return the compiled form of the sparse scores."""
        return loops().SessionSums(
            rows_of(self.holder_rows_),
            rows_of(self.held_rows_),
            self.sessions_.user,
            self.evened_,
            self.rarity_,
            powers_of(self.decay),
            powers(self.decay, self.last) ** self.focus,
            self.last,
            self.recent,
            self.k,
            baseline_of(None),
        )

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a model of the larger catalogue: no session holds the new items yet."""
        larger = copy.copy(self)
        n_sessions, n_items = len(self.sessions_), len(catalogue)
        larger.held_ = csr.resized(self.held_, n_sessions, n_items)
        larger.holders_ = csr.resized(self.holders_, n_items, n_sessions)
        larger._weigh(known=self.rarity_)
        return larger

    def without_users(self, gone: Bool) -> Self:
        """Return a model without the sessions of some users (bool[users])."""
        kept = ~gone_among(gone, self.sessions_.user)
        place = np.cumsum(kept, dtype=np.int32) - 1
        holders = csr.some_columns(self.holders_, kept)
        parts = holders.data, place[holders.indices], holders.indptr
        less = copy.copy(self)
        less.sessions_ = self.sessions_.take(np.flatnonzero(kept).astype(np.int64))
        holders = sparse.csr_array(parts, shape=(holders.shape[0], len(less.sessions_)))
        less._take_matrices(self.held_[np.flatnonzero(kept)], holders)
        return less

    def arrays(self) -> dict[str, Array]:
        """Return the sessions and both matrices of them.

        The matrices could be made again, but not shared by processes that map them.
        """
        matrices = {"held": self.held_, "holders": self.holders_}
        return dict(vars(self.sessions_)) | {
            f"{name}_{part}": array
            for name, one in matrices.items()
            for part, array in csr.parts(one).items()
        }

    def _take(self, arrays: Mapping[str, Array], catalogue: Catalogue) -> None:
        sessions = Sessions(**{one.name: arrays[one.name] for one in fields(Sessions)})
        self.room_ = max(2 * len(sessions.item), _ROOM)
        held, holders = part_of(arrays, "held", "_"), part_of(arrays, "holders", "_")
        if not held or len(holders["indptr"]) != len(catalogue) + 1:  # of an older version
            self._index(sessions, len(catalogue))
            return
        self.sessions_ = sessions
        self._take_matrices(
            csr.assembled(held, len(catalogue)), csr.assembled(holders, len(held["indptr"]) - 1)
        )

    def _index(self, sessions: Sessions, n_items: int) -> None:
        self.sessions_ = sessions
        held = sessions.matrix(n_items)
        self._take_matrices(held, held.T.tocsr())

    def _take_matrices(self, held: sparse.csr_array, holders: sparse.csr_array) -> None:
        self.held_, self.holders_ = held, holders
        self._weigh(known=np.empty(0, dtype=np.float32))

    def _weigh(self, known: Float32) -> None:
        """Compute what follows from the matrices; the rarity of the first items is known."""
        self.held_rows_, self.holder_rows_ = Rows.of(self.held_), Rows.of(self.holders_)
        self.evened_ = np.diff(self.held_.indptr) ** self.evenness
        holders = np.diff(self.holders_.indptr[len(known) :])
        rarity = np.log1p(len(self.sessions_) / np.maximum(holders, 1)) ** self.rarity
        self.rarity_ = appended(known, rarity.astype(np.float32))

    def _fill(self, scores: Float32, queries: Queries) -> None:
        """Write the scores of a few histories."""
        row, session, similarity = self._neighbours(queries)
        held, offsets = gather_ranges(self.held_.indptr, session)
        entries = np.diff(offsets)
        item = self.held_.indices[held]
        cell = np.repeat(row, entries) * scores.shape[1] + item
        flat = scores.reshape(-1)  # a view: the rows lie one after the other
        flat[cell] = 0
        np.add.at(flat, cell, self.held_.data[held] * np.repeat(similarity, entries) * self.rarity_[item])

    def _neighbours(self, queries: Queries) -> tuple[Int64, Int64, Float32]:
        """Return query, session and similarity of the at most k neighbours of each history.

        Of a session that shares the events E with the history, and holds n items, the similarity is
        ``(sum over E of strength) * (largest left in E) ** focus / n ** evenness``.
        """
        row, session, strength, left = self._looked_up(queries)
        # One row a pair of query and session: a pair found by several events becomes one.
        order = np.argsort(row * len(self.sessions_) + session, kind="stable")
        row, session = row[order], session[order]
        first = np.flatnonzero((np.diff(row, prepend=-1) != 0) | (np.diff(session, prepend=-1) != 0))
        if not len(first):
            return row, session, strength
        row, session = row[first], session[first]
        size = self.held_.indptr[session + 1] - self.held_.indptr[session]  # n, distinct items
        near = np.maximum.reduceat(left[order], first) ** self.focus
        similarity = np.add.reduceat(strength[order], first) * near / size**self.evenness
        best = np.lexsort((-session, -similarity, row))  # sessions are in the order of time
        best = best[place_in_row(row[best]) < self.k]
        return row[best], session[best], similarity[best].astype(np.float32)

    def _looked_up(self, queries: Queries) -> tuple[Int64, Int64, Float32, Float64]:
        """Return query, session, strength and decay factor of each event's most recent sessions.

        One entry a pair of event and session, at most ``recent`` for each of the ``last`` events.
        """
        strength, left = decayed(queries, self.decay), faded(queries, self.decay)
        inside = (strength > 0) & (queries.position < self.last) & (queries.item < len(self.rarity_))
        events = np.flatnonzero(inside)
        ends = self.holders_.indptr[queries.item[events] + 1].astype(np.int64)
        starts = np.maximum(self.holders_.indptr[queries.item[events]], ends - self.recent)
        counts = ends - starts
        # The ranges starts:ends of all events, one after the other.
        place = np.arange(counts.sum()) + np.repeat(starts - np.cumsum(counts) + counts, counts)
        session = self.holders_.indices[place].astype(np.int64)
        event = np.repeat(events, counts)
        row = queries.row[event].astype(np.int64)
        others = self.sessions_.user[session] != queries.user[row]
        event = event[others]
        return row[others], session[others], strength[event], left[event]


def _starts(user: Int32, at: Float64, gap: float, length: int) -> Int64:
    """Return the places of the events that open a session: int64[sessions]."""
    opens = (np.diff(user, prepend=-1) != 0) | (np.diff(at, prepend=-np.inf) > gap)
    runs = np.flatnonzero(opens)
    counts = np.diff(np.append(runs, len(user)))
    place = np.arange(len(user)) - np.repeat(runs, counts)
    return np.flatnonzero(place % length == 0)
