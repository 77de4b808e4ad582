"""Answers and refusals are what the OpenAPI document says; its examples can be typed."""

import asyncio
import html
import logging
import re
import shlex
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from tests.served import small_snapshot

from tacit.core.errors import TacitError
from tacit.engine.engine import Engine
from tacit.server.access import ACCESS
from tacit.server.app import GuardedAPI, create_app
from tacit.server.documented import DOCUMENTED, place_of
from tacit.server.keyring import Keyring
from tacit.server.keys import Key, digest_of
from tacit.server.rates import Rates, open_page
from tacit.store.events import EventStore, StorageError, StorageFullError

KEYS = [
    Key("ops", ("admin",), digest_of(b"canary-admin-key")),
    Key("slow", ("admin",), digest_of(b"canary-slow-key"), rate=0.001, number=1),
]
ITEM = small_snapshot().catalogue.items.ids[5]
USER = small_snapshot().interactions.users.ids[5]
Sent = tuple[str, str, dict[str, Any]]


def asked(app: GuardedAPI, *sent: Sent, key: str = "canary-admin-key") -> list[httpx.Response]:
    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"x-api-key": key} if key else {}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as http:
            return [await http.request(method, path, **more) for method, path, more in sent]

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedAPI]:
    engine = Engine(small_snapshot(), EventStore(f"sqlite:///{tmp_path_factory.mktemp('said') / 'x.db'}"))
    yield create_app(engine, keys=Keyring(KEYS), rates=Rates(open_page()))
    engine.close()


