"""Columns of two values, or of one mark in some rows, and what their names say of the rows."""

import re

from tacit.data.event_names import EventMeaning, meaning
from tacit.data.event_words import CHOICES, REFUSALS, Sense
from tacit.reading.column_content import Content

_WORDS_OF_YES = "1 1.0 +1 true yes y t j x ✓ ✔ ja si sí sì sim oui да так evet tak ano up 是 はい 예 有"
_WORDS_OF_NO = "0 0.0 -1 -1.0 false no n f - – nein não nao non нет ні hayır nie ne down 否 いいえ 아니오 无"
YES, NO = frozenset(_WORDS_OF_YES.split()), frozenset(_WORDS_OF_NO.split())
_ASKS = re.compile(r"^(?:is|has|was|did|if)(?:[\W_]+|(?=[A-Z]))|^是否")
_SAYS_FLAG = re.compile(r"(?<=.)[\W_]*(?:flag|flg|indicator|ind)$", re.I)
_ACTS: frozenset[Sense] = CHOICES | REFUSALS | {"complete", "open", "view"}
_OTHER_MATTERS = re.compile("gift|reorder|first|new|verified|visit", re.I)
"""Words of flags that speak of how something was bought, and not whether."""


def plain_name(name: str) -> str:
    """Return the name of a flag without the words that say only that it is one."""
    return _SAYS_FLAG.sub("", _ASKS.sub("", name.strip()))


def meaning_of_flag(name: str) -> EventMeaning:
    """Return what a flag says of the rows that it is set in."""
    return meaning(plain_name(name))


def says_undoing(name: str) -> bool:
    """Return whether the name of a column speaks of a return or a cancellation: ``refund_amount``."""
    return meaning_of_flag(name).sense in ("return", "cancel")


def is_flag(content: Content) -> bool:
    """Return whether a column has two values of which one is a yes and one a no."""
    if content.unique != 2:
        return False
    words = {value.strip().lower() for value in content.distinct.to_list()}
    return len(words & YES) == 1 and len(words & NO) == 1


def is_mark(content: Content) -> bool:
    """Return whether one value stands in some rows, and nothing in the others."""
    return content.unique == 1 and 0 < content.known < content.rows


def says_act(name: str, content: Content) -> bool:
    """Return whether a column says by two values whether something was done."""
    said = meaning_of_flag(name)
    return is_flag(content) and said.known and said.sense in _ACTS and not _OTHER_MATTERS.search(name)
