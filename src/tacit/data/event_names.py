"""What the name of an event type means: a yes, a no or nothing, how strongly, and what its value is.

A strength runs from -1 (a clear no) over 0 (shown, nothing said) to 1 (bought). A name is read by its parts:
``add_to_cart``, ``Add to Cart``, ``AddedToCart`` and ``addtocart`` are one name; ``order_cancelled`` is a
no though orders are a yes; ``product_impression`` says nothing. The words are in `tacit.data.event_words`.

A no beats everything, then what says nothing of a choice, then the strongest yes. "Not" turns a liking into a
no and an act into nothing (``not_interested``, ``not_clicked``); a no that is taken back says nothing
(``unhide``, ``refund_rejected``).
"""

import re
from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tacit.data.event_parts import base_forms, english_base, senses_of, words_of
from tacit.data.event_words import ACTS, CHOICES, REFUSALS, Sense, ValueKind

UNKNOWN = 1.0
"""Strength of an unknown name."""

_STRENGTH: dict[Sense, float] = {
    "buy": 1.0, "rate": 0.9, "checkout": 0.8, "like": 0.8, "save": 0.8, "complete": 0.8, "cart": 0.7,
    "add": 0.7, "play": 0.6, "start": 0.6, "click": 0.4, "open": 0.4, "detail": 0.4, "view": 0.25,
    "skip": -0.3, "remove": -0.3, "decline": -0.6, "dismiss": -0.6, "cancel": -0.6, "return": -0.6,
    "report": -1.0, "reject": -1.0, "dislike": -1.0,
}  # fmt: skip
_TAKES_BACK: frozenset[Sense] = frozenset({"remove", "decline", "cancel", "reject"})
_CAN_BE_TAKEN_BACK: frozenset[Sense] = frozenset({"report", "dislike", "return", "cancel"})
_KEPT_BY_UN = frozenset({"subscribe", "book", "reserve", "enroll", "star"})
"""Acts that "un-" takes back; others did not happen (unpaid, unsold, unrated)."""
_PLACES = frozenset({"home", "homepage", "session", "app", "site", "visitor"})
"""Where people return to, in place of returning an item."""
_SHOWN_AND_NO_ACT = frozenset({"report", "block", "return", "refund", "button", "btn", "link", "menu"})
"""With an exposure they are things that were shown (``block_impression``, ``cancel_button_shown``)."""
_ABANDONED = frozenset({"abandon", "abandoned", "abandonment"})
_LONGEST_NAME = 200


@dataclass(frozen=True)
class EventMeaning:
    """What an event type means.

    Attributes
    ----------
    strength : float
        From -1 to 1; 1 for an unknown name.
    known : bool
        Whether a word of the name is known.
    sense : str
        The word sense that decided ("buy", "view", "return", ...), "exposure" for all that says nothing of a
        choice, "plain" for a name that says only that something happened, "" for an unknown one.
    """

    strength: float
    known: bool
    sense: str

    @property
    def rated(self) -> bool:
        """Whether a value on such an event is a rating."""
        return self.sense == "rate"

    @property
    def timed(self) -> bool:
        """Whether a value on such an event is a time spent (seconds, hours, plays)."""
        return self.sense == "play"

    @property
    def plain(self) -> bool:
        """Whether the name says only that something happened."""
        return self.sense == "plain"


_UNKNOWN_MEANING = EventMeaning(UNKNOWN, False, "")
_NOTHING = EventMeaning(0.0, True, "exposure")
_PLAIN = EventMeaning(UNKNOWN, True, "plain")


@lru_cache(maxsize=4096)
def meaning(event: str) -> EventMeaning:
    """Return what an event type means by its name."""
    if len(event) > _LONGEST_NAME:
        return _UNKNOWN_MEANING
    bases = list(base_forms(event))
    found = _decide(senses_of(bases), frozenset(bases))
    # "action_3" is a code, not a word.
    return _UNKNOWN_MEANING if found.plain and re.search(r"\d", event) else found


def strength(event: str) -> float:
    """Return the strength of an event type by its name, 1 where it is unknown."""
    return meaning(event).strength


def is_rated(event: str) -> bool:
    """Return whether a value on such an event is a rating."""
    return meaning(event).rated


