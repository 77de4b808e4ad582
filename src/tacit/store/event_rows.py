"""Events in the store: how they are written, and what became of each.

SQLite gets many rows a statement. Python's driver gives the interpreter up for each execution, so with a
row an execution the thread that has the turn of all processes (`tacit.store.lock.Turn`) would ask for the
interpreter a hundred times a batch, and wait up to 5 ms each time while other threads parse what came next.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import sqlite

from tacit.store import schema
from tacit.store.receipt_times import received_at
from tacit.store.records import Receipt

Row = Mapping[str, Any]

_COLUMNS = tuple(column.name for column in schema.event.columns if column.name != "number")
_TOGETHER = 76
"""Rows of a statement: 988 values, of 999 that every SQLite takes."""
_CHUNK = 500


class StoredEvents:
    """Writes the table of events.

    Parameters
    ----------
    dialect : module
        ``sqlalchemy.dialects.sqlite`` or ``postgresql``.
    """

    def __init__(self, dialect: ModuleType) -> None:
        self._dialect = dialect

    def write(self, connection: Connection, rows: Sequence[Row], not_before: float = 0.0) -> Receipt:
        """Write rows (`tacit.store.records.Event.row`), each id once; return what became of them.

        Parameters
        ----------
        connection : sqlalchemy.Connection
        rows : sequence of mappings
        not_before : float
            A clock that shows an earlier time is wrong.
        """
        if not rows:
            return Receipt(0, [])
        rows = _timed(connection, rows, not_before)
        if self._dialect is sqlite:
            if _insert_into_sqlite(connection, rows) == len(rows):
                return Receipt(len(rows), [])  # all were new
        else:
            insert = self._dialect.insert(schema.event)
            connection.execute(insert.on_conflict_do_nothing(index_elements=["event_id"]), rows)
        # The stored row is this event, an earlier try of it, or another event that took the id first.
        stored = _digests(connection, [row["event_id"] for row in rows])
        conflicts = [place for place, row in enumerate(rows) if stored[row["event_id"]] != row["digest"]]
        return Receipt(len(rows) - len(conflicts), conflicts)


def _timed(connection: Connection, rows: Sequence[Row], not_before: float) -> Sequence[Row]:
    """Return the rows with their times of receipt, which are not before those of the rows stored last."""
    arrived = [row["received"] for row in rows if row["received"] is not None]
    if not arrived:
        return rows
    received = received_at(connection, max(arrived), not_before)
    return [
        row
        if row["received"] is None
        else {**row, "received": received, "at": _earlier(row["told"], received)}
        for row in rows
    ]


def _earlier(told: float | None, received: float) -> float:
    return received if told is None else min(told, received)


def _insert_into_sqlite(connection: Connection, rows: Sequence[Row]) -> int:
    """Insert the rows whose id is new and return their number."""
    inserted = 0
    for part in _parts(rows, _TOGETHER):
        values = tuple(row[name] for row in part for name in _COLUMNS)
        inserted += connection.exec_driver_sql(_insertion(len(part)), values).rowcount
    return inserted


@cache
def _insertion(rows: int) -> str:
    """Return the statement that inserts so many rows."""
    row = f"({', '.join('?' * len(_COLUMNS))})"
    return (
        f"INSERT INTO tacit_event ({', '.join(_COLUMNS)}) VALUES {', '.join([row] * rows)} "  # noqa: S608
        "ON CONFLICT (event_id) DO NOTHING"
    )


def _digests(connection: Connection, ids: Sequence[str]) -> dict[str, bytes]:
    table = schema.event
    digests: dict[str, bytes] = {}
    for part in _parts(ids, _CHUNK):
        found = connection.execute(select(table.c.event_id, table.c.digest).where(table.c.event_id.in_(part)))
        digests.update((row.event_id, bytes(row.digest)) for row in found)
    return digests


def _parts(whole: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (whole[start : start + size] for start in range(0, len(whole), size))
