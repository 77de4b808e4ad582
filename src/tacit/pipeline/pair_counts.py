"""Counts of pairs of items in the histories of a log: users who chose both, and both at the same time.

Nothing is fitted: an item is counted when it is needed, from the events of the users who chose it. Indexes of
the log are built on first use and kept.
"""

import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any, Literal, TypeVar

import numpy as np

from tacit.core.errors import UnsupportedError
from tacit.core.types import DAY, Bool, Float64, Int32, Int64
from tacit.data.interactions import Interactions
from tacit.data.queries import gather_ranges
from tacit.data.ranking import Ranking, top_k

Relation = Literal["together", "next"]
Counts = TypeVar("Counts", Float64, Int64)

SPAN = DAY
"""Two choices of a user within so many seconds are made together."""
PLACES = 3
"""In a log with an order and no times, choices so many places apart are made together; and in any ordered log
an item comes right after another if it is among the next so many choices."""

SUPPORT = 2
"""Smallest number of users who chose two items together that counts."""
_PRIOR = 5.0
"""Users added to those that popularity predicts: a lift of few users is chance."""
_MOST_USERS = 10_000
"""Largest number of users, the last in the log, that the pairs of an item are counted on: bounds the time."""
_COLUMNS = ("user", "item", "weight", "at", "kind")
_KEPT = 20_000_000
"""Cached counts over all items (160 MB)."""


