"""Guards before any route: host, origin, key, size and pace of the body, security headers. Plain ASGI."""

import asyncio
import logging
import re
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from functools import cache
from math import ceil
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from tacit.server.admission import Admission
from tacit.server.docs import STYLE_HASH
from tacit.server.problems import MEDIA_TYPE, TEMPORARY, OverloadedError, RefusedError, problem, status_of
from tacit.server.routes import Reply, Route, Routes

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Mapping[bytes, bytes]

LARGEST_BODY = 2**20
LARGEST_STREAM = 2**30
"""Bytes of a body that is read as it comes; its route counts them."""
_LARGEST_HEADERS = 16_384
_DRAINED = 16 * LARGEST_BODY
"""So much of a body that is too large is read and dropped, so that its sender can read the refusal."""
_BODY_SECONDS = 30.0
_USUAL_PATH = re.compile(rb"[A-Za-z0-9_.~/:@!$&'()*+,;=-]*")
"""A path that is passed on as it is."""
_HOST = re.compile(rb"(\[[^\[\]]*\]|[^:\[\]]*)(?::[0-9]*)?")
"""A name, or an address of IPv6 in brackets, and a port."""
_ONCE = (b"host", b"origin", b"authorization", b"x-api-key", b"content-length", b"content-encoding")
"""Headers that decide: of two it cannot be known which was meant."""
_BODY_HEADERS = frozenset({b"content-length", b"transfer-encoding"})
FAULT = "a fault of ours; the log of the service tells more"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY = (
    f"default-src 'none'; style-src '{STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", _POLICY.encode()),
]
_log = logging.getLogger(__name__)


@cache
def _overloaded(seconds: int) -> Reply:
    return 503, problem(*status_of(OverloadedError(seconds))), MEDIA_TYPE, seconds


@cache
def overloaded_response(seconds: int) -> bytes:
    """Return a refusal as it goes over the wire, for `tacit.server.pace`."""
    _, body, *_ = _overloaded(seconds)
    return b"".join([
        b"HTTP/1.1 503 Service Unavailable\r\n",
        b"content-type: " + MEDIA_TYPE.encode() + b"\r\n",
        b"content-length: %d\r\nretry-after: %d\r\n" % (len(body), seconds),
        *(name + b": " + value + b"\r\n" for name, value in _HEADERS),
        b"\r\n",
        body,
    ])  # fmt: skip


class Guard:
    """Passes allowed requests on, with a complete body, and adds the security headers to every response.

    The path of a request that is passed on is the one that was sent, still percent-encoded: so an id that
    holds a slash is one part of it.

    Parameters
    ----------
    app : ASGI application
    admission : Admission
        Who may send what.
    allowed_hosts : sequence of str
        Accepted names in the Host header, without ports; ``*`` accepts all.
    routes : Routes
        Who may call what, and what is answered without ``app``.
    is_ending : callable, optional
        Whether the service is about to end: then answers close their connections.

    Attributes
    ----------
    routes : Routes
    needs_keys : bool
    """

    def __init__(
        self,
        app: App,
        admission: Admission,
        allowed_hosts: Sequence[str],
        *,
        routes: Routes,
        is_ending: Callable[[], bool] = lambda: False,
    ) -> None:
        self._app = app
        self._is_ending = is_ending
        self.routes = routes
        self._admission = admission
        self.needs_keys = admission.needs_keys
        self._hosts = frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # GET without its body
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        started = False

        async def protected(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", []), *_HEADERS]
                if self._is_ending():  # a client goes elsewhere, and is not in the way of the end
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        try:
            await self._pass_on(scope, receive, protected)
        except RefusedError as refusal:
            await _refuse(protected, refusal)
        except Exception as error:
            _log_fault(scope["method"], error)
            if not started:
                await _refuse(protected, RefusedError(500, FAULT))

    def _admitted(self, scope: Scope, path: str) -> tuple[Route, str, Headers]:
        """Return the route of a percent-encoded path, its id, and the headers."""
        method, headers = scope["method"], scope["headers"]
        if sum(len(name) + len(value) for name, value in headers) > _LARGEST_HEADERS:
            raise RefusedError(431, f"the headers are larger than {_LARGEST_HEADERS:,} bytes")
        by_name = dict(headers)
        if len(by_name) < len(headers):
            _check_once(headers)
        self._check_host(by_name)
        _check_origin(method, by_name)
        route, id_ = self.routes.find(method, path)
        self._admission.check(route.needed, by_name, (scope.get("client") or ("",))[0])
        return route, id_, by_name

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _raw_path(scope)
        route, id_, headers = self._admitted(scope, path)
        if route.lane is not None and route.lane.is_full:
            await _reply(send, _overloaded(route.lane.retry_after()))
            return
        scope = {**scope, "path": path}
        if route.streams:
            if _announced(headers) > LARGEST_STREAM:
                raise RefusedError(413, f"the body is larger than {LARGEST_STREAM:,} bytes")
            await self._app(scope, receive, send)
            return
        coding = headers.get(b"content-encoding", b"identity").decode("latin-1")
        if coding.strip().lower() != "identity":
            raise RefusedError(415, f"the body is encoded as {coding[:64]}; send it as it is")
        bare = scope["method"] in _READING and not (headers.keys() & _BODY_HEADERS)
        body = b"" if bare else await _body(headers, receive)
        answer = route.handle(id_, scope["query_string"], body) if route.handle else None
        if answer is not None:
            await _reply(send, await answer)
            return
        sent = False

        async def whole() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receive if bare else whole, send)

    def _check_host(self, headers: Headers) -> None:
        """Refuse other host names: a page elsewhere must not reach this service by DNS rebinding."""
        if "*" in self._hosts:
            return
        host = _HOST.fullmatch(headers.get(b"host", b"").lower())
        if host is None or str(host[1], "latin-1") not in self._hosts:
            raise RefusedError(
                400,
                "this service does not answer to the name in the Host header: it is served for this machine, "
                "as localhost, or for the names of --allowed-host",
            )


