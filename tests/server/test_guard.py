"""The guard: what may pass does so whole, what may not is refused before any route sees it."""

import asyncio
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tacit.server import guard as module
from tacit.server.admission import Admission
from tacit.server.guard import LARGEST_BODY, Guard, Message, Receive, Scope, Send
from tacit.server.keyring import Keyring
from tacit.server.keys import Key, digest_of
from tacit.server.routes import Route, Routes

HOST = (b"host", b"localhost:8000")
ROUTES = Routes([Route("POST", "/v1/items", streams=True)])
HOSTS = ["localhost", "127.0.0.1", "[::1]", "Shop.Example"]


@dataclass
class Inner:
    """An application that takes what it is given, and keeps it."""

    bodies: list[bytes] = field(default_factory=list)
    after: list[Message] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        assert message["type"] == "http.request" and not message["more_body"]
        self.bodies.append(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-mine", b"1")]})
        await send({"type": "http.response.body", "body": b"ok"})
        self.after.append(await receive())


@dataclass
class Answer:
    """What was sent, and how much of the body was asked for."""

    messages: list[Message]
    requested: int

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.messages[0]["headers"])

    @property
    def detail(self) -> str:
        assert self.headers[b"content-type"] == b"application/problem+json"
        body = self.messages[1]["body"]
        assert int(self.headers[b"content-length"]) == len(body)
        document = json.loads(body)
        assert document["status"] == self.status
        return str(document["detail"])


def admission(key: str | None) -> Admission:
    """Return what lets a key of an admin pass; everybody if there is none."""
    keys = None if key is None else Keyring([Key("x", ("admin",), digest_of(key.encode()))])
    return Admission(keys)


def ask(
    app: Any,
    *headers: tuple[bytes, bytes],
    key: str | None = None,
    hosts: Sequence[str] = HOSTS,
    method: str = "GET",
    path: str = "/v1/x",
    raw_path: bytes | None = None,
    body: Iterable[bytes | float] = (),
    ends: bool = True,
) -> Answer:
    """Send one request; a number in the body is a pause in seconds, and not ``ends`` a client that leaves."""

    async def one() -> Answer:
        parts = iter(body)
        sent: list[Message] = []
        requested = 0
        over = False

        async def receive() -> Message:
            nonlocal requested, over
            requested += 1
            part = next(parts, None)
            if isinstance(part, float):
                await asyncio.sleep(part)
                part = next(parts, None)
            if part is not None:
                return {"type": "http.request", "body": part, "more_body": True}
            if ends and not over:
                over = True
                return {"type": "http.request", "body": b"", "more_body": False}
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        raw = path.encode() if raw_path is None else raw_path
        scope = {"type": "http", "method": method, "path": path, "raw_path": raw, "headers": [*headers]}
        await Guard(app, admission(key), hosts, routes=ROUTES)(scope, receive, send)
        return Answer(sent, requested)

    return asyncio.run(one())


def test_what_may_pass_does_so_whole_and_the_application_still_hears_the_client_leave() -> None:
    inner = Inner()
    answer = ask(inner, HOST, method="POST", body=[b"one, ", b"", b"two"])
    assert answer.status == 200
    assert answer.messages[1]["body"] == b"ok"
    assert inner.bodies == [b"one, two"]
    assert inner.after == [{"type": "http.disconnect"}]


def test_what_is_not_http_passes_as_it_is() -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend([scope, receive, send])

    async def receive() -> Message:
        raise AssertionError

    async def send(_: Message) -> None:
        raise AssertionError

    scope = {"type": "lifespan"}
    asyncio.run(Guard(app, admission("key"), HOSTS, routes=ROUTES)(scope, receive, send))
    assert seen == [scope, receive, send]


@pytest.mark.parametrize("refused", [False, True])
def test_every_answer_has_the_security_headers(refused: bool) -> None:
    answer = ask(Inner(), (b"host", b"evil.example") if refused else HOST)
    assert answer.status == (400 if refused else 200)
    assert (b"x-mine" in answer.headers) is not refused
    assert answer.headers[b"x-content-type-options"] == b"nosniff"
    assert answer.headers[b"referrer-policy"] == b"no-referrer"
    assert answer.headers[b"cross-origin-opener-policy"] == b"same-origin"
    assert answer.headers[b"cache-control"] == b"no-store"
    policy = answer.headers[b"content-security-policy"].decode().split("; ")
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert not any("unsafe" in part for part in policy)


# The name


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:80", "127.0.0.1:8000", "[::1]", "[::1]:8000", "shop.example", "SHOP.example"],
)
def test_a_name_of_ours_is_answered_whatever_its_case_and_port(host: str) -> None:
    assert ask(Inner(), (b"host", host.encode())).status == 200


