"""Knows the numbers of the last changes in PostgreSQL, without a question by each request.

A connection of its own listens for the notice that every change of items, and who forgets a user, sends with
its commit. A notice
only says that there is something: what, is read by number. So a notice that is lost (the connection broke, a
pooler of connections swallowed it) costs a quarter of a second: then the number is read anyway.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tacit.store.database import StorageError, reason
from tacit.store.item_rows import ITEMS_CHANGED
from tacit.store.patience import READ_SECONDS
from tacit.store.patience import patience as limited
from tacit.store.user_rows import LAST_NUMBERS

if TYPE_CHECKING:
    import psycopg

_PAUSE = 0.25
"""Seconds between two reads of the number without a notice, and before a new connection."""
_SILENT = 3.0
"""Seconds without a word of the server after which the number may be too old to be told."""
_log = logging.getLogger(__name__)


class ItemListener:
    """A thread that follows the numbers of the last change of items and of the last tombstone.

    Parameters
    ----------
    connect : callable
        Opens a connection in autocommit mode.

    Attributes
    ----------
    numbers : tuple of int
        Of the last change and the last tombstone that are known here; 0 before the first.
    """

    def __init__(self, connect: "Callable[[], psycopg.Connection[Any]]") -> None:
        self.numbers = (0, 0)
        self._heard = time.monotonic()
        self._connect = connect
        self._wake: Callable[[], None] = lambda: None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tacit-items-listener", daemon=True)
        self._thread.start()

    def last_numbers(self) -> tuple[int, int]:
        """Return the numbers.

        Raises
        ------
        StorageError
            If the server has been silent for too long to know it.
        """
        silent = time.monotonic() - self._heard
        if silent > _SILENT:
            raise StorageError(f"the store has not said for {silent:.0f} s what was changed")
        return self.numbers

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call a function, in the thread of the listener, whenever a number has grown."""
        self._wake = wake

    def stop(self) -> None:
        """Stop listening soon."""
        self._closing.set()

    def close(self) -> None:
        """Stop listening."""
        self.stop()
        self._thread.join()

    def _run(self) -> None:
        import psycopg

        lost = False
        while not self._closing.is_set():
            try:
                with limited(READ_SECONDS), self._connect() as connection:
                    if lost:
                        _log.warning("items are followed again")
                    lost = False
                    self._listen(connection)
            except psycopg.Error as error:
                if not lost:
                    _log.warning("the connection that follows changes of items was lost: %s", reason(error))
                lost = True
                self._closing.wait(_PAUSE)

    def _listen(self, connection: "psycopg.Connection[Any]") -> None:
        connection.execute(f"LISTEN {ITEMS_CHANGED}")
        while not self._closing.is_set():
            # After LISTEN, so that no change falls between the two.
            items, tombstones = connection.execute(LAST_NUMBERS, prepare=True).fetchall()[0]
            self._heard = time.monotonic()
            if items > self.numbers[0] or tombstones > self.numbers[1]:
                self.numbers = items, tombstones
                self._wake()
            for _ in connection.notifies(timeout=_PAUSE, stop_after=1):
                pass
