"""A store that is only read, while a service has it open: no lock, no upgrade, no file beside it.

Events are read some at a time, each part in a transaction of its own: a long one would keep SQLite's log from
being moved into the file, and PostgreSQL from removing old rows.
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Column, Engine, MetaData, Table, create_engine, func, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from tacit.core.errors import ConfigError
from tacit.core.types import Json
from tacit.store import schema
from tacit.store.address import StoreNotThereError, check_store_there, parsed
from tacit.store.database import (
    ANSWER_SECONDS,
    READ_WAIT_MS,
    StorageError,
    advice,
    patient_engine,
    reading,
    reason,
)
from tacit.store.item_rows import LAST_NUMBER, StoredItems
from tacit.store.lock import fault_of_log
from tacit.store.records import ItemRow, Subject, Tombstone
from tacit.store.user_rows import LAST_TOMBSTONE, StoredUsers, digest, name_by

_TOGETHER = 50_000
"""Events of a transaction."""
_PAUSE, _PATIENCE = 0.1, 30.0
"""Seconds between two looks for transactions that still run, and until they are waited for no longer."""
_SCHEMA = {
    "number": pl.Int64, "subject": pl.String, "subject_id": pl.String, "item_id": pl.String,
    "event": pl.String, "at": pl.Float64, "value": pl.Float64, "source": pl.String,
}  # fmt: skip
_TAKEN = "pg_snapshot_xmax(pg_current_snapshot())"
_RUNNING = "pg_snapshot_xmin(pg_current_snapshot())"


class StoreReader:
    """Reads the store of a service that may be running; a context manager.

    Parameters
    ----------
    address : str
        ``sqlite:///FILE``, which must be there, or ``postgresql://...``.

    Raises
    ------
    ConfigError
        If it cannot be opened; `StoreNotThereError` if it is not there, does not answer, or holds no tables
        of Tacit.
    """

    def __init__(self, address: str) -> None:
        self._engine = _engine(address)
        shown = self._engine.url.render_as_string(hide_password=True)
        try:
            found = inspect(self._engine)
            self._tables = {
                name: {one["name"] for one in found.get_columns(name)} for name in found.get_table_names()
            }
        except (SQLAlchemyError, sqlite3.Error) as error:
            self._engine.dispose()
            # A database is not there before its server listens; a file that cannot be read stays so.
            kind = StoreNotThereError if self._is_postgres else ConfigError
            raise kind(f"cannot read the store {shown}: {reason(error)}{advice(error)}") from error
        if missing := {schema.event.name, schema.item_number.name} - self._tables.keys():
            self._engine.dispose()
            raise StoreNotThereError(
                f"{shown} has no table {sorted(missing)[0]}: it is no store of tacit, or of an older one; "
                "start the service once, which makes or upgrades it"
            )
        dialect = postgresql if self._is_postgres else sqlite
        self._items, self._users = StoredItems(dialect), StoredUsers(dialect)

    def __enter__(self) -> "StoreReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    @property
    def _is_postgres(self) -> bool:
        return self._engine.dialect.name == "postgresql"

    def last_number(self) -> int:
        """Return the number of the last event; all that have a lower one can be read from now on.

        PostgreSQL gives numbers before it commits: so this waits for transactions that run.

        Raises
        ------
        StorageError
            If one of them does not end.
        """
        query = select(func.coalesce(func.max(schema.event.c.number), 0))
        with reading(self._engine) as connection:
            last = int(connection.execute(query).scalar_one())
        if self._is_postgres:
            time.sleep(_PAUSE)  # a number may have been given to a transaction that has none itself yet
            started = self._number(_TAKEN)
            until = time.monotonic() + _PATIENCE
            while self._number(_RUNNING) < started:
                if time.monotonic() > until:
                    raise StorageError(
                        f"a transaction in the database of the store has run for {_PATIENCE:.0f} s; "
                        "wait for its end, and try again"
                    )
                time.sleep(_PAUSE)
        return last

    def _number(self, expression: str) -> int:
        with reading(self._engine) as connection:
            return int(connection.exec_driver_sql(f"SELECT {expression}::text::bigint").scalar_one())

    def mark(self, number: int) -> str:
        """Return a mark of the event of a number, "" if there is none: SQLite gives deleted numbers again."""
        table = schema.event
        with reading(self._engine) as connection:
            found = connection.execute(select(table.c.event_id).where(table.c.number == number)).scalar()
        return "" if found is None else hashlib.sha256(str(found).encode()).hexdigest()[:16]

    def events(self, after: int, until: int) -> Iterator[pl.DataFrame]:
        """Yield the events of numbers above one and up to another, in their order.

        Columns: number, subject, subject_id, item_id, event, at, value, and source, which is null where it is
        not known.

        Raises
        ------
        StorageError
        """
        table = Table(
            schema.event.name,
            MetaData(),
            *(Column(name) for name in sorted(self._tables[schema.event.name])),
        )
        names = [name for name in _SCHEMA if name in table.c]
        while after < until:
            query = select(*(table.c[name] for name in names)).where(
                table.c.number > after, table.c.number <= until
            )
            with reading(self._engine) as connection:
                rows = connection.execute(query.order_by(table.c.number).limit(_TOGETHER)).all()
            if not rows:
                return
            columns = dict(zip(names, zip(*rows, strict=True), strict=True))
            nothing = [None] * len(rows)
            yield pl.DataFrame(
                {
                    name: pl.Series(name, columns.get(name, nothing), dtype=kind, strict=False)
                    for name, kind in _SCHEMA.items()
                }
            )
            after = int(rows[-1][0])

    def item_rows(self) -> list[ItemRow]:
        """Return the items that were ever changed, the one first changed first.

        Raises
        ------
        StorageError
        """
        with reading(self._engine) as connection:
            return self._items.since(connection, None)

    def item_number(self) -> int:
        """Return the number of the last change of an item, 0 before the first."""
        with reading(self._engine) as connection:
            return int(connection.exec_driver_sql(LAST_NUMBER).scalar_one())

    def tombstones(self, since: int = 0) -> list[Tombstone]:
        """Return the tombstones above a number, in the order of their commits.

        Raises
        ------
        StorageError
        """
        if schema.forgotten.name not in self._tables:
            return []
        with reading(self._engine) as connection:
            return self._users.tombstones(connection, since)

    def last_tombstone(self) -> int:
        """Return the number of the last tombstone, 0 without any.

        Raises
        ------
        StorageError
        """
        if schema.forgotten.name not in self._tables:
            return 0
        with reading(self._engine) as connection:
            return int(connection.exec_driver_sql(LAST_TOMBSTONE).scalar_one())

    def digests(self, subject: Subject, ids: Iterable[str]) -> list[bytes]:
        """Return the hashes of ids, as they stand in tombstones; none before the first tombstone.

        Raises
        ------
        StorageError
        """
        if schema.forgotten.name not in self._tables:
            return []
        with reading(self._engine) as connection:
            secret = self._users.known_secret(connection)
        return [digest(secret, subject, id_) for id_ in ids] if secret else []

    @property
    def name(self) -> str:
        """A name of this store among others; empty before the first one is forgotten in it."""
        return name_by(self.digests)

    def users(self) -> dict[str, dict[str, Json]]:
        """Return the attributes of users as they were put, by id.

        Raises
        ------
        StorageError
        """
        return self._attributes(schema.user)

    def user_changes(self) -> dict[str, dict[str, Json]]:
        """Return attributes of users that were set beside those of a snapshot, by id.

        Raises
        ------
        StorageError
        """
        return self._attributes(schema.user_change)

    def merges(self) -> dict[str, str]:
        """Return the user that each session was joined with.

        Raises
        ------
        StorageError
        """
        table = schema.merge
        if table.name not in self._tables:
            return {}
        with reading(self._engine) as connection:
            rows = connection.execute(select(table.c.session_id, table.c.user_id).order_by(table.c.at))
            return {row.session_id: row.user_id for row in rows}

    def _attributes(self, table: Table) -> dict[str, dict[str, Json]]:
        if table.name not in self._tables:
            return {}
        with reading(self._engine) as connection:
            rows = connection.execute(select(table.c.user_id, table.c.attributes).order_by(table.c.user_id))
            return {id_: json.loads(attributes) for id_, attributes in rows}


def name_of(address: str) -> str:
    """Return a short hash of the address of a store, without its password: stores are told apart by it."""
    url = parsed(address)
    place = url._replace(password=None)
    if url.get_backend_name() == "sqlite":
        place = place.set(database=str(Path(str(url.database)).resolve()))
    return hashlib.sha256(place.render_as_string().encode()).hexdigest()[:16]


def _engine(address: str) -> Engine:
    url = parsed(address)
    if url.get_backend_name() == "postgresql":
        return patient_engine(url, ANSWER_SECONDS, options="-c default_transaction_read_only=on")
    check_store_there(address)
    file = Path(str(url.database))

    def connected() -> Any:
        if fault := fault_of_log(file):
            raise sqlite3.OperationalError(fault)
        place = f"{file.resolve().as_uri()}?mode=ro"
        return sqlite3.connect(place, uri=True, timeout=READ_WAIT_MS / 1000, check_same_thread=False)

    return create_engine("sqlite://", creator=connected)
