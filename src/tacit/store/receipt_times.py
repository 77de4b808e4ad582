"""Times of receipt: they never decrease with the number of an event, whatever the clock does.

The numbers of events are the true order of their arrival; the clock of the machine may be wrong. A time of
receipt is that of the clock where it is not before that of the last event. Where it is before, the clock was
set back:

- by up to a minute: such a step is waited out. The events of that minute have the time of the last one.
- The clock was ahead and is right now. The events that were taken meanwhile have times that are yet to come,
  and would be the newest until then. Their times are lowered to that of the event that shows it. It is seen
  by the gap: from now to the first of those events there is more than half of the step.
- The clock was right and is behind now: there is no such gap, for events came all the time; or it shows a
  time before the first of a day and more of events, or before the end of the log that the model was fitted
  on. The last time of receipt counts until the clock has caught up.

Events are lowered a stretch of numbers at a time, the later ones first, by the writes that follow; how far it
is stands in ``tacit_meta``, so a process that is killed leaves the rest to the next one.
"""

import json
import logging
from typing import Any

from sqlalchemy import Connection

from tacit.core.types import DAY
from tacit.store.records import digest_of

_CLOCK = "clock"
_PATIENCE = 60.0
"""Seconds of a step back that are waited out."""
_STRETCH = 5_000
"""Numbers of events that one write looks at: some ten milliseconds."""
_LOCK = 0x7461636374
"""Number of the advisory lock in PostgreSQL."""
_TIME = "coalesce(received, at)"
"""Older versions noted no time of receipt; ``at`` was that, or the time that was told."""
_LAST = (
    f"SELECT (SELECT {_TIME} FROM tacit_event ORDER BY number DESC LIMIT 1), "  # noqa: S608
    f"(SELECT value FROM tacit_meta WHERE key = '{_CLOCK}')"
)
_NUMBERS = "SELECT min(number), max(number) FROM tacit_event"
_log = logging.getLogger(__name__)


def received_at(connection: Connection, now: float, not_before: float) -> float:
    """Return the time of receipt of events that are about to be written.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In the transaction that writes them.
    now : float
        What the clock shows.
    not_before : float
        A clock that shows an earlier time is wrong.
    """
    last, step = connection.exec_driver_sql(_LAST).one()
    if step is not None:
        _lower(connection, **json.loads(step))
    if last is None or now >= last:
        return now
    if last - now <= _PATIENCE or now < not_before:
        return float(last)
    if connection.dialect.name == "postgresql":  # who comes second finds it done
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        last, _ = connection.exec_driver_sql(_LAST).one()
        if now >= last:
            return now
    lowest, highest = connection.exec_driver_sql(_NUMBERS).one()
    first = _first_after(connection, now, lowest, highest)
    is_behind = first - now <= (last - now) / 2
    if is_behind or (last - first > DAY and first == _at(connection, lowest)[1]):
        return float(last)
    _log.warning(
        "the clock was %.0f s ahead until now: the events taken meanwhile count as of now", last - now
    )
    _lower(connection, highest, now)
    return now


def _first_after(connection: Connection, now: float, lowest: int, highest: int) -> float:
    """Return the time of the first event after a moment, among numbers whose times do not decrease."""
    first = float("inf")
    while lowest <= highest:
        middle = (lowest + highest) // 2
        found, at = _at(connection, middle)
        if at > now:
            first, highest = min(first, at), middle - 1
        else:
            lowest = found + 1
    return first


def _at(connection: Connection, number: int) -> tuple[int, float]:
    """Return the number and the time of receipt of the first event from a number on."""
    statement = f"SELECT number, {_TIME} FROM tacit_event WHERE number >= %s ORDER BY number LIMIT 1"  # noqa: S608
    found, at = connection.exec_driver_sql(_sql(connection, statement), (number,)).one()
    return int(found), float(at)


def _lower(connection: Connection, number: int, at: float) -> None:
    """Lower the times of a stretch of events up to a number, and note whether earlier ones are to follow."""
    columns = "number, subject, subject_id, item_id, event, value, digest, at, told, received"
    rows = connection.exec_driver_sql(
        _sql(
            connection,
            f"SELECT {columns} FROM tacit_event WHERE number > %s AND number <= %s "  # noqa: S608
            f"AND {_TIME} > %s",
        ),
        (number - _STRETCH, number, at),
    ).all()
    for row in rows:
        told = _told(row)
        connection.exec_driver_sql(
            _sql(connection, "UPDATE tacit_event SET at = %s, told = %s, received = %s WHERE number = %s"),
            (at if told is None else min(told, at), told, at, row.number),
        )
    if rows and number > _STRETCH:
        _note(connection, {"number": number - _STRETCH, "at": at})
    else:
        _note(connection, None)


def _told(row: Any) -> float | None:
    """Return the time that the sender told of a row; older versions kept it in ``at`` alone."""
    if row.told is not None or row.received is not None:
        return None if row.told is None else float(row.told)
    content = (row.subject, row.subject_id, row.item_id, row.event)
    return None if digest_of(*content, None, row.value) == bytes(row.digest) else float(row.at)


def _note(connection: Connection, step: dict[str, Any] | None) -> None:
    connection.exec_driver_sql(
        _sql(
            connection,
            "INSERT INTO tacit_meta (key, value) VALUES (%s, %s) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        ),
        (_CLOCK, None if step is None else json.dumps(step)),
    )


def _sql(connection: Connection, statement: str) -> str:
    """Return a statement with the marks of values of the driver."""
    return statement if connection.dialect.name == "postgresql" else statement.replace("%s", "?")
