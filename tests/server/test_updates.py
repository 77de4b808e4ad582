"""A service of two processes, on each kind of store: what one took counts in all, and lists follow trends."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.fleet import Fleet, fleet, wait_until
from tests.served import small_snapshot
from tests.store.conftest import emptied

from tacit.engine.snapshot import save

RARE, BESIDE = (str(one) for one in small_snapshot().catalogue.items.ids.to_list()[:2])
ASKED = 12


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("updates") / "model"
    save(small_snapshot(), place)
    return place


@pytest.fixture(scope="module", params=["postgresql", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder for a service, and the address of its empty store."""
    folder = tmp_path_factory.mktemp("updated")
    if request.param == "sqlite":
        return folder, f"sqlite:///{folder / 'store.sqlite3'}"
    server: str = request.getfixturevalue("postgres")
    emptied(server)
    return folder, server


@pytest.fixture(scope="module")
def service(directory: Path, place: tuple[Path, str]) -> Iterator[Fleet]:
    """Two workers; the tests use them in their order."""
    with fleet(directory, place[0], workers=2, store=place[1]) as running:
        yield running


def listed(service: Fleet, path: str) -> list[str]:
    return [one["item_id"] for one in service.get(path).raise_for_status().json()["items"]]


def everywhere(holds: Callable[[], bool]) -> bool:
    """Ask over many connections of their own: the processes take turns."""
    return all(holds() for _ in range(ASKED))


def trends(service: Fleet) -> bool:
    return everywhere(lambda: {*listed(service, "/v1/users/nobody/recommendations?k=2")} == {RARE, BESIDE})


def go_together(service: Fleet) -> bool:
    return everywhere(lambda: listed(service, f"/v1/items/{RARE}/similar?kind=together&k=1") == [BESIDE])


@pytest.mark.promise("P25")
@pytest.mark.fault(49)
def test_a_trend_is_in_the_lists_of_every_process(service: Fleet) -> None:
    assert not {RARE, BESIDE} & {*listed(service, "/v1/users/nobody/recommendations?k=10")}
    events = [
        {"user_id": f"new-{n % 100}", "item_id": (RARE, BESIDE)[n // 100], "event": "purchase"}
        for n in range(200)
    ]
    sent = httpx.post(f"{service.address}/v1/events", json={"events": events}, timeout=60)
    assert sent.raise_for_status().json()["accepted"] == 200
    wait_until(lambda: trends(service), 120)
    wait_until(lambda: go_together(service), 120)
    assert service.get("/readyz").json()["updates"]["followed"] == 200


@pytest.mark.fault(21)
def test_what_one_worker_acknowledged_counts_in_all(service: Fleet) -> None:
    event = {"user_id": "seen", "event": "view"}
    for number in range(15):
        item = f"i{number + 1:05d}"
        sent = {"events": [{**event, "item_id": item}]}
        assert httpx.post(f"{service.address}/v1/events", json=sent, timeout=60).is_success
        for _ in range(2):
            assert item not in listed(service, "/v1/users/seen/recommendations?k=100")  # of any worker
    new = f"{service.address}/v1/items/new"
    known = small_snapshot().catalogue
    text = {name: known.attributes[name][9] for name in ("title", "description")}
    assert httpx.put(new, json=text, timeout=60).is_success
    wait_until(lambda: everywhere(lambda: service.get("/v1/items/new").status_code == 200), 1.5)
    similar = f"/v1/items/{known.items.ids[9]}/similar"
    assert everywhere(lambda: "new" in listed(service, similar))
    assert httpx.patch(new, json={"available": False}, timeout=60).is_success
    wait_until(lambda: everywhere(lambda: "new" not in listed(service, similar)), 1.5)
    assert httpx.delete(new, timeout=60).is_success
    wait_until(lambda: everywhere(lambda: service.get("/v1/items/new").status_code == 404), 1.5)


@pytest.mark.promise("P25")
@pytest.mark.fault(49)
def test_what_trends_is_in_the_lists_after_a_restart(
    service: Fleet, directory: Path, place: tuple[Path, str]
) -> None:
    assert service.stop() == 0
    folder, store = place
    if "postgresql" in store:
        return  # what follows reads the same, and a start takes seconds
    with fleet(directory, folder, workers=1, store=store) as again:
        wait_until(lambda: trends(again) and go_together(again), 120)
        assert again.stop() == 0
