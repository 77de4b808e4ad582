"""Columns beside the roles that say by yes and no what happened: they are asked about.

A log with ``is_return`` or ``liked`` and no event types would otherwise count every return and every dislike
as a choice.
"""

import re

from tacit.core.errors import AmbiguousError
from tacit.data.event_names import meaning
from tacit.data.event_words import CHOICES, REFUSALS
from tacit.reading.choices import EVENT, ITEM, VALUE
from tacit.reading.column_content import Content
from tacit.reading.known_roles import Log
from tacit.reading.role_scores import Columns

_YES = frozenset(["1", "true", "yes", "y", "t", "ja", "oui", "sí", "si", "да", "是", "有", "up"])
_NO = frozenset(("-1", "down", "dislike"))
"""Answers that refuse, and do not only leave the question open."""

_ANSWERS = ({"-1", "1"}, {"up", "down"}, {"like", "dislike"}, {"oui", "non"}, {"sí", "no"}, {"да", "нет"})
_OTHER_MATTERS = re.compile(r"gift|reorder|first|new|verified|visit", re.IGNORECASE)
"""Words of flags that speak of how something was bought, and not whether."""
_TARGETS = frozenset(("target", "label", "decision", "vote", "outcome", "response"))
_MOSTLY = 0.9


def check_flags(log: Log) -> None:
    """Refuse a log in which a column without a role may say that something was no choice.

    Raises
    ------
    AmbiguousError
        With the options to type.
    """
    if log.reading.event is not None or log.reading.accept_guess:
        return
    said = EVENT in log.known or VALUE in log.known
    for name in log.free:
        if _is_refusal(log.columns, name) and not _is_of_item(log, name):
            raise AmbiguousError(f"{log.path}: {_question(log.columns.contents[name], name, 'no', 'yes')}")
        if not said and _is_choice(log.columns, name) and not _is_of_item(log, name):
            raise AmbiguousError(f"{log.path}: {_question(log.columns.contents[name], name, 'yes', 'shown')}")


def _is_refusal(columns: Columns, name: str) -> bool:
    """Return whether a column says of some rows that they were returned, cancelled, skipped."""
    content = columns.contents[name]
    if _OTHER_MATTERS.search(name) or meaning(name).sense not in REFUSALS:
        return False
    dated = content.times.share > _MOSTLY or _is_answer(content)
    in_some = dated and 0 < content.known < _MOSTLY * content.rows
    counted = content.form == "integer" and content.low == 0 < content.high
    return (_is_answer(content) and not content.constant) or in_some or counted


def _is_choice(columns: Columns, name: str) -> bool:
    """Return whether a column answers by yes or no whether something was chosen."""
    content = columns.contents[name]
    if _OTHER_MATTERS.search(name) or content.constant or not _is_answer(content):
        return False
    return meaning(name).sense in CHOICES or name.strip().lower() in _TARGETS


def _is_answer(content: Content) -> bool:
    values = {value.lower() for value in content.distinct.head(3)}
    return content.form == "flag" or (len(values) == 2 and values in _ANSWERS)


def _is_of_item(log: Log, name: str) -> bool:
    return ITEM in log.known and log.columns.decides(log.known[ITEM], name)


def _question(content: Content, name: str, true: str, false: str) -> str:
    values = content.distinct.head(2).to_list()
    yes = next((value for value in values if value.lower() in _YES), values[-1])
    no = next((value for value in values if value != yes), None)
    if not _is_answer(content) or no is None:
        return (
            f"{name} says of some rows that they were no choice, and it is not used; write event types into "
            "a column of their own, or name the one type of all events with --event TYPE"
        )
    refused = "no" if no.lower() in _NO else false
    return (
        f"{name} says by {yes} and {no} what happened, and it is not used; choose with --map {name}=event "
        f"--event-map {yes}={true} --event-map {no}={refused}, or name the one type of all events with "
        "--event TYPE"
    )
