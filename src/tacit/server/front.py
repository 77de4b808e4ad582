"""Answers while no worker does: that the service lives, and that it is not ready.

Workers need seconds to load a model. Until the first of them accepts connections, and again when the last one
has been gone for a while, a thread of the parent accepts them: it says 200 to ``/livez`` and 503 to all else.
A probe gets an answer at once, and a client knows when to come again. A worker accepts before its parent
hears of it; from then on the thread leaves connections to it, so that nobody who has seen the service ready
is told that it is starting.
"""

import json
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

_QUEUE = 2_048
_MOST_OPEN = 200
_SECONDS = 5.0
"""Seconds of a connection, from its first to its last byte."""
_LARGEST = 16_384
_LOOK = 0.002
"""Seconds until the next look at connections that are left to a worker."""
_RETRY_AFTER = 1
_ALIVE = re.compile(rb"(GET|HEAD) /(?:livez|healthz)(?:\?[^ ]*)? HTTP/1\.[01]\r\n")
_DETAIL = "the service is starting: its model is being loaded; send the request again in a second"


class _Connection:
    """A connection, and what it sent so far."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.request = b""
        self.end = time.monotonic() + _SECONDS
        self.answered = False

    def read(self) -> bool:
        """Read what came, answer a request that is whole up to its body; False if nothing more will come."""
        try:
            data = self.link.recv(_LARGEST)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        if not self.answered:
            self.request += data
            if b"\r\n\r\n" in self.request or len(self.request) > _LARGEST:
                self._answer()
        return True  # a body is read and dropped: a connection that is closed before would lose the answer

    def _answer(self) -> None:
        self.answered = True
        with suppress(OSError):
            self.link.sendall(_response(self.request))
            self.link.shutdown(socket.SHUT_WR)


class Front:
    """Accepts connections in a thread while it is open.

    Parameters
    ----------
    listener : socket.socket
        Bound; it listens from now on.
    any_accepts : callable
        Returns whether a worker accepts connections.
    """

    def __init__(self, listener: socket.socket, any_accepts: Callable[[], bool]) -> None:
        self._listener = listener
        self._any_accepts = any_accepts
        listener.listen(_QUEUE)
        self._over, self._quiet = threading.Event(), threading.Event()
        self._over.set()
        self._quiet.set()

    def open(self, after: float = 0.0) -> None:
        """Answer from now on, or some seconds later; nothing happens if it is open."""
        if self._over.is_set():
            self._over, self._quiet = threading.Event(), threading.Event()
            threading.Thread(
                target=self._run, args=(self._over, self._quiet, after), name="tacit-front", daemon=True
            ).start()

    def close(self) -> None:
        """Accept no more connections once this returns; those that it has are answered."""
        self._over.set()
        self._quiet.wait(_SECONDS)

    def _run(self, over: threading.Event, quiet: threading.Event, after: float) -> None:
        try:
            if not over.wait(after):
                self._accept_until(over, quiet)
        finally:
            quiet.set()

    def _accept_until(self, over: threading.Event, quiet: threading.Event) -> None:
        # A descriptor of its own: that of the service may be closed any time.
        with self._listener.dup() as listener, selectors.DefaultSelector() as selector:
            listener.setblocking(False)
            selector.register(listener, selectors.EVENT_READ)
            accepting = True
            while accepting or selector.get_map():
                if accepting and over.is_set():
                    selector.unregister(listener)
                    accepting = False
                    quiet.set()
                for key, _ in selector.select(0.05):
                    if key.data is None:
                        self._accept(listener, selector)
                    elif not key.data.read():
                        _forget(key.data, selector)
                for one in [key.data for key in selector.get_map().values() if key.data is not None]:
                    if time.monotonic() > one.end:
                        _forget(one, selector)

    def _accept(self, listener: socket.socket, selector: selectors.BaseSelector) -> None:
        if len(selector.get_map()) > _MOST_OPEN:
            return
        if self._any_accepts():
            time.sleep(_LOOK)
            return
        with suppress(OSError):  # a worker was first, or the client is gone
            link, _ = listener.accept()
            link.setblocking(False)
            selector.register(link, selectors.EVENT_READ, _Connection(link))


def _forget(one: _Connection, selector: selectors.BaseSelector) -> None:
    selector.unregister(one.link)
    one.link.close()


def _response(request: bytes) -> bytes:
    alive = _ALIVE.match(request)
    if alive:
        status, kind, body = "200 OK", "application/json", b'{"status":"ok"}'
    else:
        problem = {"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": _DETAIL}
        status, kind, body = (
            "503 Service Unavailable",
            "application/problem+json",
            json.dumps(problem).encode(),
        )
    head = [
        f"HTTP/1.1 {status}",
        f"content-type: {kind}",
        f"content-length: {len(body)}",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "connection: close",
        *([] if alive else [f"retry-after: {_RETRY_AFTER}"]),
    ]
    return "\r\n".join([*head, "", ""]).encode() + (b"" if request.startswith(b"HEAD ") else body)
