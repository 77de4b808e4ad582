"""Items over a real socket: put, patch, get, delete, by ids that hold anything, and many in one request."""

import gzip
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.served import Service, serving, small_snapshot

from tacit.engine.snapshot import save
from tacit.server.guard import LARGEST_BODY

TEA = {"title": "Smoked black tea with compostable sachets", "category": "Tea", "price": 7.5}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("items") / "model"
    save(small_snapshot(), place)
    return place


@pytest.fixture(scope="module")
def service(directory: Path) -> Iterator[Service]:
    with serving(directory) as running:
        yield running


def lines(*items: object) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


@pytest.mark.parametrize(
    "item_id",
    ["plain", "007", "NA", "null", "a/b", "0/similar", "x/recommendations", "a%2Fb", "%", "a b+c", "茶/東",
     "?k=3#f", "https://shop.example/p?id=1&x=2", "a//b", "/", "..a", "ünï"],
)  # fmt: skip
def test_an_id_of_any_signs_names_one_item_by_each_method(service: Service, item_id: str) -> None:
    path = f"/v1/items/{quote(item_id, safe='')}"
    put = service.http.put(path, json={**TEA, "colour": item_id})
    assert (put.status_code, put.json()["item_id"]) == (200, item_id)
    got = service.http.get(path).json()
    assert (got["item_id"], got["attributes"]["colour"]) == (item_id, item_id)
    assert service.http.patch(path, json={"available": False}).json()["item_id"] == item_id
    hidden = service.http.get(path).json()["attributes"]
    assert hidden == {**got["attributes"], "available": False}
    similar = service.http.get(f"{path}/similar?k=3")
    assert len(similar.json()["items"]) == 3
    assert service.http.delete(path).json() == {"item_id": item_id, "model": got["model"]}
    for method in ("GET", "PATCH", "DELETE"):
        gone = service.http.request(method, path, content=b"{}")
        assert (gone.status_code, item_id in gone.json()["detail"]) == (404, True)


@pytest.mark.parametrize("user_id", ["a/b", "u/recommendations", "007", "ü ?&"])
def test_an_id_of_a_user_is_one_part_of_the_path(service: Service, user_id: str) -> None:
    path = f"/v1/users/{quote(user_id, safe='')}"
    assert service.http.put(path, json={"age": 34}).json()["user_id"] == user_id
    answer = service.http.get(f"{path}/recommendations", params={"k": 2})
    assert (len(answer.json()["items"]), answer.json()["warnings"]) == (2, [])


@pytest.mark.parametrize(
    ("method", "path", "status", "written"),
    [
        ("PUT", "/v1/items/a/b", 404, "/v1/items/a%2Fb"),
        ("PATCH", "/v1/items/a/b/c%20d", 404, "/v1/items/a%2Fb%2Fc%20d"),
        ("GET", "/v1/items/a/b/similar", 404, "/v1/items/a%2Fb/similar"),
        ("PUT", "/v1/items/0/similar", 405, "/v1/items/0%2Fsimilar"),
        ("GET", "/v1/users/a/b/recommendations", 404, "/v1/users/a%2Fb/recommendations"),
        ("PUT", "/v1/users/a/b", 404, "/v1/users/a%2Fb"),
    ],
)
def test_an_id_with_a_bare_slash_is_refused_with_the_way_to_write_it(
    service: Service, method: str, path: str, status: int, written: str
) -> None:
    answer = service.http.request(method, path, content=b'{"title": "tea"}')
    assert answer.status_code == status
    assert answer.json()["detail"].endswith(f"an id is one part of the path, / in it is %2F: {written}")


def test_no_bare_slash_stored_an_item(service: Service) -> None:
    service.http.put("/v1/items/1/similar", json=TEA)
    assert service.http.get("/v1/items/1%2Fsimilar").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "detail"),
    [
        ("GET", "/v1/nothing", "there is no such route"),
        ("GET", "/v1/items/", "there is no such route"),
        ("POST", "/v1/items/x", "this route does not take POST"),
        ("GET", "/v1/events", "this route does not take GET"),
    ],
)
def test_other_wrong_routes_are_said_so(service: Service, method: str, path: str, detail: str) -> None:
    assert service.http.request(method, path).json()["detail"] == detail


def test_a_put_of_the_availability_alone_is_refused_and_a_patch_hides_the_item(service: Service) -> None:
    item = service.list_of("somebody", 1)[0]
    before = service.http.get(f"/v1/items/{item}").json()["attributes"]
    refused = service.http.put(f"/v1/items/{item}", json={"available": False})
    assert refused.status_code == 422
    assert "would remove title, description" in refused.json()["detail"]
    assert "PATCH" in refused.json()["detail"]
    assert service.list_of("somebody", 1) == [item]
    assert service.http.patch(f"/v1/items/{item}", json={"available": False}).status_code == 200
    assert item not in service.list_of("somebody", 1_000)
    service.http.patch(f"/v1/items/{item}", json={"available": True})
    assert service.list_of("somebody", 1) == [item]
    assert service.http.get(f"/v1/items/{item}").json()["attributes"] == before


