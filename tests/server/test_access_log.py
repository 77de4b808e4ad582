"""The access log: one line a request, without ids and secrets; and the id of each request."""

import asyncio
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.fleet import Fleet, fleet, wait_until
from tests.served import small_snapshot

from tacit.engine.engine import Engine
from tacit.engine.snapshot import save
from tacit.server.access_log import AccessLog, Line
from tacit.server.app import create_app
from tacit.server.exchange import note_key, request_id_of
from tacit.server.service_metrics import Metrics
from tacit.server.watch import Watchers

LINE = Line(1_700_000_000.25, "r1", "GET", "/v1/items/{id}", 200, 0.00123, 10, None, None)
FIELDS = {"time", "request_id", "method", "route", "status", "ms", "bytes", "key", "worker"}


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("given", [b"a", b"A-b_c.9", b"x" * 64])
def test_a_well_formed_id_is_taken(given: bytes) -> None:
    assert request_id_of([(b"host", b"x"), (b"x-request-id", given)]) == given.decode()


@pytest.mark.parametrize(
    "given", [b"", b"a b", b"a\r\nb", b'a"b', b"x" * 65, b"\xff", b"a/b", b"a\n", "ä".encode(), b"a\0"]
)
def test_any_other_id_is_replaced_by_one_of_ours(given: bytes) -> None:
    made = {request_id_of([(b"x-request-id", given)]), request_id_of([])}
    assert len(made) == 2
    assert all(re.fullmatch(r"[0-9a-f]{16}-[0-9a-f]+", one) for one in made)


