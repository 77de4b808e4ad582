"""Events of a body: the quick way and the model of `tacit.server.schemas` take and refuse the same."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from tests.examples import examples

from tacit.engine.requests import NewEvent
from tacit.server.bodies import first_error, parsed
from tacit.server.ingest import _raw_events, new_event
from tacit.server.schemas import MOST_EVENTS, EventIn, EventsIn

TEXT = st.text(max_size=5)
LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | TEXT
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(TEXT, st.integers(), max_size=1)
)
NAMES = st.sampled_from(
    [
        "user_id",
        "session_id",
        "item_id",
        "event",
        "timestamp",
        "value",
        "event_id",
        "more",
        "recommendation_id",
        "position",
    ]
)
EVENT = st.dictionaries(NAMES, LEAF, max_size=8) | st.fixed_dictionaries(
    {"item_id": TEXT, "event": TEXT},
    optional={"user_id": TEXT, "timestamp": LEAF, "value": LEAF, "position": LEAF},
)


def outcome(make: Any, raw: Any) -> object:
    try:
        return make(raw)
    except ValidationError as error:
        return first_error(error)
    except HTTPException as error:
        return error.status_code, error.detail


@examples(300)
@given(EVENT)
def test_an_event_is_taken_or_refused_as_by_the_model(raw: dict[str, Any]) -> None:
    def by_model(raw: dict[str, Any]) -> NewEvent:
        return NewEvent(**EventIn.model_validate(raw).model_dump())

    found, expected = outcome(new_event, raw), outcome(by_model, raw)
    assert found == expected or (isinstance(expected, NewEvent) and repr(found) == repr(expected))


@pytest.mark.parametrize(
    "document",
    [
        {"events": []},
        {"events": [{}]},
        {"events": [{"item_id": "i"}, {"event": "view"}]},
        {"events": [1]},
        {"events": [{}, None]},
        {"events": {}},
        {"events": [], "more": 1},
        {},
        [],
        None,
        "events",
        {"events": [{}] * MOST_EVENTS},
        {"events": [{}] * (MOST_EVENTS + 1)},
        {"events": [1] * (MOST_EVENTS + 1)},
    ],
    ids=lambda document: repr(document)[:40],
)
def test_a_body_is_taken_or_refused_as_by_the_model(document: object) -> None:
    body = orjson.dumps(document)
    assert outcome(_raw_events, body) == outcome(lambda body: parsed(body, EventsIn).events, body)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"events":[1e400]}'])
def test_a_body_that_is_no_json_is_refused_as_such(body: bytes) -> None:
    with pytest.raises(HTTPException, match="the body is not valid JSON"):
        _raw_events(body)


@pytest.mark.fault(28)
def test_the_number_of_events_is_checked_before_any_of_them() -> None:
    body = b'{"events":[' + b'{"item_id":7},' * 200_000 + b"{}]}"
    with pytest.raises(HTTPException, match="at most 1000 items after validation, not 200001"):
        _raw_events(body)
