"""Users over real sockets, two workers, each kind of store: known, joined, forgotten to the last byte."""

import json
import os
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from urllib.parse import quote

import httpx
import polars as pl
import pytest
from tests.fleet import Fleet, fleet, wait_until
from tests.store.conftest import emptied
from tests.store.postgres_server import binaries

from tacit.data.shop import generate
from tacit.engine.snapshot import Snapshot, load, save
from tacit.engine.train import train
from tacit.pipeline.config import Config
from tacit.store.events import EventStore
from tacit.store.versions import Versions, snapshot_of

CANARY = "cän'ary-%_<∅>"
MANY = int(os.environ.get("TACIT_TEST_DELETIONS", "60"))
"""Users that are deleted under load; 1,000 for the promise itself."""


@cache
def crowd() -> Snapshot:
    """A shop whose users are more than are deleted; one of them is the canary."""
    users = MANY + 20
    shop = generate(seed=7, users=users, items=100, events=15 * users, days=40)
    events = shop.events.with_columns(pl.col("user_id").replace({shop.events["user_id"][0]: CANARY}))
    retrievers: dict[str, dict[str, object]] = {"trending": {}, "userknn": {}, "ease": {}, "sessionknn": {}}
    return train(events, shop.items, Config(retrievers=retrievers, encoder="none", ranker=None, windows=1))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder for a service, and the address of its store."""
    folder = tmp_path_factory.mktemp("users")
    if request.param == "sqlite":
        return folder, f"sqlite:///{folder / 'store.sqlite3'}"
    server: str = request.getfixturevalue("postgres")
    emptied(server)
    return folder, server


@pytest.fixture(scope="module")
def service(place: tuple[Path, str]) -> Iterator[Fleet]:
    """Two workers on a model directory with two versions of a small shop; the tests use it in their order."""
    folder, store = place
    versions = Versions(folder / "model")
    for name in ("first", "second"):
        save(crowd(), versions.path(name))
    versions.switch("second")
    with fleet(versions.directory, folder, workers=2, store=store) as running:
        yield running


def ask(service: Fleet, method: str, path: str, body: object = None) -> httpx.Response:
    """Ask over a connection of its own: any worker may answer."""
    content = None if body is None else json.dumps(body).encode()
    return httpx.request(method, service.address + path, content=content, timeout=60)


def in_both(condition: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: all(condition() for _ in range(6))


def listed(service: Fleet, user: str) -> list[tuple[str, float]]:
    answer = service.get(f"/v1/users/{quote(user, safe='')}/recommendations").raise_for_status().json()
    return [(item["item_id"], item["score"]) for item in answer["items"]]


def event(user: str, item: str, **more: object) -> dict[str, object]:
    return {"user_id": user, "item_id": item, "event": "view", **more}


def files_with(place: Path, text: str) -> list[str]:
    """Files below a folder that hold a text, as it is or as JSON writes it: what grep -a finds."""
    forms = {text.encode(), json.dumps(text)[1:-1].encode(), quote(text, safe="").encode()}
    files = [Path(folder) / name for folder, _, names in os.walk(place) for name in names]
    return [str(file) for file in files if any(form in bytes_of(file) for form in forms)]


def bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):  # it is being removed
        return b""


def users_in(versions: Versions) -> list[int]:
    """How many users each version has; none while one is being replaced."""
    manifests = [bytes_of(versions.path(name) / "manifest.json") for name in versions.names()]
    return [json.loads(one)["facts"]["users"] for one in manifests if one]


def dumped(address: str) -> bytes:
    command = [str(binaries() / "pg_dump"), "--inserts", "-d", address]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


@pytest.mark.promise("P1", "P2", "P3", "P4", "P5", "P6", "P9")
def test_nothing_is_left_of_a_user_who_was_forgotten(service: Fleet, place: tuple[Path, str]) -> None:
    tmp_path, store = place
    path = f"/v1/users/{quote(CANARY, safe='')}"
    session = f"{CANARY}-session"
    assert ask(service, "PUT", path, {"note": "of the " + CANARY}).status_code == 200
    assert ask(service, "PATCH", path, {"plan": "x", "note": None}).status_code == 200
    first = {**event(CANARY, "i00003"), "event_id": f"{CANARY}-1"}
    at_once = {"session_id": session, "item_id": "i00004", "event": "view", "event_id": f"{CANARY}-2"}
    for _ in range(2):
        sent = ask(service, "POST", "/v1/events", {"events": [first, at_once]})
        assert sent.json()["accepted"] == 2
    ask(service, "POST", "/v1/sessions/recommendations", {"session_id": session})
    listed(service, CANARY)
    wait_until(lambda: len(ask(service, "GET", path).json()["exposures"]) == 1, 20)
    wait_until(
        lambda: len(ask(service, "GET", f"/v1/sessions/{quote(session)}").json()["exposures"]) == 1, 20
    )
    merged = ask(service, "POST", f"{path}/merge", {"session_id": session}).json()
    assert (merged["events"], merged["exposures"]) == (1, 1)
    assert ask(service, "POST", "/v1/events", {"events": [at_once]}).json()["accepted"] == 1
    known = ask(service, "GET", path).json()
    assert known["attributes"] == {"note": "of the " + CANARY, "plan": "x"}
    assert [one["event_id"] for one in known["events"]] == [f"{CANARY}-1", f"{CANARY}-2"]
    assert [one["session_id"] for one in known["sessions"]] == [session]
    assert len(known["history"]) > 3
    assert len(known["exposures"]) == 2
    assert files_with(tmp_path / "model", CANARY)

    told = ask(service, "DELETE", path).json()
    assert told["events"] == 2
    assert told["snapshot"] == "hidden"
    assert told["store"] == ("erased" if store.startswith("sqlite") else "deleted")
    assert told["backups"] == []
    wait_until(in_both(lambda: ask(service, "GET", path).status_code == 404), 5)
    begun = time.monotonic()
    if store.startswith("sqlite"):
        assert [file for file in files_with(tmp_path, CANARY) if "store.sqlite3" in file] == []

    wait_until(lambda: service.said().count("serving model") >= 1, 120)
    wait_until(lambda: not files_with(tmp_path / "model", CANARY), 120)
    assert not files_with(tmp_path / "model", CANARY)
    if store.startswith("sqlite"):
        assert files_with(tmp_path, CANARY) == []
    else:
        assert CANARY.encode() not in dumped(store)
    print(f"out of the snapshots after {time.monotonic() - begun:.1f} s")
    assert CANARY not in service.said()
    versions = Versions(tmp_path / "model")
    wait_until(lambda: users_in(versions) == [MANY + 19] * 2, 20)
    model = load(snapshot_of(versions.directory)).version
    wait_until(in_both(lambda: service.get("/readyz").json()["model"] == model), 20)

    # Whoever asks under the id is somebody new.
    assert listed(service, CANARY) == listed(service, "nobody")
    sent = ask(service, "POST", "/v1/events", {"events": [event(CANARY, "i00005")]})
    assert sent.json()["accepted"] == 1  # somebody new of the same name
    assert len(ask(service, "GET", path).json()["events"]) == 1
    assert ask(service, "DELETE", path).json()["events"] == 1
    assert ask(service, "DELETE", path).json()["events"] == 0
    gone = ask(service, "DELETE", f"/v1/sessions/{quote(session)}").json()
    assert (gone["session_id"], gone["events"]) == (session, 0)


def patiently(http: httpx.Client, method: str, path: str, body: object = None) -> httpx.Response:
    """Send a request as clients do: again where the service says that it has too much to do."""
    while (answer := http.request(method, path, json=body)).status_code == 503:
        time.sleep(float(answer.headers["retry-after"]))
    return answer


@pytest.mark.promise("P8")
@pytest.mark.fault(22)
def test_users_are_deleted_under_load_and_nothing_fails(service: Fleet, place: tuple[Path, str]) -> None:
    folder, store = place
    ids = [id_ for id_ in crowd().interactions.users.ids.to_list() if id_ != CANARY]
    gone, rest = ids[:MANY], ids[MANY:]
    versions = Versions(folder / "model")
    left = [users - MANY for users in users_in(versions)]
    failures: list[str] = []
    stop = threading.Event()
    sent = [0]

    def use(number: int) -> None:
        rng = random.Random(number)
        with httpx.Client(base_url=service.address, timeout=60) as http:
            while not stop.is_set():
                user = rng.choice(ids)
                events = [event(user, "i00001", event_id=f"{number}-{sent[0]}-{place}") for place in range(2)]
                answers = [
                    patiently(http, "POST", "/v1/events", {"events": events}),
                    patiently(http, "GET", f"/v1/users/{user}/recommendations"),
                ]
                failures.extend(answer.text for answer in answers if answer.status_code != 200)
                sent[0] += 1
                stop.wait(0.02)  # the processor time of clients is the service's

    def delete(user: str) -> None:
        answer = patiently(deleting, "DELETE", f"/v1/users/{user}")
        if answer.status_code != 200 or answer.json()["snapshot"] != "hidden":
            failures.append(answer.text)

    users = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for user in users:
        user.start()
    begun = time.monotonic()
    with ThreadPoolExecutor(16) as pool, httpx.Client(base_url=service.address, timeout=60) as deleting:
        assert len([*pool.map(delete, gone)]) == MANY
    seconds = time.monotonic() - begun
    stop.set()
    for user in users:
        user.join()
    print(f"{MANY} users deleted in {seconds:.1f} s beside {sent[0]} requests of each kind, on {store[:6]}")
    assert failures == []
    wait_until(in_both(lambda: ask(service, "GET", f"/v1/users/{rest[0]}").json()["history"] != []), 10)
    wait_until(lambda: users_in(versions) == left, 300)
    model = load(snapshot_of(versions.directory)).version
    wait_until(in_both(lambda: service.get("/readyz").json()["model"] == model), 60)
    if store.startswith("sqlite"):
        assert service.stop() == 0
        opened = EventStore(store)
        assert len(opened.tombstones()) >= MANY  # others may have been deleted before
        kept = {one.subject_id for one in opened.events()}
        opened.close()
        held = (folder / "store.sqlite3").read_bytes()
        assert [id_ for id_ in gone if id_ not in kept and id_.encode() in held] == []
