"""What is decided before a request is parsed: a time limit for its headers, and refusals of an overload.

Many incomplete requests must not exhaust the service. And at many times the capacity most requests are
refused, so a refusal must cost next to nothing: at ten times a capacity of 600 lists a second, one that goes
the whole way to the guard takes a third of the processor.
"""

import asyncio
import re
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tacit.server.guard import overloaded_response

_HEADER_SECONDS = 8.0
_LIST = re.compile(
    rb"(?:GET /v1/(?:users|items)/[^ /?]+/(?:recommendations|similar)(?:\?[^ ]*)?"
    rb"|POST /v1/sessions/recommendations) HTTP/1\.1\r\n"
)
"""The first line of a request for a list."""
_SPECIAL = re.compile(rb"content-length|transfer-encoding|expect|upgrade|close", re.IGNORECASE)
"""Words of headers that may say where a request ends, or that its connection does."""
_LENGTH = re.compile(rb"\r\ncontent-length: ?([0-9]{1,7})\r\n", re.IGNORECASE)


class PacedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a time limit for headers, and quick refusals.

    The limit counts from the first to the last byte of the headers, and from the start of a connection.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limit: asyncio.TimerHandle | None = None
        self._between = True
        """Whether the last request on the connection has arrived whole, and no byte of the next one."""
        self._in_headers = False
        self._answers = getattr(getattr(self.config.app, "state", None), "answers", None)
        self._watch = getattr(self.config.app, "watch", None)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of a new connection."""
        super().connection_made(transport)
        self._start()

    def data_received(self, data: bytes) -> None:
        """Refuse a whole request for a list while the lane is full; parse any other data."""
        if self._answers is not None and self._is_list(data) and not self._answers.reserve():
            self._refuse(data, self._answers.retry_after())
            return
        super().data_received(data)
        if self._in_headers:
            self._start()

    def on_message_begin(self) -> None:
        """Note a further request on a connection; its clock starts if its headers are not in these data."""
        super().on_message_begin()
        self._in_headers, self._between = True, False

    def on_headers_complete(self) -> None:
        """Stop the clock: the headers are complete."""
        self._in_headers = False
        self._stop()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the request has arrived."""
        super().on_message_complete()
        self._between = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock: the connection is closed."""
        self._stop()
        super().connection_lost(exc)

    def _is_list(self, data: bytes) -> bool:
        """Return whether the data are one request for a list and nothing else, on a connection at rest."""
        at_rest = self._between and (self.cycle is None or self.cycle.response_complete) and not self.pipeline
        if not at_rest or _LIST.match(data) is None:
            return False
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            return False
        special = _SPECIAL.findall(data, 0, end)
        if not special:
            return len(data) == end
        # In any doubt about the length the parser decides: no body must be taken for another request.
        length = _LENGTH.search(data, 0, end) if len(special) == 1 else None
        return length is not None and len(data) == end + int(length[1])

    def _refuse(self, data: bytes, seconds: int) -> None:
        self._stop()
        self._unset_keepalive_if_required()
        answer = overloaded_response(seconds)
        self.transport.write(answer if self._watch is None else self._watch.refused(data, answer))
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _start(self) -> None:
        if self._limit is None:
            self._limit = self.loop.call_later(_HEADER_SECONDS, self.transport.close)

    def _stop(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