@pytest.mark.fault(44)
@pytest.mark.promise("P38")
@pytest.mark.parametrize(
    "host",
    [
        "[",
        "\xff",
        "localhost:8000:x/",
        "evil.example",
        "localhost.evil.example",
        "evil.localhost",
        "",
        "::1",
        "[::2]",
        "localhost@evil",
        "*",
    ],
)
@pytest.mark.fault(44)
def test_another_name_is_refused_before_anything_else(host: str) -> None:
    inner = Inner()
    answer = ask(inner, (b"host", host.encode()), key="key")
    assert (answer.status, answer.requested, inner.bodies) == (400, 0, [])
    assert "Host header" in answer.detail
    assert answer.headers[b"connection"] == b"close"


def test_a_request_without_a_name_is_refused() -> None:
    assert ask(Inner()).status == 400


@pytest.mark.parametrize("headers", [[(b"host", b"anything.example")], []])
def test_a_star_answers_to_every_name(headers: list[tuple[bytes, bytes]]) -> None:
    assert ask(Inner(), *headers, hosts=["*"]).status == 200


# The page


@pytest.mark.fault(44)
@pytest.mark.promise("P38")
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://localhost:9000",
        "http://localhost",
        "null",
        "",
        "localhost:8000",
        "http://[",
        "http://localhost:8000/",
        "http://localhost:8000@evil.example",
        "\xff",
    ],
)
@pytest.mark.fault(44)
def test_a_write_that_another_page_sends_is_refused(method: str, origin: str) -> None:
    inner = Inner()
    answer = ask(inner, HOST, (b"origin", origin.encode()), method=method, body=[b"x"])
    assert (answer.status, answer.requested, inner.bodies) == (403, 0, [])
    assert "other sites" in answer.detail


@pytest.mark.parametrize("origin", ["http://localhost:8000", "https://LOCALHOST:8000"])
def test_a_write_from_our_own_page_is_taken(origin: str) -> None:
    assert ask(Inner(), HOST, (b"origin", origin.encode()), method="POST").status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_is_open_to_every_page(method: str) -> None:
    assert ask(Inner(), HOST, (b"origin", b"http://evil.example"), method=method).status == 200


# The key


@pytest.mark.parametrize(
    "header",
    [
        (b"x-api-key", "gehe\u00efm".encode()),
        (b"authorization", "Bearer gehe\u00efm".encode()),
        (b"authorization", "bearer gehe\u00efm".encode()),
    ],
)
def test_the_key_opens_by_either_header(header: tuple[bytes, bytes]) -> None:
    assert ask(Inner(), HOST, header, key="gehe\u00efm").status == 200


@pytest.mark.parametrize("sent", [(b"key", b"Basic b3Ro"), (b"other", b"Bearer key")])
def test_one_right_key_is_enough_where_a_proxy_has_put_another_beside_it(sent: tuple[bytes, bytes]) -> None:
    headers = ((b"x-api-key", sent[0]), (b"authorization", sent[1]))
    assert ask(Inner(), HOST, *headers, key="key").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"x-api-key", b"wrong"), (b"authorization", b"Bearer wrong")],
        [(b"x-api-key", b"")],
        [(b"x-api-key", b"ke")],
        [(b"x-api-key", b"key ")],
        [(b"x-api-key", b"KEY")],
        [(b"x-api-key", b"\xff\xfe")],
        [(b"authorization", b"Bearer ")],
        [(b"authorization", b"Basic key")],
    ],
)
@pytest.mark.fault(43)
def test_without_the_key_nothing_is_answered(headers: list[tuple[bytes, bytes]]) -> None:
    inner = Inner()
    answer = ask(inner, HOST, *headers, key="key", method="POST", body=[b"x"])
    assert (answer.status, answer.requested, inner.bodies) == (401, 0, [])
    assert answer.headers[b"www-authenticate"] == b"Bearer"
    assert "X-API-Key" in answer.detail


@pytest.mark.parametrize(
    ("path", "status"), [("/healthz", 200), ("/readyz", 200), ("/healthz/", 401), ("/docs", 401), ("/", 401)]
)
def test_only_the_health_routes_are_open(path: str, status: int) -> None:
    assert ask(Inner(), HOST, key="key", path=path).status == status


def test_where_the_service_has_no_keys_none_is_needed() -> None:
    assert ask(Inner(), HOST, key=None).status == 200


@pytest.mark.fault(44)
@pytest.mark.promise("P38")
@pytest.mark.parametrize("name", [b"host", b"origin", b"authorization", b"x-api-key", b"content-length"])
def test_a_header_that_decides_is_given_once(name: bytes) -> None:
    value = dict([HOST]).get(name, b"1")
    inner = Inner()
    answer = ask(inner, *dict([HOST, (name, value)]).items(), (name, value), method="POST", body=[b"x"])
    assert (answer.status, inner.bodies) == (400, [])
    assert answer.detail == f"the header {name.decode()} is given twice"
    assert ask(Inner(), HOST, (b"accept", b"a"), (b"accept", b"b")).status == 200