@pytest.mark.promise("P35")
def test_lines_are_whole_and_a_file_that_was_moved_or_removed_is_opened_anew(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    log = AccessLog(file, 3)
    log.add(LINE)
    wait_until(lambda: file.stat().st_size, 30)
    file.rename(tmp_path / "access.log.1")
    log.add(LINE._replace(request_id="r2"))
    wait_until(lambda: file.exists() and file.stat().st_size, 30)
    file.unlink()
    log.add(LINE._replace(request_id="r3", key="shop", trace_id="t"))
    log.close()
    assert [one["request_id"] for one in lines(tmp_path / "access.log.1")] == ["r1"]
    (last,) = lines(file)
    assert last == {
        "time": "2023-11-14T22:13:20.250Z",
        "request_id": "r3",
        "method": "GET",
        "route": "/v1/items/{id}",
        "status": 200,
        "ms": 1.23,
        "bytes": 10,
        "key": "shop",
        "worker": 3,
        "trace_id": "t",
    }
    assert file.stat().st_mode & 0o007 == 0


def test_a_disk_that_is_full_costs_lines_and_no_request(caplog: pytest.LogCaptureFixture) -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    log = AccessLog(descriptor, 1)
    for _ in range(3):
        log.add(LINE)
        wait_until(lambda: not log._waiting, 30)
    log.close()
    os.close(descriptor)
    assert [one.levelname for one in caplog.records].count("WARNING") == 1


def test_a_pipe_that_nobody_reads_delays_nobody_and_lines_come_whole_when_it_is_read() -> None:
    reader, writer = os.pipe()
    log = AccessLog(writer, 1)
    begun = time.monotonic()
    for n in range(5_000):
        log.add(LINE._replace(request_id=f"r{n}"))
    assert time.monotonic() - begun < 5
    received = b""
    while received.count(b"\n") < 5_000:
        received += os.read(reader, 65_536)
    log.close()
    os.close(writer)
    os.close(reader)
    assert [json.loads(one)["request_id"] for one in received.splitlines()] == [f"r{n}" for n in range(5_000)]


def test_the_name_of_a_key_is_noted_and_a_method_that_is_none_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    app = create_app(Engine(small_snapshot()), watchers=Watchers(Metrics(), AccessLog(file, 1)))
    inner = app.watch._app

    async def keyed(scope: Any, receive: Any, send: Any) -> None:
        note_key("the shop")
        await inner(scope, receive, send)

    app.watch._app = keyed

    async def ask() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            await http.get("/healthz")
            await http.request("SECRET", "/healthz")

    asyncio.run(ask())
    app.watch._log.close()  # type: ignore[union-attr]
    assert [(one["method"], one["key"]) for one in lines(file)] == [
        ("GET", "the shop"),
        ("other", "the shop"),
    ]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("access")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("snapshot") / "shop.tacit"
    save(small_snapshot(), place)
    return place


@pytest.fixture(scope="module")
def shop(directory: Path, place: Path) -> Iterator[Fleet]:
    more = ["--access-log", str(place / "access.log"), "--api-key", "canary-of-a-key-0123456789abcdef"]
    with fleet(directory, place, workers=2, more=more) as service:
        yield service


@pytest.mark.promise("P35")
@pytest.mark.fault(48)
def test_each_request_has_a_line_and_an_id_and_nothing_tells_who_or_what(shop: Fleet, place: Path) -> None:
    key = {"X-API-Key": "canary-of-a-key-0123456789abcdef"}
    sent = [
        ("GET", "/v1/users/canary-user/recommendations?k=3", None, 200),
        ("GET", "/v1/users/canary-user/recommendations?k=-canary", None, 422),
        ("POST", "/v1/sessions/recommendations", {"session_id": "canary-session", "items": ["canary"]}, 200),
        (
            "POST",
            "/v1/events",
            {"events": [{"user_id": "canary-user", "item_id": "c", "event": "view"}]},
            200,
        ),
        ("PUT", "/v1/items/canary-item", {"title": "Canary tea"}, 200),
        ("GET", "/v1/items/no-canary/similar", None, 404),
        ("GET", "/canary/%0d%0acanary", None, 403),
        ("POST", "/v1/events", {"canary": 1}, 422),
    ]
    for n, (method, path, body, status) in enumerate(sent):
        headers = {**key, "X-Request-Id": f"mine-{n}"}
        answer = httpx.request(method, shop.address + path, json=body, headers=headers, timeout=60)
        assert answer.status_code == status, answer.text
        assert answer.headers["x-request-id"] == f"mine-{n}"
        if status >= 400:
            assert answer.json()["request_id"] == f"mine-{n}"
    refused = httpx.get(f"{shop.address}/docs", headers={"X-API-Key": "canary", "X-Request-Id": "a b"})
    assert refused.status_code == 401
    made = refused.headers["x-request-id"]
    assert refused.json()["request_id"] == made != "a b"
    file = place / "access.log"
    wait_until(lambda: len(lines(file)) > len(sent), 30)  # each worker writes its own lines, in its own time
    found = {one["request_id"]: one for one in lines(file)}
    assert found.keys() == {made, *(f"mine-{n}" for n in range(len(sent)))}
    for n, (method, _, _, status) in enumerate(sent):
        one = found[f"mine-{n}"]
        assert (one["method"], one["status"]) == (method, status)
        assert one.keys() == FIELDS and one["worker"] in (1, 2) and one["ms"] > 0 and one["bytes"] > 0
        assert one["key"] == "api-key"
    assert found["mine-0"]["route"] == "/v1/users/{user_id}/recommendations"
    assert found["mine-6"]["route"] == "other"
    assert "canary" not in file.read_text().lower()
    assert "canary" not in shop.said().lower()
    scrape = shop.get("/metrics", headers=key).raise_for_status().text
    assert "canary" not in scrape.lower()
    assert shop.get("/metrics").status_code == 401


@pytest.mark.promise("P35")
def test_raw_line_ends_in_a_header_make_no_line(shop: Fleet, place: Path) -> None:
    host, port = shop.address.removeprefix("http://").split(":")
    file = place / "access.log"
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a\x0bb\x85forged\r\n\r\n"
        )
        assert connection.recv(4_096).startswith(b"HTTP/1.1 400 ")
    shop.get("/healthz", headers={"X-Request-Id": "the-last"})
    wait_until(lambda: "the-last" in file.read_text(), 30)
    assert all(one.keys() == FIELDS for one in lines(file))
    assert "forged" not in file.read_text()


def test_a_log_that_cannot_be_written_is_said_before_anything_starts(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tacit.cli.app import run

    target = tmp_path / "no folder" / "access.log"
    assert run(["serve", str(directory), "--port", "0", "--access-log", str(target)]) == 2
    assert "cannot be written" in capsys.readouterr().err
