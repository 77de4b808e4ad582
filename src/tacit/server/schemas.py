"""Bodies of requests: strict, with bounds, nothing extra."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tacit.engine.checking import LONGEST_LIST
from tacit.engine.engine import LONGEST_HISTORY

MOST_EVENTS = 1_000
"""Events of one request."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class EventIn(_Body):
    """One event: what a user or a session did to an item."""

    item_id: str
    event: Annotated[str, Field(examples=["view", "cart", "purchase"])]
    user_id: str | None = None
    session_id: str | None = None
    timestamp: int | float | str | None = Field(
        None, description="Unix s, ms, µs, ns or ISO 8601; now if absent"
    )
    value: float | None = Field(None, description="Rating, price, seconds, ...")
    event_id: str | None = Field(
        None,
        description="Your own id: the same event sent again is stored once. Without one an event with a "
        "timestamp has an id of its content, and one without a timestamp is a new event each time",
    )
    recommendation_id: str | None = Field(None, description="Of the list in which the item was shown")
    position: int | None = Field(None, description="Place in that list; 1 is the first")
    source: str | None = Field(None, description="Where it comes from: web, app, import, ...")


class EventsIn(_Body):
    """A batch of events; each is checked separately."""

    events: Annotated[list[dict[str, Any]], Field(max_length=MOST_EVENTS)]


class SessionIn(_Body):
    """An anonymous history."""

    items: Annotated[list[str], Field(max_length=LONGEST_HISTORY)] = []
    session_id: str | None = None
    attributes: Annotated[
        dict[str, Any], Field(description="Attributes of the user, by the names of the users' file")
    ] = {}
    context: Annotated[dict[str, Any], Field(description="Attributes of the moment: device, ...")] = {}
    k: Annotated[int, Field(ge=1, le=LONGEST_LIST)] = 10
    allow_seen: bool = False


class MergeIn(_Body):
    """A session that turned out to be a user's."""

    session_id: str
