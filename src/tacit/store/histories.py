"""The histories of users and sessions in the store: their last events, and all items that they met.

The items of a long history are kept in the process that read them: from then on only what came since is read.
A user of 100,000 events costs some ten milliseconds a list so, and tens of milliseconds the first time.
"""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Any, Protocol

from tacit.core.frozen import frozen
from tacit.store.records import Event, Subject, digest_of

_COLUMNS = (
    "event_id, subject, subject_id, item_id, event, at, value, digest, told, received, recommendation_id, "
    "position, source"
)
_ITS = "FROM tacit_event WHERE subject = ? AND subject_id = ?"
_MOST_KEPT = 200_000
"""Items of histories that are kept: some 20 MB."""
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

    def recent(self, subject: Subject, subject_id: str, count: int, without: Sequence[str]) -> list[Event]:
        """Return the last events, oldest first, but those of some types; damaged ones are left out."""
        found = self._reader.rows(
            f"SELECT {_COLUMNS} {_ITS}{_but(without)} ORDER BY at DESC, number DESC LIMIT ?",
            (subject, subject_id, *without, count),
        )
        return [_event(row) for row in reversed(found) if self._fits(row)]

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
        if fits(row):
            return True
        _log.error("the event %r in the store is damaged and left out; see `tacit verify`", row[0])
        return False


def _but(types: Sequence[str]) -> str:
    return f" AND event NOT IN ({', '.join('?' * len(types))})" if types else ""


def fits(row: Sequence[Any]) -> bool:
    """Return whether the digest and the time of a stored event are those of its content.

    Parameters
    ----------
    row : sequence
        ``event_id``, ``subject``, ``subject_id``, ``item_id``, ``event``, ``at``, ``value``, ``digest``,
        ``told``, ``received``, ``recommendation_id``, ``position``, ``source``.
    """
    _, subject, subject_id, item_id, event, at, value, digest, told, received, *more = row
    try:
        if digest_of(subject, subject_id, item_id, event, told, value, *more) == bytes(digest):
            return received is None or at == (received if told is None else min(told, received))
        # Rows of older versions do not say whether their time was told.
        old = told is None and received is None
        return old and digest_of(subject, subject_id, item_id, event, at, value, *more) == bytes(digest)
    except (TypeError, AttributeError):  # a changed bit made a number of a text
        return False


def event_of(row: Any) -> Event:
    """Return a row of the table of events."""
    return _event(tuple(getattr(row, name) for name in _COLUMNS.split(", ")))


def _event(row: tuple[Any, ...]) -> Event:
    return frozen(
        Event,
        event_id=row[0],
        subject=row[1],
        subject_id=row[2],
        item_id=row[3],
        event=row[4],
        at=row[5],
        value=row[6],
        has_time=row[8] is not None,
        received=row[9],
        recommendation_id=row[10],
        position=row[11],
        source=row[12],
    )