def closed(schema: Any) -> Any:
    """Return a schema in which no object has fields that are not described."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    known = {name: closed(one) for name, one in schema.items()}
    return known | ({"additionalProperties": False} if "properties" in known else {})


def check(app: GuardedAPI, answer: httpx.Response) -> str:
    """Hold an answer against the document; return "METHOD /path status"."""
    document = app.openapi()
    method, sent = answer.request.method, answer.request.url.raw_path.partition(b"?")[0].decode()
    for path, methods in sorted(document["paths"].items(), key=lambda pair: "{" in pair[0]):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), sent) and method.lower() in methods:
            break
    else:
        raise AssertionError(f"{method} {sent} is not in the document")
    said = methods[method.lower()]["responses"][str(answer.status_code)]
    if "$ref" in said:
        said = document["components"]["responses"][said["$ref"].rpartition("/")[2]]
    media = answer.headers["content-type"].partition(";")[0]
    schema = {**said["content"][media]["schema"], "components": closed(document["components"])}
    if media != "text/plain":
        Draft202012Validator(schema).validate(answer.json())
    return f"{method} {place_of(path)} {answer.status_code}"


GOOD: list[Sent] = [
    ("GET", "/healthz", {}),
    ("GET", "/readyz", {}),
    (
        "POST",
        "/v1/events",
        {"json": {"events": [{"user_id": USER, "item_id": ITEM, "event": "view", "event_id": "e-1"}]}},
    ),
    ("POST", "/v1/events", {"json": {"events": [{"session_id": "s-1", "item_id": "lost", "event": "view"}]}}),
    ("GET", f"/v1/users/{USER}/recommendations", {"params": {"k": 3}}),
    ("POST", "/v1/sessions/recommendations", {"json": {"items": [ITEM], "k": 3}}),
    ("GET", f"/v1/items/{ITEM}/similar", {}),
    ("PUT", "/v1/items/new", {"json": {"title": "红茶", "price": 3, "tags": ["a"], "more": {"a": None}}}),
    ("PATCH", "/v1/items/new", {"json": {"available": False}}),
    ("GET", "/v1/items/new", {}),
    ("GET", f"/v1/items/{ITEM}", {}),
    ("DELETE", "/v1/items/new", {}),
    ("POST", "/v1/items", {"content": b'{"item_id": "n", "title": "Tea"}\n{"item_id": 5}\n'}),
    ("PUT", f"/v1/users/{USER}", {"json": {"age": 34, "tags": ["a"], "more": None}}),
    ("PATCH", f"/v1/users/{USER}", {"json": {"age": 35}}),
    ("GET", "/v1/sessions/s-1", {}),
    ("POST", f"/v1/users/{USER}/merge", {"json": {"session_id": "s-1"}}),
    ("GET", f"/v1/users/{USER}", {}),
    ("DELETE", f"/v1/users/{USER}", {}),
    ("DELETE", "/v1/sessions/s-1", {}),
    ("GET", "/v1/model", {}),
    ("GET", "/v1/models", {}),
    ("GET", "/livez", {}),
    ("GET", "/metrics", {}),
]
"""A good request of each route."""


@pytest.mark.promise("P40")
def test_every_good_answer_is_as_the_document_says(app: GuardedAPI) -> None:
    there = {
        f"{method.upper()} {place_of(path)}"
        for path, all_ in app.openapi()["paths"].items()
        for method in all_
    }
    answers = [one for one in asked(app, *GOOD) if one.status_code != 404]
    assert {one.status_code for one in answers} == {200}
    # A change of version needs a model directory (tests/server/test_swaps.py); here it is refused.
    assert {check(app, one).rpartition(" ")[0] for one in answers} == there - {"POST /v1/model"}


BAD: list[Sent] = [
    ("POST", "/v1/events", {"json": {"events": [{"user_id": 7}]}}),
    ("POST", "/v1/events", {"json": {"events": {}}}),
    ("POST", "/v1/events", {"content": b"{"}),
    ("POST", "/v1/events", {"content": b"x" * 2**21}),
    ("POST", "/v1/events", {"content": b"{}", "headers": {"content-encoding": "gzip"}}),
    ("POST", "/v1/events", {"json": {"events": []}, "headers": {"origin": "http://["}}),
    (
        "POST",
        "/v1/events",
        {"json": {"events": [{"user_id": "w", "item_id": "other", "event": "buy", "event_id": "e-2"}]}},
    ),
    ("POST", "/v1/items", {"content": b'{"item_id": 5}\n'}),
    ("POST", "/v1/items", {"content": b"\x1f\x8b"}),
    ("GET", f"/v1/users/{USER}/recommendations", {"params": {"k": 10**9}}),
    ("GET", "/v1/users/%00/recommendations", {}),
    ("GET", "/v1/items/none", {}),
    ("GET", "/v1/users/none", {}),
    ("PUT", "/v1/items/x", {"json": {"*": 1, "a": 2}}),
    ("PUT", "/v1/items/x", {"json": {"^a.*$": 1, "ab": 2}}),
    ("POST", "/v1/model", {"json": {"version": "v-1"}}),
    ("POST", "/v1/model", {"json": {"version": 1}}),
    ("GET", "/readyz", {"headers": {"host": "evil.example"}}),
    ("GET", "/readyz", {"headers": {"x-long": "x" * 20_000}}),
]


@pytest.mark.promise("P40")
def test_every_refusal_is_as_the_document_says(app: GuardedAPI) -> None:
    first = {"events": [{"user_id": "w", "item_id": ITEM, "event": "view", "event_id": "e-2"}]}
    assert asked(app, ("POST", "/v1/events", {"json": first}))[0].is_success
    for sent, answer in zip(BAD, asked(app, *BAD), strict=True):
        assert answer.is_client_error, sent
        check(app, answer)
    routes = [sent for sent in GOOD if sent[1] not in ("/healthz", "/readyz", "/livez", "/metrics")]
    for key, status in (("", 401), ("canary-slow-key", 429)):
        answers = asked(app, *routes, key=key)[1:]
        for answer in answers:
            if f"{answer.status_code}" != "404":
                assert answer.status_code == status
                check(app, answer)
        if status == 429:
            assert all(int(one.headers["retry-after"]) > 0 for one in answers)


class Broken(Engine):
    """An engine whose every method fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self._store = None

    def __getattribute__(self, name: str) -> Any:
        known = ("_error", "_store", "reads_locally", "version", "close")
        if name in known or name.startswith("__"):
            return object.__getattribute__(self, name)
        raise object.__getattribute__(self, "_error")


@pytest.mark.promise("P40")
@pytest.mark.fault(48)
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StorageError("canary-host"), 503),
        (StorageFullError("canary-host"), 507),
        (TacitError("canary-detail"), 500),
        (RuntimeError("canary-detail"), 500),
    ],
)
def test_every_fault_is_as_the_document_says_and_tells_nothing(error: Exception, status: int) -> None:
    class Named(Broken):
        version = "m"
        reads_locally = True

    broken = create_app(Named(error), keys=Keyring(KEYS))
    for answer in asked(broken, *GOOD):
        if answer.status_code in (200, 404):  # it asks nothing of the engine
            continue
        assert "canary" not in answer.text
        if answer.status_code != 422:
            assert answer.status_code == status or answer.request.method == "GET"