def test_a_put_replaces_and_a_patch_merges_and_null_changes_nothing(service: Service) -> None:
    service.http.put("/v1/items/merged", json={**TEA, "brand": "Fleet"})
    service.http.patch("/v1/items/merged", json={"price": 9, "brand": None})
    got = service.http.get("/v1/items/merged").json()["attributes"]
    assert {name: got[name] for name in (*TEA, "brand")} == {**TEA, "price": 9, "brand": "Fleet"}
    service.http.put("/v1/items/merged", json={"title": "Tea"})
    assert set(service.http.get("/v1/items/merged").json()["attributes"]) == {
        "title",
        "available",
        "created_at",
    }


# Many in one request


def test_lines_are_stored_and_each_rejected_one_is_named(service: Service) -> None:
    body = (
        b"\xef\xbb\xbf"
        + lines({"item_id": "l-1", **TEA}, {"item_id": 7, **TEA})
        + b"\r\n   \n{broken\n[1]\n"
        + lines({**TEA}, {"item_id": "l-2", "title": "x" * 9_000})
        + b'{"item_id": "l-3", "title": "' + b"y" * (LARGEST_BODY + 5) + b'"}\n'
        + lines({"item_id": "a/b", "title": "tea"})
        + json.dumps({"item_id": "last", "title": "without its line break"}).encode()
    )  # fmt: skip
    answer = service.http.post("/v1/items", content=body)
    report = answer.json()
    assert (answer.status_code, report["accepted"], report["rejected_count"]) == (200, 3, 6)
    assert [(one["line"], one["reason"].split(":")[0][:36]) for one in report["rejected"]] == [
        (2, "the item_id is the number 7; ids are"),
        (5, "the line is not valid JSON"),
        (6, 'the line is no JSON object; write {"'),
        (7, "the item_id is missing"),
        (8, "the attribute 'title' is longer than"),
        (9, "the line is longer than 1,048,576 by"),
    ]
    for item_id in ("l-1", "a%2Fb", "last"):
        assert service.http.get(f"/v1/items/{item_id}").status_code == 200


