"""A service of two processes whose lists follow what trends, without a new fit."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.fleet import Fleet, fleet, wait_until
from tests.served import small_snapshot

from tacit.engine.snapshot import save

RARE, BESIDE = (str(one) for one in small_snapshot().catalogue.items.ids.to_list()[:2])
WORKERS, ASKED = 2, 12


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("updates") / "model"
    save(small_snapshot(), place)
    return place


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.sqlite3'}"
    else:
        yield request.getfixturevalue("empty_postgres")


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
def test_a_trend_is_in_the_lists_of_every_process_and_after_a_restart(
    directory: Path, tmp_path: Path, store: str
) -> None:
    with fleet(directory, tmp_path, workers=WORKERS, store=store) as service:
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
        assert service.stop() == 0
    if "postgresql" in store:
        return  # what follows reads the same, and a start takes seconds
    with fleet(directory, tmp_path, workers=WORKERS, store=store) as service:
        wait_until(lambda: trends(service) and go_together(service), 120)
        assert service.stop() == 0