@pytest.mark.promise("P35")
@pytest.mark.fault(48)
def test_no_key_and_no_id_is_in_a_log_or_an_error_of_another(
    tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    engine = Engine(small_snapshot(), EventStore(f"sqlite:///{tmp_path / 'x.db'}"))
    app = create_app(engine, keys=Keyring(KEYS))
    named = [
        (method, path.replace(USER, "canary-user").replace("s-1", "canary-session"), more)
        for method, path, more in [*GOOD, *BAD]
    ]
    answers = asked(app, *named)
    answers += asked(app, *named, key="canary-wrong-key")
    engine.put_item = engine.patch_item = engine.recommend = _failing  # type: ignore[method-assign]
    answers += asked(app, *named)
    assert {401, 429, 500} <= {one.status_code for one in answers}
    engine.close()
    ours = [one for one in caplog.records if one.name != "httpx"]  # that is the client of this test
    assert ours and not [one for one in ours if "canary" in caplog.handler.format(one)]
    keys = ("canary-admin-key", "canary-slow-key", "canary-wrong-key", *(one.digest for one in KEYS))
    assert not [one for one in answers for key in keys if key in one.text]


def _failing(*given: object) -> None:
    raise RuntimeError(*given)  # among them ids


@pytest.mark.promise("P27")
@pytest.mark.fault(45, 46)
def test_events_have_the_name_of_the_key_as_their_source(app: GuardedAPI) -> None:
    event = {"user_id": "told", "item_id": ITEM, "event": "view"}
    assert asked(app, ("POST", "/v1/events", {"json": {"events": [event]}}))[0].is_success
    forged = asked(app, ("POST", "/v1/events", {"json": {"events": [event | {"source": "other"}]}}))
    assert forged[0].status_code == 422
    (known,) = asked(app, ("GET", "/v1/users/told", {}))
    assert [one["source"] for one in known.json()["events"]] == ["ops"]


# The documents


def test_every_route_of_the_table_of_roles_is_described() -> None:
    pages = {("GET", "/"), ("GET", "/docs"), ("GET", "/openapi.json")}
    assert DOCUMENTED.keys() | pages == ACCESS.keys()


def test_the_schemes_of_keys_are_described_where_there_are_keys(app: GuardedAPI) -> None:
    guarded = app.openapi()
    assert set(guarded["components"]["securitySchemes"]) == {"bearer", "header"}
    for path, methods in guarded["paths"].items():
        for method, route in methods.items():
            assert ("security" in route) is (ACCESS[method.upper(), place_of(path)] != "anyone")
    without = create_app(Engine(small_snapshot())).openapi()
    assert "securitySchemes" not in without["components"]


@pytest.mark.promise("P41")
def test_the_examples_of_the_page_can_be_typed(app: GuardedAPI) -> None:
    (page,) = asked(app, ("GET", "/docs", {}))
    lines = re.findall(r"<pre>(curl .*?)</pre>", html.unescape(page.text))
    count = sum(len(methods) for methods in app.openapi()["paths"].values())
    assert len(lines) == count
    sent: list[Sent] = []
    for line in lines:
        words = shlex.split(line.replace("$TACIT", "").replace("$KEY", "canary-admin-key"))
        options = {"-X": "GET", "-d": ""}
        headers = {}
        place = ""
        for word, after in zip(words[1:], [*words[2:], ""], strict=True):
            if word in options:
                options[word] = after
            elif word == "-H":
                name, _, value = after.partition(": ")
                headers[name] = value
            elif word.startswith("/"):
                place = word
        sent.append((options["-X"], place, {"headers": headers, "content": options["-d"]}))
    # A deletion may come before what it needs: the page is in the order of the routes.
    for (method, place, _), answer in zip(sent, asked(app, *sent, key=""), strict=True):
        assert answer.status_code in (200, 404, 409), (method, place, answer.text)
        assert answer.status_code == 200 or method in ("GET", "PATCH", "DELETE", "POST"), (method, place)
