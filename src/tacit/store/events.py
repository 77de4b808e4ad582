"""Events, items, users and exposures in SQLite or PostgreSQL: what is acknowledged is on disk."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy import event as listening
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from tacit.core.errors import ArtifactError, ConfigError
from tacit.core.types import Json
from tacit.store import schema
from tacit.store.database import StorageError, StorageFullError, open_database, reading, reason
from tacit.store.item_rows import StoredItems
from tacit.store.records import Event, ItemChange, Receipt, StoredItem, Subject
from tacit.store.sqlite_reader import SQLiteReader
from tacit.store.upgrade import upgrade
from tacit.store.writer import Writer

__all__ = ["Event", "EventStore", "Receipt", "StorageError", "StorageFullError", "Subject"]

_CHUNK = 500
_RECENT = (
    "SELECT event_id, subject, subject_id, item_id, event, at, value FROM tacit_event "
    "WHERE subject = ? AND subject_id = ? ORDER BY at DESC, number DESC LIMIT ?"
)
_USER = "SELECT attributes FROM tacit_user WHERE user_id = ?"


class EventStore:
    """The store of a running service; a store of an older version is upgraded when it is opened.

    Parameters
    ----------
    url : str
        ``sqlite:///file`` (one process at a time) or ``postgresql://...``.

    Raises
    ------
    ConfigError
        If the address names no database that Tacit knows, the database cannot be opened, or another process
        holds it.
    ArtifactError
        If it was written by a newer version; it is left as it is.
    """

    def __init__(self, url: str) -> None:
        self._engine, self._lock = open_database(url)
        self._dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        try:
            upgrade(self._engine)
        except SQLAlchemyError as error:
            self._release()
            shown = self._engine.url.render_as_string(hide_password=True)
            raise ConfigError(f"cannot open the store {shown}: {reason(error)}") from error
        except ArtifactError:
            self._release()
            raise
        self._items = StoredItems(self._dialect)
        self._writer = Writer(self._engine)
        self._reader: SQLiteReader | None = None
        if self._dialect is sqlite:
            self._reader = SQLiteReader(str(self._engine.url.database))
            # After a failed flush every file is opened again (`tacit.store.writer`): the reader's too.
            listening.listen(self._engine, "engine_disposed", lambda _: self._forget())

    @property
    def is_local(self) -> bool:
        """Whether the store is a file, so that a read waits for no other machine."""
        return self._dialect is sqlite

    def append(self, events: Sequence[Event]) -> Receipt:
        """Store events and return when they are on disk.

        Raises
        ------
        StorageFullError
            If there is no room.
        StorageError
            If the database refuses for another reason; none of these events is acknowledged then.
        """
        return self._writer.write(lambda connection: self._insert(connection, events))

    def recent(self, subject: Subject, subject_id: str, count: int) -> list[Event]:
        """Return the last events of a user or session, oldest first; ties in order of arrival."""
        if self._reader is not None:
            found = self._reader.rows(_RECENT, (subject, subject_id, count))
            return [Event(*row) for row in reversed(found)]
        table = schema.event
        query = (
            select(table)
            .where(table.c.subject == subject, table.c.subject_id == subject_id)
            .order_by(table.c.at.desc(), table.c.number.desc())
            .limit(count)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [_event(row) for row in reversed(rows)]

    def events(self) -> Iterator[Event]:
        """Yield every stored event in the order of arrival, as of the moment of the first one."""
        query = select(schema.event).order_by(schema.event.c.number)
        with reading(self._engine) as connection:
            for row in connection.execution_options(yield_per=5_000).execute(query):
                yield _event(row)

    def put_items(self, items: Mapping[str, Mapping[str, Json]], at: float) -> None:
        """Store or replace all attributes of items, by id; all of them or none.

        Raises
        ------
        StorageError
        """
        self.change_items([ItemChange(id_, "put", attributes) for id_, attributes in items.items()], at)

    def change_items(self, changes: Sequence[ItemChange], at: float) -> None:
        """Store changes of items in their order; all of them or none.

        Raises
        ------
        StorageError
        """
        if changes:
            self._writer.write(lambda connection: self._items.write(connection, changes, at))

    def items(self) -> list[tuple[str, dict[str, Json]]]:
        """Return the items that were put, the one replaced longest ago first, without later changes."""
        with reading(self._engine) as connection:
            return self._items.put(connection)

    def item_changes(self) -> list[tuple[str, dict[str, Json], bool]]:
        """Return the id, the changed attributes and whether it was deleted, of items changed since."""
        with reading(self._engine) as connection:
            return self._items.changed(connection)

    def item(self, item_id: str) -> StoredItem:
        """Return what is stored of an item."""
        with reading(self._engine) as connection:
            return self._items.one(connection, item_id)

    def put_user(self, user_id: str, attributes: Mapping[str, Json], at: float) -> None:
        """Store or replace the attributes of a user.

        Raises
        ------
        StorageError
        """
        row = {"user_id": user_id, "attributes": json.dumps(attributes), "at": at}
        insert = self._dialect.insert(schema.user)
        upsert = insert.on_conflict_do_update(
            index_elements=["user_id"], set_={"attributes": insert.excluded.attributes, "at": at}
        )
        self._writer.write(lambda connection: connection.execute(upsert, row))

    def user(self, user_id: str) -> dict[str, Json] | None:
        """Return the stored attributes of a user; None if none were ever stored."""
        if self._reader is not None:
            rows = self._reader.rows(_USER, (user_id,))
            return json.loads(rows[0][0]) if rows else None
        query = select(schema.user.c.attributes).where(schema.user.c.user_id == user_id)
        with reading(self._engine) as connection:
            found = connection.execute(query).scalar_one_or_none()
        return None if found is None else json.loads(found)

    def put_exposures(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store which lists were shown; see `tacit.store.schema` for the columns."""
        values = list(map(dict, rows))
        if values:
            self._writer.write(lambda connection: connection.execute(schema.exposure.insert(), values))

    def exposures(self) -> int:
        """Return the number of stored exposures."""
        with reading(self._engine) as connection:
            return int(connection.execute(select(func.count()).select_from(schema.exposure)).scalar_one())

    def close(self) -> None:
        """Commit what is waiting and close."""
        self._writer.close()
        if self._reader is not None:
            self._reader.close()
        self._release()

    def _forget(self) -> None:
        if self._reader is not None:
            self._reader.forget()

    def _release(self) -> None:
        self._engine.dispose()
        if self._lock is not None:
            self._lock.close()

    def _insert(self, connection: Connection, events: Sequence[Event]) -> Receipt:
        rows = [event.row() for event in events]
        if not rows:
            return Receipt(0, [])
        insert = self._dialect.insert(schema.event).on_conflict_do_nothing(index_elements=["event_id"])
        inserted = connection.execute(insert, rows)
        if self._dialect is sqlite and inserted.rowcount == len(rows):
            return Receipt(len(rows), [])  # all were new
        # The stored row is this event, an earlier try of it, or another event that took the id first.
        stored = _digests(connection, [event.event_id for event in events])
        conflicts = [place for place, row in enumerate(rows) if stored[row["event_id"]] != row["digest"]]
        return Receipt(len(rows) - len(conflicts), conflicts)


def _digests(connection: Connection, ids: Sequence[str]) -> dict[str, bytes]:
    table = schema.event
    digests: dict[str, bytes] = {}
    for start in range(0, len(ids), _CHUNK):
        chunk = table.c.event_id.in_(ids[start : start + _CHUNK])
        found = connection.execute(select(table.c.event_id, table.c.digest).where(chunk))
        digests.update((row.event_id, bytes(row.digest)) for row in found)
    return digests


def _event(row: Any) -> Event:
    return Event(row.event_id, row.subject, row.subject_id, row.item_id, row.event, row.at, row.value)
