"""Three processes on one store: each answers from what every other one acknowledged."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.served import small_snapshot
from tests.store.conftest import emptied, postgres  # noqa: F401

from tacit.engine.snapshot import save
from tacit.store.events import EventStore
from tacit.store.lock import hold

LAMP = {"title": "Brass lamp with a linen shade", "category": "Home", "material": "brass"}


class Process:
    """A process of `tests.engine.one_process`."""

    def __init__(self, snapshot: Path, store: str) -> None:
        command = [sys.executable, "-m", "tests.engine.one_process", str(snapshot), store]
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, method: str, *arguments: object) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps([method, arguments]) + "\n")
        self.popen.stdin.flush()

    def read(self) -> Any:
        assert self.popen.stdout is not None
        return json.loads(self.popen.stdout.readline())

    def __call__(self, method: str, *arguments: object) -> Any:
        self.send(method, *arguments)
        return self.read()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("snapshot") / "small.tacit"
    save(small_snapshot(), directory)
    return directory


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a store of each kind, which all tests here share."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('store') / 'events.sqlite3'}"
    server: str = request.getfixturevalue("postgres")
    emptied(server)
    return server


@pytest.fixture(scope="module")
def three(saved: Path, address: str) -> Iterator[list[Process]]:
    """Three processes; the last test kills one of them."""
    lock = hold(address)
    processes = [Process(saved, address) for _ in range(3)]
    for process in processes:
        assert process.read() == "ready"
    yield processes
    for process in processes:
        process.popen.kill()
        process.popen.communicate()
    if lock is not None:
        lock.close()


@pytest.mark.fault(21)
def test_no_list_misses_an_event_that_another_process_acknowledged(three: list[Process]) -> None:
    items = small_snapshot().catalogue.items.ids.to_list()[:40]
    missed = 0
    for number in range(120):
        user, item = f"u{number // 40}", items[number % 40]
        writer, reader = random.Random(number).sample(three, 2)
        assert writer("observe", user, [item]) == 1
        missed += item in dict(reader("listed", user))
    assert missed == 0


def soon_in_all(processes: list[Process], at_once: bool, check: Callable[[dict[str, str]], bool]) -> None:
    """Check the lists of all processes: the next ones in SQLite, else later ones: a second is usual."""
    until = time.monotonic() + (0.0 if at_once else 20.0)
    for process in processes:
        while not check(dict(process("listed", "somebody"))):
            assert time.monotonic() < until
            time.sleep(0.02)


def test_an_item_changed_by_one_process_is_right_in_all(three: list[Process], address: str) -> None:
    known = small_snapshot().catalogue.items.ids[3]
    at_once = address.startswith("sqlite")

    def titled(id_: str, title: str | None) -> None:
        soon_in_all(three, at_once, lambda listed: listed.get(id_) == title)

    for number in range(3):
        one, two, third = (three[(number + place) % 3] for place in range(3))
        id_ = f"new-{number}"
        assert one("put", id_, {**LAMP, "title": f"Brass lamp {number}"}) == []
        titled(id_, f"Brass lamp {number}")
        two("patch", id_, {"title": f"Copper lamp {number}"})
        titled(id_, f"Copper lamp {number}")
        third("patch", id_, {"available": False})
        titled(id_, None)
        one("patch", known, {"available": number % 2 == 1})
        titled(known, small_snapshot().catalogue.titles[3] if number % 2 else None)
        one("put", id_, LAMP)
        titled(id_, LAMP["title"])
        if number % 2:
            two("delete", id_)
            titled(id_, None)


def test_processes_that_put_items_at_once_give_them_the_same_codes(
    three: list[Process], address: str
) -> None:
    before = len(three[0]("codes"))
    for number in range(8):
        for place, process in enumerate(three):
            process.send("put", f"new-{place}-{number}", {**LAMP, "title": f"Lamp {number} {place}"})
        for process in three:
            assert process.read() == []
    added = {f"new-{place}-{number}" for place in range(3) for number in range(8)}
    soon_in_all(three, address.startswith("sqlite"), lambda listed: added <= listed.keys())
    codes = [process("codes") for process in three]
    assert codes[0] == codes[1] == codes[2]
    assert len(codes[0]) == before + 24


@pytest.mark.fault(1)
@pytest.mark.promise("P42")
def test_kill_minus_nine_of_one_process_loses_nothing_and_the_others_go_on(
    three: list[Process], address: str
) -> None:
    counts = [10**6, 70, 70]
    for place, process in enumerate(three):
        process.send("write", f"w{place}", counts[place])
    acknowledged: list[str] = []
    for _ in range(20):
        for process in three:
            acknowledged += process.read()
    three[0].popen.kill()
    rest, _ = three[0].popen.communicate()
    for line in rest.splitlines(keepends=True):
        acknowledged += json.loads(line) if line.endswith("\n") else []
    for process in three[1:]:
        for _ in range(50):
            acknowledged += process.read()
        assert process.read() is None
    assert three[1]("put", "after", LAMP) == []
    soon_in_all(three[1:], False, lambda listed: "after" in listed)
    for process in three[1:]:
        process.popen.communicate()
    store = EventStore(address, lock=False)
    kept = [event.event_id for event in store.events()]
    store.close()
    assert len(kept) == len(set(kept))
    assert set(acknowledged) <= set(kept)
    assert len(acknowledged) > 1_500
