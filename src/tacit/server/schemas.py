"""Bodies of requests: strict, with bounds, nothing extra."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.config import JsonDict

from tacit.engine.checking import LONGEST_ID, LONGEST_LIST
from tacit.engine.engine import LONGEST_HISTORY

ID_SCHEMA: JsonDict = {
    "minLength": 1,
    "maxLength": LONGEST_ID,
    "pattern": r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
    "format": "tacit-id",
}
"""What JSON Schema can say of an id: the format means that it has at most 256 bytes of UTF-8."""
IdText = Annotated[str, Field(json_schema_extra=ID_SCHEMA)]
"""A text whose rules as an id are checked by the engine, and described here."""
_ONE_SUBJECT: list[JsonValue] = [
    {"required": [name], "properties": {name: {"type": "string"}}} for name in ("user_id", "session_id")
]
MOST_EVENTS = 1_000
"""Events of one request."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class EventIn(_Body):
    """One event: what a user or a session did to an item."""

    model_config = ConfigDict(json_schema_extra={"oneOf": _ONE_SUBJECT})

    item_id: IdText
    event: Annotated[IdText, Field(examples=["view", "cart", "purchase"])]
    user_id: IdText | None = None
    session_id: IdText | None = None
    timestamp: int | float | str | None = Field(
        None, description="Unix s, ms, µs, ns or ISO 8601; now if absent"
    )
    value: float | None = Field(None, description="Rating, price, seconds, ...")
    event_id: IdText | None = Field(
        None,
        description="Your own id: the same event sent again is stored once. Without one an event with a "
        "timestamp has an id of its content, and one without a timestamp is a new event each time",
    )
    recommendation_id: IdText | None = Field(None, description="Of the list in which the item was shown")
    position: int | None = Field(None, description="Place in that list; 1 is the first")


class EventsIn(_Body):
    """A batch of events; each is checked separately."""

    events: Annotated[list[dict[str, Any]], Field(max_length=MOST_EVENTS)]


class SessionIn(_Body):
    """An anonymous history."""

    items: Annotated[list[IdText], Field(max_length=LONGEST_HISTORY)] = []
    session_id: IdText | None = None
    attributes: Annotated[
        dict[str, Any], Field(description="Attributes of the user, by the names of the users' file")
    ] = {}
    context: Annotated[dict[str, Any], Field(description="Attributes of the moment: device, ...")] = {}
    k: Annotated[int, Field(ge=1, le=LONGEST_LIST)] = 10
    allow_seen: bool = False


class MergeIn(_Body):
    """A session that turned out to be a user's."""

    session_id: IdText


class VersionIn(_Body):
    """A version of the model."""

    version: Annotated[str, Field(examples=["20260805T142233Z-0f9a"], description="One of GET /v1/models")]
