"""Events, items, users and exposures in SQLite or PostgreSQL: what is acknowledged is on disk."""

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy import event as listening
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from tacit.core.errors import ArtifactError, ConfigError
from tacit.core.types import Json
from tacit.store import schema
from tacit.store.address import sqlite_file
from tacit.store.checkpoints import Checkpoints
from tacit.store.database import StorageError, StorageFullError, advice, open_database, reading, reason
from tacit.store.erasing import Erasing
from tacit.store.event_rows import StoredEvents
from tacit.store.histories import COLUMNS, Histories, event_of
from tacit.store.item_listener import ItemListener
from tacit.store.item_rows import StoredItems
from tacit.store.lock import Turn
from tacit.store.patience import patience as limited
from tacit.store.postgres_reader import PostgresReader
from tacit.store.postgres_turn import PostgresTurn
from tacit.store.records import (
    CodeOf,
    Erased,
    Event,
    ItemChange,
    ItemRow,
    Joined,
    Known,
    Numbers,
    Receipt,
    ShownList,
    StoredItem,
    Subject,
    TextVector,
    Tombstone,
    in_no_model,
    with_digest,
)
from tacit.store.retention import Ages, FileLock, Retention, ServerLock
from tacit.store.sqlite_reader import SQLiteReader
from tacit.store.store_file import StoreFile
from tacit.store.upgrade import upgrade
from tacit.store.user_rows import LAST_NUMBERS, StoredUsers, digest, name_by
from tacit.store.writer import OnWrite, Writer

if TYPE_CHECKING:
    import psycopg

__all__ = ["Event", "EventStore", "Receipt", "StorageError", "StorageFullError", "Subject"]

_AFTER = f"SELECT number, {COLUMNS} FROM tacit_event WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608
_NUMBERED = f"SELECT number, {COLUMNS} FROM tacit_event WHERE number IN ({{}}) ORDER BY number"  # noqa: S608
_LAST_EVENT = "SELECT coalesce(max(number), 0) FROM tacit_event"
_SHOWN = (
    "SELECT recommendation_id, subject, subject_id, items FROM tacit_exposure WHERE recommendation_id IN ({})"
)
_PROBE = "written"
_LISTS = 500
"""Ids that are looked up together."""
_USER = (
    "SELECT (SELECT attributes FROM tacit_user WHERE user_id = ?), "
    "(SELECT attributes FROM tacit_user_change WHERE user_id = ?)"
)
_ERASE_SECONDS = 5.0
"""How long whoever forgets waits for the files to be clear of it; then it is said that it goes on."""
T = TypeVar("T")
_WARM = 2
"""Connections that are open before the first list: a list waits for none of them to be opened."""
_NO_VECTORS: Mapping[str, TextVector] = MappingProxyType({})


