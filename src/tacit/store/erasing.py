"""Takes deleted bytes out of the files of a SQLite store.

SQLite overwrites what is deleted with zeros (``PRAGMA secure_delete``), in a new version of the page, which
stands in its log (WAL) until it is moved into the file. Two places keep the old bytes: the log, and the gap
of a page between its directory and its cells. When a page is split, half of its cells are copied to another
page, and their bytes stay in the gap of the first one, where no later deletion finds them (3 of 100 deleted
ids in a file of 18 MB).

So after a deletion the log is moved and cut to nothing, and then every gap is filled with zeros, a stretch of
pages at a time. That is done while no process writes and the log is empty: nobody else changes the file then.
A gap holds nothing that a reader looks at, so a kill or a power cut at any point does no harm. Each stretch
ends with a small commit, at which all connections drop the pages that they have in memory: a page with an
old gap must not be written again.
"""

import logging
import os
import sqlite3
import threading
from contextlib import AbstractContextManager, closing

from tacit.store.store_file import StoreFile

_STRETCH = 2**25
"""Bytes of pages that are looked at while nobody writes: a twentieth of a second."""
_PAUSE = 0.25
"""Seconds until another try, where a reader holds the log."""
_READER_MS = 50
_TREES = {2: 12, 5: 12, 10: 8, 13: 8}
"""Kinds of pages with cells, and the length of their headers."""
_FIRST_HEADER = 100
"""The header of the file stands before that of the first page."""
_MOST_PAGES = 2**25
"""With more, the number of a page could be taken for a kind of page."""
_ERASED = "INSERT INTO tacit_meta VALUES ('erased', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
_LAST = "SELECT coalesce(max(number), 0) FROM tacit_forgotten"
_UNFINISHED = (
    "SELECT coalesce(max(number), 0) > coalesce((SELECT CAST(value AS INTEGER) FROM tacit_meta "
    "WHERE key = 'erased'), 0) FROM tacit_forgotten"
)
_log = logging.getLogger(__name__)


class Erasing:
    """A thread that takes what was deleted out of the files, from the first deletion on.

    Parameters
    ----------
    file : StoreFile
    turn : context manager
        No process writes in it.
    """

    def __init__(self, file: StoreFile, turn: AbstractContextManager[object]) -> None:
        self._file, self._turn = file, turn
        self._changed = threading.Condition()
        self._wanted = self._done = 0
        self._closed = False
        self._thread: threading.Thread | None = None
        self._descriptor: int | None = None

    def erase(self, patience: float = 0.0) -> bool:
        """Take out of the files what was deleted before; return whether it is done within some seconds.

        Callers at the same time share one pass over the file.
        """
        with self._changed:
            self._wanted += 1
            mine = self._wanted
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="tacit-erasing", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._done >= mine, patience)

    def resume(self) -> None:
        """Go on where a process that was killed had not done it."""
        with closing(self._connected()) as connection:
            unfinished = connection.execute(_UNFINISHED).fetchone()[0]
        if unfinished:
            self.erase()

    def close(self) -> None:
        """Stop, after what was begun."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def release(self) -> None:
        """Close the file. SQLite must have closed it in this process: see `tacit.store.lock`."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _run(self) -> None:
        failed = False
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted > self._done or self._closed)
                wanted = self._wanted
                if self._closed and (wanted == self._done or failed):
                    return
            try:
                done = self._pass()
            except (sqlite3.Error, OSError) as error:
                done = False
                if not failed:
                    _log.warning("deleted bytes are still in the files of the store: %s", error)
            failed = not done
            with self._changed:
                if done:
                    self._done = wanted
                    self._changed.notify_all()
                else:
                    self._changed.wait_for(lambda: self._closed, _PAUSE)

    def _pass(self) -> bool:
        """Cut the log and clear the gaps of the whole file; return whether no reader was in the way."""
        with closing(self._connected()) as connection:
            (size,) = connection.execute("PRAGMA page_size").fetchone()
            (last,) = connection.execute(_LAST).fetchone()
            start, end = 0, 1
            while start < end:
                with self._turn:
                    if not _truncated(connection):
                        return False
                    end = os.fstat(self._opened()).st_size
                    clear_gaps(self._opened(), start, min(start + _STRETCH, end), size)
                    start += _STRETCH
                    connection.execute(_ERASED, (last if start >= end else 0,))
            return True

    def _connected(self) -> sqlite3.Connection:
        connection = self._file.opened(_READER_MS, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _opened(self) -> int:
        """Return a descriptor of the file, which stays open: closing it would drop the locks of SQLite."""
        if self._descriptor is None:
            self._descriptor = os.open(self._file.path, os.O_RDWR | os.O_CLOEXEC)
        return self._descriptor


def clear_gaps(descriptor: int, start: int, end: int, size: int) -> int:
    """Fill the gaps of the pages of a stretch with zeros, flush them, and return how many there were.

    Parameters
    ----------
    descriptor : int
        A SQLite file that nobody changes meanwhile, without a log.
    start, end : int
        Bytes of the stretch, multiples of ``size``.
    size : int
        Bytes of a page.
    """
    if end // size >= _MOST_PAGES:
        _log.warning("the store is so large that deleted bytes may stay in gaps of its pages")
        return 0
    pages = os.pread(descriptor, end - start, start)
    cleared = 0
    for offset in range(0, len(pages) - size + 1, size):
        first, last = _gap(pages, offset, size, _FIRST_HEADER if start + offset == 0 else 0)
        if last > first and pages.count(0, first, last) < last - first:
            os.pwrite(descriptor, bytes(last - first), start + first)
            cleared += 1
    if cleared:
        os.fdatasync(descriptor)
    return cleared


def _gap(pages: bytes, offset: int, size: int, header: int) -> tuple[int, int]:
    """Return where the gap of a page begins and ends; nothing where it is no page with cells."""
    head = offset + header
    length = _TREES.get(pages[head])
    if length is None:
        return 0, 0
    cells = int.from_bytes(pages[head + 3 : head + 5], "big")
    content = int.from_bytes(pages[head + 5 : head + 7], "big") or 65_536
    first, last = head + length + 2 * cells, offset + content
    return (first, last) if last <= offset + size else (0, 0)


def _truncated(connection: sqlite3.Connection) -> bool:
    """Move the whole log into the file and cut it; return whether no reader needs it still."""
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
