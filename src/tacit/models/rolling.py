"""What was known of every item at some moments of a log: its counts by several half-lives, its age.

The count of an item by a half-life h at a moment t is ``c_h(i, t) = sum of value * 2 ** -((t - at) / h)``
over its events before t. One pass over the log gives it at all moments: between two of them it only fades.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from tacit.core.types import Array, Float64, Int32, Int64
from tacit.data.interactions import Interactions
from tacit.models.chunks import user_chunks

MOST_HALF_LIVES = 15
"""The last of so many is the 32,768th part of the log's span: 16 minutes of a year."""


@dataclass(frozen=True)
class Choices:
    """The choices of a log, the oldest first.

    Items without one are left out: a catalogue of a million may have a thousand that anybody chose.

    Attributes
    ----------
    user, item : int32[events]
        The item is its place in ``items``.
    at : float64[events]
        Seconds, ascending.
    value : float64[events]
        What each choice counts; their mean is 1.
    items : int32[n]
        The items that were chosen, ascending.
    mean : float
        What they count on average in units of their weights.
    """

    user: Int32
    item: Int32
    at: Float64
    value: Float64
    items: Int32
    mean: float = 1.0

    def __len__(self) -> int:
        return len(self.item)

    @property
    def n_items(self) -> int:
        """Number of items that were chosen."""
        return len(self.items)

    @property
    def span(self) -> float:
        """Seconds from the first choice to the last; 0 without any."""
        return float(self.at[-1] - self.at[0]) if len(self) else 0.0


@dataclass(frozen=True)
class ItemState:
    """Every item at one moment, by the events before it.

    Attributes
    ----------
    moment : float
        Seconds.
    counts : float64[h, items]
        By each half-life; 0 for an item without events.
    first, last : float64[items]
        Times of its first and of its last event, ``inf`` and ``-inf`` without any.
    """

    moment: float
    counts: Float64
    first: Float64
    last: Float64

    def of(self, items: Array, n_items: int) -> Self:
        """Return the state of more items, among which the own ones have the places ``items``."""
        counts = np.zeros((len(self.counts), n_items))
        first, last = np.full(n_items, np.inf), np.full(n_items, -np.inf)
        counts[:, items], first[items], last[items] = self.counts, self.first, self.last
        return type(self)(self.moment, counts, first, last)

    def take(self, items: Array) -> Self:
        """Return the state of some items: int[n]."""
        return type(self)(self.moment, self.counts[:, items], self.first[items], self.last[items])

    @property
    def known(self) -> Int64:
        """The items with an event, ascending."""
        return np.flatnonzero(np.isfinite(self.last)).astype(np.int64)


def choices(log: Interactions) -> Choices:
    """Return the choices of a log, in an order that does not depend on that of its users or its rows.

    The n-th choice of an item by a user counts at most one n-th of their first: nobody can click an item to
    the top alone.
    """
    chosen = log.weight > 0
    user, item, at = log.user[chosen], log.item[chosen], log.at[chosen]
    value = _damped(user.astype(np.int64) * log.n_items + item, log.weight[chosen].astype(np.float64))
    mean = max(float(value.mean()), np.finfo(np.float64).tiny) if len(value) else 1.0
    value /= mean
    order = np.lexsort((value, item, at))
    there = np.zeros(log.n_items, dtype=bool)
    there[item] = True
    place = np.cumsum(there, dtype=np.int32) - 1
    items = np.flatnonzero(there).astype(np.int32)
    return Choices(user[order], place[item[order]].astype(np.int32), at[order], value[order], items, mean)


def half_lives(span: float, n_events: int) -> Float64:
    """Return span/2, span/4, ... until an event is expected in each only once; at least one: float64[h]."""
    count = int(np.clip(np.log2(max(n_events, 2)), 1, MOST_HALF_LIVES))
    halves: Float64 = span / np.exp2(np.arange(1, count + 1))
    return halves