# Headers, path and body


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/v1/items/a%2Fb", "/v1/items/a%2Fb"),
        (b"/v1/items/a%252Fb", "/v1/items/a%252Fb"),
        (b"/v1/items/%E6%9D%B1", "/v1/items/%E6%9D%B1"),
        ("/v1/items/東".encode(), "/v1/items/%E6%9D%B1"),
        (b"/v1/items/a+b:@!$&'()*,;=~", "/v1/items/a+b:@!$&'()*,;=~"),
    ],
)
def test_the_path_is_passed_on_as_it_was_sent(raw: bytes, path: str) -> None:
    paths = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        paths.append(scope["path"])
        await Inner()(scope, receive, send)

    assert ask(inner, HOST, raw_path=raw).status == 200
    assert paths == [path]


def test_a_body_of_many_items_is_passed_on_as_it_comes() -> None:
    parts = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            message = await receive()
            parts.append(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    body = [b"x" * LARGEST_BODY] * 3
    assert ask(inner, HOST, method="POST", path="/v1/items", body=body).status == 200
    assert b"".join(parts) == b"".join(body)
    announced = (b"content-length", str(2**30 + 1).encode())
    assert ask(inner, HOST, announced, method="POST", path="/v1/items", body=body).status == 413


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 431)])
def test_headers_have_a_largest_size(more: int, status: int) -> None:
    rest = module._LARGEST_HEADERS - sum(map(len, HOST)) - len(b"x-long")
    answer = ask(Inner(), HOST, (b"x-long", b"x" * (rest + more)))
    assert answer.status == status
    if more:
        assert "16,384 bytes" in answer.detail


@pytest.mark.parametrize(("raw", "status"), [(b"/v1/%c3%a9", 200), (b"/v1/%ff", 400), (b"/v1/\xff", 400)])
def test_a_path_must_be_utf8(raw: bytes, status: int) -> None:
    answer = ask(Inner(), HOST, raw_path=raw)
    assert answer.status == status
    if status == 400:
        assert "UTF-8" in answer.detail


def test_the_largest_body_passes() -> None:
    inner = Inner()
    half = b"x" * (LARGEST_BODY // 2)
    length = (b"content-length", str(LARGEST_BODY).encode())
    assert ask(inner, HOST, length, method="POST", body=[half, half]).status == 200
    assert inner.bodies == [half * 2]


@pytest.mark.parametrize("announced", [None, b"5", b"-1", b"many", b"9" * 5_000])
@pytest.mark.fault(28)
def test_a_larger_body_is_refused_whatever_was_announced(announced: bytes | None) -> None:
    inner = Inner()
    headers = [] if announced is None else [(b"content-length", announced)]
    answer = ask(inner, HOST, *headers, method="POST", body=[b"x" * LARGEST_BODY, b"x"])
    assert (answer.status, inner.bodies) == (413, [])
    assert "1,048,576 bytes" in answer.detail
    assert answer.requested == 3  # the rest is thrown away, so that the sender gets to read the answer


def test_a_body_that_is_announced_too_large_is_refused_though_less_comes() -> None:
    answer = ask(
        Inner(), HOST, (b"content-length", str(LARGEST_BODY + 1).encode()), method="POST", body=[b"x"]
    )
    assert answer.status == 413


@pytest.mark.fault(28)
def test_of_an_endless_body_only_so_much_is_read() -> None:
    def endless() -> Iterable[bytes]:
        while True:
            yield b"x" * LARGEST_BODY

    answer = ask(Inner(), HOST, method="POST", body=endless())
    assert answer.status == 413
    assert answer.requested == module._DRAINED // LARGEST_BODY + 1


@pytest.mark.fault(27)
def test_a_body_that_comes_too_slowly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BODY_SECONDS", 0.2)
    inner = Inner()
    drops: list[bytes | float] = [b"x", 0.15] * 20
    answer = ask(inner, HOST, method="POST", body=drops)
    assert (answer.status, inner.bodies) == (408, [])
    assert "did not arrive within" in answer.detail
    assert answer.requested < 10  # the time is that of the whole body, not of one part


def test_a_client_that_leaves_in_the_middle_reaches_no_route() -> None:
    inner = Inner()
    answer = ask(inner, HOST, method="POST", body=[b"half"], ends=False)
    assert (answer.status, inner.bodies) == (400, [])
    assert "ended too soon" in answer.detail


# Faults


def test_a_fault_before_the_answer_is_a_500_that_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        value = "a value"
        raise RuntimeError("inner detail") from KeyError(value)

    answer = ask(app, HOST, path="/v1/users/somebody/recommendations")
    assert answer.status == 500
    assert "inner detail" not in answer.detail
    assert answer.headers[b"x-content-type-options"] == b"nosniff"
    (record,) = caplog.records
    said = record.getMessage()
    assert record.levelno == logging.ERROR and said.startswith("a GET request failed: RuntimeError\n")
    assert 'raise RuntimeError("inner detail")' in said  # the line that failed, for who reads the log
    assert "somebody" not in caplog.text and "a value" not in caplog.text


def test_a_fault_after_the_answer_began_sends_no_second_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        raise RuntimeError("inner detail")

    answer = ask(app, HOST)
    assert [message["type"] for message in answer.messages] == ["http.response.start"]
    assert answer.headers[b"cache-control"] == b"no-store"
    assert [said.partition("\n")[0] for said in caplog.messages] == ["a GET request failed: RuntimeError"]
