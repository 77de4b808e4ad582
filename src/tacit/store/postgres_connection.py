"""Connections to PostgreSQL that do not wait for ever. It needs psycopg, which is an extra.

A server that is stopped, or behind a network that swallows packets, neither answers nor closes. What libpq
and the server offer (``connect_timeout``, ``statement_timeout``, keep-alives) ends other waits. Here each
wait of a connection has an end, at which the connection is given up.
"""

import threading
import time
from collections.abc import Generator
from math import inf
from typing import Any

import psycopg

from tacit.store.patience import patience_now

_CONNECT_SECONDS = 3
"""Seconds in which a connection must be there, where the address of the store says nothing else."""
_LAST_SECONDS = 1.0
_ABANDONED = (
    "SET idle_in_transaction_session_timeout = '60s'; SET tcp_keepalives_idle = 20; "
    "SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4"
)
"""How the server notices a client that is gone without a word: the locks of that one must not stay."""


class ServerSilentError(psycopg.OperationalError):
    """The server said nothing for too long; the connection is closed."""


class PatientConnection(psycopg.Connection[Any]):
    """A connection whose waits end.

    Attributes
    ----------
    seconds : float
        How long it waits for the next word of the server, where the thread says nothing else
        (`tacit.store.patience`).
    ends : threading.Event
        Set when the store is to be closed: from then on it waits a second at most.
    """

    seconds: float = inf
    ends: threading.Event

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """Wait for the server, as psycopg does everywhere but while it connects.

        Raises
        ------
        ServerSilentError
        """
        seconds = patience_now()
        try:
            limited = _limited(gen, self.seconds if seconds is None else seconds, self.ends)
            return super().wait(limited, *args, **options)
        except ServerSilentError:
            self.pgconn.finish()  # what is under way in it cannot be known; to close it politely would wait
            raise


def connected(seconds: float, ends: threading.Event, *args: Any, **options: Any) -> PatientConnection:
    """Connect as ``psycopg.connect`` does, for the attributes of a `PatientConnection`."""
    connection = PatientConnection.connect(*args, **{"connect_timeout": _CONNECT_SECONDS, **options})
    connection.seconds, connection.ends = seconds, ends
    usual, connection.autocommit = connection.autocommit, True
    connection.execute(_ABANDONED)
    connection.autocommit = usual
    return connection


def _limited(
    gen: Generator[Any, Any, Any], seconds: float, ends: threading.Event
) -> Generator[Any, Any, Any]:
    """Yield what a generator of psycopg yields; it is sent 0 ten times a second while nothing comes."""
    heard = time.monotonic()
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            now = time.monotonic()
            limit = min(seconds, _LAST_SECONDS) if ends.is_set() else seconds
            if ready:
                heard = now
            elif now - heard > limit:
                raise ServerSilentError(f"it did not answer within {limit:g} s")
            wanted = gen.send(ready)
    except StopIteration as done:
        return done.value
