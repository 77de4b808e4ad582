"""Records of the store, as plain data."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, Literal

from tacit.core.types import Json

Subject = Literal["user", "session"]


@dataclass(frozen=True)
class Event:
    """One event, as it is to be stored or was.

    Attributes
    ----------
    event_id : str
        Unique: the same event sent again is stored once.
    subject : {"user", "session"}
        A user and a session of the same name are two.
    subject_id, item_id, event : str
    at : float
        Unix seconds: the time that the sender told, or that of receipt. In the store it is the earlier of the
        two, and events are in its order, those of one time in the order of arrival.
    value : float or None
    has_time : bool
        Whether the sender told the time. The time of receipt is no part of an event's content: a retry of
        an event without a time is the same event.
    recommendation_id : str or None
        The list in which the item was shown.
    position : int or None
        Its place there, from 1.
    source : str or None
        Who sent it: the name of a key. It is no part of the content: a retry may come with another key.
    received : float or None
        When the event arrived, by the clock of this machine; None where nobody noted it.
    """

    event_id: str
    subject: Subject
    subject_id: str
    item_id: str
    event: str
    at: float
    value: float | None = None
    has_time: bool = field(default=True, compare=False)
    recommendation_id: str | None = None
    position: int | None = None
    source: str | None = field(default=None, compare=False)
    received: float | None = field(default=None, compare=False)

    @property
    def given_at(self) -> float | None:
        """The time that the sender told; None of an event that was not."""
        return self.at if self.has_time else None

    def digest(self) -> bytes:
        """Return the sha256 of the event's content, as the sender told it."""
        return digest_of(
            self.subject,
            self.subject_id,
            self.item_id,
            self.event,
            self.given_at,
            self.value,
            self.recommendation_id,
            self.position,
        )

    def row(self) -> dict[str, Any]:
        """Return the event as a row of its table."""
        return {
            "event_id": self.event_id,
            "subject": self.subject,
            "subject_id": self.subject_id,
            "item_id": self.item_id,
            "event": self.event,
            "at": self.at,
            "value": self.value,
            "digest": self.digest(),
            "given_at": self.given_at,
            "received": self.received,
            "recommendation_id": self.recommendation_id,
            "position": self.position,
            "source": self.source,
        }


def digest_of(
    subject: str,
    subject_id: str,
    item_id: str,
    event: str,
    given_at: float | None,
    value: float | None,
    recommendation_id: str | None = None,
    position: int | None = None,
) -> bytes:
    """Return the sha256 of an event's content: of the list of its fields as `json.dumps` writes it.

    It is written here field by field, in a third of the time: every stored event has one. Fields that came
    with later versions are left out where they are not given, so that the digests of older events stay.
    """
    fields = (
        f"[{_quoted(subject)}, {_quoted(subject_id)}, {_quoted(item_id)}, {_quoted(event)}, "
        f"{_number(given_at)}, {_number(value)}"
    )
    if recommendation_id is not None:
        fields += f", {_quoted(recommendation_id)}, {_number(position)}"
    return hashlib.sha256(f"{fields}]".encode()).digest()


