"""What the store keeps and what it answers, as plain data."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

Subject = Literal["user", "session"]


@dataclass(frozen=True)
class Event:
    """One event as it is kept.

    Attributes
    ----------
    event_id : str
        Unique: the same event sent again is stored once.
    subject : {"user", "session"}
        A user and a session of the same name are two.
    subject_id, item_id, event : str
    at : float
        Unix seconds.
    value : float or None
    told_time : bool
        Whether ``at`` was told by the sender. The time of arrival is no part of what an event says: a retry
        of an event without a time is the same event.
    """

    event_id: str
    subject: Subject
    subject_id: str
    item_id: str
    event: str
    at: float
    value: float | None = None
    told_time: bool = True

    def digest(self) -> bytes:
        """Return the sha256 of what the event says."""
        at = self.at if self.told_time else None
        content = [self.subject, self.subject_id, self.item_id, self.event, at, self.value]
        return hashlib.sha256(json.dumps(content).encode()).digest()

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
        }


@dataclass(frozen=True)
class Receipt:
    """What became of events.

    Attributes
    ----------
    accepted : int
        Events that are stored now, those included that were stored before.
    conflicts : list of int
        Places of events whose id is taken by another content.
    """

    accepted: int
    conflicts: list[int]
