"""Events, items and exposures in SQLite or PostgreSQL: an acknowledged event is on disk.

SQLite runs in WAL mode with ``synchronous=FULL``. One writer thread commits whatever is waiting as one
transaction, so concurrent appends share the flush to disk; a caller returns when its events are committed.
"""

import hashlib
import json
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, delete, select, text
from sqlalchemy import event as listening
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from tacit.core.errors import ArtifactError, ConfigError, TacitError
from tacit.core.extras import require
from tacit.core.types import Json
from tacit.store import schema

Subject = Literal["user", "session"]

_BATCH = 2_000
"""Most events of one transaction."""


class StorageError(TacitError):
    """The store could not take or give data; nothing that was acknowledged is lost."""


class StorageFullError(StorageError):
    """The disk is full: reads go on, writes are refused until there is room."""


@dataclass(frozen=True)
class Event:
    """One event as it is kept.

    Attributes
    ----------
    event_id : str
        Unique: the same event sent again is stored once.
    subject : {"user", "session"}
    subject_id, item_id, event : str
    at : float
        Unix seconds.
    value : float or None
    """

    event_id: str
    subject: Subject
    subject_id: str
    item_id: str
    event: str
    at: float
    value: float | None = None

    def digest(self) -> bytes:
        """Return the sha256 of everything but the id."""
        content = [self.subject, self.subject_id, self.item_id, self.event, self.at, self.value]
        return hashlib.sha256(json.dumps(content).encode()).digest()


@dataclass(frozen=True)
class Receipt:
    """What became of events.

    Attributes
    ----------
    accepted : int
        Events that are stored now, those included that were stored before.
    conflicts : list of int
        Places of events whose id is taken by another content.
    """

    accepted: int
    conflicts: list[int]