def plain_name(event: str) -> str:
    """Return a name without case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", event.lower())


_COMMON_NAMES = {
    "viewitem": "view", "detailpageview": "view", "productview": "view", "pageview": "view", "pv": "view",
    "addtocart": "cart", "addtobasket": "cart", "fav": "favorite", "purchasecomplete": "purchase",
    "transaction": "purchase", "buy": "purchase", "selectitem": "click", "viewitemlist": "impression",
}  # fmt: skip


@lru_cache(maxsize=4096)
def common_name(event: str) -> str:
    """Return the common name of an event type of GA4, Google retail or Taobao, any other as it is."""
    return _COMMON_NAMES.get(plain_name(event), event)


_FILE_NAMES: dict[str, str] = {
    "buy": "purchase", "rate": "rating", "like": "like", "save": "save", "cart": "cart", "play": "play",
    "click": "click", "view": "view",
}  # fmt: skip
_NO_FILE_NAME = frozenset({"book", "books", "hour", "hours", "score", "scores", "star", "stars", "reading"})
"""Words that in the name of a file are more often the goods than the act."""
_EVENT_OF_VALUE: dict[ValueKind, str] = {
    "rating": "rating", "quantity": "purchase", "price": "purchase", "plays": "play", "time": "play",
}  # fmt: skip


def said_by_file(path: Path) -> str | None:
    """Return the event type that the name of a file says, the last word first; None if it says none."""
    for word in reversed(list(words_of(path.name.split(".")[0]))):
        common = _FILE_NAMES.get(meaning(word).sense)
        if common is not None and word not in _NO_FILE_NAME:
            base = english_base(word)
            return base if base is not None and word in (base, f"{base}s") else common
    return None


def refused_by_file(path: Path) -> bool:
    """Return whether a word of the name of a file is a refusal: ``cancelled_orders.csv``."""
    return any(meaning(word).sense in REFUSALS for word in words_of(path.name.split(".")[0]))


def event_of_file(path: Path, value: ValueKind | None, *, ordered: bool = False) -> str:
    """Return the event type of a log without a column for it.

    The name of the file may name a yes, its last such word first (``game_purchase.dat``, ``ratings.csv``,
    ``search_clicks.csv``); it never says no or nothing (``report.csv``, ``returns.csv``). Else the kind of
    the values decides, else the events are purchases where they belong to orders, and views elsewhere.

    Parameters
    ----------
    path : Path
    value : ValueKind, optional
        What the column of values holds; see `tacit.data.value_kinds`. None where there is none.
    ordered : bool
        Whether a column numbers orders.
    """
    if (said := said_by_file(path)) is not None:
        return said
    usual = "purchase" if ordered else "view"
    return _EVENT_OF_VALUE.get(value, usual) if value is not None else usual


def _decide(found: list[tuple[str, Sense]], bases: Set[str]) -> EventMeaning:
    """Return the meaning of the words of a name, each with its base form and sense."""
    found = _without_book(found)
    senses: set[Sense] = {sense for _, sense in found}
    words = {base for base, _ in found}
    if senses & {"not", "undo"} or "un" in bases:
        turned = _turned_around(senses, words, bases)
        if turned is not None:
            return turned
    for rule in (_refused, _unsaid, _chosen):
        decided = rule(senses, words)
        if decided is not None:
            return decided
    return _PLAIN if "plain" in senses else _UNKNOWN_MEANING


def _without_book(found: list[tuple[str, Sense]]) -> list[tuple[str, Sense]]:
    """Leave out "book" where another word says what was done: ``book_opened`` is no booking."""
    others = [pair for pair in found if pair[0] != "book"]
    said = any(sense not in ("object", "plain", "and") for _, sense in others)
    return others if said and len(others) < len(found) else found


def _turned_around(senses: Set[Sense], words: Set[str], bases: Set[str]) -> EventMeaning | None:
    """Return what "not", "undo" and "un-" make of a name, None where there is nothing to turn around."""
    if "un" in bases or "undo" in senses:
        if senses & REFUSALS:
            return _NOTHING
        if senses & {"like", "save", "add"} or words & _KEPT_BY_UN:
            return EventMeaning(_STRENGTH["dismiss"], True, "dismiss")
        return _NOTHING if senses & ACTS else None
    if "like" in senses or bases & {"recommend", "recommended", "show"}:
        return EventMeaning(_STRENGTH["dislike"], True, "dislike")
    return _NOTHING if senses & (ACTS | REFUSALS | {"exposure"}) else None


def _refused(senses: Set[Sense], words: Set[str]) -> EventMeaning | None:
    refusals = senses & REFUSALS
    if not refusals or _taken_back(senses) or _of_something_else(senses):
        return _NOTHING if refusals else None
    if refusals == {"decline"} and "buy" in senses:  # by a bank or a shop, not by the user
        return _NOTHING
    if "view" in senses and refusals <= {"return", "cancel"}:  # the page about returns, or a visit
        return _NOTHING
    if refusals == {"return"} and words & _PLACES:
        return _NOTHING
    if "exposure" in senses and words & _SHOWN_AND_NO_ACT:
        return _NOTHING
    if words & _ABANDONED and senses & {"soft", "view"}:
        return _NOTHING
    if refusals == {"report"} and (senses & {"view", "open"} or "download" in words):  # the noun
        return None
    strongest = min(refusals, key=lambda sense: (_STRENGTH[sense], sense))
    return EventMeaning(_STRENGTH[strongest], True, strongest)


def _taken_back(senses: Set[Sense]) -> bool:
    if senses & {"buy", "cart", "and"}:
        return False
    pairs = ((one, other) for one in senses & _TAKES_BACK for other in senses & _CAN_BE_TAKEN_BACK)
    return any(one != other for one, other in pairs)


def _of_something_else(senses: Set[Sense]) -> bool:
    """Return whether a coupon, an account or the like was refused and no item."""
    refusals = senses & REFUSALS
    return bool(senses & {"matter", "hard"}) and not (senses & CHOICES or refusals & {"report", "dislike"})


def _unsaid(senses: Set[Sense], words: Set[str]) -> EventMeaning | None:
    """Return nothing where the name says nothing of a choice."""
    chosen = senses & CHOICES
    if "hard" in senses:
        return _NOTHING
    if "click" in senses:
        return None
    if "exposure" in senses and "and" not in senses:
        return _NOTHING
    if "mail" in senses and (senses & {"sent", "open"} or words & {"subscribe", "subscription"}):
        return _NOTHING
    if "matter" in senses and not chosen - {"save"}:
        return _NOTHING
    return _NOTHING if senses & {"soft", "mail", "sent"} and not chosen else None


def _chosen(senses: Set[Sense], words: Set[str]) -> EventMeaning | None:
    acts = senses & ACTS
    if "view" in acts and not senses & {"click", "and"}:  # the cart, the order or the review was looked at
        acts = {"view"}
    elif acts & CHOICES:
        acts &= CHOICES
    if not acts:
        return None
    strongest = max(acts, key=lambda sense: (_STRENGTH[sense], sense))
    return EventMeaning(_STRENGTH[strongest], True, strongest)