def test_a_body_without_a_good_line_is_an_error_and_an_empty_one_is_not(service: Service) -> None:
    assert service.http.post("/v1/items", content=b"[]\n").status_code == 422
    empty = service.http.post("/v1/items", content=b"\n\n")
    assert (empty.status_code, empty.json()["accepted"]) == (200, 0)
    assert (
        service.http.post("/v1/items", content=b"x", headers={"content-encoding": "gzip"}).status_code == 415
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (gzip.compress(b'{"item_id": "g", "title": "tea"}'), "packed with gzip"),
        ('{"item_id": "g", "title": "tea"}\n'.encode("utf-16"), "UTF-16; send UTF-8"),
        (b"PK\x03\x04" + bytes(30), "a ZIP archive"),
    ],
    ids=["gzip", "utf-16", "zip"],
)
def test_a_body_that_holds_no_lines_is_refused_by_its_first_bytes(
    service: Service, body: bytes, said: str
) -> None:
    answer = service.http.post("/v1/items", content=iter([body[:1], body[1:]]))
    assert (answer.status_code, said in answer.json()["detail"]) == (415, True)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/x-ndjson; charset=utf-8", 200),
        ("Application/JSONL", 200),
        ("text/plain", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
def test_the_content_type_of_many_items_is_that_of_lines(service: Service, kind: str, status: int) -> None:
    answer = service.http.post(
        "/v1/items", content=lines({"item_id": "k", **TEA}), headers={"content-type": kind}
    )
    assert answer.status_code == status
    assert status == 200 or "application/x-ndjson" in answer.json()["detail"]


def test_an_id_that_is_too_long_is_refused_by_its_bytes(service: Service) -> None:
    for path in ("/v1/items/" + "x" * 257, "/v1/users/" + "%E6%9D%B1" * 86):
        assert "at most 256" in service.http.put(path, json={"title": "x"}).json()["detail"]


def test_rejected_lines_are_counted_beyond_those_that_are_listed(service: Service) -> None:
    report = service.http.post("/v1/items", content=b"[]\n" * 2_500 + lines({"item_id": "one", **TEA})).json()
    assert (report["accepted"], report["rejected_count"], len(report["rejected"])) == (1, 2_500, 1_000)


def test_more_than_the_largest_body_comes_in_pieces_and_is_durable(directory: Path, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'x.db'}"
    count = 9_000
    pieces = (lines({"item_id": f"n{n}", "title": f"tea {n % 5}", "note": "-" * 300}) for n in range(count))
    with serving(directory, "--store", store) as service:
        answer = service.http.post("/v1/items", content=pieces, timeout=120)
        assert answer.json()["accepted"] == count
        assert service.http.get("/readyz").json()["items"] == count + len(small_snapshot().catalogue)
        service.process.kill()
    with serving(directory, "--store", store) as service:
        assert service.http.get(f"/v1/items/n{count - 1}/similar?k=2").status_code == 200
        assert service.http.get("/v1/items/n17").json()["attributes"]["title"] == "tea 2"


def test_a_body_that_is_announced_too_large_is_refused_before_a_line_is_stored(service: Service) -> None:
    host = service.address.removeprefix("http://")
    head = f"POST /v1/items HTTP/1.1\r\nHost: {host}\r\nContent-Length: {2**30 + 1}\r\n\r\n"
    name, _, port = host.rpartition(":")
    with socket.create_connection((name, int(port)), timeout=10) as connection:
        connection.sendall(head.encode() + lines({"item_id": "huge", **TEA}))
        assert b" 413 " in connection.recv(4_096)
    assert service.http.get("/v1/items/huge").status_code == 404


@pytest.mark.fault(17)
def test_a_sender_that_leaves_keeps_what_was_stored(service: Service) -> None:
    host = service.address.removeprefix("http://")
    head = f"POST /v1/items HTTP/1.1\r\nHost: {host}\r\nContent-Length: 900000000\r\n\r\n"
    name, _, port = host.rpartition(":")
    with socket.create_connection((name, int(port)), timeout=10) as connection:
        connection.sendall(head.encode() + lines(*({"item_id": f"left-{n}", **TEA} for n in range(2_100))))
        end = time.monotonic() + 20
        while service.http.get("/v1/items/left-1999").status_code == 404 and time.monotonic() < end:
            time.sleep(0.05)
    assert service.http.get("/v1/items/left-1999").status_code == 200
    assert service.http.get("/v1/items/left-2050").status_code == 404
    assert service.http.get("/healthz").status_code == 200


def test_a_key_that_is_given_twice_is_refused_and_a_text_that_looks_like_one_is_not(service: Service) -> None:
    twice = b'{"title": "A red lamp", "price": 3, "title": "A blue lamp"}'
    for method, path in (("PUT", "/v1/items/twice"), ("PUT", "/v1/users/twice")):
        refused = service.http.request(method, path, content=twice)
        assert (refused.status_code, refused.json()["detail"]) == (
            422,
            "the key 'title' is given twice in one object",
        )
    assert service.http.get("/v1/items/twice").status_code == 404
    text = service.http.put("/v1/items/text", json={"title": 'A lamp, "red": yes', "more": {"a": [{"b": 1}]}})
    assert text.is_success
    body = b'{"item_id": "l1", "title": "a", "title": "b"}\n{"item_id": "l2", "title": "A lamp"}\n'
    many = service.http.post("/v1/items", content=body, headers={"content-type": "application/x-ndjson"})
    assert (many.json()["accepted"], many.json()["rejected"]) == (
        1,
        [{"line": 1, "reason": "the key 'title' is given twice in one object"}],
    )
    event = b'{"user_id": "u", "item_id": "i", "event": "view", "event": "cart"}'
    events = service.http.post("/v1/events", content=b'{"events": [' + event + b"]}")
    assert (events.status_code, "'event' is given twice" in events.json()["detail"]) == (422, True)


@pytest.mark.fault(29)
def test_a_body_that_is_packed_is_refused_by_its_encoding(service: Service) -> None:
    packed = gzip.compress(json.dumps({"events": []}).encode())
    for path in ("/v1/events", "/v1/sessions/recommendations"):
        refused = service.http.post(path, content=packed, headers={"content-encoding": "gzip"})
        assert (refused.status_code, refused.json()["detail"]) == (
            415,
            "the body is encoded as gzip; send it as it is",
        )


def test_probes_may_ask_by_head_and_options_is_told_why_not(service: Service) -> None:
    for path in ("/healthz", "/readyz"):
        answer = service.http.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
    assert service.http.get("/healthz").status_code == 200  # on the same connection
    refused = service.http.options("/v1/items/x")
    assert (refused.status_code, "let your own server call it" in refused.json()["detail"]) == (405, True)


def test_what_is_wrong_is_said_without_the_name_of_its_kind(service: Service) -> None:
    refused = service.http.get("/v1/users/u/recommendations?k=3.0")
    assert refused.json()["detail"] == "k: it must be a whole number, for example 10"
