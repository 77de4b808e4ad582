"""Group commit: one thread of each process commits whatever is waiting there as one transaction.

Concurrent writes share one flush to disk, so throughput does not depend on the flush; a caller returns when
its own work is committed. Work that the database refuses does not affect the work of others.
"""

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, SQLAlchemyError

from tacit.core.stages import stage
from tacit.store.database import (
    StorageError,
    StorageFullError,
    StorageLateError,
    StorageUnsureError,
    begin_write,
    storage_error,
)

_LARGEST_GROUP = 64
"""Most pieces of work of one transaction: a bound on the time that a caller waits for others."""
_TRIES = 4
"""How often a transaction runs that PostgreSQL ends because it and another one wait for each other."""
_DEADLOCK = "40P01"
_PAUSE = 1.0
"""Seconds between two tries to write after a failure, if nobody else writes."""
_LONGEST = 10.0
"""Seconds that a caller waits: then the store counts as one that does not answer."""
_BREATH = 0.25
"""Seconds between two tries to find out what became of a transaction."""
_SLOW = 1.0
"""A failure that took so long is told to others at once, and not waited for by each of them."""

T = TypeVar("T")
_Job = tuple[Callable[[Connection], Any], "Future[Any]"]
_log = logging.getLogger(__name__)


class _CommitLostError(Exception):
    """The database was lost while it was to make a transaction durable: it may be, or not."""


class OnWrite(Protocol):
    """Hears of each transaction: its seconds, and whether it failed."""

    def __call__(self, seconds: float, *, failed: bool) -> None:
        """Note a transaction."""


def _unheard(seconds: float, *, failed: bool) -> None:
    """Note nothing."""


