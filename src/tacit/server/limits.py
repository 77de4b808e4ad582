"""Guards before any route: body size, key, headers. Plain ASGI, so that they cost nothing per byte."""

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST_BODY = 2**20
OPEN_PATHS = frozenset({"/healthz", "/readyz"})

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    ),
]


def problem(status: int, title: str, detail: str) -> bytes:
    """Return an error as an RFC 9457 document."""
    return orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail})


async def refuse(send: Send, status: int, title: str, detail: str) -> None:
    """Answer with an error."""
    body = problem(status, title, detail)
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *_HEADERS,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Guard:
    """Adds security headers, asks for the key, and stops bodies that are too large.

    Parameters
    ----------
    app : ASGI application
    api_key : str or None
        Needed as ``Authorization: Bearer KEY`` or ``X-API-Key: KEY`` everywhere but on the health routes.
    """

    def __init__(self, app: App, api_key: str | None = None) -> None:
        self._app = app
        self._key = api_key.encode() if api_key else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if self._key is not None and scope["path"] not in OPEN_PATHS and not _has_key(headers, self._key):
            await refuse(send, 401, "Unauthorized", "a key is needed: send Authorization: Bearer KEY")
            return
        body = await _body(headers, receive)
        if body is None:
            await refuse(send, 413, "Content Too Large", f"the body is larger than {LARGEST_BODY:,} bytes")
            return

        async def replay() -> Message:
            nonlocal body
            if body is not None:
                whole, body = body, None
                return {"type": "http.request", "body": whole, "more_body": False}
            return await receive()

        async def protect(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        await self._app(scope, replay, protect)


async def _body(headers: dict[bytes, bytes], receive: Receive) -> bytes | None:
    """Return the whole body, None once more bytes came than may (whatever was announced)."""
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > LARGEST_BODY:
        return None
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _has_key(headers: dict[bytes, bytes], key: bytes) -> bool:
    given = headers.get(b"x-api-key") or headers.get(b"authorization", b"").removeprefix(b"Bearer ")
    return hmac.compare_digest(given, key)
