"""What the store knows of who asks: the last acts, and the items of all others."""

import time
from bisect import insort
from collections import OrderedDict
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from tacit.data.weights import EventWeights
from tacit.engine.history import says_nothing
from tacit.engine.state import State
from tacit.store.events import Event, EventStore, Subject

_FOLLOWED = 60.0
"""Seconds between two times that a long history is read whole."""
_MOST_FOLLOWED = 50
"""Long histories that are followed: some 30 MB where each has a thousand acts."""


@dataclass(frozen=True)
class _Long:
    """What is known of a history that is longer than its last events.

    Attributes
    ----------
    weights : EventWeights
        Of the model by which it was read. The model itself may be replaced, and is not held.
    until : float
        When it is read whole again, on the monotonic clock.
    newest : float
        Time of the last event that was met.
    acts : list of Event
        The last acts.
    seen : frozenset of str
        Items of all acts; none where the last acts are all there are.
    """

    weights: EventWeights
    until: float
    newest: float
    acts: list[Event]
    seen: frozenset[str]


class StoredActs:
    """Reads the acts of users and sessions; safe to use from many threads.

    Acts are events of other types than those that only show: a thousand impressions hide no purchase.

    A long history is read whole once a minute. In between it is followed by its last events, so that its
    length costs a list nothing. An act that is told late, older than a thousand others, counts at once in the
    process that took it (`note`), and within that minute in others.

    Parameters
    ----------
    store : EventStore
    count : int
        So many events and acts are returned.
    """

    def __init__(self, store: EventStore, count: int) -> None:
        self._store, self._count = store, count
        self._long: OrderedDict[tuple[str, str], _Long] = OrderedDict()
        self._tombstones = 0

    def forget(self, tombstones: int) -> None:
        """Drop the long histories if somebody was deleted since the last call: they may be theirs.

        Parameters
        ----------
        tombstones : int
            The number of the last tombstone.
        """
        if tombstones != self._tombstones:
            self._tombstones = tombstones
            self._long.clear()

    def of(
        self, state: State, subject: Subject, name: str, now: float
    ) -> tuple[list[Event], Collection[str]]:
        """Return the last events, with as many acts, and the items of all acts if there are more.

        Parameters
        ----------
        state : State
        subject : {"user", "session"}
        name : str
        now : float
            No event counts as later: the clock may have been ahead when it came.

        Raises
        ------
        StorageError
        """
        events, seen = self._store.recent(subject, name, self._count), frozenset[str]()
        if len(events) >= self._count:
            long = self._followed(state, subject, name, events) or self._read(state, subject, name, events)
            last = {one.event_id for one in events}
            events, seen = [*(one for one in long.acts if one.event_id not in last), *events], long.seen
        if events and events[-1].at > now >= state.snapshot.interactions.end:
            events = [one if one.at <= now else replace(one, at=now) for one in events]
        return events, seen

    def note(self, events: Sequence[Event]) -> None:
        """Note events that were stored by this process: a late one may not be among the last ones."""
        for one in events if self._long else ():
            known = self._long.get((one.subject, one.subject_id))
            if known is None or one.at > known.newest or says_nothing(known.weights, one.event):
                continue
            acts = [*known.acts]
            if all(one.event_id != act.event_id for act in acts):
                insort(acts, one, key=lambda act: act.at)
            seen = known.seen
            if seen or len(acts) > self._count:
                seen = seen.union(act.item_id for act in acts)
            self._keep(one.subject, one.subject_id, replace(known, acts=acts[-self._count :], seen=seen))

    def _followed(self, state: State, subject: Subject, name: str, events: list[Event]) -> _Long | None:
        """Return what is known of a long history, and what its last events add; None if it must be read."""
        known = self._long.get((subject, name))
        if known is None or known.weights is not state.snapshot.weights or time.monotonic() > known.until:
            return None
        if events[0].at > known.newest:  # something may have come in between
            return None
        weights = known.weights
        silent = {kind for kind in {one.event for one in events} if says_nothing(weights, kind)}
        acts = [one for one in events if one.event not in silent]
        met = {one.event_id for one in acts}
        acts = [*(one for one in known.acts if one.event_id not in met), *acts]
        seen = known.seen
        if seen or len(acts) > self._count:
            seen = seen.union(one.item_id for one in acts)
        found = replace(known, newest=events[-1].at, acts=acts[-self._count :], seen=seen)
        return self._keep(subject, name, found)

    def _read(self, state: State, subject: Subject, name: str, events: list[Event]) -> _Long:
        """Read a long history whole."""
        items = self._store.items_of(subject, name)
        silent = [kind for kind in sorted(items) if says_nothing(state.snapshot.weights, kind)]
        acts = self._store.recent(subject, name, self._count, silent) if silent else events
        seen = frozenset[str]()
        if len(acts) >= self._count:
            seen = seen.union(*(its for kind, its in items.items() if kind not in silent))
        until = time.monotonic() + _FOLLOWED
        return self._keep(subject, name, _Long(state.snapshot.weights, until, events[-1].at, acts, seen))

    def _keep(self, subject: Subject, name: str, found: _Long) -> _Long:
        self._long[subject, name] = found
        while len(self._long) > _MOST_FOLLOWED:
            with suppress(KeyError):  # another thread took the last one
                self._long.popitem(last=False)
        return found