class Writer:
    """The only writer of a database in this process; those of other processes wait for each other.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    turn : context manager, optional
        Entered for each transaction: processes that share a file take turns.
    on_commit : callable, optional
        Called after each commit.
    probe : callable, optional
        Writes something small: after a failure it tells when writing works again.

    Attributes
    ----------
    failure : StorageError or None
        Why the last write was refused; None if it was not.
    on_write : callable
        Called after each transaction.
    """

    def __init__(
        self,
        engine: Engine,
        turn: AbstractContextManager[object] | None = None,
        on_commit: Callable[[], None] | None = None,
        probe: Callable[[Connection], object] | None = None,
    ) -> None:
        self.failure: StorageError | None = None
        self.on_write: OnWrite = _unheard
        self._engine = engine
        self._probe = probe
        self._on_commit = on_commit or (lambda: None)
        self._turn = turn or nullcontext()
        self._waiting: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._fails_slowly = False
        self._working_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="tacit-store", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do work in a transaction; return its result when the transaction is on disk.

        Where it is not known whether a transaction was made durable, its work is done again: twice must come
        to the same as once.

        Raises
        ------
        StorageFullError
            If there is no room.
        StorageLateError
            If the database does not answer in time; nothing was stored.
        StorageUnsureError
            If it did not say in time whether it made the work durable.
        StorageError
            If the database refuses for another reason, or the writer is closed.
        """
        done: Future[T] = Future()
        with self._changed:
            if self._closed:
                raise StorageError("the store is closed")
            if self.is_stuck:
                raise StorageLateError("the store does not answer; send this again")
            self._waiting.append((work, done))
            self._changed.notify()
        with stage("store write"):
            return self._result_of(done)

    def _result_of(self, done: "Future[T]") -> T:
        try:
            return done.result(_LONGEST)
        except TimeoutError as error:
            if done.cancel():
                raise StorageLateError(f"the store did not answer within {_LONGEST:.0f} s") from error
            if done.done():  # at the last moment
                return done.result()
            raise StorageUnsureError(f"the store did not answer within {_LONGEST:.0f} s") from error

    @property
    def is_stuck(self) -> bool:
        """Whether the database does not answer: a write would wait in vain."""
        since = self._working_since
        if self._fails_slowly and self._probe is not None:  # which tells when it does again
            return True
        return since is not None and time.monotonic() - since > _LONGEST

    def close(self) -> None:
        """Commit what is waiting and stop; a database that does not answer is not waited for."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(_LONGEST)

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            self._working_since = time.monotonic()
            if group:
                self._commit(group)
            else:
                self._try_again()
            self._working_since = None

    def _next_group(self) -> list[_Job] | None:
        """Wait for work; None if the writer is closed, and no work if it is time to see what was amiss."""
        with self._changed:
            patience = _PAUSE if self.failure is not None and self._probe is not None else None
            self._changed.wait_for(lambda: self._waiting or self._closed, patience)
            if self._closed and not self._waiting:
                return None
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), _LARGEST_GROUP))]

    def _try_again(self) -> None:
        """Write something small, to know whether writing works again before somebody needs it."""
        try:
            with self._turn, self._engine.begin() as connection:
                begin_write(connection)
                if self._probe is not None:
                    self._probe(connection)
            self._note_success()
        except Exception:  # it fails still; what was wrong is known and logged
            self._engine.dispose()

    def _commit(self, group: list[_Job], tries: int = _TRIES) -> None:
        begun = time.monotonic()
        try:
            self._transact(group)
        except _CommitLostError as lost:
            self.on_write(time.monotonic() - begun, failed=True)
            self._settle([job for job in group if job[1].running()], lost)
        except Exception as error:  # callers must not wait for ever, whatever it was
            self.on_write(time.monotonic() - begun, failed=True)
            if tries > 1 and _is_deadlock(error):
                self._commit(group, tries - 1)
            else:
                self._refuse(group, error, slowly=time.monotonic() - begun > _SLOW)

    def _transact(self, group: list[_Job]) -> None:
        """Do the work of a group in one transaction, and tell those who wait for it."""
        begun = time.monotonic()
        with self._turn, self._engine.connect() as connection:
            begin_write(connection)
            wanted = [job for job in group if _is_wanted(job)]
            results = [work(connection) for work, _ in wanted]
            try:
                connection.commit()
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise _CommitLostError from error
                raise
        self._note_success()
        self.on_write(time.monotonic() - begun, failed=False)
        self._on_commit()
        for (_, done), result in zip(wanted, results, strict=True):
            done.set_result(result)

    def _settle(self, group: list[_Job], lost: "_CommitLostError") -> None:
        """Do work again that may be stored already, until it surely is."""
        self._fails_slowly = True
        end = time.monotonic() + _LONGEST
        while time.monotonic() < end and not self._closed:
            self._engine.dispose()
            time.sleep(_BREATH)
            try:
                self._transact(group)
            except (_CommitLostError, OperationalError):  # it is not back yet
                continue
            except Exception as error:
                self._refuse(group, error, slowly=False)
            return
        self._refuse(group, lost, slowly=True)

    def _note_success(self) -> None:
        self.failure, self._fails_slowly = None, False

    def _refuse(self, group: list[_Job], error: Exception, *, slowly: bool) -> None:
        failure = storage_error(error) if not isinstance(error, _CommitLostError) else _unsure()
        if isinstance(error, SQLAlchemyError):
            # After a failed flush the pages in memory may be wrong: every file is opened again.
            self._engine.dispose()
        if len(group) > 1 and not isinstance(failure, StorageFullError) and not slowly:
            for job in group:
                self._commit([job])
            return
        _log.error("%s", failure)
        if not _is_of_the_data(error):
            self.failure = failure
            self._fails_slowly = slowly and not isinstance(failure, StorageFullError)
        for job in group:
            if _is_wanted(job):
                job[1].set_exception(failure)


def _is_wanted(job: _Job) -> bool:
    """Return whether somebody waits for a piece of work; from then on until it is done."""
    done = job[1]
    return done.running() or (not done.done() and done.set_running_or_notify_cancel())


def _unsure() -> StorageUnsureError:
    return StorageUnsureError("the store was lost while it was to store something, and did not come back")


def _is_of_the_data(error: Exception) -> bool:
    """Return whether what was to be written is at fault, and not the database."""
    ours = SQLAlchemyError | sqlite3.Error | OSError | _CommitLostError
    return isinstance(error, IntegrityError | DataError) or not isinstance(error, ours)


def _is_deadlock(error: Exception) -> bool:
    """Return whether two processes that store the same events in another order waited for each other."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) == _DEADLOCK