def _check_once(headers: Sequence[tuple[bytes, bytes]]) -> None:
    names = [name for name, _ in headers]
    for name in _ONCE:
        if names.count(name) > 1:
            raise RefusedError(400, f"the header {name.decode()} is given twice")


def _check_origin(method: str, headers: Headers) -> None:
    """Refuse writes that a page of another site sends through a browser."""
    origin = headers.get(b"origin")
    if origin is None or method in _READING:
        return
    # Compared, not parsed: whatever else it holds, it is not the origin of a page of ours.
    host = headers.get(b"host", b"").lower()
    if origin.lower() not in (b"http://" + host, b"https://" + host):
        raise RefusedError(403, "requests from pages of other sites are not taken")


def _raw_path(scope: Scope) -> str:
    """Return the path as it was sent, percent-encoded."""
    raw = scope.get("raw_path") or scope["path"].encode()
    if _USUAL_PATH.fullmatch(raw):
        return str(raw, "ascii")
    try:
        unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError(400, "the path is not valid UTF-8") from error
    return quote(raw, safe="/%:@!$&'()*+,;=~")


def _announced(headers: Headers) -> int:
    """Return the announced size of the body; 0 if none can be read."""
    announced = headers.get(b"content-length", b"0")
    return int(announced) if announced.isdigit() and len(announced) < 20 else 0


async def _body(headers: Headers, receive: Receive) -> bytes:
    """Return the whole body, limited in size (whatever was announced) and in time."""
    parts: list[bytes] = []
    too_large, size = _announced(headers) > LARGEST_BODY, 0
    more = True
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while more and size <= _DRAINED:
                message = await receive()
                if message["type"] != "http.request":
                    raise RefusedError(400, "the body ended too soon")
                part, more = message.get("body", b""), message.get("more_body", False)
                size += len(part)
                too_large = too_large or size > LARGEST_BODY
                if too_large:
                    parts.clear()
                else:
                    parts.append(part)
    except TimeoutError as error:
        raise RefusedError(408, f"the body did not arrive within {_BODY_SECONDS:.0f} seconds") from error
    if too_large:
        raise RefusedError(413, f"the body is larger than {LARGEST_BODY:,} bytes")
    return b"".join(parts)


def _log_fault(method: str, error: BaseException) -> None:
    """Log where it failed and how, and no values: the path and the message may hold ids of people."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    _log.error("a %s request failed: %s\n%s", method, type(error).__qualname__, frames)


def _without_body(send: Send) -> Send:
    async def headers_only(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return headers_only


async def _reply(send: Send, reply: Reply) -> None:
    status, body, media_type, *seconds = reply
    headers = [(b"content-type", media_type.encode()), (b"content-length", b"%d" % len(body))]
    if status in TEMPORARY:
        headers.append((b"retry-after", b"%d" % (seconds[0] if seconds else 1)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _refuse(send: Send, refusal: RefusedError) -> None:
    body = problem(refusal.status, refusal.detail)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refusal.retry_after is not None:
        headers.append((b"retry-after", b"%d" % ceil(refusal.retry_after)))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
