"""The histories of users and sessions in the store: their last events, and all items that they met.

The items of a long history are kept in the process that read them: from then on only what came since is read.
A user of 100,000 events costs some ten milliseconds a list so, and tens of milliseconds the first time.
"""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import fields
from threading import Lock
from typing import Any, Protocol

from tacit.store.records import Event, Subject, digest_of

COLUMNS = (
    "event_id, subject, subject_id, item_id, event, at, value, told IS NOT NULL AS has_time, "
    "recommendation_id, position, source, received, told, digest"
)
"""Columns of a stored event: the fields of `Event`, then what it is checked by."""
_FIELDS = tuple(one.name for one in fields(Event))
_ITS = "FROM tacit_event WHERE subject = ? AND subject_id = ?"
_MOST_KEPT = 200_000
"""Items of histories that are kept: some 20 MB."""
_MOST_CHECKED = 200_000
"""Rows that are known to be whole: some 15 MB."""
_log = logging.getLogger(__name__)

_Key = tuple[str, str, tuple[str, ...]]


class Reader(Protocol):
    """Reads rows: `tacit.store.sqlite_reader`, `tacit.store.postgres_reader`."""

    def rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Return all rows of a statement, in which ``?`` stands for a value."""
        ...


class _Items:
    """Items of a history, and the number of its events and the last of them by which they are known."""

    def __init__(self, events: int, last: int, items: frozenset[str]) -> None:
        self.events, self.last, self.items = events, last, items


class Histories:
    """Reads histories; safe to use from many threads.

    Parameters
    ----------
    reader : Reader
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: OrderedDict[_Key, _Items] = OrderedDict()
        self._size = 0
        self._keeping = Lock()
        self._checked: set[int] = set()

    def recent(self, subject: Subject, subject_id: str, count: int, without: Sequence[str]) -> list[Event]:
        """Return the last events, oldest first, but those of some types; damaged ones are left out."""
        found = self._reader.rows(
            f"SELECT {COLUMNS} {_ITS}{_but(without)} ORDER BY at DESC, number DESC LIMIT ?",
            (subject, subject_id, *without, count),
        )
        return [event_of(row) for row in reversed(found) if self._fits(row)]

    def items(self, subject: Subject, subject_id: str, without: Sequence[str]) -> frozenset[str]:
        """Return the items of all events, but those of some types."""
        key = (subject, subject_id, tuple(without))
        where, values = f"{_ITS}{_but(without)}", (subject, subject_id, *without)
        events, last = self._reader.rows(f"SELECT count(*), coalesce(max(number), 0) {where}", values)[0]
        kept = self._kept.get(key)
        if kept is not None and (events, last) == (kept.events, kept.last):
            return kept.items
        if kept is not None and events > kept.events:
            new = self._reader.rows(
                f"SELECT item_id {where} AND number > ?",
                (*values, kept.last),
            )
            if len(new) == events - kept.events:
                return self._keep(key, _Items(events, last, kept.items.union(one for (one,) in new)))
        every = self._reader.rows(f"SELECT DISTINCT item_id {where}", values)
        return self._keep(key, _Items(events, last, frozenset(one for (one,) in every)))

    def _keep(self, key: _Key, found: _Items) -> frozenset[str]:
        """Keep the items of a history; of those that were asked for longest ago none beyond the room."""
        with self._keeping:
            known = self._kept.pop(key, None)
            self._kept[key] = found
            self._size += len(found.items) - (len(known.items) if known is not None else 0)
            while self._size > _MOST_KEPT and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._size -= len(oldest.items)
        return found.items

    def _fits(self, row: tuple[Any, ...]) -> bool:
        """Return whether a row is whole; one that this process has checked before is only compared."""
        known = hash(row)  # of 64 bits: a tenth of the time of the digest
        if known in self._checked:
            return True
        if fits(row) or (row[1] == "user" and fits(row, self._merged(row[2]))):
            if len(self._checked) >= _MOST_CHECKED:
                self._checked.clear()
            self._checked.add(known)
            return True
        _log.error("the event %r in the store is damaged and left out; see `tacit verify`", row[0])
        return False

    def _merged(self, user_id: str) -> list[str]:
        """Return the sessions that were merged into a user."""
        found = self._reader.rows("SELECT session_id FROM tacit_merge WHERE user_id = ?", (user_id,))
        return [session for (session,) in found]


def _but(types: Sequence[str]) -> str:
    return f" AND event NOT IN ({', '.join('?' * len(types))})" if types else ""


def fits(row: Sequence[Any], sessions: Sequence[str] = ()) -> bool:
    """Return whether the digest and the time of a stored event (`COLUMNS`) are those of its content.

    Parameters
    ----------
    row : sequence
    sessions : sequence of str
        Sessions that were merged into its user: the digest stays that of what was sent.
    """
    _, subject, subject_id, item_id, event, at, value, _, shown, position, _, received, told, digest = row
    known = [time for time in (told, received) if time is not None]
    if known and at != min(known):
        return False
    # Rows of older versions do not say whether their time was told.
    times = (told,) if known else (None, at)
    senders = ((subject, subject_id), *(("session", one) for one in sessions))
    try:
        return any(
            digest_of(*sender, item_id, event, time, value, shown, position) == bytes(digest)
            for sender in senders
            for time in times
        )
    except (TypeError, AttributeError):  # a changed bit made a number of a text
        return False


def event_of(row: Sequence[Any]) -> Event:
    """Return a stored event (`COLUMNS`)."""
    found = object.__new__(Event)  # as `tacit.core.frozen.frozen`, of a history of a thousand
    found.__dict__.update(zip(_FIELDS, row, strict=False))
    return found
