"""Opens a database by its address, and converts its errors.

SQLite runs in WAL mode with ``synchronous=FULL``: a commit is on disk when it returns. One process at a time
holds the file, so that no two services answer from different halves of one log; PostgreSQL takes any number.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy import event as listening
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from tacit.core.errors import ConfigError, TacitError
from tacit.core.extras import require

_FULL = ("is full", "no space left", "disk full")
READ_WAIT_MS = 30_000


class StorageError(TacitError):
    """The store could not write or read data; nothing that was acknowledged is lost."""


class StorageFullError(StorageError):
    """The disk is full: reads continue, writes are refused until there is room."""


def open_database(address: str) -> tuple[Engine, IO[str] | None]:
    """Return a database, and the lock of this process on it (None if processes can share it).

    Raises
    ------
    ConfigError
        If the address names no database that Tacit knows, or another process holds the file.
    """
    url = _parsed(address)
    if url.get_backend_name() == "postgresql":
        require("psycopg", "postgres")
        return create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True), None
    file = Path(str(url.database))
    lock = _hold(file)
    engine = create_engine(url)
    listening.listen(engine, "connect", _prepare_sqlite)
    return engine, lock


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


def _parsed(address: str) -> URL:
    how = "write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
    try:
        url = make_url(address.replace("postgres://", "postgresql://", 1))
        name = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise ConfigError(f"the address of the store is not one; {how}") from error
    if name not in ("sqlite", "postgresql"):
        raise ConfigError(f"a store in {name} is not known; {how}")
    if name == "sqlite" and (not url.database or url.database.startswith((":memory:", "file:"))):
        raise ConfigError("a store must outlive the process: write sqlite:///FILE")
    return url


def _hold(file: Path) -> IO[str]:
    """Lock a SQLite store for this process; the lock goes with the process, however it ends."""
    place = file.with_name(file.name + ".lock")
    try:
        # Events are personal data: only the owner of the file may read it.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        lock = place.open("a+", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot open the store {file}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise ConfigError(
            f"the store {file} is in use by process {holder}; stop it, or serve from PostgreSQL"
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", f"busy_timeout = {READ_WAIT_MS}"):
        connection.execute(f"PRAGMA {pragma}")