class EventStore:
    """The store of a running service.

    Parameters
    ----------
    url : str
        ``sqlite:///file`` or ``postgresql://...``.

    Raises
    ------
    ConfigError
        If the address names no database that Tacit knows.
    StorageError
        If the database cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._postgres = self._engine.dialect.name == "postgresql"
        try:
            schema.metadata.create_all(self._engine)
            self._check_version()
        except SQLAlchemyError as error:
            raise StorageError(f"cannot open the store {self._engine.url!r}: {_said(error)}") from error
        self._waiting: queue.SimpleQueue[tuple[Sequence[Event], Future[Receipt]] | None] = queue.SimpleQueue()
        self._closed = False
        self._writer = threading.Thread(target=self._write_all, name="tacit-store", daemon=True)
        self._writer.start()

    def append(self, events: Sequence[Event]) -> Receipt:
        """Store events and return when they are on disk.

        Raises
        ------
        StorageFullError
            If there is no room.
        StorageError
            If the database refuses for another reason; none of these events is acknowledged then.
        """
        if self._closed:
            raise StorageError("the store is closed")
        if not events:
            return Receipt(0, [])
        done: Future[Receipt] = Future()
        self._waiting.put((events, done))
        return done.result()

    def recent(self, subject: Subject, subject_id: str, count: int) -> list[Event]:
        """Return the last events of a user or session, oldest first."""
        table = schema.event
        query = (
            select(table)
            .where(table.c.subject == subject, table.c.subject_id == subject_id)
            .order_by(table.c.at.desc(), table.c.number.desc())
            .limit(count)
        )
        with self._read() as connection:
            rows = connection.execute(query).all()
        return [_event(row) for row in reversed(rows)]

    def events(self) -> Iterator[Event]:
        """Yield every stored event in the order of arrival."""
        with self._read() as connection:
            result = connection.execution_options(yield_per=5_000).execute(
                select(schema.event).order_by(schema.event.c.number)
            )
            for row in result:
                yield _event(row)

    def put_item(self, item_id: str, attributes: Mapping[str, Json], at: float) -> None:
        """Store or replace an item's attributes."""
        row = {"item_id": item_id, "attributes": json.dumps(attributes, ensure_ascii=False), "at": at}
        with self._written() as connection:
            connection.execute(delete(schema.item).where(schema.item.c.item_id == item_id))
            connection.execute(schema.item.insert(), row)

    def items(self) -> list[tuple[str, dict[str, Json]]]:
        """Return the stored items, oldest first."""
        with self._read() as connection:
            rows = connection.execute(select(schema.item).order_by(schema.item.c.at)).all()
        return [(row.item_id, json.loads(row.attributes)) for row in rows]

    def put_exposures(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store which lists were shown; see `tacit.store.schema` for the columns."""
        if rows:
            with self._written() as connection:
                connection.execute(schema.exposure.insert(), list(rows))

    def exposures(self) -> int:
        """Return the number of stored exposures."""
        with self._read() as connection:
            return int(connection.execute(text("SELECT count(*) FROM tacit_exposure")).scalar_one())

    def close(self) -> None:
        """Commit what is waiting and close."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
            self._writer.join()
            self._engine.dispose()

    def _check_version(self) -> None:
        with self._engine.begin() as connection:
            found = connection.execute(
                select(schema.meta.c.value).where(schema.meta.c.key == "version")
            ).scalar()
            if found is None:
                connection.execute(schema.meta.insert(), {"key": "version", "value": str(schema.VERSION)})
            elif int(found) > schema.VERSION:
                raise ArtifactError(
                    f"the store has version {found}, this tacit knows {schema.VERSION}: upgrade tacit"
                )

    def _write_all(self) -> None:
        """Take what is waiting, commit it together, tell everybody; the writer thread's whole life."""
        while (first := self._waiting.get()) is not None:
            group, size, last = [first], len(first[0]), False
            while size < _BATCH and not self._waiting.empty():
                following = self._waiting.get()
                if following is None:
                    last = True
                    break
                group.append(following)
                size += len(following[0])
            self._commit(group)
            if last:
                return

    def _commit(self, group: list[tuple[Sequence[Event], Future[Receipt]]]) -> None:
        try:
            with self._engine.begin() as connection:
                receipts = [self._insert(connection, events) for events, _ in group]
        except Exception as error:  # whatever it was, callers must not wait for ever
            for _, done in group:
                done.set_exception(_storage_error(error))
            return
        for (_, done), receipt in zip(group, receipts, strict=True):
            done.set_result(receipt)

    def _insert(self, connection: Connection, events: Sequence[Event]) -> Receipt:
        dialect = postgresql if self._postgres else sqlite
        rows = [{**vars(event), "digest": event.digest()} for event in events]
        connection.execute(
            dialect.insert(schema.event).on_conflict_do_nothing(index_elements=["event_id"]), rows
        )
        table = schema.event
        digests: dict[str, bytes] = {}
        for start in range(0, len(events), 500):
            ids = [event.event_id for event in events[start : start + 500]]
            found = connection.execute(
                select(table.c.event_id, table.c.digest).where(table.c.event_id.in_(ids))
            )
            digests.update((row.event_id, bytes(row.digest)) for row in found)
        conflicts = [p for p, row in enumerate(rows) if digests[str(row["event_id"])] != row["digest"]]
        return Receipt(len(events) - len(conflicts), conflicts)

    def _read(self) -> "_Guarded":
        return _Guarded(self._engine, writes=False)

    def _written(self) -> "_Guarded":
        return _Guarded(self._engine, writes=True)


class _Guarded:
    """A connection whose database errors become ours."""

    def __init__(self, engine: Engine, *, writes: bool) -> None:
        self._context = engine.begin() if writes else engine.connect()

    def __enter__(self) -> Connection:
        try:
            return self._context.__enter__()
        except SQLAlchemyError as error:
            raise _storage_error(error) from error

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self._context.__exit__(kind, error, trace)
        except SQLAlchemyError as failure:
            raise _storage_error(failure) from failure
        if isinstance(error, SQLAlchemyError):
            raise _storage_error(error) from error


def _engine(url: str) -> Engine:
    if url.startswith(("postgres://", "postgresql://")):
        require("psycopg", "postgres")
        url = "postgresql+psycopg://" + url.partition("://")[2]
    try:
        engine = create_engine(url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigError(
            f"cannot use the store {url!r}; write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
        ) from error
    if engine.dialect.name == "sqlite":
        listening.listen(engine, "connect", _prepare_sqlite)
    elif engine.dialect.name != "postgresql":
        raise ConfigError(f"the store {engine.dialect.name!r} is not known; known: sqlite, postgresql")
    return engine


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 30000"):
        connection.execute(f"PRAGMA {pragma}")


def _event(row: Any) -> Event:
    return Event(row.event_id, row.subject, row.subject_id, row.item_id, row.event, row.at, row.value)


def _storage_error(error: Exception) -> StorageError:
    said = _said(error)
    if any(sign in said.lower() for sign in ("is full", "no space", "disk full", "could not extend")):
        return StorageFullError(f"there is no room for more events: {said}")
    return StorageError(f"the store refused: {said}")


def _said(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]
