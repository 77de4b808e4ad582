"""A service whose model changes while it is asked, as clients and operators see it."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.fleet import ENCODER, WORKER, Fleet, fleet, wait_until
from tests.served import small_snapshot
from tests.server.swapping import Asking, lists_of

from tacit.core.manifest import MANIFEST, manifest_of, publish
from tacit.engine.snapshot import Snapshot, save
from tacit.store.versions import Versions

SEEDS = (7, 8)


def snapshots() -> dict[str, Snapshot]:
    """Models of two shops, whose items have the same ids and other titles and encoders."""
    return {f"v{seed}": small_snapshot(seed) for seed in SEEDS}


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    """Both as versions, of which v7 is current."""
    made = Versions(tmp_path / "model")
    for name, snapshot in snapshots().items():
        save(snapshot, made.path(name))
    made.switch("v7")
    return made


@pytest.fixture
def service(versions: Versions, tmp_path: Path) -> Iterator[Fleet]:
    with fleet(versions.directory, tmp_path, workers=2) as running:
        yield running


@pytest.fixture
def on_postgres(versions: Versions, tmp_path: Path, empty_postgres: str) -> Iterator[Fleet]:
    with fleet(versions.directory, tmp_path, workers=2, store=empty_postgres) as running:
        yield running


def served_by_all(service: Fleet, name: str) -> Callable[[], bool]:
    """Return whether several connections in a row reach workers that serve a version."""
    return lambda: all(service.get("/v1/model").json()["version"] == name for _ in range(6))


def mapped(pid: int, versions: Versions) -> set[str]:
    """Return the names of the versions whose files a process has mapped, or open."""
    folder = f"{versions.directory}/versions/"
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    return {one.partition(folder)[2].partition("/")[0] for one in lines + links if folder in one}


def damaged_copy(versions: Versions, name: str, number: int) -> str:
    """Add a version with a flipped bit, and return its name."""
    bad = f"w{number}"
    shutil.copytree(versions.path(name), versions.path(bad))
    file = versions.path(bad) / "pipeline.safetensors"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)
    return bad


@pytest.mark.promise("P21", "P22")
@pytest.mark.fault(6, 23)
def test_models_change_under_load_and_no_answer_fails_or_is_mixed(versions: Versions, service: Fleet) -> None:
    users = small_snapshot(7).interactions.users.ids[:12].to_list()
    expected = {one.version: lists_of(one, users) for one in snapshots().values()}
    assert len({str(lists) for lists in expected.values()}) == len(SEEDS)
    hidden = {"title": "A lamp", "available": False}  # it is encoded, and in no list
    assert httpx.put(f"{service.address}/v1/items/lamp", json=hidden, timeout=60).is_success
    clients = [Asking(service.address, expected, 0.01) for _ in range(3)]
    names, changes = [*snapshots()], 0
    for number in range(1, 7):
        if number % 3 == 0:
            bad = damaged_copy(versions, names[0], number)
            versions.switch(bad)
            said = f"versions/{bad}/pipeline.safetensors is damaged"
            wait_until(lambda said=said: said in service.said(), 60)
            continue
        name = names[number % len(names)]
        versions.switch(name)
        changes += 1
        wait_until(lambda n=changes: service.said().count("tacit: serving model") == n, 60)
        # The other encoder is there too: a new text is encoded for the model that is served.
        text = {**hidden, "title": f"A lamp of number {number}"}
        assert httpx.put(f"{service.address}/v1/items/lamp", json=text, timeout=60).is_success
    last = service.get("/v1/model").json()["version"]
    wait_until(served_by_all(service, last), 60)
    wait_until(lambda: all(mapped(pid, versions) == {last} for pid in service.pids(WORKER)), 60)
    for client in clients:
        client.stop()
    assert [client.failures for client in clients] == [[]] * 3
    assert [client.mixed for client in clients] == [[]] * 3
    assert {model for client in clients for model in client.models} == set(expected)
    assert service.said().count("tacit: refused: ") == 2
    refused = service.get("/readyz").json()["refused"]
    assert refused["version"] == "w6"
    assert str(versions.directory) not in refused["reason"]
    assert service.stop() == 0
    assert "Traceback" not in service.said()


def unreadable_copy(versions: Versions, name: str) -> str:
    """Add a whole version that this Tacit cannot read, and return its name."""
    source = versions.path(name)

    def write(place: Path) -> None:
        for file in source.iterdir():
            if file.name != MANIFEST:
                shutil.copy(file, place)
        (place / "snapshot.json").write_text("{}")

    publish(versions.path("w-unreadable"), write, {"model": "x", "facts": manifest_of(source)["facts"]})
    return "w-unreadable"


@pytest.mark.promise("P22")
@pytest.mark.fault(6, 23, 41)
def test_a_version_is_chosen_over_http(versions: Versions, on_postgres: Fleet) -> None:
    service = on_postgres

    def choose(name: object) -> httpx.Response:
        return httpx.post(f"{service.address}/v1/model", json={"version": name}, timeout=60)

    chosen = choose("v8")
    assert (chosen.status_code, chosen.json()["version"]) == (200, "v8")
    assert chosen.json()["model"] == small_snapshot(8).version
    wait_until(served_by_all(service, "v8"), 20)
    bad = damaged_copy(versions, "v7", 1)
    refused = choose(bad)
    assert refused.status_code == 409
    assert f"model/versions/{bad}/pipeline.safetensors is damaged" in refused.json()["detail"]
    assert versions.current() == "v8"
    refused = choose(unreadable_copy(versions, "v7"))
    assert refused.status_code == 409
    assert "cannot be read by" in refused.json()["detail"]
    assert versions.current() == "v8"  # whole, so it was current until the workers refused it
    (versions.directory / "versions" / "link").symlink_to(versions.path("v7"))
    for name in ("../model", "/etc", "v7/../v7", "v7\0", "%2e%2e", "link", "v9", "", 7, None):
        assert choose(name).status_code == 422, name
    assert versions.current() == "v8"
    listed = service.get("/v1/models").json()
    assert listed["current"] == "v8"
    assert [one["version"] for one in listed["versions"]] == ["v7", "v8", "w-unreadable", "w1"]

    def problems() -> list[str]:
        return [str(one["problem"]) for one in service.get("/v1/models").json()["versions"]]

    # In every process, also those that did not refuse them, and those that start later.
    expected = ["None", "None", "cannot be read by", f"model/versions/{bad}/pipeline.safetensors is damaged"]
    wait_until(
        lambda: all(part in text for _ in range(6) for part, text in zip(expected, problems(), strict=True)),
        60,
    )
    wait_until(served_by_all(service, "v8"), 20)
    # A worker is stopped, so the change waits for it; it is killed, and the change goes on without it.
    stopped = service.pids(WORKER)[0]
    os.kill(stopped, signal.SIGSTOP)
    versions.switch("v7")
    os.kill(stopped, signal.SIGKILL)
    wait_until(lambda: f"tacit: serving model {small_snapshot(7).version}, version v7" in service.said(), 60)
    wait_until(lambda: "is ready again" in service.said(), 60)
    wait_until(served_by_all(service, "v7"), 60)
    assert len(service.pids(WORKER)) == 2
    versions.switch("v8")
    assert service.stop() == 0  # before, while or after it changes
    assert "Traceback" not in service.said()


@pytest.mark.promise("P21")
@pytest.mark.fault(24)
def test_a_snapshot_that_is_replaced_is_served_and_processes_end_with_their_parent(tmp_path: Path) -> None:
    place = tmp_path / "model"
    save(small_snapshot(7), place)
    with fleet(place, tmp_path, workers=2) as service:
        assert httpx.put(f"{service.address}/v1/items/lamp", json={"title": "A lamp"}, timeout=60).is_success
        save(small_snapshot(8), place)
        new = small_snapshot(8).version
        wait_until(lambda: all(service.get("/readyz").json()["model"] == new for _ in range(6)), 60)
        assert service.get("/v1/items/lamp").json()["model"] == new
        assert httpx.post(f"{service.address}/v1/model", json={"version": "a"}, timeout=60).status_code == 409
        (place / "config.toml").write_text("broken = true")
        wait_until(lambda: "model/config.toml is damaged" in service.said(), 60)
        assert service.get("/readyz").json()["model"] == new
        pids = service.pids(WORKER) + service.pids(ENCODER)
        save(small_snapshot(7), place)
        service.process.kill()
        wait_until(lambda: not [pid for pid in pids if _runs(pid)], 30)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
