"""What is seen of every request, whoever answers or refuses it: an id, counts, a line of the log, a trace.

Plain ASGI around the guard (`tacit.server.guard`).
"""

import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from tacit.server.access_log import AccessLog, Line
from tacit.server.exchange import REQUEST_ID, Exchange, current, new_id, request_id_of, usable
from tacit.server.guard import App, Message, Receive, Scope, Send
from tacit.server.service_metrics import Metrics, usual_method
from tacit.server.tracing import Traces

_FIRST_LINE = re.compile(rb"([A-Z]+) ([^ ?]+)")
_ID_LINE = re.compile(rb"\r\nx-request-id: *([^\r]*?) *\r\n", re.IGNORECASE)
_LENGTH_LINE = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n")
_FAULT = 500
"""What the server answers if an application does not."""


@dataclass(frozen=True)
class Watchers:
    """Who watches.

    Attributes
    ----------
    metrics : Metrics
    access_log : AccessLog, optional
    traces : Traces, optional
    """

    metrics: Metrics = field(default_factory=Metrics)
    access_log: AccessLog | None = None
    traces: Traces | None = None

    def close(self) -> None:
        """Write what waits to be written or sent."""
        if self.access_log is not None:
            self.access_log.close()
        if self.traces is not None:
            self.traces.close()


class Watch:
    """Passes requests on, and tells those who watch.

    Parameters
    ----------
    app : ASGI application
    watchers : Watchers
    routes : iterable of (method, template)
        Of the application: what is written of a path is its template.
    """

    def __init__(self, app: App, watchers: Watchers, routes: Iterable[tuple[str, str]]) -> None:
        self._app = app
        self._metrics, self._log, self._traces = watchers.metrics, watchers.access_log, watchers.traces
        self._metrics.know(routes)
        self._metrics.begin(os.getpid())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        exchange = Exchange(request_id_of(scope["headers"]))
        current.set(exchange)  # of the task of this request
        route = self._metrics.route(scope["method"], _path(scope))
        self._metrics.came()

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                headers = message.get("headers", [])
                message["headers"] = [*headers, (REQUEST_ID, exchange.request_id.encode())]
            else:
                exchange.size += len(message.get("body", b""))
            await send(message)

        try:
            if self._traces is None:
                await self._app(scope, receive, noted)
            else:
                method, template = self._metrics.names[route]
                with self._traces.request(scope["headers"], method, template, exchange):
                    await self._app(scope, receive, noted)
        finally:
            seconds = time.perf_counter() - begun
            self._metrics.left(route, exchange.status or _FAULT, seconds, exchange.reason)
            if self._log is not None:
                self._write(scope["method"], route, exchange, seconds)

    def refused(self, request: bytes, answer: bytes) -> bytes:
        """Return the refusal of a request that was not parsed, with its id; it counts as any other.

        Parameters
        ----------
        request : bytes
            With all its headers.
        answer : bytes
            A whole one, whose body is a problem document.
        """
        first, own = _FIRST_LINE.match(request), _ID_LINE.search(request)
        exchange = Exchange(new_id() if own is None else usable(own[1]))
        method, path = (first[1].decode(), first[2].decode("latin-1")) if first else ("", "")
        route = self._metrics.route(method, path)
        start, end, length, exchange.status = _parts(answer)
        id_ = exchange.request_id.encode()
        exchange.size = length + len(id_)
        self._metrics.answered(route, exchange.status, 0.0, "overloaded")
        if self._log is not None:
            self._write(method, route, exchange, 0.0)
        return start % (exchange.size, id_) + end % id_

    def _write(self, method: str, route: int, exchange: Exchange, seconds: float) -> None:
        if self._log is not None:
            line = Line(
                time.time(),
                exchange.request_id,
                usual_method(method),
                self._metrics.names[route][1],
                exchange.status or _FAULT,
                seconds,
                exchange.size,
                exchange.key,
                exchange.trace_id,
            )
            self._log.add(line)


def _path(scope: Scope) -> str:
    """Return the path as it was sent: an id may hold an encoded slash."""
    raw = scope.get("raw_path")
    return raw.decode("latin-1") if raw else str(scope["path"])


@lru_cache(maxsize=64)
def _parts(answer: bytes) -> tuple[bytes, bytes, int, int]:
    """Return the templates of an answer up to the end of its head and after it, their length, and the status.

    The first takes the length of the body and the id of the request, the second the id; the length is that
    of a body without an id.
    """
    head, _, body = (part.replace(b"%", b"%%") for part in answer.partition(b"\r\n\r\n"))
    end = body[:-1] + b',"request_id":"%b"}'
    start = _LENGTH_LINE.sub(b"\r\ncontent-length: %d\r\n", head, count=1)
    return start + b"\r\n" + REQUEST_ID + b": %b\r\n\r\n", end, len(end % b""), int(head[9:12])
