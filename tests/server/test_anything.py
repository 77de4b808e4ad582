"""Whatever JSON is sent, the answer is never a 5xx."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.served import Service, serving, small_snapshot

from tacit.engine.snapshot import save

ODD = ["i00001", "u1", "\ud800", "\x00", "x" * 300]
TIMES = [1.7e9, 1.7e12, -1, 1e308, "2024-02-30", "2024-01-01T00:00:00+25:00", "0001-01-01"]
TEXT = st.text(st.characters(codec=None), max_size=12) | st.sampled_from(ODD)
NUMBER = st.integers(-(10**25), 10**25) | st.floats()
LEAF = st.none() | st.booleans() | NUMBER | TEXT | st.sampled_from(TIMES)
JSON = st.recursive(LEAF, lambda part: st.lists(part, max_size=4) | st.dictionaries(TEXT, part, max_size=4))
KEYS = st.sampled_from(["user_id", "session_id", "item_id", "event", "timestamp", "value", "event_id"])
NAMES = st.sampled_from(["title", "description", "price", "available", "created_at", "category"])
PLAIN = st.fixed_dictionaries(
    {"user_id": TEXT, "item_id": TEXT, "event": TEXT},
    optional={"timestamp": LEAF, "value": LEAF, "event_id": LEAF},
)
EVENT = st.dictionaries(KEYS | TEXT, LEAF, max_size=6) | PLAIN
EVENTS = st.fixed_dictionaries({"events": st.lists(EVENT, max_size=5) | JSON})
SESSION = st.fixed_dictionaries({}, optional={"items": st.lists(TEXT), "k": LEAF, "session_id": LEAF})
ITEM = st.dictionaries(NAMES | TEXT, JSON, max_size=5)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    place: Path = tmp_path_factory.mktemp("anything") / "model"
    save(small_snapshot(), place)
    with serving(place) as running:
        yield running


def status_of(service: Service, method: str, path: str, body: object) -> int:
    return service.http.request(method, path, content=json.dumps(body).encode()).status_code


@examples(40)
@given(body=JSON | EVENTS)
@pytest.mark.fault(38)
def test_events(service: Service, body: object) -> None:
    assert status_of(service, "POST", "/v1/events", body) < 500


@examples(50)
@given(body=JSON | SESSION)
@pytest.mark.fault(38)
def test_sessions(service: Service, body: object) -> None:
    assert status_of(service, "POST", "/v1/sessions/recommendations", body) < 500


@examples(50)
@given(body=JSON | ITEM)
def test_items_and_what_comes_of_them(service: Service, body: object) -> None:
    status = status_of(service, "PUT", "/v1/items/any", body)
    assert status < 500
    assert service.http.get("/v1/users/u1/recommendations?k=5").status_code == 200
    if status == 200:
        assert service.http.get("/v1/items/any/similar?k=5").status_code == 200
