"""An endpoint of embeddings, over a real socket."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from tacit.core.errors import ConfigError, TacitError
from tacit.encoders.endpoint import EndpointEncoder

KEY = "sk-top-secret-0123456789"
Answer = Callable[[list[str]], tuple[int, dict[str, str], bytes]]


class Endpoint:
    """Serves ``/v1/embeddings`` on the loopback: the answers in ``queue`` first, then right ones."""

    def __init__(self) -> None:
        self.queue: list[Answer] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.slept: list[float] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.requests.append({"path": self.path, **body})
                outer.keys.append(self.headers["authorization"])
                answer = outer.queue.pop(0) if outer.queue else right
                status, headers, content = answer(body["input"])
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def encoder(self, path: str = "") -> EndpointEncoder:
        return EndpointEncoder(self.url + path, "tiny", sleep=self.slept.append)


def vector(text: str) -> list[float]:
    return [float(len(text)), 1.0, 0.0]


def embeddings(rows: list[Any]) -> bytes:
    return json.dumps(
        {"data": [{"index": place, "embedding": row} for place, row in enumerate(rows)]}
    ).encode()


def right(texts: list[str]) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, embeddings([vector(text) for text in texts])


def status(code: int, **headers: str) -> Answer:
    return lambda texts: (code, headers, b"busy with " + KEY.encode())


def said(content: bytes) -> Answer:
    return lambda texts: (200, {}, content)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    for name in ("TACIT_EMBEDDINGS_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    built = Endpoint()
    thread = threading.Thread(target=built.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield built
    built.server.shutdown()
    thread.join()
    built.server.server_close()


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/embeddings"])
def test_a_base_address_is_enough(endpoint: Endpoint, path: str) -> None:
    vectors = endpoint.encoder(path).encode(["four"])
    np.testing.assert_allclose(vectors, np.array([[4, 1, 0]]) / np.sqrt(17), rtol=1e-6)
    assert endpoint.requests == [{"path": "/v1/embeddings", "model": "tiny", "input": ["four"]}]


def test_texts_go_in_batches_and_come_back_in_order(endpoint: Endpoint) -> None:
    texts = ["x" * (1 + n % 17) for n in range(300)]
    vectors = endpoint.encoder().encode(texts)
    assert [len(request["input"]) for request in endpoint.requests] == [128, 128, 44]
    np.testing.assert_allclose(vectors[:, 0] / vectors[:, 1], [len(text) for text in texts], rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)


def test_the_index_and_not_the_place_says_which_text_a_vector_is_of(endpoint: Endpoint) -> None:
    rows = [{"index": 1, "embedding": [0, 1]}, {"index": 0, "embedding": [1, 0]}]
    endpoint.queue = [said(json.dumps({"data": rows}).encode())]
    assert endpoint.encoder().encode(["a", "b"]).tolist() == [[1, 0], [0, 1]]


def test_the_dimension_is_requested_once_and_no_text_is_no_vector(endpoint: Endpoint) -> None:
    encoder = endpoint.encoder()
    assert encoder.encode([]).shape == (0, 3)
    assert encoder.dimension == 3
    encoder.encode(["a"])
    assert len(endpoint.requests) == 2


def test_requests_to_a_busy_endpoint_are_repeated_with_growing_pauses(endpoint: Endpoint) -> None:
    endpoint.queue = [status(429), status(500), status(503)]
    assert endpoint.encoder().encode(["a"]).shape == (1, 3)
    assert endpoint.slept == [0.5, 1, 2]


def test_a_pause_that_the_endpoint_asks_for_is_kept_within_reason(endpoint: Endpoint) -> None:
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    endpoint.queue = [status(429, **{"retry-after": reported}) for reported in ("7", "99999", "-3", date)]
    endpoint.encoder().encode(["a"])
    assert endpoint.slept == [7, 30, 2, 4]  # too long is cut, nonsense is passed over


def test_an_endpoint_that_stays_busy_is_given_up_with_one_clear_error(endpoint: Endpoint) -> None:
    endpoint.queue = [status(503)] * 9
    with pytest.raises(TacitError, match="did not answer after 5 attempts: status 503"):
        endpoint.encoder().encode(["a"])
    assert len(endpoint.requests) == 5
    assert len(endpoint.slept) == 4


def test_nobody_there_is_given_up_too(endpoint: Endpoint) -> None:
    gone = EndpointEncoder("http://127.0.0.1:9", "tiny", sleep=endpoint.slept.append)
    with pytest.raises(TacitError, match="did not answer after 5 attempts: ConnectError"):
        gone.encode(["a"])


@pytest.mark.parametrize("code", [301, 400, 401, 404])
def test_a_refused_request_is_not_repeated(endpoint: Endpoint, code: int) -> None:
    endpoint.queue = [status(code)] * 3
    with pytest.raises(ConfigError, match=f"refused the request for model 'tiny': status {code}"):
        endpoint.encoder().encode(["a"])
    assert endpoint.slept == []


@pytest.mark.parametrize("name", ["TACIT_EMBEDDINGS_KEY", "OPENAI_API_KEY"])
def test_the_key_comes_from_the_environment(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    encoder = endpoint.encoder()
    encoder.encode(["a"])
    monkeypatch.setenv(name, KEY + "\n")  # as a file of secrets leaves it
    encoder.encode(["a"])
    assert endpoint.keys == [None, f"Bearer {KEY}"]
    assert not any(KEY in str(value) for value in vars(encoder).values())


@pytest.mark.parametrize(
    "answers",
    [
        [status(401)],
        [status(500)] * 5,
        [said(KEY.encode())],
        [said(b'{"data": []}')],
    ],
)
def test_the_key_is_in_no_error(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, answers: list[Answer]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    endpoint.queue = answers
    with pytest.raises(TacitError) as caught:
        endpoint.encoder().encode(["a"])
    assert endpoint.keys[0] == f"Bearer {KEY}"
    assert KEY not in "".join(_said(caught.value))


@pytest.mark.parametrize("key", ["sk-\x07bell", "schlüssel", "two\nlines"])
def test_a_key_that_cannot_be_sent_is_named_and_not_shown(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ConfigError, match="the key in OPENAI_API_KEY holds characters") as caught:
        endpoint.encoder().encode(["a"])
    assert key not in str(caught.value)
    assert endpoint.requests == []


def _said(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield repr(error)
        error = error.__cause__


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>welcome</html>", "not a list of embeddings"),
        (b"\xff\xfe", "not a list of embeddings"),
        (b"[]", "not a list of embeddings"),
        (b'{"error": "no"}', "not a list of embeddings"),
        (b'{"data": [1, 2]}', "not a list of embeddings"),
        (b'{"data": null}', "not a list of embeddings"),
        (
            b'{"data": [{"index": 0, "embedding": "AAAA"}, {"index": 1, "embedding": "AAAA"}]}',
            "not a list of",
        ),
        (embeddings([[1, 2], [1]]), "not a list of embeddings"),
        (embeddings([[1, 2]]), "1 usable embeddings for 2 texts"),
        (embeddings([[1, 2]] * 3), "3 usable embeddings for 2 texts"),
        (embeddings([1, 2]), "usable embeddings for 2 texts"),
        (embeddings([[1, float("nan")], [1, 2]]), "usable embeddings for 2 texts"),
        (
            b'{"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [2]}]}',
            "1 usable embeddings",
        ),
    ],
)
def test_a_malformed_answer_is_one_clear_error(endpoint: Endpoint, content: bytes, message: str) -> None:
    endpoint.queue = [said(content)]
    with pytest.raises(TacitError, match=message):
        endpoint.encoder().encode(["a", "b"])


def test_a_dimension_that_changes_on_the_way_is_one_clear_error(endpoint: Endpoint) -> None:
    endpoint.queue = [right, said(embeddings([[1, 2]]))]
    with pytest.raises(TacitError, match="embeddings of 2 dimensions; before: 3"):
        endpoint.encoder().encode(["a"] * 129)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="not an http address"):
        EndpointEncoder("localhost:8080", "tiny")


def test_an_address_with_a_password_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError, match="holds no password; set TACIT_EMBEDDINGS_KEY") as caught:
        EndpointEncoder(f"https://me:{KEY}@example.org/v1", "tiny")
    assert KEY not in str(caught.value)
