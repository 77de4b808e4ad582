"""What the name of a column says: its parts, what each means, and which of them decides.

A name is split at signs, digits and capitals; a fused one (``productid``, ``Kundennummer``, ``商品编号``)
into known words. The words are in ``column_words.toml``: nothing of a language stands in this file but
the order of its nouns. The head of the name decides: ``product_category_id`` is a category and
``customer_city`` a place.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

Kind = Literal[
    "user", "item", "event", "time", "other time", "calendar", "rating", "quantity", "plays", "dwell",
    "number", "price", "order", "session", "record", "shop", "category", "place", "person", "email", "tech",
    "device", "page", "flag", "rank", "title", "text", "statistic", "id",
]  # fmt: skip
"""What a column may hold by its name; "other time" is that of a change, a delivery, a birth, ..."""

_HEAD_FIRST = frozenset({"fr", "es", "it", "pt", "pl", "cs", "ru", "ar", "th"})
"""Languages in which the noun that decides comes first: ``id_cliente``, ``data_zamówienia``."""

_COMPOUNDING = frozenset({"de", "nl", "sv", "da", "no"})
"""Languages that write a noun and its head as one word: ``Ausleihdatum`` is a date whatever the front is."""

_MARKS = "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
"""Vowels and tones of Thai, which are parts of words and no letters."""

_LONGEST_NAME = 120
_ENDING = 4
"""Most letters after a stem."""

_PLURALS = ("s", "es", "en", "n", "e", "er")
_LINKS = ("s", "es", "en", "n", "e", "er", "de", "del", "du", "da", "do", "di", "des", "of")
"""What may stand between the words of a fused name."""

_DOCUMENT = "_source."
"""Under which exports of search engines keep the document, beside what the engine says of it."""

_SHORT = frozenset({"id", "no", "nr", "at", "ts", "ip", "dt", "tz"})
"""Words of two letters that may end a fused name, or begin it."""


@dataclass(frozen=True)
class NameMeaning:
    """What a column may be by its name.

    Attributes
    ----------
    kinds : tuple of Kind
        The likeliest first; empty where no part is known. The content may rule out the first.
    certainty : float
        1 where the whole name is known and plain, less where parts are unknown or speak against each other.
    own : bool
        Whether a time is that of the event itself: created, ordered, watched.
    whole : bool
        Whether every part is known.
    """

    kinds: tuple[Kind, ...] = ()
    certainty: float = 0.0
    own: bool = False
    whole: bool = False

    @property
    def kind(self) -> Kind | None:
        """The likeliest kind."""
        return self.kinds[0] if self.kinds else None


NOTHING = NameMeaning()


def meanings(names: Sequence[str]) -> dict[str, NameMeaning]:
    """Return what each name says; a first part that most of several names share says nothing."""
    split = {name: parts_of(name.removeprefix(_DOCUMENT)) for name in names}
    shared = _shared_part(list(split.values()))
    return {
        name: meaning_of(tuple(parts[1:] if shared and len(parts) > 1 and parts[0] == shared else parts))
        for name, parts in split.items()
    }


def meaning(name: str) -> NameMeaning:
    """Return what a name says by itself."""
    return meaning_of(tuple(parts_of(name)))


def concepts_of(name: str) -> frozenset[str]:
    """Return the concepts of all parts of a name: the sections of ``column_words.toml``."""
    return frozenset(concept for word in _read(parts_of(name)) for concept in word.concepts)


def parts_of(name: str) -> list[str]:
    """Return the parts of a name in small letters without accents: ``productId`` -> product, id."""
    text = re.sub(r"([a-zà-þа-я0-9])([A-ZÀ-ÞА-Я])", r"\1 \2", name[:_LONGEST_NAME])
    text = re.sub(r"([A-ZÀ-ÞА-Я])([A-ZÀ-ÞА-Я][a-zà-þа-я])", r"\1 \2", text)
    text = re.sub(r"([A-Za-z])([^\x00-\u2e7f])|([^\x00-\u2e7f])([A-Za-z])", r"\1\3 \2\4", text)
    parts = [plain(part) for part in re.split(rf"(?:(?![{_MARKS}])[\W_])+", text) if part]
    return [part for whole in parts for part in re.findall(r"[^\d]+|\d+", whole)]


def plain(text: str) -> str:
    """Return a text in small letters without the accents of Latin, Greek and Cyrillic ones."""
    folded = text.lower().translate(_LETTERS)
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", folded) if not "\u0300" <= sign <= "\u036f")
    return unicodedata.normalize("NFC", bare)


_LETTERS = str.maketrans({"ø": "o", "ł": "l", "ß": "ss", "ı": "i", "đ": "d", "æ": "ae", "œ": "oe", "ё": "е"})


def _shared_part(split: list[list[str]]) -> str | None:
    """Return the first part that most of at least three names of several parts have in common."""
    firsts = [parts[0] for parts in split if len(parts) > 1]
    if len(firsts) < 3:
        return None
    most = max(set(firsts), key=firsts.count)
    return most if firsts.count(most) >= max(3, 0.6 * len(split)) else None


# Words


@dataclass(frozen=True)
class _Word:
    """One part of a name: its concepts, and the languages that it may be of."""

    text: str
    concepts: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()

    def __contains__(self, concept: object) -> bool:
        return concept in self.concepts


@cache
def _words() -> tuple[dict[str, dict[str, set[str]]], dict[str, dict[str, set[str]]]]:
    """Return word -> concept -> languages, for whole words and for stems."""
    raw = tomllib.loads((files("tacit.reading") / "column_words.toml").read_text("utf-8"))
    whole: dict[str, dict[str, set[str]]] = {}
    stems: dict[str, dict[str, set[str]]] = {}
    for concept, languages in raw.items():
        for language, words in languages.items():
            for word in words.split():
                table, text = (stems, word[:-1]) if word.endswith("*") else (whole, word)
                table.setdefault(plain(text), {}).setdefault(concept, set()).add(language)
    return whole, stems


def _word(text: str, *found: dict[str, set[str]]) -> _Word:
    concepts = frozenset(concept for one in found for concept in one)
    languages = frozenset(language for one in found for of in one.values() for language in of)
    return _Word(text, concepts, languages)


@lru_cache(maxsize=8192)
def _known(text: str) -> _Word | None:
    """Return what a whole part means: as it is, in the plural, or by its stem."""
    whole, stems = _words()
    found = [table[text] for table in (whole, stems) if text in table]
    if not found and len(text) > 3 and text.isalpha():
        singular = (text.removesuffix(ending) for ending in _PLURALS if text.endswith(ending))
        found = [whole[one] for one in singular if len(one) > 2 and one in whole][:1]
        if not found and text.endswith("ies") and f"{text[:-3]}y" in whole:
            found = [whole[f"{text[:-3]}y"]]
    if not found:
        ends = range(max(3, len(text) - _ENDING), len(text))
        stemmed = [end for end in reversed(ends) if text[:end] in stems and text[end:] not in whole]
        longest = stems[text[: stemmed[0]]] if stemmed else None
        found = [longest] if longest is not None else []
    return _word(text, *found) if found else None


def _read(parts: Sequence[str]) -> Iterator[_Word]:
    """Yield the words of parts: two or three parts may be one, and one part several."""
    place = 0
    while place < len(parts):
        for size in (3, 2):
            phrase = "_".join(parts[place : place + size])
            if size <= len(parts) - place and (found := _words()[0].get(phrase)):
                yield _word(phrase, found)
                place += size
                break
        else:
            yield from _words_in(parts[place])
            place += 1


def _words_in(part: str) -> Iterable[_Word]:
    if part.isdigit():
        return (_Word(part, frozenset({"filler"})),)
    known = _known(part)
    return (known,) if known is not None else _fused(part) or _compound(part) or (_Word(part),)


@lru_cache(maxsize=4096)
def _fused(part: str) -> tuple[_Word, ...]:
    """Return the known words that make up a part; none where it cannot be divided into them."""
    east_asian = not part.isascii() and any(_is_east_asian(sign) for sign in part)
    if len(part) < 4 and not east_asian:
        return ()
    best: list[tuple[float, tuple[_Word, ...]] | None] = [(0.0, ()), *[None] * len(part)]
    for start in range(len(part)):
        here = best[start]
        if here is None:
            continue
        for end, cost, word in _steps(part, start, east_asian):
            there = best[end]
            if there is None or here[0] + cost < there[0]:
                best[end] = (here[0] + cost, (*here[1], *([word] if word is not None else [])))
    found = best[-1]
    return found[1] if found is not None and any(word.concepts for word in found[1]) else ()


def _compound(part: str) -> tuple[_Word, ...]:
    """Return an unknown front and the known head that follows it; none where no such head ends the part."""
    for start in range(3, len(part) - 3):
        head = _words()[0].get(part[start:])
        word = _word(part[start:], head) if head is not None else None
        if word is not None and word.languages & _COMPOUNDING and "en" not in word.languages:
            return _Word(part[:start]), word
    return ()


def _steps(part: str, start: int, east_asian: bool) -> Iterator[tuple[int, float, _Word | None]]:
    """Yield how a fused name may go on from a place: the end of a word, its cost, and the word."""
    whole, stems = _words()
    for end in range(start + 1, len(part) + 1):
        text = part[start:end]
        least = 1 if east_asian else 3
        if text in whole and (len(text) >= least or (text in _SHORT and (end == len(part) or start == 0))):
            yield end, 1.0, _word(text, whole[text])
        if text in stems and len(text) >= least:
            for last in range(end, min(end + _ENDING, len(part)) + 1):
                if last - end < 3 or part[end:last] not in whole:  # no ending, but the next word
                    yield last, 1.0 + 0.2 * (last - end), _word(text, stems[text])
        if start and text in _LINKS and end < len(part):
            yield end, 0.6, None
    if east_asian:
        yield start + 1, 3.0, _Word(part[start])


def _is_east_asian(sign: str) -> bool:
    return "\u2e80" <= sign <= "\u9fff" or "\uac00" <= sign <= "\ud7a3"


# What a name is by its words


_ENTITIES = ("user", "item", "event", "order", "session", "record", "shop", "category", "page", "device")
_VALUES: tuple[Kind, ...] = ("rating", "quantity", "plays", "dwell", "number")


@lru_cache(maxsize=4096)
def meaning_of(parts: tuple[str, ...]) -> NameMeaning:
    """Return what the parts of a name say together."""
    words = [word for word in _of_ratings(list(_read(parts))) if word.concepts != {"filler"}]
    known = [word for word in words if word.concepts]
    if not any(word.concepts - {"id", "filler"} for word in known) and _names_a_person(words):
        return NameMeaning(("user",), _PERSON_BY_ENDING)
    if not known:
        return NOTHING
    kinds = tuple(dict.fromkeys(_Name(words).kinds()))
    unknown = len(words) - len(known)
    name = _Name(words)
    certainty = name.certainty(kinds[0]) if kinds else 0.0
    own = name.has("own", "done") and not name.has("later")
    if kinds[:1] == ("item",) and not name.head_first and _names_a_person(words[-1:]):  # job_seeker
        return NameMeaning(("user", *kinds), _PERSON_BY_HEAD, own, False)
    return NameMeaning(kinds, certainty, own, unknown == 0)


def _of_ratings(words: list[_Word]) -> list[_Word]:
    """Return words of which those of models mean nothing without one of ratings: a model is a thing too."""
    if any("rating" in word for word in words):
        return words
    return [_Word(word.text, word.concepts - {"model"}, word.languages) for word in words]


def _names_a_person(words: Sequence[_Word]) -> bool:
    """Return whether an unknown word ends as the names of those who do something: seeker, cyclist."""
    return any(re.search(_DOER, word.text) for word in words if not word.concepts)


_DOER = r"^.{3,}(er|or|ee|ist|eur|euse|dor|dora|tore|trice|are|тель|ник|щик|nik)s?$"
_PERSON_BY_ENDING, _PERSON_BY_HEAD = 0.3, 0.5


class _Name:
    """The words of a name, and the rules that say what they make together."""

    def __init__(self, words: Sequence[_Word]) -> None:
        self.words = words
        said = [word.languages for word in words if word.languages and "en" not in word.languages]
        self.head_first = bool(said) and all(languages & _HEAD_FIRST for languages in said)
        self.entities = [
            word
            for word in words
            if any(concept in word for concept in _ENTITIES) and "id" not in self._only(word)
        ]

    @staticmethod
    def _only(word: _Word) -> frozenset[str]:
        return word.concepts - {"filler", "own", "done", "later"}

    def has(self, *concepts: str) -> bool:
        """Return whether some word has one of some concepts."""
        return any(concept in word for word in self.words for concept in concepts)

    def _all(self, *concepts: str) -> bool:
        """Return whether every word has one of some concepts."""
        return all(any(concept in word for concept in concepts) for word in self.words)

    @property
    def _has_id(self) -> bool:
        return len(self.words) > 1 and any("id" in word for word in self._without_head_entity())

    def _without_head_entity(self) -> list[_Word]:
        return [word for word in self.words if not self._only(word) & {"user", "item"}] or list(
            self.words[1:]
        )

    def kinds(self) -> Iterator[Kind]:
        """Yield what the name may be, the likeliest first."""
        first = self.words[0]
        if "flag" in first and len(self.words) > 1 and len(first.text) <= 4:
            yield "flag"
            return
        if self.has("model") and self.has("rating"):
            yield "statistic"
            return
        if self.has("aggregate") and self.has(
            "rating", "quantity", "plays", "price", "number", "count", "dwell"
        ):
            yield "statistic"
            return
        if self.has("zone") and not self.has("user", "item"):
            yield "tech"
        yield from self._times()
        yield from self._attributes()
        yield from self._values()
        yield from self._names()
        yield from self._things()

    def _times(self) -> Iterator[Kind]:
        if not self.has("time", "day"):
            if self.has("calendar") and not self.has("dwell"):
                yield "calendar"
            elif self.has("later") and self._all("later", "own"):
                yield "other time"
            elif self.has("done") and self._all("done", "own", "event", "order"):
                yield "time"
            return
        if self.has("spend", "dwell") and any(word.text in _LASTING for word in self.words):
            yield "dwell"
        if self.has("aggregate"):
            yield "statistic"
        weak = self._weak_time()
        if weak and self._has_id and not self.has("own"):
            return  # "at", "on" and the like in the name of something else
        if self.has("later", "person"):
            yield "other time"
        elif self.has("calendar") and not self.has("own") and len(self.words) > 1:
            yield "calendar"
        else:
            yield "time"

    def _weak_time(self) -> bool:
        return all(
            word.text in ("at", "on", "since", "when", "le", "am", "an")
            for word in self.words
            if "time" in word
        )

    def _attributes(self) -> Iterator[Kind]:
        if self.has("email"):
            yield "email"
        if self.has("person") and not self._is_head("item"):
            yield "person"
        if self.has("price") and not (self.has("count") and self.has("item")):
            yield "price"
        if self._decides("place") or (self.has("place") and not self._is_head("item", "user", "order")):
            yield "place"
        if self.has("device") and (self.has("id") or self.has("user")):
            yield "device"
        if self.has("page"):
            yield "page"
        if self._decides("tech") or (self.has("tech") and not self._is_head("item", "user", "order")):
            yield "tech"

    def _decides(self, concept: str) -> bool:
        """Return whether the word that decides, an id word aside, has a concept: ``customer_city_code``."""
        said = [word for word in self.words if "id" not in word] or self.words
        return concept in (said[0] if self.head_first else said[-1])

    def _is_head(self, *concepts: str) -> bool:
        head = self._head()
        return head is not None and any(concept in head for concept in concepts)

    def _head(self) -> _Word | None:
        """Return the entity that decides: the last one, or the first in Romance and Slavic languages."""
        if not self.entities:
            return None
        return self.entities[0] if self.head_first else self.entities[-1]

    def _values(self) -> Iterator[Kind]:
        identified = any("id" in word and "rating" not in word for word in self.words) and len(self.words) > 1
        counted = self.has("count") and len(self.words) > 1 and self._counts()
        if counted and self.has("item"):
            yield "quantity"
        elif counted and self.has("rating", "record", "user", "order") and not self.has("plays"):
            yield "statistic"
        elif counted and self.has("spend"):
            yield "plays"
        elif not identified:
            yield from (kind for kind in _VALUES if self.has(kind))
        elif self.has("quantity") and not self._ends_in_code():  # "number of pieces"
            yield "quantity"
        if self.has("rank") and not (identified and self.has("item")):
            yield "rank"
        if self.has("flag"):
            yield "flag"

    def _ends_in_code(self) -> bool:
        return self._ends_in_id() and (self.words[0] if self.head_first else self.words[-1]).text in _CODES

    def _counts(self) -> bool:
        """Return whether "number", "num" and the like count something and are no id: ``num_items``."""
        first, last = self.words[0], self.words[-1]
        if last.text in ("count", "counts") or (first.text in ("n", "num", "number") and not self.head_first):
            return True
        return "count" in last or "count" in first if not self.has("id") else False

    def _names(self) -> Iterator[Kind]:
        if self._decides("text") and not self._ends_in_id():
            yield "text"
        if self.has("title") and not self._ends_in_id():
            others = [word for word in self.entities if "title" not in word]
            if any(word.concepts & {"category", "shop"} and "item" not in word for word in others):
                yield "category"
            elif any("user" in word for word in others):
                yield "user"
            elif any("event" in word for word in others):
                yield "event"
            else:
                yield "title"
        if self.has("type"):
            if self.has("event"):
                yield "event"
            elif self.has("user"):
                yield "person"
            elif not self.has("item", "order", "category", "record", "session", "shop"):
                yield "event"
            yield "category"

    def _ends_in_id(self) -> bool:
        ends = (self.words[0], self.words[-1]) if self.head_first else (self.words[-1],)
        return len(self.words) > 1 and any("id" in word and "title" not in word for word in ends)

    def _things(self) -> Iterator[Kind]:
        head = self._head()
        if head is None:
            if self.has("id"):
                yield "id"
            return
        if "event" in head and self._ends_in_id():
            yield "record"
        elif "category" in head and len(self.words) > 1 and self.has("event") and "event" not in head:
            yield "event"
        for kind in ("user", "item", "session", "order", "event", "shop", "category", "record"):
            if kind in head:
                yield kind

    def certainty(self, kind: Kind) -> float:
        """Return how plainly the name says that it is of a kind."""
        head = self._head()
        unknown = sum(not word.concepts for word in self.words)
        if kind in ("user", "item"):
            if head is None:
                return 0.5
            if "title" in head.concepts or (self.has("title") and not self._ends_in_id()):
                return 0.6
            tail = self.words[0] if self.head_first else self.words[-1]
            if not tail.concepts:  # an attribute that is not known: user_xyz
                return 0.35
            mixed = {"user", "item"} <= {c for word in self.entities for c in word.concepts}
            shared = bool(
                head.concepts & {"order", "tech", "rank", "text", "rating", "event", "later", "device"}
            )
            others = any("order" in word or "record" in word for word in self.entities if word is not head)
            base = 0.6 if mixed else 0.75 if shared and not self.has("id") else 1.0
            if others and kind == "item" and self.has("order") and self.has("id"):
                base = min(base, 0.2)
            return base * (0.85 if unknown else 1.0)
        if kind == "time":
            strong = self.has("time")
            entity = self.has("item", "user", "category") and not self.has("own")
            plain = 0.6 if not strong else 0.8 if self._weak_time() else 1.0
            return (0.4 if entity else plain) * (0.8 if unknown else 1.0)
        if kind == "event":
            base = 0.5 if self.has("type") and not self.has("event") else 1.0
            return base * (0.8 if unknown else 1.0)
        return 0.7 if unknown else 1.0


_CODES = frozenset({"id", "ids", "code", "cod", "key", "uuid", "guid", "kod", "codigo", "codice"})

_LASTING = frozenset(
    plain(word)
    for word in [
        "time",
        "times",
        "spent",
        "zeit",
        "temps",
        "tiempo",
        "tempo",
        "tijd",
        "tid",
        "czas",
        "čas",
        "süre",
        "время",
        "時間",
        "时间",
        "시간",
        "時長",
        "时长",
        "duration",
        "dwell",
    ]
)
"""Words that with "watch", "play", "stay" and the like mean how long, not when."""
