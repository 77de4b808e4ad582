"""Lists of a store that is locked by another process: they go out in time, and say what they lack."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.served import small_snapshot

from tacit.engine.engine import Engine
from tacit.engine.requests import DegradedResponse, NewEvent, Request, Response
from tacit.store.events import EventStore

LOCK = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX, 5, 123)  # the marks of readers: SQLite tries for ten seconds
    print(flush=True)
    sys.stdin.read()
"""


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep readers out of a SQLite store."""
    command = [sys.executable, "-c", LOCK, f"{file}-shm"]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        yield
    finally:
        holder.communicate()


def whole(engine: Engine, request: Request) -> Response:
    """Return the first list that lacks nothing."""
    end = time.monotonic() + 60
    while isinstance(answer := engine.recommend(request), DegradedResponse) and time.monotonic() < end:
        time.sleep(0.05)
    return answer


@pytest.mark.promise("P29")
@pytest.mark.fault(10, 31)
def test_a_locked_store_costs_freshness_for_as_long_as_it_is_locked(tmp_path: Path) -> None:
    file = tmp_path / "x.sqlite3"
    engine = Engine(small_snapshot(), EventStore(f"sqlite:///{file}"), store_wait=0.05)
    request = Request(user_id="u", k=5)
    first = whole(engine, request).items[0].item_id
    engine.observe([NewEvent(first, "purchase", user_id="u")])
    assert first not in [item.item_id for item in whole(engine, request).items]
    with locked(file):
        begun = time.monotonic()
        answers = [engine.recommend(request) for _ in range(10)]
        similar = engine.similar(first)
        assert time.monotonic() - begun < 5  # of ten that each waited for SQLite, a hundred
        for answer in answers:
            assert isinstance(answer, DegradedResponse)
            assert "the latest events were not read in time" in answer.degraded
            assert answer.items[0].item_id == first
            assert answer.warnings == []  # whether the user is known was not read
        assert isinstance(similar, DegradedResponse)
        assert similar.degraded == ["the latest changes of items were not read in time"]
        assert engine.health()["store"] == "failing"
    assert first not in [item.item_id for item in whole(engine, request).items]
    end = time.monotonic() + 30
    while engine.health()["store"] != "ok" and time.monotonic() < end:  # without a further list
        time.sleep(0.05)
    assert engine.health()["store"] == "ok"
    engine.close()
