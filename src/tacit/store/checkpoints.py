"""Moves what SQLite's log (WAL) holds into the file, in a thread beside the writers.

A commit is on disk when it is in the log. By itself SQLite moves the log into the file, with two more
flushes, in the commit that fills a thousand pages: at 5,000 events a second that is every fifth batch, which
then takes 20 ms in place of 2, and all that wait for their turn wait with it. Here writers go on meanwhile.
The pages of a second are moved together, so that one that was changed by many commits is written once.

What writers add meanwhile is not moved, and SQLite begins the log anew only when all of it was. So beyond a
size what is left, which is little, is moved while no process writes.
"""

import logging
import sqlite3
import threading
from contextlib import AbstractContextManager

from tacit.store.database import LONGEST_LOG, READ_WAIT_MS
from tacit.store.store_file import StoreFile

_PAUSE = 1.0
"""Seconds between the first commit that is to be moved and the move."""
_log = logging.getLogger(__name__)


class Checkpoints:
    """A thread that keeps the log of a SQLite store short.

    Processes that have the same file open each have one; SQLite lets one of them move, and the others pass.

    Parameters
    ----------
    file : StoreFile
    turn : context manager
        No process writes in it.
    """

    def __init__(self, file: StoreFile, turn: AbstractContextManager[object]) -> None:
        self._file = file
        self._turn = turn
        self._written, self._closing = threading.Event(), threading.Event()
        self._fails = False
        self._thread = threading.Thread(target=self._run, name="tacit-checkpoints", daemon=True)
        self._thread.start()

    def note(self) -> None:
        """Note that something was committed."""
        self._written.set()

    def close(self) -> None:
        """Stop; whoever closes the file last moves the rest."""
        self._closing.set()
        self._written.set()
        self._thread.join()

    def _run(self) -> None:
        while self._written.wait() and not self._closing.wait(_PAUSE):
            self._written.clear()
            try:
                self._move()
                self._fails = False
            except (sqlite3.Error, OSError) as error:  # a full disk: the log keeps what is committed
                if not self._fails:
                    _log.warning("the log of the store is not moved into it: %s", error)
                self._fails = True

    def _move(self) -> None:
        connection = self._file.opened(READ_WAIT_MS, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            if _moved(connection) > LONGEST_LOG // 2:
                with self._turn:
                    _moved(connection)
        finally:
            connection.close()


def _moved(connection: sqlite3.Connection) -> int:
    """Move what can be moved without waiting for anybody; return the pages of the log."""
    _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(pages)