class EventStore:
    """The store of a running service; a store of an older version is upgraded when it is opened.

    Several processes may have it open. What one of them has acknowledged, the others read from then on.

    Parameters
    ----------
    url : str
        ``sqlite:///file`` (the processes of one service at a time) or ``postgresql://...``.
    lock : bool
        Refuse a SQLite file that another process holds, and hold it until `close`. The processes of a service
        whose parent holds the file (`tacit.store.lock.hold`) open it without.
    patience : float
        Seconds to wait for a word of PostgreSQL before a connection is given up. A service must not wait for
        ever; other commands may.

    Raises
    ------
    ConfigError
        If the address names no database that Tacit knows, the database cannot be opened, or another service
        holds it.
    ArtifactError
        If it was written by a newer version; it is left as it is.
    """

    def __init__(self, url: str, *, lock: bool = True, patience: float = inf) -> None:
        self._engine, self._lock = open_database(
            url, lock=lock, patience=patience, ends=(ends := threading.Event())
        )
        self._patience, self._ends = patience, ends
        self._erasing: Erasing | None = None
        self._retention: Retention | None = None
        self._dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        file = sqlite_file(url)
        self._file = None if file is None else StoreFile(file)
        self._turn = None if self._file is None else Turn(self._file.path, ".turn", self._file.check)
        try:
            # Two connections that begin the log of a new file together: SQLite refuses one, without waiting.
            with self._turn or nullcontext(), limited(inf):  # others may upgrade it, for minutes
                upgrade(self._engine)
        except SQLAlchemyError as error:
            self._release()
            shown = self._engine.url.render_as_string(hide_password=True)
            raise ConfigError(f"cannot open the store {shown}: {reason(error)}{advice(error)}") from error
        except ArtifactError:
            self._release()
            raise
        self._items, self._events = StoredItems(self._dialect), StoredEvents(self._dialect)
        self._users = StoredUsers(self._dialect)
        self._item_turn = PostgresTurn(self._connected) if file is None else Turn(file, ".items")
        self._checkpoints = (
            None if self._file is None or self._turn is None else Checkpoints(self._file, self._turn)
        )
        on_commit = self._checkpoints.note if self._checkpoints else None
        self._writer = Writer(self._engine, self._turn, on_commit, self._probe)
        # In PostgreSQL who forgets holds a lock that other work of its group must not hold in part.
        self._forgetting = self._writer if self._turn is not None else Writer(self._engine)
        if self._file is not None and self._turn is not None:
            self._erasing = Erasing(self._file, self._turn)
        self._listener = ItemListener(self._connected) if self._dialect is postgresql else None
        self._reader: SQLiteReader | PostgresReader = (
            PostgresReader(self._connected) if self._file is None else SQLiteReader(self._file)
        )
        self._histories = Histories(self._reader)
        if self._erasing is not None:
            with suppress(sqlite3.Error):  # it says so itself where it cannot
                self._erasing.resume()
        # After a failed flush every file is opened again (`tacit.store.writer`): the reader's too.
        listening.listen(self._engine, "engine_disposed", lambda _: self._reader.forget())

    @property
    def engine(self) -> Engine:
        """The database, for work on the whole of it (`tacit.store.backup`)."""
        return self._engine

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do work in a transaction; return its result when it is on disk.

        Raises
        ------
        StorageError
        """
        return self._writer.write(work)

    @property
    def is_local(self) -> bool:
        """Whether the store is a file, so that a read waits for no other machine."""
        return self._dialect is sqlite

    @property
    def writing(self) -> Literal["ok", "full", "failing"]:
        """Whether this process could write when it last tried: after a failure it tries once a second.

        A SQLite file that was moved away counts as failing at once.
        """
        failure = self._writer.failure
        if self._file is not None and not self._file.is_there:
            return "failing"
        if failure is None:
            return "failing" if self._writer.is_stuck else "ok"
        return "full" if isinstance(failure, StorageFullError) else "failing"

    def on_write(self, called: OnWrite) -> None:
        """Call back after each transaction of this process."""
        self._writer.on_write = called

    def append(self, events: Sequence[Event], not_before: float = 0.0) -> Receipt:
        """Store events and return when they are on disk.

        Parameters
        ----------
        events : sequence of Event
        not_before : float
            A clock that shows an earlier time of receipt is wrong (`tacit.store.receipt_times`).

        Raises
        ------
        StorageFullError
            If there is no room.
        StorageError
            If the database refuses for another reason; none of these events is acknowledged then.
        """
        rows = [event.row() for event in events]  # before the turn of this process: others wait for its end
        return self._writer.write(lambda connection: self._events.write(connection, rows, not_before))

    def recent(
        self, subject: Subject, subject_id: str, count: int, without: Sequence[str] = ()
    ) -> list[Event]:
        """Return the last events of a user or session, oldest first; ties in order of arrival.

        An event whose digest does not fit it is damaged: it is left out, and logged.

        Parameters
        ----------
        subject : {"user", "session"}
        subject_id : str
        count : int
        without : sequence of str
            Event types that are passed over.
        """
        return self._histories.recent(subject, subject_id, count, without)

    def items_of(self, subject: Subject, subject_id: str) -> Mapping[str, frozenset[str]]:
        """Return the items of all events of a user or session, by event type."""
        return self._histories.items(subject, subject_id)

    def events(self) -> Iterator[Event]:
        """Yield every stored event in the order of arrival, as of the moment of the first one."""
        query = text(f"SELECT {COLUMNS} FROM tacit_event ORDER BY number")  # noqa: S608
        with reading(self._engine) as connection:
            for row in connection.execution_options(yield_per=5_000).execute(query):
                yield event_of(row)

    def last_event(self) -> int:
        """Return the largest number of an event, 0 without any.

        Raises
        ------
        StorageError
        """
        return int(self._reader.rows(_LAST_EVENT, ())[0][0])

    def events_after(self, number: int, count: int) -> list[tuple[int, Event]]:
        """Return the next events after a number, with theirs, at most so many.

        In SQLite numbers are in the order of the commits. In PostgreSQL a number is taken before its commit:
        one that is not there yet may come later (`events_numbered`), and one that a retry took never does.

        Raises
        ------
        StorageError
        """
        return [(row[0], event_of(row[1:])) for row in self._reader.rows(_AFTER, (number, count))]

    def events_numbered(self, numbers: Sequence[int]) -> list[tuple[int, Event]]:
        """Return the events of some numbers that are there, with theirs.

        Raises
        ------
        StorageError
        """
        if not numbers:
            return []
        statement = _NUMBERED.format(", ".join("?" * len(numbers)))
        return [(row[0], event_of(row[1:])) for row in self._reader.rows(statement, tuple(numbers))]

    def put_items(self, items: Mapping[str, Mapping[str, Json]], at: float) -> None:
        """Store or replace all attributes of items, by id; all of them or none.

        Raises
        ------
        StorageError
        """
        if items:
            self.change_items([ItemChange(id_, "put", attributes) for id_, attributes in items.items()], at)

    def change_items(
        self, changes: Sequence[ItemChange], at: float, vectors: Mapping[str, TextVector] = _NO_VECTORS
    ) -> Numbers:
        """Store changes of items in their order; all of them or none.

        Parameters
        ----------
        changes : sequence of ItemChange
            At least one.
        at : float
            Unix seconds.
        vectors : mapping of str to TextVector
            Vectors of the texts that the items have then.

        Returns
        -------
        Numbers
            Those of the changes. Numbers are committed in their order.

        Raises
        ------
        StorageError
        """
        return self._writer.write(lambda connection: self._items.write(connection, changes, at, vectors))

    def item_turn(self) -> AbstractContextManager[None]:
        """Return a context in which no other process changes items, nor another thread of this one.

        Who changes items in it knows all changes before its own, and makes no state in vain.

        Raises
        ------
        StorageError
            On entry, if PostgreSQL cannot be reached.
        """
        return self._item_turn

    def put_vectors(self, vectors: Mapping[str, TextVector]) -> None:
        """Store or replace the vectors of the texts of items; this is no change of an item.

        Raises
        ------
        StorageError
        """
        self._writer.write(lambda connection: self._items.write_vectors(connection, vectors))

    def item_number(self) -> int:
        """Return the number of the last change of items, by any process; 0 before the first.

        It is cheap enough for every request: 5 us in SQLite, where it is the last one committed; in
        PostgreSQL it is the last one that this process has noticed, within a quarter of a second.

        Raises
        ------
        StorageError
            If the store cannot be read, or PostgreSQL was silent for seconds.
        """
        return self.numbers()[0]

    def numbers(self) -> tuple[int, ...]:
        """Return the number of the last change of items and of the last tombstone; see `item_number`.

        Raises
        ------
        StorageError
        """
        if isinstance(self._reader, SQLiteReader):
            return self._reader.numbers(LAST_NUMBERS)
        return self._listener.last_numbers() if self._listener is not None else (0, 0)

    def on_items_changed(self, wake: Callable[[], None]) -> None:
        """Call a function, in a thread of the store, when others changed items or forgot; never in SQLite."""
        if self._listener is not None:
            self._listener.on_change(wake)

    def items(self) -> list[tuple[str, dict[str, Json]]]:
        """Return the items that were put, without later changes, the one first changed first."""
        stored = ((row.item_id, row.stored.put) for row in self.item_rows())
        return [(item_id, put) for item_id, put in stored if put is not None]

    def item_rows(self, since: int | None = None) -> list[ItemRow]:
        """Return the items that were changed after a change (None: ever), the one first changed first.

        Raises
        ------
        StorageError
        """
        with reading(self._engine) as connection:
            return self._items.since(connection, since)

    def item_rows_of(self, ids: Sequence[str]) -> list[ItemRow]:
        """Return what is stored of some items, the one first changed first.

        Raises
        ------
        StorageError
        """
        with reading(self._engine) as connection:
            return self._items.of(connection, ids)

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
        self._writer.write(lambda connection: self._users.put(connection, user_id, attributes, at))

    def patch_user(self, user_id: str, attributes: Mapping[str, Json], at: float) -> None:
        """Set some attributes of a user and keep the others.

        Raises
        ------
        StorageError
        """
        self._writer.write(lambda connection: self._users.patch(connection, user_id, attributes, at))

    def user(self, user_id: str) -> dict[str, Json] | None:
        """Return the attributes of a user as they were put; None if they were not."""
        return self.user_attributes(user_id)[0]

    def user_attributes(self, user_id: str) -> tuple[dict[str, Json] | None, dict[str, Json]]:
        """Return the attributes of a user as they were put (or None), and those that were patched beside."""
        ((put, patch),) = self._reader.rows(_USER, (user_id, user_id))
        return None if put is None else json.loads(put), {} if patch is None else json.loads(patch)

    def known(self, subject: Subject, subject_id: str) -> Known:
        """Return all that is stored of a user or a session.

        Raises
        ------
        StorageError
        """
        with reading(self._engine) as connection:
            return self._users.known(connection, subject, subject_id)

    def merge(self, user_id: str, session_id: str, at: float) -> Joined:
        """Give the events and lists of a session to a user and return how many of each; none a second time.

        Raises
        ------
        StorageError
        """
        return self._forgetting.write(lambda one: self._users.merge(one, user_id, session_id, at))

    def forget(
        self,
        subject: Subject,
        subject_id: str,
        now: Callable[[], float],
        model: str = "",
        code_of: CodeOf = in_no_model,
    ) -> Erased:
        """Delete all that is stored of a user or a session; what arrives from then on is somebody else's.

        The sessions that were joined with a user are forgotten too. Those who call at the same time share a
        commit, and the work on the files after it.

        Parameters
        ----------
        subject : {"user", "session"}
        subject_id : str
        now : callable
            Returns the time in Unix seconds: it is asked when the transaction is written.
        model, code_of : str, callable
            Version of a model, and what returns codes in it: see `tacit.store.records.Tombstone`.

        Raises
        ------
        StorageError
            If the store refuses; nothing is deleted then.
        """
        erased = self._forgetting.write(
            lambda one: self._users.forget(one, subject, subject_id, now(), model, code_of)
        )
        done = self._erasing is None or self._erasing.erase(_ERASE_SECONDS)
        return replace(erased, from_disk=done)

    def tombstones(self, since: int = 0) -> list[Tombstone]:
        """Return the tombstones above a number, in the order of their commits.

        Raises
        ------
        StorageError
        """
        with reading(self._engine) as connection:
            return self._users.tombstones(connection, since)

    def digests(self, subject: Subject, ids: Iterable[str]) -> list[bytes]:
        """Return the hashes of ids, as they stand in tombstones; none before the first tombstone.

        Raises
        ------
        StorageError
        """
        with reading(self._engine) as connection:
            secret = self._users.known_secret(connection)
        return [digest(secret, subject, id_) for id_ in ids] if secret else []

    @property
    def name(self) -> str:
        """A name of this store among others; empty before the first one is forgotten in it."""
        return name_by(self.digests)

    def rewritten(self, directory: str) -> int:
        """Return the number of the tombstone up to which the snapshots of a directory were written again."""
        rows = self._reader.rows("SELECT value FROM tacit_meta WHERE key = ?", (_rewritten_key(directory),))
        return int(rows[0][0]) if rows else 0

    def note_rewritten(self, directory: str, number: int) -> None:
        """Note that the snapshots of a directory hold nobody of the tombstones up to a number.

        Raises
        ------
        StorageError
        """
        self._writer.write(
            lambda connection: self._set_meta(connection, _rewritten_key(directory), str(number))
        )

    def backups(self) -> list[dict[str, Json]]:
        """Return where copies of the store were made, as far as it knows: ``file`` and ``at`` of each.

        Any of them may hold somebody who is deleted now. Which ones do cannot be told from what is stored: it
        may have been deleted by its age since, or the attributes written anew.
        """
        rows = self._reader.rows("SELECT value FROM tacit_meta WHERE key = 'backups'", ())
        return json.loads(rows[0][0]) if rows else []

    def put_exposures(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store which lists were shown, each once; see `tacit.store.schema` for the columns."""
        values = [with_digest(row) for row in rows]
        if values:
            self._writer.write(lambda connection: self._users.put_exposures(connection, values))

    def shown_lists(self, ids: Sequence[str]) -> dict[str, ShownList]:
        """Return what is stored of lists, by recommendation id.

        Raises
        ------
        StorageError
        """
        found: dict[str, ShownList] = {}
        for start in range(0, len(ids), _LISTS):
            some = ids[start : start + _LISTS]
            statement = _SHOWN.format(", ".join("?" * len(some)))
            for id_, subject, subject_id, items in self._reader.rows(statement, some):
                found[id_] = ShownList(subject, subject_id, tuple(json.loads(items)))
        return found

    def exposures(self) -> int:
        """Return the number of stored exposures."""
        with reading(self._engine) as connection:
            return int(connection.execute(select(func.count()).select_from(schema.exposure)).scalar_one())

    def keep(self, ages: Ages, now: Callable[[], float]) -> None:
        """Delete from now on, in a thread, what is older than said; of several processes one does it.

        Parameters
        ----------
        ages : Ages
        now : callable
            Returns Unix seconds.
        """
        if ages == Ages() or self._retention is not None:
            return
        lock = ServerLock(self._connected) if self._file is None else FileLock(self._file.path)
        erase = (lambda: None) if self._erasing is None else self._erasing.erase
        self._retention = Retention(ages, now, self._writer.write, lock, erase)

    def warm(self) -> None:
        """Open what the first reads would wait for.

        Raises
        ------
        StorageError
        """
        if isinstance(self._reader, PostgresReader):
            self._reader.warm(_WARM)

    def hurry(self) -> None:
        """Wait no longer than a second for PostgreSQL from now on: it is about to be closed."""
        self._ends.set()
        if self._listener is not None:
            self._listener.stop()

    def close(self) -> None:
        """Commit what is waiting and close."""
        if self._retention is not None:
            self._retention.close()
        self.hurry()
        for writer in {self._writer, self._forgetting}:
            writer.close()
        if self._erasing is not None:
            self._erasing.close()
        if self._checkpoints is not None:
            self._checkpoints.close()
        if self._listener is not None:
            self._listener.close()
        self._reader.close()
        self._release()
        self._item_turn.close()

    def _probe(self, connection: Connection) -> None:
        """Write a row that says nothing but that it could be written."""
        self._set_meta(connection, _PROBE, str(time.time()))

    def _set_meta(self, connection: Connection, key: str, value: str) -> None:
        insert = self._dialect.insert(schema.meta).values(key=key, value=value)
        connection.execute(insert.on_conflict_do_update(index_elements=["key"], set_={"value": value}))

    def _connected(self) -> "psycopg.Connection[Any]":
        """Open a connection to PostgreSQL with what SQLAlchemy would open it with."""
        from tacit.store.postgres_connection import connected

        args, options = self._engine.dialect.create_connect_args(self._engine.url)
        return connected(self._patience, self._ends, *args, autocommit=True, **options)

    def _release(self) -> None:
        self._engine.dispose()
        if self._erasing is not None:
            self._erasing.release()
        for one in (self._lock, self._turn):
            if one is not None:
                one.close()


def _rewritten_key(directory: str) -> str:
    """Return the name of a note on a directory; its path is not for a dump of the store."""
    return f"rewritten {hashlib.sha256(directory.encode()).hexdigest()[:32]}"