def states(log: Choices, halves: Float64, moments: Float64) -> Iterator[ItemState]:
    """Yield the state of every item at each moment, by the events strictly before it.

    Parameters
    ----------
    log : Choices
    halves : float64[h]
        Half-lives in seconds.
    moments : float64[m]
        Ascending.
    """
    counts = np.zeros((len(halves), log.n_items))
    first, last = np.full(log.n_items, np.inf), np.full(log.n_items, -np.inf)
    start, before = 0, float(moments[0]) if len(moments) else 0.0
    for moment in moments.tolist():
        stop = int(np.searchsorted(log.at, moment, side="left"))
        item, at = log.item[start:stop], log.at[start:stop]
        counts = counts * np.exp2(-(moment - before) / halves)[:, None]
        for place, half in enumerate(halves):
            worth = log.value[start:stop] * np.exp2(-(moment - at) / half)
            counts[place] += np.bincount(item, worth, minlength=log.n_items)
        first, last = first.copy(), last.copy()
        np.minimum.at(first, item, at)
        np.maximum.at(last, item, at)
        yield ItemState(moment, counts, first, last)
        start, before = stop, moment


def of_users(log: Interactions, events: int, rng: np.random.Generator) -> Interactions:
    """Return the log of users, chosen at random, with about so many events; all of a log that is as short."""
    if len(log) <= events:
        return log
    return log.select((rng.random(log.n_users) < events / len(log))[log.user])


def last_state(log: Interactions, halves: Float64) -> ItemState:
    """Return the state of all items of a log right after its last choice, from some users after the other.

    Counts are not in units of the mean value as in `states`, and their sums are in the order of the users.

    Parameters
    ----------
    log : Interactions
    halves : float64[h]
        Half-lives in seconds, each half of the one before it.
    """
    chosen = log.weight > 0
    moment = moment_after(log)
    counts = np.zeros((len(halves), log.n_items))
    first, last = np.full(log.n_items, np.inf), np.full(log.n_items, -np.inf)
    for events in user_chunks(log):
        some = chosen[events]
        item, at = log.item[events][some], log.at[events][some]
        pair = log.user[events][some].astype(np.int64) * log.n_items + item
        value = _damped(pair, log.weight[events][some].astype(np.float64))
        counts += _faded(item, value, moment - at, halves, log.n_items)
        np.minimum.at(first, item, at)
        np.maximum.at(last, item, at)
    return ItemState(moment, counts, first, last)


def moment_after(log: Interactions) -> float:
    """Return the moment right after the last choice: a state knows what is strictly before its own."""
    return float(np.nextafter(np.max(log.at, where=log.weight > 0, initial=-np.inf), np.inf))


def counts_of(log: Interactions, halves: Float64, moment: float, items: Int32) -> Float64:
    """Return the counts of some items (int32[n], ascending) at a moment by a log: float64[h, n].

    All items that were chosen in the log are among them.
    """
    chosen = log.weight > 0
    item, at = np.searchsorted(items, log.item[chosen]), log.at[chosen]
    pair = log.user[chosen].astype(np.int64) * len(items) + item
    value = _damped(pair, log.weight[chosen].astype(np.float64))
    return _faded(item, value, moment - at, halves, len(items))


def _faded(item: Int64 | Int32, value: Float64, age: Float64, halves: Float64, n_items: int) -> Float64:
    """Return the sum of the values of each item by each half-life, each half of the one before it."""
    counts = np.empty((len(halves), n_items))
    left = np.exp2(-age / halves[0])
    for place in range(len(halves)):
        counts[place] = np.bincount(item, value * left, minlength=n_items)
        left *= left  # by half of the half-life
    return counts


def _damped(pair: Int64, weight: Float64) -> Float64:
    """Return the weight of each choice, at most the n-th part of the first for the n-th of a pair."""
    order = np.argsort(pair, kind="stable")  # a log is sorted by user and time
    _, start, group = np.unique(pair[order], return_index=True, return_inverse=True)
    nth = np.arange(len(pair)) - start[group] + 1
    value = np.empty_like(weight)
    value[order] = np.minimum(weight[order], weight[order][start[group]] / nth)
    return value
