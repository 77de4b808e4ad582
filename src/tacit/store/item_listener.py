"""Knows the number of the last change of items in PostgreSQL, without a question by each request.

A connection of its own listens for the notice that every change of items sends with its commit. A notice
only says that there is something: what, is read by number. So a notice that is lost (the connection broke, a
pooler of connections swallowed it) costs a quarter of a second: then the number is read anyway.
"""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tacit.store.database import reason
from tacit.store.item_rows import ITEMS_CHANGED, LAST_NUMBER

if TYPE_CHECKING:
    import psycopg

_PAUSE = 0.25
"""Seconds between two reads of the number without a notice, and before a new connection."""
_log = logging.getLogger(__name__)


class ItemListener:
    """A thread that follows the number of the last change.

    Parameters
    ----------
    connect : callable
        Opens a connection in autocommit mode.

    Attributes
    ----------
    number : int
        Of the last change that is known here; 0 before the first.
    """

    def __init__(self, connect: "Callable[[], psycopg.Connection[Any]]") -> None:
        self.number = 0
        self._connect = connect
        self._wake: Callable[[], None] = lambda: None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tacit-items-listener", daemon=True)
        self._thread.start()

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call a function, in the thread of the listener, whenever the number has grown."""
        self._wake = wake

    def close(self) -> None:
        """Stop listening."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        import psycopg

        lost = False
        while not self._closing.is_set():
            try:
                with self._connect() as connection:
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
            number = connection.execute(LAST_NUMBER, prepare=True).fetchall()[0][0]
            if number > self.number:
                self.number = number
                self._wake()
            for _ in connection.notifies(timeout=_PAUSE, stop_after=1):
                pass
