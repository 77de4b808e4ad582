"""Opens the file of a SQLite store: one that is there, and as long as its path names the same file.

SQLite would create a file that is missing. While a service has a store open that is dangerous: if somebody
moves the file away, those who have it open go on in it and in its log (WAL), which stays where it was; a
connection that comes later would create an empty file by the old path, take the log for that of the new file,
and delete it, with every event that was not moved into the store yet. See "How To Corrupt An SQLite Database
File", https://sqlite.org/howtocorrupt.html, section 2.4.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any

from tacit.store.lock import fault_of_log


class StoreFile:
    """A file that is open for long and must stay where it is.

    Parameters
    ----------
    path : Path
        It is there.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity = _identity(path)

    @property
    def is_there(self) -> bool:
        """Whether the path still names the file."""
        return self._identity is not None and _identity(self.path) == self._identity

    def check(self) -> None:
        """Refuse to go on in a file that was moved: nobody would find what is written.

        Raises
        ------
        sqlite3.OperationalError
        """
        if not self.is_there:
            raise sqlite3.OperationalError(
                f"the file {self.path} was moved, deleted or replaced while it was open; move it back"
            )

    def opened(self, wait_ms: int, **options: Any) -> sqlite3.Connection:
        """Return a further connection to it.

        Parameters
        ----------
        wait_ms : int
            Milliseconds to wait for other connections.
        options
            Of `sqlite3.connect`.

        Raises
        ------
        sqlite3.OperationalError
            If it was moved.
        """
        self.check()
        return opened(self.path, wait_ms, **options)


def opened(path: Path, wait_ms: int, **options: Any) -> sqlite3.Connection:
    """Return a connection to a file that is there.

    Raises
    ------
    sqlite3.OperationalError
        If it is not there, or the log beside it is that of another file.
    """
    if fault := fault_of_log(path):
        raise sqlite3.OperationalError(fault)
    folder = path.resolve().parent
    if not os.access(folder, os.W_OK):  # SQLite locks by a file beside it, even to read
        raise sqlite3.OperationalError(
            f"{folder} cannot be written: copy {path.name}, and {path.name}-wal if it is there, to a folder "
            "that can, and name the copy"
        )
    place = f"{path.resolve().as_uri()}?mode=rw"
    connection: sqlite3.Connection = sqlite3.connect(place, uri=True, timeout=wait_ms / 1000, **options)
    return connection


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116, it is asked for each transaction
    except OSError:
        return None
    return status.st_dev, status.st_ino
