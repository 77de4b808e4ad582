"""Batches of events: counted first, checked one by one, stored together, answered with a report.

A well-formed event is recognised by the types of its values; only one that is not goes through the model of
`tacit.server.schemas`, whose message says what is wrong with it. A test holds the two to the same answers.
"""

from math import isfinite
from typing import Any

import orjson
from pydantic import ValidationError

from tacit.engine.engine import Engine
from tacit.engine.requests import NewEvent
from tacit.server.admission import NOBODY, Caller
from tacit.server.bodies import check_keys, first_error, parsed
from tacit.server.schemas import MOST_EVENTS, EventIn, EventsIn

_FIELDS = EventIn.model_fields.keys()
_TEXT = (str,)
_TEXT_OR_NONE = (str, type(None))
_TIME = (int, float, str, type(None))
_NUMBER = (int, float, type(None))
_WHOLE = (int, type(None))


def observed(engine: Engine, body: bytes, sender: Caller = NOBODY) -> tuple[int, bytes]:
    """Store the good events of a batch; return a status and a report of JSON with a reason for each bad one.

    200: all are stored; 207: some are; 409: none, each of them has the id of another event; 422: none.
    Each event counts as a request of its sender.
    """
    events: list[NewEvent] = []
    places: list[int] = []
    rejected: list[tuple[int, str]] = []
    batch = _raw_events(body)
    sender.charge(len(batch) - 1)
    for place, raw in enumerate(batch):
        try:
            events.append(new_event(raw, sender.name))
            places.append(place)
        except ValidationError as error:
            rejected.append((place, first_error(error)))
    result = engine.observe(events)
    rejected += [(places[at], reason) for at, reason in result.rejected]
    conflicts = {places[at] for at in result.conflicts}
    refused = [
        {"index": at, "status": 409 if at in conflicts else 422, "reason": reason}
        for at, reason in sorted(rejected)
    ]
    if result.accepted:
        status = 207 if refused else 200
    else:
        status = 409 if conflicts and len(conflicts) == len(refused) else 422 if refused else 200
    unknown = [{"index": places[at], "warning": text} for at, text in result.warnings]
    engine.meter.observed(result.accepted, len(refused))
    return status, orjson.dumps({"accepted": result.accepted, "rejected": refused, "warnings": unknown})


def new_event(raw: dict[str, Any], source: str | None = None) -> NewEvent:
    """Return an event of a body, and who sent it.

    Raises
    ------
    ValidationError
        Of `EventIn`, if a field is missing, of another type, not finite, or not known.
    """
    value, at = raw.get("value"), raw.get("timestamp")
    if (
        raw.keys() <= _FIELDS
        and type(raw.get("item_id")) in _TEXT
        and type(raw.get("event")) in _TEXT
        and type(raw.get("user_id")) in _TEXT_OR_NONE
        and type(raw.get("session_id")) in _TEXT_OR_NONE
        and type(raw.get("event_id")) in _TEXT_OR_NONE
        and type(raw.get("recommendation_id")) in _TEXT_OR_NONE
        and type(raw.get("position")) in _WHOLE
        and type(at) in _TIME
        and type(value) in _NUMBER
        and (type(at) is not float or isfinite(at))
        and (value is None or isfinite(value))
    ):
        return NewEvent(**(raw if type(value) is not int else {**raw, "value": float(value)}), source=source)
    return NewEvent(**EventIn.model_validate(raw).model_dump(), source=source)


def _raw_events(body: bytes) -> list[dict[str, Any]]:
    """Return the events of a body, whose number is checked before any of them."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    events = document.get("events") if type(document) is dict and len(document) == 1 else None
    if type(events) is list and len(events) <= MOST_EVENTS and all(type(one) is dict for one in events):
        check_keys(body, document)
        return events
    if type(events) is list and len(events) > MOST_EVENTS:
        body = orjson.dumps({"events": [{}] * len(events)})  # for the message, without a look at each
    return parsed(body, EventsIn).events