class PairCounts:
    """Counts of pairs of items over the histories of a log.

    It has the methods of a fitted model: see `GoesTogether` and `ComesNext` of `tacit.models.protocol`.

    Parameters
    ----------
    interactions : Interactions
        Only positive events count.
    n_items : int, optional
        Number of items, if there are more than in the log.
    """

    def __init__(self, interactions: Interactions, n_items: int = 0) -> None:
        self._log = interactions
        self._n_items = max(interactions.n_items, n_items)
        kept = lru_cache(maxsize=_KEPT // max(self._n_items, 1) + 1)
        # Weak, or the counts and the log of a replaced model would stay until the next collection.
        self._lift_of, self._linked_of = kept(_weakly(self._lift)), kept(_weakly(self._linked))

    def updated(self, histories: Interactions, n_items: int) -> "PairCounts":
        """Return the counts where some users have other histories; others keep those of the log.

        Parameters
        ----------
        histories : Interactions
            All events of these users; codes beyond those of the log are of new users.
        n_items : int
        """
        return _WithLater(self, PairCounts(histories, n_items))

    def by_both(self, item: int, others: Int32) -> Int64:
        """Return how many users chose ``item`` and each of ``others``: int64[m]."""
        chose = self._choosers(item)
        return np.array([chose[self._users_of(other)].sum() for other in others.tolist()], dtype=np.int64)

    def unseen(self, n_items: int) -> Bool:
        """Return which items of a catalogue, which may have grown, have no event: bool[n_items]."""
        unseen = np.ones(n_items, dtype=bool)
        known = self._users[:n_items]
        unseen[: len(known)] = known == 0
        return unseen

    def together(self, items: Int32, k: int) -> Ranking:
        """Return the k items that go best with each of ``items``: chosen within a day by the same users.

        By lift, the number of those users over what the popularity of both predicts. In a log without
        times or order a history is one basket.
        """
        return self._ranked(items, k, "together")

    def following(self, items: Int32, k: int) -> Ranking:
        """Return the k items that follow each of ``items`` most, relative to what popularity predicts.

        Raises
        ------
        UnsupportedError
            If the log has no order.
        """
        self.check_order()
        return self._ranked(items, k, "next")

    def lift(self, item: int, relation: Relation) -> Float64:
        """Return for each item how many times as many users link it to ``item`` as popularity predicts.

        0 where fewer than `SUPPORT` do: float64[items].
        """
        return self._lift_of(item, relation)

    def check_order(self) -> None:
        """Refuse a log without an order.

        Raises
        ------
        UnsupportedError
        """
        if not self.ordered:
            raise UnsupportedError(
                "this log has neither times nor an order, so nothing in it says what comes next; fit on a "
                "log with a timestamp"
            )

    @property
    def ordered(self) -> bool:
        """Whether the log has an order."""
        return self._log.timing != "none"

    def _ranked(self, items: Int32, k: int, relation: Relation) -> Ranking:
        lifts = np.stack([self.lift(item, relation) for item in items.tolist()])
        return top_k(np.where(lifts > 0, lifts, -np.inf).astype(np.float32), k)

    def _lift(self, item: int, relation: Relation) -> Float64:
        counts = self._linked(item, relation)
        expected = counts.sum() * self._users / max(self._users.sum(), 1)
        return np.where(counts >= SUPPORT, counts / (expected + _PRIOR), 0.0)

    def _linked(self, item: int, relation: Relation) -> Int64:
        """Return how many users link each item to ``item``: int64[items]."""
        return self._users_by_item(self._beside(item) if relation == "together" else self._after(item))

    def _users_by_item(self, events: Int64) -> Int64:
        """Return how many users have one of some events on each item: int64[items]."""
        pairs = np.unique(self._log.user[events] * np.int64(self._n_items) + self._log.item[events])
        return np.bincount(pairs % max(self._n_items, 1), minlength=self._n_items)

    def _beside(self, item: int) -> Int64:
        """Return the choices of other items that were made together with one of ``item``: int64[events]."""
        own, events = self._histories(item)
        log, following = self._log, np.searchsorted(own, events)
        beside = np.zeros(len(events), dtype=bool)
        for place in (following - 1, following):  # the closest choices of the item before and after each
            nearest = own[np.clip(place, 0, len(own) - 1)] if len(own) else events
            same = log.user[nearest] == log.user[events]
            beside |= same & (np.abs(log.at[nearest] - log.at[events]) <= self._span)
        together: Int64 = events[beside & (log.item[events] != item)]
        return together

    def _after(self, item: int) -> Int64:
        """Return the choices of other items that were made right after one of ``item``: int64[events]."""
        log, own = self._log, self._histories(item)[0]
        at = np.searchsorted(self._liked, own)
        place = (at[:, None] + np.arange(1, PLACES + 1)).ravel()
        first = np.repeat(own, PLACES)
        inside = place < len(self._liked)
        later: Int64 = self._liked[place[inside]]
        first = first[inside]
        after = (log.user[later] == log.user[first]) & (log.item[later] != item)
        right_after: Int64 = later[after]
        return right_after

    def _histories(self, item: int) -> tuple[Int64, Int64]:
        """Return the choices of an item, and all choices of those who made them: int64[...] each."""
        own = self._events_of(item)
        users = np.unique(self._log.user[own])[-_MOST_USERS:]
        own = own[np.isin(self._log.user[own], users)]
        events, _ = gather_ranges(self._offsets, users)
        return own, events[self._log.weight[events] > 0]

    def _users_of(self, item: int) -> Int32:
        return np.unique(self._log.user[self._events_of(item)])

    def _events_of(self, item: int) -> Int64:
        """Return the choices of an item, in the order of the log; none of an item newer than the log."""
        order, starts = self._by_item
        if item >= self._n_items:
            return order[:0]
        return order[starts[item] : starts[item + 1]]

    def _choosers(self, item: int) -> Bool:
        """Return which users chose an item: bool[users]."""
        chose = np.zeros(len(self._offsets) - 1, dtype=bool)
        chose[self._users_of(item)] = True
        return chose

    @cached_property
    def _offsets(self) -> Int64:
        """The events of user u are ``offsets[u]:offsets[u + 1]``; later users have codes beyond the log's."""
        count = max(self._log.n_users, int(self._log.user.max(initial=-1)) + 1)
        return np.searchsorted(self._log.user, np.arange(count + 1)).astype(np.int64)

    @property
    def _span(self) -> float:
        return {"time": SPAN, "order": float(PLACES), "none": np.inf}[self._log.timing]

    @cached_property
    def _liked(self) -> Int64:
        return np.flatnonzero(self._log.weight > 0)

    @cached_property
    def _by_item(self) -> tuple[Int64, Int64]:
        """The choices sorted by item, and where those of each item start."""
        item = self._log.item[self._liked]
        counts = np.bincount(item, minlength=self._n_items)
        return self._liked[np.argsort(item, kind="stable")], np.concatenate([[0], np.cumsum(counts)])

    @cached_property
    def _users(self) -> Int64:
        """How many users chose each item: int64[items]."""
        return self._users_by_item(self._liked)


class _WithLater(PairCounts):
    """Counts of a log in which some users have other histories by now.

    What these users counted in the log is taken out and counted anew. What all users of the log count is kept
    from one update to the next.
    """

    def __init__(self, fitted: PairCounts, later: PairCounts) -> None:
        super().__init__(later._log, later._n_items)
        users = np.unique(later._log.user)
        self._moved = users[users < len(fitted._offsets) - 1]
        events, _ = gather_ranges(fitted._offsets, self._moved)
        columns: dict[str, Any] = {name: getattr(fitted._log, name)[events] for name in _COLUMNS}
        self._fitted, self._later = fitted, later
        self._gone = PairCounts(replace(later._log, items=fitted._log.items, **columns), fitted._n_items)

    def by_both(self, item: int, others: Int32) -> Int64:
        fitted, gone, later = (one.by_both(item, others) for one in self._parts)
        return fitted - gone + later

    def _linked(self, item: int, relation: Relation) -> Int64:
        fitted = self._fitted._linked_of(item, relation) - self._gone._linked(item, relation)
        # The counts of an item with very many users are of some of them.
        return _widened(np.maximum(fitted, 0), self._n_items) + self._later._linked(item, relation)

    @property
    def _parts(self) -> tuple[PairCounts, PairCounts, PairCounts]:
        return self._fitted, self._gone, self._later

    @cached_property
    def _users(self) -> Int64:
        return _widened(self._fitted._users - self._gone._users, self._n_items) + self._later._users


def _widened(counts: Int64, size: int) -> Int64:
    return np.pad(counts, (0, size - len(counts)))


def _weakly(method: Callable[[int, Relation], Counts]) -> Callable[[int, Relation], Counts]:
    """Return a function that calls a method and does not keep its object alive."""
    weak = weakref.WeakMethod(method)

    def call(item: int, relation: Relation) -> Counts:
        alive = weak()
        if alive is None:
            raise ReferenceError("the counts are gone")
        return alive(item, relation)

    return call
