"""What the store knows of who asks: the last acts, the items of all others, and whether lists are known."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace

from tacit.engine.checking import time_of_id
from tacit.engine.history import says_nothing
from tacit.engine.state import State
from tacit.store.events import Event, EventStore, StorageError, Subject

_LIST_SECONDS = 30.0
"""A list that was made within so many seconds need not be stored yet."""
_log = logging.getLogger(__name__)


def stored_acts(
    store: EventStore, state: State, subject: Subject, name: str, count: int, now: float
) -> tuple[list[Event], Collection[str]]:
    """Return the last events, with as many acts, and the items of all acts if there are more.

    Acts are events of other types than those that only show: a thousand impressions hide no purchase.

    Parameters
    ----------
    store : EventStore
    state : State
    subject : {"user", "session"}
    name : str
    count : int
    now : float
        No event counts as later: the clock may have been ahead when it came.

    Raises
    ------
    StorageError
    """
    events = store.recent(subject, name, count)
    if len(events) < count:
        return _not_yet_to_come(state, events, now), ()
    silent: list[str] = []
    acts = events
    while len(acts) >= count:
        shown = {one.event for one in acts} - {*silent}
        if not (more := [kind for kind in sorted(shown) if says_nothing(state, kind)]):
            break
        silent += more
        acts = store.recent(subject, name, count, silent)
    last = {one.event_id for one in events}
    seen = store.items_of(subject, name, silent) if len(acts) >= count else ()
    whole = [*(one for one in acts if one.event_id not in last), *events]
    return _not_yet_to_come(state, whole, now), seen


def _not_yet_to_come(state: State, events: list[Event], now: float) -> list[Event]:
    if not events or events[-1].at <= now or now < state.snapshot.interactions.end:
        return events
    return [one if one.at <= now else replace(one, at=now) for one in events]


def unknown_lists(store: EventStore, events: Sequence[Event], now: float) -> list[tuple[int, str]]:
    """Return what is to be said of events whose list is not known.

    A list that was made a moment ago may not be stored yet.
    """
    named = [(place, one.recommendation_id) for place, one in enumerate(events) if one.recommendation_id]
    old = {id_ for _, id_ in named if (at := time_of_id(id_)) is None or at < now - _LIST_SECONDS}
    if not old:
        return []
    try:
        old -= store.known_lists(sorted(old))
    except StorageError as error:
        _log.warning("the lists of events were not looked up: %s", error)
        return []
    return [(place, f"the list {id_!r} is not known") for place, id_ in named if id_ in old]
