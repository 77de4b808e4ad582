"""Checks on input from outside: ids, names, times, numbers."""

import math
import numbers
import os
import re
import time
import unicodedata
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tacit.core.errors import DataError
from tacit.core.frozen import frozen
from tacit.data.clean import FIRST_MOMENT
from tacit.data.ids import IdRule, apply_id
from tacit.data.times import read_moment
from tacit.engine.requests import NewEvent
from tacit.reading.choices import NO_CHOICES, Reading

if TYPE_CHECKING:
    from tacit.store.events import Event, Subject


class UnknownItemError(DataError):
    """There is no such item."""


LONGEST_LIST = 1_000
LONGEST_ID = 256
"""Bytes of an id."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_AHEAD = 300.0
"""Seconds that a client's clock may be ahead."""


def checked_id(text: object, what: str, rules: Sequence[IdRule] = ()) -> str:
    """Return an id in normal form.

    Parameters
    ----------
    text : str
    what : str
        Its name, for messages.
    rules : sequence of str
        What was done to the ids of the log (`tacit.data.ids`).

    Raises
    ------
    DataError
        If it is not a text, blank, longer than 256 bytes, or holds control characters or half a character.
    """
    if type(text) is str and _is_plain(text):
        return apply_id(text, rules) if rules else text
    if isinstance(text, numbers.Number):
        raise DataError(f"the {what} is the number {text}; ids are text: give {str(text)!r}")
    if not isinstance(text, str):
        raise DataError(f"the {what} must be a text, not of the type {type(text).__name__}")
    try:
        id_ = unicodedata.normalize("NFC", text.strip())
        size = len(id_.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise DataError(f"the {what} is not valid Unicode") from error
    if not id_:
        raise DataError(f"the {what} is missing")
    if size > LONGEST_ID:
        raise DataError(f"the {what} is longer than {LONGEST_ID} bytes")
    if _CONTROL.search(id_):
        raise DataError(f"the {what} holds a control character")
    return apply_id(id_, rules)


def _is_plain(text: str) -> bool:
    """Return whether an id is a usual one: in normal form, of some length, without control characters."""
    whole = 0 < len(text) <= LONGEST_ID and text[0] != " " and text[-1] != " "
    return whole and text.isascii() and text.isprintable()


def checked_ids(ids: object, what: str, each: str, rules: Sequence[IdRule] = ()) -> list[str]:
    """Return several ids, each in normal form.

    Parameters
    ----------
    ids : iterable of str
    what, each : str
        Names of the whole and of one of them, for messages: "history" and "item_id".
    rules : sequence of str
        As in `checked_id`.

    Raises
    ------
    DataError
        If it is one text, no iterable, or one of them is no id.
    """
    if isinstance(ids, str):
        raise DataError(f"the {what} is one text; give a list of ids: {what}=[{ids!r}]")
    if isinstance(ids, bytes | Mapping) or not isinstance(ids, Iterable):
        raise DataError(f"the {what} is of the type {type(ids).__name__}; give a list of ids as text")
    return [checked_id(id_, each, rules) for id_ in ids]


def check_k(k: object) -> None:
    """Refuse a length out of bounds.

    Raises
    ------
    DataError
    """
    if type(k) is not int and (isinstance(k, bool) or not isinstance(k, numbers.Integral)):
        raise DataError(f"k is {k!r}; it must be a whole number, for example k=10")
    if not 1 <= int(k) <= LONGEST_LIST:
        raise DataError(f"k is {k}; it must lie between 1 and {LONGEST_LIST:,}")


def check_flag(value: object, what: str) -> None:
    """Refuse a value that is neither true nor false.

    Raises
    ------
    DataError
    """
    if not isinstance(value, (bool, np.bool_)):
        raise DataError(f"{what} is {value!r}; it must be True or False")


def check_ordered(ids: object, what: str) -> None:
    """Refuse ids whose order is chance.

    Raises
    ------
    DataError
    """
    if isinstance(ids, set | frozenset):
        raise DataError(f"the {what} is a set, which has no order; give a list of ids, the oldest first")


def checked_event(raw: NewEvent, now: float, reading: Reading = NO_CHOICES) -> "Event":
    """Return an event that may be stored, its ids and its time read as those of the log were.

    Raises
    ------
    DataError
        If it cannot be stored; the message says why.
    """
    from tacit.store.events import Event  # brings SQLAlchemy, which a fit does not need

    subject, subject_id = _subject(raw, reading.ids)
    has_time = raw.timestamp is not None
    event = frozen(
        Event,
        event_id="" if raw.event_id is None else checked_id(raw.event_id, "event_id"),
        subject=subject,
        subject_id=subject_id,
        item_id=checked_id(raw.item_id, "item_id", reading.ids),
        event=checked_id(raw.event, "event"),
        at=now if raw.timestamp is None else checked_time(raw.timestamp, now, reading),
        value=None if raw.value is None else checked_number(raw.value, "value"),
        has_time=has_time,
        recommendation_id=_optional_id(raw.recommendation_id, "recommendation_id"),
        position=None if raw.position is None else _checked_position(raw),
        source=raw.source,
        received=now,
    )
    if raw.event_id is None:
        # A retry that tells the time is the same event; of two without a time nobody knows.
        event.__dict__["event_id"] = content_id(event) if has_time else new_event_id()
    return event


def _optional_id(text: object, what: str) -> str | None:
    return None if text is None else checked_id(text, what)


def _checked_position(raw: NewEvent) -> int:
    if raw.recommendation_id is None:
        raise DataError("a position needs the recommendation_id of the list that it is a place of")
    position = raw.position
    if isinstance(position, bool) or not isinstance(position, numbers.Integral):
        raise DataError(f"the position is {position!r}; it must be a whole number, 1 for the first item")
    if not 1 <= position <= LONGEST_LIST:
        raise DataError(f"the position is {position}; it must lie between 1 and {LONGEST_LIST:,}")
    return int(position)


def new_event_id() -> str:
    """Return an id that no other event has: a UUID of version 7 (RFC 9562), which begins with the time.

    New ids stand together in the index of ids. Random ones would change a page of it for each event, and
    every page that is changed goes to the disk whole.
    """
    return _uuid(time.time_ns() // 1_000_000, os.urandom(10), 7)


def content_id(event: "Event") -> str:
    """Return the id of an event that has a time and no id: a UUID of version 8 of its content."""
    return _uuid(int(event.at * 1_000), event.digest()[:10], 8)


def time_of_id(id_: str) -> float | None:
    """Return the Unix seconds in a UUID of version 7, None of any other id."""
    try:
        found = uuid.UUID(id_)
    except ValueError:
        return None
    return (found.int >> 80) / 1_000 if found.version == 7 else None


def _uuid(milliseconds: int, low: bytes, version: int) -> str:
    # 48 bits of milliseconds, the version, 12 bits, the variant 2, 62 bits
    rest = int.from_bytes(low, "big") & 0x0FFF_3FFF_FFFF_FFFF_FFFF | version << 76 | 0x8000_0000_0000_0000
    digits = f"{milliseconds:012x}{rest:020x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def checked_number(raw: float | int, what: str) -> float:
    """Return a number as a float.

    Raises
    ------
    DataError
        If it is infinite, not a number, or too large.
    """
    try:
        number = float(raw)
    except OverflowError as error:
        raise DataError(f"the {what} is too large") from error
    if not math.isfinite(number):
        raise DataError(f"the {what} is not a finite number")
    return number


def checked_time(
    raw: float | int | str, now: float, reading: Reading = NO_CHOICES, what: str = "timestamp"
) -> float:
    """Return a time in Unix seconds, read as the times of a log are.

    Raises
    ------
    DataError
        If it is no time, before 1990, or more than five minutes ahead of now.
    """
    at = checked_moment(raw, reading, what)
    if at > now + _AHEAD:
        raise DataError(f"the {what} is more than five minutes in the future")
    return at


def checked_moment(raw: float | int | str, reading: Reading = NO_CHOICES, what: str = "timestamp") -> float:
    """Return a time in Unix seconds, which may lie ahead, read as the times of a log are.

    Raises
    ------
    DataError
        If it is no time, or before 1990.
    """
    moment = raw if isinstance(raw, str) else checked_number(raw, what)
    try:
        at = read_moment(moment, dates=reading.dates, timezone=reading.timezone)
    except DataError as error:
        raise DataError(f"the {what}: {error}") from error
    if at < FIRST_MOMENT:
        raise DataError(f"the {what} is before 1990")
    return at


def _subject(raw: NewEvent, rules: Sequence[IdRule]) -> "tuple[Subject, str]":
    if (raw.user_id is None) == (raw.session_id is None):
        raise DataError("give either user_id or session_id")
    if raw.user_id is not None:
        return "user", checked_id(raw.user_id, "user_id", rules)
    return "session", checked_id(raw.session_id, "session_id")
