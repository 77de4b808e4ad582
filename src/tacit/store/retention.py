"""Deletes events and lists that were shown when they are older than is said, a few at a time.

Of the processes of a store one does it, whoever has the lock: with SQLite a lock on a file beside the store,
with PostgreSQL one of the server. Between two groups others write. What is deleted is overwritten in the
files of SQLite (`tacit.store.erasing`).
"""

import fcntl
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from tacit.store.database import StorageError, storage_error

if TYPE_CHECKING:
    import psycopg

_GROUP = 500
"""Rows of a transaction: some ten milliseconds in which others wait."""
_PAUSE = 0.05
"""Seconds between two groups: ten thousand rows a second."""
_EVERY = 600.0
"""Seconds between two looks at the store."""
_LOCK = 0x7461636B70
"""Number of the advisory lock in PostgreSQL."""
_OLD_LISTS = text(
    "DELETE FROM tacit_exposure WHERE recommendation_id IN "
    "(SELECT recommendation_id FROM tacit_exposure WHERE at < :before ORDER BY at LIMIT :most)"
)
_FIRST_EVENTS = text("SELECT number FROM tacit_event ORDER BY number LIMIT :most")
_OLD_EVENTS = text(
    "DELETE FROM tacit_event WHERE number BETWEEN :first AND :last AND coalesce(received, at) < :before"
)
_log = logging.getLogger(__name__)

Write = Callable[[Callable[[Connection], int]], int]


@dataclass(frozen=True)
class Ages:
    """How long rows are kept, in seconds; None for ever.

    Attributes
    ----------
    events : float or None
        Since their receipt.
    exposures : float or None
    """

    events: float | None = None
    exposures: float | None = None


def delete_old_exposures(connection: Connection, before: float) -> int:
    """Delete some of the lists that were shown before a moment; return how many, 0 when none is left."""
    return connection.execute(_OLD_LISTS, {"before": before, "most": _GROUP}).rowcount


def delete_old_events(connection: Connection, before: float) -> int:
    """Delete some of the events that were received before a moment; return how many, 0 when none is left.

    Times of receipt do not decrease with the number, so old events are the first ones.
    """
    numbers = connection.execute(_FIRST_EVENTS, {"most": _GROUP}).scalars().all()
    if not numbers:
        return 0
    values = {"first": numbers[0], "last": numbers[-1], "before": before}
    return connection.execute(_OLD_EVENTS, values).rowcount


class Retention:
    """A thread that deletes what is too old.

    Parameters
    ----------
    ages : Ages
    now : callable
        Returns Unix seconds.
    write : callable
        Does work in a transaction and returns its result.
    lock : FileLock or ServerLock
    after : callable
        Called when something was deleted.
    """

    def __init__(
        self,
        ages: Ages,
        now: Callable[[], float],
        write: Write,
        lock: "FileLock | ServerLock",
        after: Callable[[], object],
    ) -> None:
        self._ages, self._now, self._write, self._lock, self._after = ages, now, write, lock, after
        self._closing = threading.Event()
        self._fails = False
        self._thread = threading.Thread(target=self._run, name="tacit-retention", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the group that is being deleted."""
        self._closing.set()
        self._thread.join()
        self._lock.close()

    def _run(self) -> None:
        while True:
            try:
                self._delete()
                self._fails = False
            except (StorageError, OSError) as error:
                if not self._fails:
                    _log.warning("old events and lists are not deleted: %s", error)
                self._fails = True
            if self._closing.wait(_EVERY):
                return

    def _delete(self) -> None:
        if not self._lock.taken():
            return
        try:
            events = self._delete_all(self._ages.events, delete_old_events)
            lists = self._delete_all(self._ages.exposures, delete_old_exposures)
        finally:
            self._lock.give_back()
        if events or lists:
            _log.info("deleted %d old events and %d old lists", events, lists)
            self._after()

    def _delete_all(self, age: float | None, delete: Callable[[Connection, float], int]) -> int:
        if age is None:
            return 0
        before, deleted = self._now() - age, 0
        while not self._closing.is_set():
            some = self._write(lambda connection: delete(connection, before))
            deleted += some
            if not some:
                break
            self._closing.wait(_PAUSE)
        return deleted


class FileLock:
    """The lock of one process beside a SQLite store; it ends with the process.

    Parameters
    ----------
    store : Path
    """

    def __init__(self, store: Path) -> None:
        place = store.resolve()
        self._place = place.with_name(f"{place.name}.old")
        self._descriptor: int | None = None

    def taken(self) -> bool:
        """Take the lock; return whether this process has it."""
        descriptor = os.open(self._place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def give_back(self) -> None:
        """Let another process have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    close = give_back


class ServerLock:
    """The lock of one process of all that use a PostgreSQL store; it ends with its connection.

    Parameters
    ----------
    connect : callable
        Opens a connection in autocommit mode.
    """

    def __init__(self, connect: "Callable[[], psycopg.Connection[Any]]") -> None:
        self._connect = connect
        self._connection: psycopg.Connection[Any] | None = None

    def taken(self) -> bool:
        """Take the lock; return whether this process has it.

        Raises
        ------
        StorageError
            If the server cannot be reached.
        """
        import psycopg

        try:
            self._connection = self._connect()
            row = self._connection.execute(f"SELECT pg_try_advisory_lock({_LOCK})").fetchone()
        except psycopg.Error as error:
            self.give_back()
            raise storage_error(error) from error
        if row is None or not row[0]:
            self.give_back()
            return False
        return True

    def give_back(self) -> None:
        """Let another process have it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    close = give_back
