"""The histories of users and sessions in the store: their last events, and all items that they met.

The items of a long history are kept in the process that read them: from then on only what came since is read.
A history of 100,000 events takes some ten milliseconds so, and fifty the first time
(`tacit.engine.stored_acts` reads it once a minute).
"""

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from threading import Lock
from typing import Any, Protocol

from tacit.store.records import Event, Subject, digest_of

COLUMNS = (
    "event_id, subject, subject_id, item_id, event, at, value, given_at IS NOT NULL AS has_time, "
    "recommendation_id, position, source, received, given_at, digest"
)
"""Columns of a stored event: the fields of `Event`, then what it is checked by."""
_FIELDS = tuple(one.name for one in fields(Event))
_ITS = "FROM tacit_event WHERE subject = ? AND subject_id = ?"
_MOST_KEPT = 200_000
"""Items of histories that are kept: some 20 MB."""
_MOST_CHECKED = 200_000
"""Rows that are known to be whole: some 15 MB."""
_log = logging.getLogger(__name__)


class Reader(Protocol):
    """Reads rows: `tacit.store.sqlite_reader`, `tacit.store.postgres_reader`."""

    def rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Return all rows of a statement, in which ``?`` stands for a value."""
        ...


@dataclass(frozen=True)
class _Items:
    """Items of a history by event type, and by what it is known: how many events, and the last number."""

    events: int
    last: int
    items: Mapping[str, frozenset[str]]

    @property
    def size(self) -> int:
        """How many items are kept."""
        return sum(map(len, self.items.values()))


class Histories:
    """Reads histories; safe to use from many threads.

    Parameters
    ----------
    reader : Reader
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: OrderedDict[tuple[str, str], _Items] = OrderedDict()
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

    def items(self, subject: Subject, subject_id: str) -> Mapping[str, frozenset[str]]:
        """Return the items of all events, by event type."""
        key, its = (subject, subject_id), (subject, subject_id)
        kept = self._kept.get(key)
        if kept is not None:
            events, last = self._reader.rows(f"SELECT count(*), coalesce(max(number), 0) {_ITS}", its)[0]
            if (events, last) == (kept.events, kept.last):
                return kept.items
            new = self._reader.rows(
                f"SELECT event, item_id, 1, number {_ITS} AND number > ?",
                (*its, kept.last),
            )
            if events == kept.events + len(new):
                return self._keep(key, _joined(kept, new))
        whole = self._reader.rows(
            f"SELECT event, item_id, count(*), max(number) {_ITS} GROUP BY event, item_id",
            its,
        )
        return self._keep(key, _joined(_Items(0, 0, {}), whole))

    def _keep(self, key: tuple[str, str], found: _Items) -> Mapping[str, frozenset[str]]:
        """Keep the items of a history; of those that were asked for longest ago none beyond the room."""
        with self._keeping:
            known = self._kept.pop(key, None)
            self._kept[key] = found
            self._size += found.size - (known.size if known is not None else 0)
            while self._size > _MOST_KEPT and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._size -= oldest.size
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


def _joined(known: _Items, rows: Sequence[tuple[Any, ...]]) -> _Items:
    """Return items with those of further events: type, item, number of events, last number."""
    new: dict[str, set[str]] = {}
    for event, item, _, _ in rows:
        new.setdefault(event, set()).add(item)
    items = {
        **known.items,
        **{event: known.items.get(event, frozenset()).union(its) for event, its in new.items()},
    }
    events = known.events + sum(row[2] for row in rows)
    return _Items(events, max([known.last, *(row[3] for row in rows)]), items)


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
    _, subject, subject_id, item_id, event, at, value, _, shown, position, _, received, given_at, digest = row
    known = [time for time in (given_at, received) if time is not None]
    if known and at != min(known):
        return False
    # Rows of older versions do not say whether their time was told.
    times = (given_at,) if known else (None, at)
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
