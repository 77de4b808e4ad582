"""How long this thread waits for a database server that says nothing (`tacit.store.postgres_connection`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

WAIT_SECONDS = 5.0
"""Seconds that a service waits for the next word of the server, ..."""
READ_SECONDS = 2.0
"""... in reads that lists ask for, which go on without them much earlier (`tacit.engine.aside`), ..."""
TURN_SECONDS = 10.0
"""... and for a lock that other processes hold while they work."""
_seconds: ContextVar[float | None] = ContextVar("tacit_patience", default=None)


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Wait so long within the block, whatever is usual for the connection."""
    token = _seconds.set(seconds)
    try:
        yield
    finally:
        _seconds.reset(token)


def patience_now() -> float | None:
    """Return the patience of this thread; None where it is that of the connection."""
    return _seconds.get()
