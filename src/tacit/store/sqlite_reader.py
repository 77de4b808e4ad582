"""Reads of a SQLite store that every request pays for, past SQLAlchemy: 15 us a statement in place of 400."""

import sqlite3
from collections import deque
from collections.abc import Sequence
from typing import Any

from tacit.store.database import READ_WAIT_MS, storage_error


class SQLiteReader:
    """Connections that only read; safe to use from many threads, each statement on a connection of its own.

    Parameters
    ----------
    file : str
        A store that is open: its tables are there.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._free: deque[sqlite3.Connection] = deque()
        self._closed = False

    def rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Return all rows of a statement.

        Raises
        ------
        StorageError
        """
        try:
            connection = self._free.pop()
        except IndexError:
            connection = None
        try:
            connection = connection or self._opened()
            found: list[tuple[Any, ...]] = connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            if connection is not None:  # its pages in memory may be wrong: the next read opens the file again
                connection.close()
            self.forget()
            raise storage_error(error) from error
        self._free.append(connection)
        if self._closed:
            self.close()
        return found

    def forget(self) -> None:
        """Close the connections that wait; the next reads open the file again."""
        while self._free:
            try:
                self._free.pop().close()
            except IndexError:  # another thread took the last one
                return

    def close(self) -> None:
        """Close every connection; one that is in use is closed after its read."""
        self._closed = True
        self.forget()

    def _opened(self) -> sqlite3.Connection:
        if self._closed:
            raise sqlite3.ProgrammingError("the store is closed")
        connection = sqlite3.connect(
            self._file, timeout=READ_WAIT_MS / 1000, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only = ON")
        return connection
