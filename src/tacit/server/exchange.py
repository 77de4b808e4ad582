"""One request and its answer, as known to whoever answers, refuses or writes of it."""

import os
import re
from collections.abc import Sequence
from contextvars import ContextVar
from itertools import count

REQUEST_ID = b"x-request-id"
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,64}")
"""No sign that means anything in a header, in JSON, or in a line of a log."""
_PREFIX = os.urandom(8).hex()
_numbers = count(1)


class Exchange:
    """A request and its answer.

    Attributes
    ----------
    request_id : str
        As the client sent it, if it is well-formed; else made here.
    key : str or None
        Name of the key that was sent; never the key.
    status : int
        0 before the answer begins.
    size : int
        Bytes of the body of the answer that were sent.
    reason : str or None
        Why the request was refused, where its status alone does not tell.
    trace_id : str or None
        Of the trace, if there is one.
    """

    __slots__ = ("key", "reason", "request_id", "size", "status", "trace_id")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.key: str | None = None
        self.status = self.size = 0
        self.reason: str | None = None
        self.trace_id: str | None = None


current: ContextVar[Exchange | None] = ContextVar("tacit_exchange", default=None)
"""The exchange of the running task."""


def note_key(name: str) -> None:
    """Note by which key the running request came in."""
    exchange = current.get()
    if exchange is not None:
        exchange.key = name


def note_reason(reason: str) -> None:
    """Note why the running request is refused: a word of `tacit.server.service_metrics`."""
    exchange = current.get()
    if exchange is not None:
        exchange.reason = reason


def request_id_of(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Return the id of a request: its own one, if that is well-formed, else a new one."""
    for name, value in headers:
        if name == REQUEST_ID:
            return usable(value)
    return new_id()


def usable(given: bytes) -> str:
    """Return the id that a client sent, or a new one in place of one that is not well-formed."""
    return given.decode() if _WELL_FORMED.fullmatch(given) else new_id()


def new_id() -> str:
    """Return an id that no other request has, in any process."""
    return f"{_PREFIX}-{next(_numbers):x}"
