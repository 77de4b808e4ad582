"""Items that expire: out of every list at their time, in every process, without a change by anybody."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.served import small_snapshot

from tacit.core.clock import FixedClock
from tacit.core.errors import DataError
from tacit.engine.engine import Engine
from tacit.engine.requests import Request
from tacit.store.events import EventStore

NOW = 1_800_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    opened = EventStore(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    yield opened
    opened.close()


def listed(engine: Engine) -> list[str]:
    return [item.item_id for item in engine.recommend(Request(user_id="nobody", k=121)).items]


@pytest.mark.promise("P10")
def test_an_item_leaves_every_list_at_its_time_in_every_process(store: EventStore) -> None:
    clock = FixedClock(NOW)
    engine, other = (Engine(small_snapshot(), store, clock=clock) for _ in range(2))
    known = listed(engine)[0]
    engine.patch_item(known, {"expires_at": NOW + 10})
    engine.put_item("new", {"title": "A lamp", "expires_at": "2027-01-15T08:00:20Z"})
    assert engine.item("new")["expires_at"] == NOW + 20
    for one in (engine, other):
        assert {known, "new"} <= {*listed(one)}
        assert one.item(known)["available"] is True
    clock.at = NOW + 10
    for one in (engine, other):
        assert known not in listed(one)
        assert "new" in listed(one)
        shown = one.item(known)
        assert (shown["available"], shown["expires_at"]) == (False, NOW + 10)
        assert known not in [item.item_id for item in one.similar("new", 100).items]
    clock.at = NOW + 20
    restarted = Engine(small_snapshot(), store, clock=clock)
    for one in (engine, other, restarted):
        assert not {known, "new"} & {*listed(one)}
        one.swap(small_snapshot())
        assert not {known, "new"} & {*listed(one)}
    engine.patch_item(known, {"expires_at": NOW + 30})
    engine.put_item("new", {"title": "A lamp"})
    for one in (engine, other, restarted):
        assert {known, "new"} <= {*listed(one)}
        assert "expires_at" not in one.item("new")
    engine.patch_item(known, {"available": False})
    clock.at = NOW + 40
    engine.patch_item(known, {"expires_at": NOW + 50})
    assert known not in listed(engine)  # it is hidden besides
    engine.patch_item(known, {"available": True})
    assert known in listed(other)


def test_an_end_says_nothing_of_the_item_itself(store: EventStore) -> None:
    engine = Engine(small_snapshot(), store, clock=FixedClock(NOW))
    known = listed(engine)[0]
    before = engine.item(known)
    columns = engine._state.catalogue.attributes.columns
    engine.patch_item(known, {"expires_at": NOW - 5})
    assert known not in listed(engine)
    assert engine.item(known) == {**before, "available": False, "expires_at": NOW - 5}
    (said,) = engine.patch_item(known, {"available": True})
    assert "has expired" in said
    assert engine._state.catalogue.attributes.columns == columns
    with pytest.raises(DataError, match="change nothing but its end, send the same with PATCH"):
        engine.put_item(known, {"expires_at": NOW})
    with pytest.raises(DataError, match="nothing but its availability and its end"):
        engine.put_item(known, {"expires_at": NOW, "available": True})


@pytest.mark.parametrize(("end", "message"), [(True, "must be a time"), ([1], "must be a time"), (5, "1990")])
def test_an_end_that_is_no_time_is_refused(store: EventStore, end: object, message: str) -> None:
    engine = Engine(small_snapshot(), store, clock=FixedClock(NOW))
    with pytest.raises(DataError, match=message):
        engine.put_item("new", {"title": "A lamp", "expires_at": end})  # type: ignore[dict-item]
