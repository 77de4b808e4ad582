"""Opens a database by its address, and converts its errors.

SQLite runs in WAL mode with ``synchronous=FULL``: a commit is on disk when it returns. One service at a time
holds the file (`tacit.store.lock`), so that no two answer from different halves of one log; its processes
share it, as they share PostgreSQL.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy import event as listening
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from tacit.core.errors import TacitError
from tacit.core.extras import require
from tacit.store.address import parsed
from tacit.store.lock import StoreLock, create
from tacit.store.store_file import StoreFile

_FULL = ("is full", "no space left", "disk full")
READ_WAIT_MS = 30_000
ANSWER_SECONDS = 120.0
"""Seconds that commands wait for a word of PostgreSQL."""
LONGEST_LOG = 32_768
"""Pages of SQLite's log, 128 MB, at which a commit moves them into the file by itself: it was not done beside
the writers (`tacit.store.checkpoints`)."""


class StorageError(TacitError):
    """The store could not write or read data; nothing that was acknowledged is lost."""


class StorageLateError(StorageError):
    """The store did not answer in time; nothing was stored."""


class StorageUnsureError(StorageError):
    """The store did not say in time whether it stored something: it may have."""


class StorageFullError(StorageError):
    """The disk is full: reads continue, writes are refused until there is room."""


def open_database(
    address: str, *, lock: bool = True, patience: float = inf, ends: threading.Event | None = None
) -> tuple[Engine, StoreLock | None]:
    """Return a database, and the lock of this process on it (None if it takes none).

    Parameters
    ----------
    address : str
    lock : bool
        Hold a SQLite file for this process alone. A process of a service whose parent holds it takes no lock.
    patience : float
        Seconds to wait for a word of PostgreSQL before a connection is given up.
    ends : threading.Event, optional
        Set when the store is to be closed, and is waited for no longer.

    Raises
    ------
    ConfigError
        If the address names no database that Tacit knows, or another service holds the file.
    """
    url = parsed(address)
    if url.get_backend_name() == "postgresql":
        return patient_engine(url, patience, ends), None
    file = Path(str(url.database))
    if not lock:
        create(file)
    held = StoreLock(file) if lock else None
    there = StoreFile(file)
    engine = create_engine(url, creator=lambda: there.opened(READ_WAIT_MS, check_same_thread=False))
    listening.listen(engine, "connect", _prepare_sqlite)
    return engine, held


def patient_engine(
    url: URL, patience: float, ends: threading.Event | None = None, **arguments: str
) -> Engine:
    """Return a PostgreSQL database whose connections are given up when the server is silent.

    Parameters
    ----------
    url : sqlalchemy.URL
    patience : float
        Seconds to wait for its next word.
    ends : threading.Event, optional
        Set when it is waited for no longer.
    arguments
        Further ones of a connection.
    """
    require("psycopg", "postgres")
    from tacit.store.postgres_connection import connected

    opened = create_engine(
        url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, connect_args=arguments
    )
    wait = patience, ends or threading.Event()
    listening.listen(opened, "do_connect", lambda _, __, args, named: connected(*wait, *args, **named))
    return opened


def begin_write(connection: Connection) -> None:
    """Begin to write to SQLite: other processes that write wait here, and none fails half way.

    Python's driver would begin with the first INSERT, UPDATE or DELETE, and never before CREATE or ALTER; a
    transaction that has read before it writes is refused as soon as another process wrote in between.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection to read from.

    Raises
    ------
    StorageError
    """
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise storage_error(error) from error


def storage_error(error: Exception) -> StorageError:
    """Return a database error as a `StorageError`."""
    message = reason(error)
    if any(sign in message.lower() for sign in _FULL):
        return StorageFullError(f"there is no room in the store: {message}; make room and send again")
    return StorageError(f"the store refused: {message}; nothing of this request was stored, send it again")


def reason(error: Exception) -> str:
    """Return the first line of the database's message, without the statement and its values."""
    lines = str(getattr(error, "orig", None) or error).splitlines()
    return lines[0] if lines else type(error).__name__


def advice(error: Exception) -> str:
    """Return what to look at where PostgreSQL cannot be opened, or "": SQLite's own words are enough."""
    if "psycopg" not in type(getattr(error, "orig", error)).__module__:
        return ""
    return "; is the server up, and are its host, port, database, user and password right?"


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "secure_delete = ON",  # see `tacit.store.erasing`
        f"busy_timeout = {READ_WAIT_MS}",
        f"wal_autocheckpoint = {LONGEST_LOG}",
    ):
        connection.execute(f"PRAGMA {pragma}")
