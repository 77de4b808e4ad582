"""`tacit serve` over a real socket: what is promised to those who call it."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.served import Service, serving, small_snapshot

from tacit.engine.snapshot import save
from tacit.server.keys import changing_keys, new_key


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("serving") / "model"
    save(small_snapshot(), place)
    return place


@pytest.fixture(scope="module")
def service(directory: Path) -> Iterator[Service]:
    with serving(directory, workers=None) as running:
        yield running


def view(item: str, user: str = "u", **more: object) -> dict[str, object]:
    return {"user_id": user, "item_id": item, "event": "view", **more}


def test_it_says_that_it_lives_and_what_it_serves(service: Service) -> None:
    assert service.http.get("/healthz").json() == {"status": "ok"}
    ready = service.http.get("/readyz").json()
    assert ready["model"] == small_snapshot().version
    assert ready["store"] == "ok"


def test_a_list_has_the_promised_shape(service: Service) -> None:
    answer = service.http.get("/v1/users/anybody/recommendations", params={"k": 3}).json()
    assert set(answer) == {"recommendation_id", "model", "items", "warnings"}
    assert len(answer["items"]) == 3
    assert set(answer["items"][0]) == {"item_id", "score", "title", "reasons", "propensity"}
    assert isinstance(answer["items"][0]["reasons"], list)


def test_an_event_changes_that_users_next_list_and_nobody_elses(service: Service) -> None:
    before, other = service.list_of("eve"), service.list_of("adam")
    answer = service.send(view(before[0], "eve"), view(before[1], "eve", event="purchase"))
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2, "rejected": [], "warnings": []})
    assert not {before[0], before[1]} & set(service.list_of("eve"))
    assert service.list_of("adam") == other


@pytest.mark.fault(34)
def test_what_is_not_known_is_answered_with_a_warning(service: Service) -> None:
    known = small_snapshot().catalogue.items.ids[3]
    answer = service.http.get("/v1/users/who%3F/recommendations", params={"k": 3}).json()
    assert answer["warnings"] == ["the user 'who?' is not known: the list is that of a new user"]
    answer = service.http.post("/v1/sessions/recommendations", json={"items": [known, "lost"]}).json()
    assert answer["warnings"] == ["not known among the 2 items of the history: 'lost'"]
    answer = service.send(view(known, "w"), view("lost", "w"), view(known, "w", event="glorped")).json()
    assert (answer["accepted"], answer["rejected"]) == (3, [])
    assert [warning["index"] for warning in answer["warnings"]] == [1, 2]
    assert "the item 'lost' is not known" in answer["warnings"][0]["warning"]
    assert "the event type 'glorped' is not known" in answer["warnings"][1]["warning"]


def test_an_item_with_only_text_is_similar_and_recommended(service: Service) -> None:
    twin = small_snapshot().catalogue
    text = {"title": twin.attributes["title"][9], "description": twin.attributes["description"][9]}
    known = twin.items.ids[9]
    assert service.http.put("/v1/items/brand%2Fnew 1", json=text).status_code == 200
    similar = service.http.get(f"/v1/items/{known}/similar").json()["items"]
    for kind in ("alike", "together", "next"):
        requested = service.http.get(f"/v1/items/{known}/similar", params={"kind": kind, "k": 3})
        assert requested.status_code == 200
    assert "brand/new 1" in [item["item_id"] for item in similar]
    assert service.http.get("/v1/items/brand%2Fnew%201/similar").json()["items"]
    session = service.http.post("/v1/sessions/recommendations", json={"items": [known], "k": 10}).json()
    assert "brand/new 1" in [item["item_id"] for item in session["items"]]


def test_attributes_of_users_are_stored_and_may_come_with_a_request(service: Service) -> None:
    stored = service.http.put("/v1/users/a%2Fb", json={"age": 34, "country": "NZ"})
    assert (stored.status_code, stored.json()["user_id"]) == (200, "a/b")
    assert service.http.put("/v1/users/a%2Fb", json=[1]).status_code == 422
    reported = {"items": [], "k": 5, "attributes": {"country": "NZ"}, "context": {"device": "tv"}}
    assert len(service.http.post("/v1/sessions/recommendations", json=reported).json()["items"]) == 5


def test_a_parameter_that_a_route_does_not_know_is_refused_with_those_it_knows(service: Service) -> None:
    answer = service.http.get("/v1/items/i00001/similar?knd=next")
    assert answer.status_code == 422
    assert answer.json()["detail"] == "there is no query parameter 'knd'; known: k, kind"
    assert service.http.get("/healthz?probe=1").status_code == 200


@pytest.mark.fault(34)
def test_a_session_without_history_gets_what_is_popular(service: Service) -> None:
    answer = service.http.post("/v1/sessions/recommendations", json={"items": [], "k": 5}).json()
    assert len(answer["items"]) == 5


@pytest.mark.fault(15)
def test_retries_are_stored_once_and_answered_the_same(service: Service) -> None:
    event = view("i00001", "retry", event_id="r-1")
    assert [service.send(event, event).json()["accepted"] for _ in range(3)] == [2, 2, 2]
    answer = service.send({**event, "item_id": "i00002"})
    assert answer.status_code == 409
    assert answer.json()["rejected"][0]["index"] == 0


@pytest.mark.fault(17)
def test_a_batch_tells_of_each_bad_event_and_keeps_the_others(service: Service) -> None:
    answer = service.send(view("i00001"), {"user_id": 7}, view("i00002", value="high"), view("", "u"))
    assert answer.status_code == 207
    assert answer.json()["accepted"] == 1
    assert [reported["index"] for reported in answer.json()["rejected"]] == [1, 2, 3]
    assert all(reported["reason"] for reported in answer.json()["rejected"])


NESTED = b'{"events":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
EVENT = b'{"events":[{"user_id":"u","item_id":"i","event":"view",%s}]}'
BAD_EVENTS = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"events"',
    b"{}",
    b'{"events":{}}',
    b'{"events":[1]}',
    b'{"events":[null]}',
    b'{"events":[],"more":1}',
    b"\xff\xfe\x00",
    NESTED,
    b'{"events":[{"user_id":"u","item_id":"i","event":"view"}' + b',{"user_id":"u"}' * 1_000 + b"]}",
    EVENT % b'"value":NaN',
    EVENT % b'"value":1e400',
    EVENT % b'"value":-Infinity',
    EVENT % b'"value":true',
    EVENT % b'"timestamp":' + b"9" * 5_000,
    EVENT % (b'"timestamp":' + b"9" * 300),
    EVENT % b'"timestamp":1e300',
    EVENT % b'"timestamp":-1',
    EVENT % b'"timestamp":[]',
    EVENT % b'"timestamp":"58000-01-01"',
    EVENT % b'"event_id":5',
    EVENT % b'"event_id":""',
    EVENT % b'"session_id":"s"',
    EVENT % b'"timestmap":5',
    EVENT % b'"user_id":"\\ud800"',
    EVENT % b'"user_id":"a\\u0000b"',
    EVENT % b'"user_id":null',
    EVENT % b'"item_id":123',
    EVENT % (b'"item_id":"' + b"x" * 5_000 + b'"'),
]


@pytest.mark.fault(38)
@pytest.mark.parametrize("body", BAD_EVENTS, ids=lambda body: repr(body[:60]))
@pytest.mark.fault(19, 38)
def test_bad_events_get_4xx_and_a_reason(service: Service, body: bytes) -> None:
    answer = service.http.post("/v1/events", content=body)
    assert 400 <= answer.status_code < 500
    reported = answer.json()
    assert reported.get("detail") or reported["rejected"][0]["reason"]


@pytest.mark.fault(30, 38)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/users/u/recommendations?k=0", b""),
        ("GET", "/v1/users/u/recommendations?k=1001", b""),
        ("GET", "/v1/users/u/recommendations?k=" + "9" * 6_000, b""),
        ("GET", "/v1/users/u/recommendations?k=ten", b""),
        ("GET", "/v1/users/u/recommendations?k=%ff", b""),
        ("GET", "/v1/users/u/recommendations?allow_seen=perhaps", b""),
        ("GET", "/v1/users//recommendations", b""),
        ("GET", "/v1/users/%20/recommendations", b""),
        ("GET", "/v1/users/%00/recommendations", b""),
        ("GET", "/v1/users/%ff%fe/recommendations", b""),
        ("GET", "/v1/users/" + "x" * 300 + "/recommendations", b""),
        ("GET", "/v1/users/" + "%E6%9D%B1" * 100 + "/recommendations", b""),
        ("GET", "/v1/items/unknown/similar", b""),
        ("GET", "/v1/items/i00001/similar?kind=like", b""),
        ("GET", "/nowhere", b""),
        ("DELETE", "/v1/events", b""),
        ("POST", "/v1/sessions/recommendations", b'{"items":"i"}'),
        ("POST", "/v1/sessions/recommendations", b'{"items":[1]}'),
        ("POST", "/v1/sessions/recommendations", b'{"items":["\\u0007"]}'),
        ("POST", "/v1/sessions/recommendations", b'{"items":["i"],"k":1e9}'),
        ("POST", "/v1/sessions/recommendations", b'{"items":["i"],"k":"10"}'),
        ("POST", "/v1/sessions/recommendations", b'{"items":[' + b'"i",' * 1_000 + b'"i"]}'),
        ("PUT", "/v1/items/x", b"[]"),
        ("PUT", "/v1/items/x", b"{"),
        ("PUT", "/v1/items/x", b'{"title":"' + b"x" * 9_000 + b'"}'),
        ("PUT", "/v1/items/x", b'{"available":"yes"}'),
        ("PUT", "/v1/items/x", b'{"created_at":"58000"}'),
        ("PUT", "/v1/items/%0a", b'{"title":"x"}'),
        ("GET", "/v1/users/u/recommendations?k=3.0", b""),
        ("GET", "/v1/users/u/recommendations?k=3&k=4", b""),
        ("GET", "/v1/users/u/recommendations?kk=3", b""),
        ("GET", "/v1/items/i00001/similar?knd=next", b""),
        ("PUT", "/v1/users/u?k=3", b"{}"),
    ],
)
@pytest.mark.fault(30, 38)
def test_bad_requests_get_4xx_and_a_reason(service: Service, method: str, path: str, body: bytes) -> None:
    answer = service.http.request(method, path, content=body)
    assert 400 <= answer.status_code < 500
    assert answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.fault(28)
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.fault(28)
def test_a_body_that_is_too_large_is_refused_by_its_bytes(service: Service, chunked: bool) -> None:
    body = b'{"events":[' + b" " * 3_000_000 + b"]}"
    content = iter([body[:1_500_000], body[1_500_000:]]) if chunked else body
    answer = service.http.post("/v1/events", content=content)
    assert answer.status_code == 413
    assert service.http.get("/healthz").status_code == 200


@pytest.mark.fault(44)
@pytest.mark.promise("P38")
def test_other_sites_pages_and_other_names_are_refused(service: Service) -> None:
    hosted = service.http.get("/healthz", headers={"host": "evil.example"})
    forged = service.http.post("/v1/events", json={"events": []}, headers={"origin": "https://evil.example"})
    own = service.http.post("/v1/events", json={"events": []}, headers={"origin": service.address})
    assert (hosted.status_code, forged.status_code, own.status_code) == (400, 403, 200)


@pytest.mark.fault(40)
def test_every_answer_carries_the_security_headers(service: Service) -> None:
    for path in ("/healthz", "/docs", "/nowhere", "/v1/users/u/recommendations?k=x"):
        headers = service.http.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers


@pytest.mark.fault(40)
def test_the_page_of_the_routes_needs_nothing_from_elsewhere(service: Service) -> None:
    page = service.http.get("/docs").text
    described = service.http.get("/openapi.json").json()["paths"]
    assert all(path in page for path in described)
    assert {"/v1/events", "/v1/users/{user_id}/recommendations", "/v1/items/{item_id}"} <= set(described)
    assert "http://" not in page and "https://" not in page and "<script" not in page


@pytest.mark.promise("P28")
@pytest.mark.fault(28)
def test_health_is_quick_while_many_ask(service: Service) -> None:
    stop = time.monotonic() + 1.5

    def ask(_: int) -> set[int]:
        with httpx.Client(base_url=service.address, timeout=20) as http:
            statuses = set()
            while time.monotonic() < stop:
                statuses.add(http.get("/v1/users/u/recommendations?k=100").status_code)
            return statuses

    slowest = 0.0
    with ThreadPoolExecutor(6) as pool:
        asking = [pool.submit(ask, n) for n in range(6)]
        while time.monotonic() < stop:
            begun = time.monotonic()
            service.http.get("/healthz")
            slowest = max(slowest, time.monotonic() - begun)
            time.sleep(0.02)
        assert set().union(*(one.result() for one in asking)) <= {200, 503}
    assert slowest < 1.0


@pytest.mark.fault(43)
def test_a_public_address_needs_a_key(directory: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from tacit.cli import main; main()", "serve", str(directory)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TACIT_A")}
    done = subprocess.run(
        [*command, "--host", "0.0.0.0", "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    assert done.returncode == 2
    assert "needs keys" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.promise("P36", "P37", "P38")
@pytest.mark.fault(43, 44, 45)
def test_keys_hosts_and_rates_of_a_public_service(directory: Path, tmp_path: Path) -> None:
    store, file = f"sqlite:///{tmp_path / 'x.db'}", tmp_path / "keys.json"
    old, slow = made(file, "old", "read"), made(file, "slow", "read", "ingest", rate=5.0)
    options = ("--host", "0.0.0.0", "--allowed-host", "Shop.Example", "--store", store)
    with serving(directory, *options, "--keys", str(file), workers=2) as service:
        address = service.address.replace("0.0.0.0", "127.0.0.1")

        def ask(key: str, path: str = "/v1/users/u/recommendations", **headers: str) -> int:
            """Ask over a connection of its own: any worker may answer."""
            sent = {"authorization": f"Bearer {key}"} if key else {}
            return httpx.get(address + path, headers=sent | headers, timeout=20).status_code

        def ask_until(key: str, *statuses: int) -> None:
            """Ask until each worker has surely answered so."""
            end, alike = time.monotonic() + 20, 0
            while alike < 12:
                alike = alike + 1 if ask(key) in statuses else 0
                assert time.monotonic() < end
                time.sleep(0.01)

        assert [ask(key) for key in (old, "", "wrong", old)] == [200, 401, 401, 200]
        assert ask(old, "/healthz") == ask("", "/healthz") == ask("", "/readyz") == 200
        assert ask(old, "/v1/users/u") == ask(old, "/nowhere") == 403
        assert ask(old, host="shop.example") == ask(old, host="SHOP.example:80") == 200
        assert ask(old, host="evil.example") == 400

        # Another key beside the old one, and then the old one is gone: in every worker, without a restart.
        new = made(file, "new", "read")
        ask_until(new, 200)
        with changing_keys(file) as keys:
            keys[:] = [one for one in keys if one.name != "old"]
        ask_until(old, 401, 429)  # a key that is gone is a guess
        assert ask(new) == 200

        # The workers count together, and a batch by its events.
        events = {"events": [view("i00001") for _ in range(50)]}
        sent = httpx.post(f"{address}/v1/events", json=events, headers={"x-api-key": slow}, timeout=20)
        assert sent.status_code == 200
        for _ in range(8):
            refused = httpx.get(f"{address}/v1/model", headers={"x-api-key": slow}, timeout=20)
            assert refused.status_code == 429
            assert 1 <= int(refused.headers["retry-after"]) <= 10
        assert ask(new) == 200
        service.process.terminate()
        _, said = service.process.communicate(timeout=40)
        assert not {one for one in (old, slow, new) if one in said}


def made(file: Path, name: str, *roles: str, rate: float | None = None) -> str:
    """Add a key to a file and return it."""
    with changing_keys(file) as keys:
        key, secret = new_key(keys, name, roles, time.time(), rate=rate)
        keys.append(key)
    return secret


@pytest.mark.promise("P36")
def test_the_old_ways_to_give_a_key_still_work_with_a_warning(directory: Path, tmp_path: Path) -> None:
    key, admin = "0123456789abcdef", "fedcba9876543210"
    store = f"sqlite:///{tmp_path / 'x.db'}"
    with serving(directory, "--store", store, TACIT_API_KEY=key, TACIT_ADMIN_KEY=admin) as service:
        for path, given, status in (
            ("/v1/users/u/recommendations", "", 401),
            ("/v1/users/u/recommendations", key, 200),
            ("/v1/users/u", key, 403),
            ("/v1/users/u/recommendations", admin, 200),
            ("/docs", "\u00e9", 401),
        ):
            headers = {"authorization": f"Bearer {given}".encode()} if given else {}
            assert service.http.get(path, headers=headers).status_code == status
        for given, status in ((key, 403), (admin, 200)):
            headers, items = {"x-api-key": given}, b'{"item_id": "k", "title": "Tea"}'
            assert service.http.post("/v1/items", content=items, headers=headers).status_code == status
        service.process.terminate()
        _, said = service.process.communicate(timeout=40)
        assert "give way to --keys" in said
        assert key not in said and admin not in said


def test_a_port_or_a_store_that_is_taken_is_said_so(service: Service, directory: Path) -> None:
    taken = service.address.rpartition(":")[2]
    command = [sys.executable, "-c", "from tacit.cli import main; main()", "serve", str(directory)]
    for port, said in ((taken, "cannot listen"), ("0", "in use by process")):
        done = subprocess.run([*command, "--port", port], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.fault(6)
def test_a_damaged_snapshot_is_refused(directory: Path, tmp_path: Path) -> None:
    broken = tmp_path / "model"
    save(small_snapshot(), broken)
    file = broken / "catalogue.arrow"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    command = [
        sys.executable,
        "-c",
        "from tacit.cli import main; main()",
        "serve",
        str(broken),
        "--port",
        "0",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "damaged" in done.stderr


@pytest.mark.promise("P42")
@pytest.mark.fault(1)
def test_kill_minus_nine_loses_no_acknowledged_event_and_no_item(directory: Path, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'x.db'}"
    ledger: list[str] = []
    for cycle in range(2):
        with serving(directory, "--store", store) as service:
            assert (
                service.http.put(f"/v1/items/new-{cycle}", json={"title": f"Tea {cycle}"}).status_code == 200
            )
            timer = threading.Timer(0.6, service.process.send_signal, [signal.SIGKILL])
            timer.start()
            try:
                for number in range(10**6):
                    names = [f"{cycle}-{number}-{place}" for place in range(3)]
                    answer = service.send(*(view("i00001", event_id=name) for name in names))
                    if answer.status_code == 503:  # of a worker that ends because its parent has
                        break
                    answer.raise_for_status()
                    ledger += names
            except httpx.TransportError:
                pass
            timer.join()
    from tacit.store.events import EventStore

    opened = EventStore(store)
    kept = [event.event_id for event in opened.events()]
    assert len(kept) == len(set(kept))
    assert set(ledger) <= set(kept)
    assert len(ledger) > 10
    assert [id_ for id_, _ in opened.items()] == ["new-0", "new-1"]
    opened.close()


def limit_files(service: Service, limit: tuple[int, int]) -> None:
    """Set the largest size of a file that the workers may write."""
    parent = service.process.pid
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        resource.prlimit(int(pid), resource.RLIMIT_FSIZE, limit)


@pytest.mark.promise("P43")
@pytest.mark.fault(7)
def test_when_files_cannot_grow_lists_go_on_and_events_resume(service: Service) -> None:
    item = service.list_of("full")[0]
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    limit_files(service, (150_000, resource.RLIM_INFINITY))
    answers = [service.send(*(view("x" * 200, "full") for _ in range(100))) for _ in range(8)]
    assert answers[-1].status_code in (503, 507)
    assert answers[-1].headers["retry-after"]
    assert service.list_of("full")[0] == item
    limit_files(service, unlimited)
    assert service.send(view(item, "full")).json()["accepted"] == 1
    assert item not in service.list_of("full")


@pytest.mark.promise("P42")
@pytest.mark.fault(24)
def test_sigterm_answers_what_is_in_flight_and_a_restart_knows_everything(
    directory: Path, tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path / 'x.db'}"
    with serving(directory, "--store", store) as service:
        service.http.put("/v1/items/new", json={"title": "Smoked black tea"})
        service.send(view("new", "u"))
        with ThreadPoolExecutor(8) as pool:
            sent = [pool.submit(service.send, view("i00001", event_id=str(n))) for n in range(100)]
            sent[20].result()
            service.process.send_signal(signal.SIGTERM)
            acknowledged = 0
            for one in sent:
                try:
                    acknowledged += one.result().status_code == 200
                except httpx.TransportError:
                    continue  # not taken any more
        assert service.process.wait(25) == 0
    with serving(directory, "--store", store) as service:
        assert "new" not in service.list_of("u", 100)
        assert "new" in service.list_of("u", 100, allow_seen=True)
        assert service.http.get("/v1/items/new/similar").status_code == 200
    assert acknowledged > 20