def with_digest(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of another table with the digest of its content."""
    return {**row, "digest": row_digest(row)}


def row_digest(row: Mapping[str, Any]) -> bytes:
    """Return the sha256 of a row; what is null does not count, as in a row of an older version."""
    known = [(name, row[name]) for name in sorted(row) if name != "digest" and row[name] is not None]
    return hashlib.sha256(repr(known).encode()).digest()


def _number(value: float | None) -> str:
    if value is None:
        return "null"
    return float.__repr__(value) if isinstance(value, float) else int.__repr__(value)


@dataclass(frozen=True)
class ShownList:
    """A list that was shown.

    Attributes
    ----------
    subject : {"user", "session"}
        Whose list it was.
    subject_id : str or None
        None where nobody was named.
    items : tuple of str
        In their order.
    """

    subject: Subject
    subject_id: str | None
    items: tuple[str, ...]


@dataclass(frozen=True)
class Receipt:
    """Result of storing events.

    Attributes
    ----------
    accepted : int
        Stored events, those that were stored before included.
    conflicts : list of int
        Places of events whose id is stored with another content.
    """

    accepted: int
    conflicts: list[int]


@dataclass(frozen=True)
class ItemChange:
    """One change of an item.

    Attributes
    ----------
    item_id : str
    kind : {"put", "patch", "delete"}
        Replace all attributes; set some of them; take the item out of every list.
    attributes : mapping
        Of a patch those that are set; none of a deletion.
    """

    item_id: str
    kind: Literal["put", "patch", "delete"]
    attributes: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredItem:
    """What the store holds of an item.

    Attributes
    ----------
    put : dict or None
        Its attributes as they were put last; None if it was not put since the fit.
    patch : dict
        Attributes that were set since.
    deleted : bool
    """

    put: dict[str, Json] | None
    patch: dict[str, Json]
    deleted: bool


@dataclass(frozen=True)
class TextVector:
    """The vector of an item's text, kept so that other processes and later starts need no encoder for it.

    Attributes
    ----------
    model : str
        The model and encoder that it belongs to; another one has no use for it.
    text_digest : bytes
        sha256 of the text.
    vector : bytes
        float32, in the order of the machine.
    """

    model: str
    text_digest: bytes
    vector: bytes


@dataclass(frozen=True)
class ItemRow:
    """All that is stored of an item, with the numbers of its changes.

    Attributes
    ----------
    item_id : str
    number : int
        Of its last change. Changes of all items are numbered in the order in which they were committed.
    put_number : int or None
        Of the change that put it last; None if it was not put since the fit.
    stored : StoredItem
    vector : TextVector or None
    """

    item_id: str
    number: int
    put_number: int | None
    stored: StoredItem
    vector: TextVector | None


@dataclass(frozen=True)
class Numbers:
    """Numbers of the changes of one write: first to last, without gaps."""

    first: int
    last: int


@dataclass(frozen=True)
class Known:
    """All that is stored of a user or a session.

    Attributes
    ----------
    put : dict or None
        Attributes as they were put; None if none were.
    patch : dict
        Attributes that were set without that.
    events, exposures, sessions : list of dict
        Rows of their tables: the oldest first.
    """

    put: dict[str, Json] | None
    patch: dict[str, Json]
    events: list[dict[str, Any]]
    exposures: list[dict[str, Any]]
    sessions: list[dict[str, Any]]

    def __bool__(self) -> bool:
        stored = self.patch, self.events, self.exposures, self.sessions
        return self.put is not None or any(map(bool, stored))


@dataclass(frozen=True)
class Erased:
    """What was deleted of a user or a session.

    Attributes
    ----------
    events, exposures, sessions : int
        Those of the sessions that were joined with a user are among them.
    attributes : bool
        Whether there were any.
    in_model : bool
        Whether one of the tombstones has a code: the model of that time holds a history that is forgotten.
    from_disk : bool
        Whether the bytes are gone from the files of the store; if not, that is still being done. Of
        PostgreSQL it is not known: see the docs on VACUUM.
    """

    events: int
    exposures: int
    attributes: bool
    sessions: int
    in_model: bool = False
    from_disk: bool = True


@dataclass(frozen=True)
class Joined:
    """What a session brought to the user whom it was joined with.

    Attributes
    ----------
    events, exposures : int
    again : bool
        Whether the two were joined before.
    """

    events: int
    exposures: int
    again: bool


CodeOf = Callable[[Subject, str], int]
"""Returns the code of a user or a session in a model; -1 if in none."""


def in_no_model(_: Subject, __: str) -> int:
    """Return the code of somebody whom no model knows."""
    return -1


@dataclass(frozen=True)
class Tombstone:
    """What stays of somebody who was forgotten.

    Attributes
    ----------
    number : int
        In the order of the commits.
    subject : {"user", "session"}
    digest : bytes
        Keyed hash of the id.
    at : float
        Unix seconds.
    model : str
        Version of the model in which the user or the session had ...
    code : int
        ... this code; -1 if in none.
    """

    number: int
    subject: Subject
    digest: bytes
    at: float
    model: str
    code: int
