"""A share of the requests of `tests.server.fuzz`, and odd requests that no document would make."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.examples import examples
from tests.served import small_snapshot
from tests.server.fuzz import KEY, fuzz, service

from tacit.engine.engine import Engine
from tacit.server.app import GuardedAPI, create_app
from tacit.server.guard import Message
from tacit.server.keyring import Keyring
from tacit.server.keys import Key, digest_of


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with service(tmp_path_factory.mktemp("fuzz")) as running:
        yield running


@pytest.mark.promise("P40")
@pytest.mark.fault(30, 38, 43)
def test_requests_made_from_the_document_find_no_fault_and_no_violation(address: str, tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    cases, wrong = fuzz(
        address, tmp_path, 1, "-n", "2", "--phases", "examples,fuzzing,stateful", "--no-shrink"
    )
    assert not wrong, wrong
    assert cases > 50


# Bytes that no document would make: in headers that decide, and in the path.

LINES = [
    b"GET / HTTP/1.1",
    b"GET /v1/items/i1 HTTP/1.1",
    b"POST /v1/events HTTP/1.1",
    b"DELETE /v1/users/u HTTP/1.1",
]
ODD = st.sampled_from([
    b"", b"[", b"]", b"http://[", b"http://[::1", b"[::1]:x", b"//", b"\xff\xfe", b"\xc3\xa9", b"%", b"%zz",
    b"@", b"a@b", b"*", b"null", b"-1", b"1e3", b"99999999999999999999", b"0x10", b"Bearer", b"Bearer  ",
    b"basic ==", b"a, b", b"\t", b"localhost:99999999", b"localhost:", b"gzip", b"chunked", b"identity",
    b"x" * 9_000,
]) | st.binary(max_size=12)  # fmt: skip
NAMES = st.sampled_from([
    b"host", b"origin", b"authorization", b"x-api-key", b"content-length", b"content-encoding",
    b"content-type", b"accept", b"expect", b"transfer-encoding", b"connection", b"upgrade", b"cookie",
])  # fmt: skip
HEADERS = st.lists(st.tuples(NAMES, ODD), max_size=4)
PATHS = st.lists(
    st.sampled_from([b"/", b"v1", b"items", b"users", b"events", b"recommendations", b"..", b"%2e%2e"])
    | st.sampled_from([b"%00", b"%ff", b"?", b"#"])
    | st.binary(max_size=5),
    max_size=6,
).map(lambda parts: b"/" + b"".join(parts))
METHODS = st.sampled_from(
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "X"]
)


@pytest.fixture(scope="module", params=["*", "localhost"])
def app(request: pytest.FixtureRequest) -> GuardedAPI:
    keys = Keyring([Key("x", ("admin",), digest_of(KEY.encode()))])
    return create_app(Engine(small_snapshot()), keys=keys, allowed_hosts=[request.param])


@pytest.mark.promise("P38")
@pytest.mark.fault(38, 41, 44)
@examples(120)
@example("POST", b"/v1/events", [(b"origin", b"http://[")], True, b"{}")
@example("GET", b"/v1/items/i1", [(b"host", b"[")], False, b"")
@given(method=METHODS, path=PATHS, headers=HEADERS, known=st.booleans(), body=ODD)
def test_odd_headers_and_paths_are_no_fault(
    app: GuardedAPI, method: str, path: bytes, headers: list[tuple[bytes, bytes]], known: bool, body: bytes
) -> None:
    given_ = [*headers, (b"x-api-key", KEY.encode()), (b"host", b"localhost")] if known else headers
    messages = asyncio.run(answered(app, method, path, given_, body))
    assert messages[0]["status"] < 500 or messages[0]["status"] == 503
    assert known or messages[0]["status"] >= 400 or path.startswith((b"/healthz", b"/readyz", b"/livez"))


async def answered(
    app: GuardedAPI, method: str, path: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> list[Message]:
    sent: list[Message] = []
    parts = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        return next(parts, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        sent.append(message)

    raw, _, query = path.partition(b"?")
    scope = {
        "type": "http",
        "method": method,
        "path": raw.decode("utf-8", "replace"),
        "raw_path": raw,
        "query_string": query,
        "headers": headers,
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "client": None,
        "server": ("127.0.0.1", 2),
    }
    await app(scope, receive, send)
    return sent


@pytest.mark.promise("P38")
@pytest.mark.fault(38, 44)
@examples(60)
@given(line=st.sampled_from(LINES) | PATHS.map(lambda path: b"GET " + path + b" HTTP/1.1"), headers=HEADERS)
def test_odd_bytes_on_a_socket_are_refused_and_the_service_goes_on(
    address: str, line: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    port = int(address.rpartition(":")[2])
    content = b"\r\n".join([line, *(name + b": " + value for name, value in headers), b"", b""])
    for key in (b"", b"x-api-key: " + KEY.encode() + b"\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(content[:-2] + key + b"\r\n")
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(64)
        assert answer[:9] in (b"HTTP/1.1 ", b"")
        assert answer[9:12] < b"500" or answer[9:12] == b"503"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
