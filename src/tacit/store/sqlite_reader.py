"""Reads of a SQLite store that every request pays for, past SQLAlchemy: 15 us a statement in place of 400."""

import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tacit.store.database import READ_WAIT_MS, storage_error
from tacit.store.store_file import StoreFile


@dataclass
class _Opened:
    """A connection, and numbers that it read when the database had a version."""

    connection: sqlite3.Connection
    version: int = -1
    numbers: tuple[int, ...] = ()


class SQLiteReader:
    """Connections that only read; safe to use from many threads, each statement on a connection of its own.

    Parameters
    ----------
    file : StoreFile
        A store that is open: its tables are there.
    """

    def __init__(self, file: StoreFile) -> None:
        self._file = file
        self._free: deque[_Opened] = deque()
        self._closed = False

    def rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Return all rows of a statement.

        Raises
        ------
        StorageError
        """
        with self._used() as opened:
            found: list[tuple[Any, ...]] = opened.connection.execute(statement, values).fetchall()
        return found

    def numbers(self, statement: str) -> tuple[int, ...]:
        """Return the row of numbers that a statement reads, always the same one, as it was committed last.

        They are read again only when another connection, of any process, has committed since.

        Raises
        ------
        StorageError
        """
        with self._used() as opened:
            # The version comes first: a commit between the two is seen by the next call.
            (version,) = opened.connection.execute("PRAGMA data_version").fetchone()
            if version != opened.version:
                opened.numbers = opened.connection.execute(statement).fetchone()
                opened.version = version
            return opened.numbers

    @contextmanager
    def _used(self) -> Iterator[_Opened]:
        """Lend a connection; one that fails is closed, with all that wait: their pages may be wrong too."""
        opened = None
        try:
            try:
                opened = self._free.pop()
            except IndexError:
                opened = self._opened()
            yield opened
        except sqlite3.Error as error:
            if opened is not None:
                opened.connection.close()
            self.forget()
            raise storage_error(error) from error
        self._free.append(opened)
        if self._closed:
            self.close()

    def forget(self) -> None:
        """Close the connections that wait; the next reads open the file again."""
        while self._free:
            try:
                self._free.pop().connection.close()
            except IndexError:  # another thread took the last one
                return

    def close(self) -> None:
        """Close every connection; one that is in use is closed after its read."""
        self._closed = True
        self.forget()

    def _opened(self) -> _Opened:
        if self._closed:
            raise sqlite3.ProgrammingError("the store is closed")
        connection = self._file.opened(READ_WAIT_MS, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA query_only = ON")
        return _Opened(connection)
