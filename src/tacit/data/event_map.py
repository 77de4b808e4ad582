"""What the user says that event types mean, before what their names say: ``[events]``, ``--event-map``."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tacit.core.errors import ConfigError
from tacit.core.types import Json
from tacit.data.event_names import EventMeaning, common_name, meaning, plain_name

IGNORE = "ignore"
_STRENGTH_OF_WORD = {"yes": 1.0, "shown": 0.0, "no": -1.0}
_SHOWN_NAMES = 5


@dataclass(frozen=True)
class EventMap:
    """Choices of the user; an event type without one means what its name says.

    Names are compared as everywhere: without case, spaces and punctuation, and by their common name, so
    that a choice for ``pv`` holds for the views that it is read as.

    Attributes
    ----------
    choices : mapping of str to float or "ignore"
        Strength from -1 to 1 by event type as the user wrote it, or "ignore" to leave its events out.
    """

    choices: Mapping[str, float | str] = field(default_factory=dict)

    @classmethod
    def parse(cls, values: Mapping[str, Any], *, where: str = "[events]") -> "EventMap":
        """Return the choices of plain data: event type to ``yes``, ``no``, ``shown``, ``ignore`` or a number.

        Raises
        ------
        ConfigError
            If a value is none of these, or two spellings of one event type differ.
        """
        choices = {name: _choice(name, value, where) for name, value in values.items()}
        first: dict[str, str] = {}
        for name, choice in choices.items():
            other = first.setdefault(_key(name), name)
            if choices[other] != choice:
                raise ConfigError(
                    f"{where}: {other!r} and {name!r} are the same event type and mean different things; "
                    "keep one of them"
                )
        return cls(choices)

    def to_dict(self) -> dict[str, Json]:
        """Return the choices as plain data: what `parse` takes."""
        return dict(self.choices)

    def chosen(self, event: str) -> float | None:
        """Return the strength that the user chose for an event type, None where there is none."""
        choice = self._by_key.get(_key(event)) if self.choices else None
        return choice if isinstance(choice, float) else None

    def ignored(self, event: str) -> bool:
        """Return whether the events of a type are to be left out."""
        return bool(self.choices) and self._by_key.get(_key(event)) == IGNORE

    def without_events(self, types: Iterable[str]) -> list[str]:
        """Return the names with a choice that no event type of a log has: slips of the pen, perhaps."""
        known = {_key(event) for event in types}
        return [name for name in self.choices if _key(name) not in known]

    def strength(self, event: str) -> float:
        """Return the strength of an event type: the user's, else that of its name."""
        return self.meaning(event).strength

    def meaning(self, event: str) -> EventMeaning:
        """Return what an event type means: the user's strength, else that of its name."""
        named = meaning(event)
        choice = self.chosen(event)
        return named if choice is None else EventMeaning(choice, True, named.sense)

    def unknown(self, events: Iterable[str]) -> list[str]:
        """Return the event types of which neither the user nor their name says what they mean."""
        known = {event: self.ignored(event) or self.meaning(event).known for event in set(events)}
        return sorted(event for event in known if not known[event])

    @cached_property
    def _by_key(self) -> dict[str, float | str]:
        return {_key(name): choice for name, choice in self.choices.items()}


NO_EVENT_MAP = EventMap()
"""Every event type means what its name says."""


def advice_on_unknown(events: Iterable[str], event_map: EventMap = NO_EVENT_MAP) -> str | None:
    """Return a sentence on event types that nobody has given a meaning, None if there are none."""
    names = event_map.unknown(events)
    if not names:
        return None
    what = (
        "Event type {} is unknown and counts" if len(names) == 1 else "Event types {} are unknown and count"
    )
    return (
        f"{what.format(_listed(names))} as a yes: say what it means with --event-map {_written(names[0])}=no "
        "(or yes, shown, ignore, or a strength from -1 to 1)."
    )


def nothing_says_yes(events: Iterable[str], event_map: EventMap = NO_EVENT_MAP) -> str | None:
    """Return the sentence that refuses a log in which no event type is a yes, None for any other log.

    Parameters
    ----------
    events : iterable of str
        Event types of the log, after cleaning.
    event_map : EventMap
    """
    names = sorted(set(events))
    if not names or any(event_map.strength(name) > 0 for name in names):
        return None
    return (
        f"no event of the log says yes ({_listed(names)}): there is nothing to learn from; add the events in "
        f"which users chose items, or say what a type means with --event-map {_written(names[0])}=yes"
    )


def _choice(name: str, value: Any, where: str) -> float | str:
    text = value.strip().lower() if isinstance(value, str) else value
    if text == IGNORE:
        return IGNORE
    if isinstance(text, str) and text in _STRENGTH_OF_WORD:
        return _STRENGTH_OF_WORD[text]
    try:
        number = float(text) if not isinstance(text, bool) else float("nan")
    except (TypeError, ValueError):
        number = float("nan")
    if not -1 <= number <= 1:
        raise ConfigError(
            f"{where}: {name!r} is {value!r}; an event type means yes, no, shown, ignore or a strength "
            "from -1 to 1"
        )
    return number


def _key(name: str) -> str:
    common = common_name(name.strip())
    if re.fullmatch(r"[-+]?\d+([.,]\d+)?", common):  # a code: -1 is not 1
        return common
    return plain_name(common) or common


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_SHOWN_NAMES])
    return shown if len(names) <= _SHOWN_NAMES else f"{shown} and {len(names) - _SHOWN_NAMES} more"


def _written(name: str) -> str:
    return f'"{name}"' if not plain_name(name) or any(sign.isspace() for sign in name) else name
