"""Requests and responses of the engine: plain data with text ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tacit.core.types import Json


@dataclass(frozen=True)
class Request:
    """Who wants a list.

    Attributes
    ----------
    user_id, session_id : str or None
        Whose stored history is used; at most one.
    items : sequence of str
        Item ids seen just now, oldest first; they come after the stored history.
    k : int
    allow_seen : bool
        Keep items of the history in the list.
    attributes : mapping
        Attributes of the user in the request itself; they override stored ones.
    context : mapping
        What it tells of the moment: the device, the channel, ...
    """

    user_id: str | None = None
    session_id: str | None = None
    items: Sequence[str] = ()
    k: int = 10
    allow_seen: bool = False
    attributes: Mapping[str, Json] = field(default_factory=dict)
    context: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Recommended:
    """One item of an answer.

    Attributes
    ----------
    item_id : str
    score : float
    title : str
    reasons : list of str
    propensity : float or None
        The chance that the item was drawn for this request, where it is listed to be explored.
    """

    item_id: str
    score: float
    title: str
    reasons: list[str] = field(default_factory=list)
    propensity: float | None = None


@dataclass(frozen=True)
class Response:
    """A list, with the id of its stored exposure and the version of its model.

    Attributes
    ----------
    recommendation_id, model : str
    items : list of Recommended
    warnings : list of str
        What the model does not know of the request: the user, items of the history; and why a list is empty.
    """

    recommendation_id: str
    model: str
    items: list[Recommended]
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DegradedResponse(Response):
    """A list that was made without something that did not come in time.

    Attributes
    ----------
    degraded : list of str
        What is missing; never empty.
    """

    degraded: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class NewEvent:
    """An event as it arrives: ids and times not yet checked."""

    item_id: str
    event: str
    user_id: str | None = None
    session_id: str | None = None
    timestamp: float | int | str | None = None
    value: float | None = None
    event_id: str | None = None
    recommendation_id: str | None = None
    position: int | None = None
    source: str | None = None


@dataclass(frozen=True)
class Observed:
    """What became of events.

    Attributes
    ----------
    accepted : int
    rejected : list of (index, reason)
    conflicts : list of int
        Those of the rejected whose ``event_id`` was stored before with another content.
    warnings : list of (index, text)
        What is unknown in stored events: the item, the event type, the list in which it was shown.
    """

    accepted: int
    rejected: list[tuple[int, str]]
    conflicts: list[int] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class PutItems:
    """What became of items that were put together.

    Attributes
    ----------
    accepted : int
    rejected : list of (index, reason)
    warnings : list of (index, text)
        Texts that the text encoder of the model cannot read.
    """

    accepted: int
    rejected: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)
