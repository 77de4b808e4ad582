"""Whether what events say of the lists that showed their items agrees with what is stored of these."""

import logging
from collections.abc import Sequence

from tacit.engine.checking import time_of_id
from tacit.store.events import Event, EventStore, StorageError
from tacit.store.records import ShownList

_LIST_SECONDS = 30.0
"""A list that was made within so many seconds need not be stored yet."""
_log = logging.getLogger(__name__)


def doubts_of_lists(store: EventStore, events: Sequence[Event], now: float) -> list[tuple[int, str]]:
    """Return what is to be said of events with a recommendation_id, each with the place of its event.

    The event is stored as it was sent all the same: a client may show its lists in its own way.
    """
    named = [(place, one) for place, one in enumerate(events) if one.recommendation_id]
    if not named:
        return []
    try:
        lists = store.shown_lists(sorted({str(one.recommendation_id) for _, one in named}))
    except StorageError as error:
        _log.warning("the lists of events were not looked up: %s", error)
        return []
    said = [(place, _disagreement(one, lists.get(str(one.recommendation_id)), now)) for place, one in named]
    return [(place, text) for place, text in said if text is not None]


def _disagreement(event: Event, shown: ShownList | None, now: float) -> str | None:
    id_ = event.recommendation_id
    if shown is None:
        at = time_of_id(str(id_))
        return f"the list {id_!r} is not known" if at is None or at < now - _LIST_SECONDS else None
    if event.item_id not in shown.items:
        return f"the item {event.item_id!r} is not in the list {id_!r}"
    if event.position is not None and shown.items.index(event.item_id) != event.position - 1:
        return (
            f"the item {event.item_id!r} is at position {shown.items.index(event.item_id) + 1} of the list "
            f"{id_!r}, and not at {event.position}"
        )
    if shown.subject == event.subject and shown.subject_id not in (None, event.subject_id):
        return f"the list {id_!r} was made for another {event.subject}"
    return None
