"""The turn of a process to change items in PostgreSQL: a lock of the server, on a connection of its own."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tacit.store.database import StorageLateError, storage_error
from tacit.store.patience import TURN_SECONDS
from tacit.store.patience import patience as limited

if TYPE_CHECKING:
    import psycopg

_LOCK = 0x7461636B74
"""Number of the advisory lock; those of upgrades and of numbers are others."""


class PostgresTurn:
    """A context in which no other process is; a process that is killed gives it up with its connection.

    Parameters
    ----------
    connect : callable
        Opens a connection in autocommit mode.
    """

    def __init__(self, connect: "Callable[[], psycopg.Connection[Any]]") -> None:
        self._connect = connect
        self._threads = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None

    def __enter__(self) -> None:
        if not self._threads.acquire(timeout=TURN_SECONDS):
            raise StorageLateError("other changes of items wait for the store; send this one again")
        try:
            with limited(TURN_SECONDS):  # others work while they hold the lock
                self._lock()
        except BaseException:
            self._threads.release()
            raise

    def __exit__(self, *_: object) -> None:
        import psycopg

        try:
            if self._connection is not None:
                self._connection.execute(f"SELECT pg_advisory_unlock({_LOCK})")
        except psycopg.Error:
            self.close()  # that gives the lock up as well
        finally:
            self._threads.release()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _lock(self) -> None:
        import psycopg

        from tacit.store.postgres_connection import ServerSilentError

        kept = self._connection is not None
        try:
            self._connection = self._connection or self._connect()
            self._connection.execute(f"SELECT pg_advisory_lock({_LOCK})")
        except psycopg.Error as error:
            self.close()
            if not kept or isinstance(error, ServerSilentError):
                raise storage_error(error) from error
            self._lock()  # the server closed the connection since it was used last
