"""From the name of an event type to its words: parts, base forms and their senses.

Names are split at signs, digits and capitals, and where known words stand together (``addtocart``).
English words lose tense and number by rules; other languages are met by stems (`tacit.data.event_words`).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

from tacit.data.event_words import (
    ACTS,
    EAST_ASIAN,
    EMOJI,
    ENGLISH,
    OTHER_LANGUAGES,
    PHRASES,
    REFUSALS,
    Sense,
)

_LONGEST_PART = 40
_NEVER_FUSED = frozenset(
    {"less", "not", "no", "non", "ban", "end", "ship", "drop", "flag", "pin", "tip", "bid", "bad", "good"}
    | {"lead", "and", "then", "gift", "star", "rate", "pass"}
)
"""Words that inside another one are mostly not themselves (endless, notebook, flagship)."""
_SHORT_PARTS = frozenset({"to", "in", "of", "on", "at", "by", "my", "up", "is", "un", "ad", "pv"})


def senses_of(bases: list[str]) -> list[tuple[str, Sense]]:
    """Return the words of a name with their senses; words that form a phrase have one sense."""
    left, found = list(bases), list[tuple[str, Sense]]()
    for phrase, sense in _phrases():
        if phrase <= set(left):
            found.append((" ".join(sorted(phrase)), sense))
            left = [base for base in left if base not in phrase]
    single = ((base, _sense_of_base(base)) for base in left)
    return found + [(base, of) for base, of in single if of is not None]


@cache
def _phrases() -> list[tuple[frozenset[str], Sense]]:
    phrases = [(frozenset(words.split()), sense) for words, sense in PHRASES.items()]
    return sorted(phrases, key=lambda phrase: -len(phrase[0]))


def base_forms(event: str) -> Iterator[str]:
    """Yield the words of a name in their base form; a word with "un-" as two."""
    for word in words_of(event):
        yield from _parts(word)


def _parts(word: str) -> Iterable[str]:
    if not word.isascii() and _is_east_asian(word):
        return _east_asian_parts(word)
    if (base := english_base(word)) is not None:
        return (base,)
    if (base := _unfolded(word)) is not None:
        return ("un", base)
    if _foreign(word) is not None:
        return (word,)
    return _fused_parts(word) or (word,)


def words_of(event: str) -> Iterator[str]:
    """Yield the words of a name in small letters: split at signs, digits and capitals."""
    text = unicodedata.normalize("NFKC", event)
    for sign, word in EMOJI.items():
        text = text.replace(sign, f" {word} ")
    text = re.sub(r"n['’]t(?![^\W_])", " not", text)
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    return (_folded(word) for word in re.findall(r"[^\W\d_]+", text.lower() if text.isascii() else text))


_PLAIN_LETTERS = str.maketrans(
    {"ı": "i", "ł": "l", "ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ё": "е"}
)


def _folded(word: str) -> str:
    """Return a word in small letters, Latin ones without accents."""
    word = word.lower()
    if word.isascii():
        return word
    letters = (
        unicodedata.normalize("NFKD", sign) if sign < "\u0370" or "\u1e00" <= sign < "\u1f00" else sign
        for sign in word
    )
    plain = "".join(letters).translate(_PLAIN_LETTERS)
    return re.sub("[\u0300-\u036f]", "", plain)


def _sense_of_base(base: str) -> Sense | None:
    return _english().get(base) or _foreign(base) or _east_asian().get(base)


@cache
def _english() -> dict[str, Sense]:
    return {word: sense for sense, words in ENGLISH.items() for word in words.split()}


@lru_cache(maxsize=4096)
def english_base(word: str) -> str | None:
    """Return the known English word that a word is a form of."""
    known = _english()
    return next((form for form in _forms(word) if form in known), None)


def _forms(word: str) -> Iterator[str]:
    """Yield what a word may be a form of, the likeliest first: tense and number taken off."""
    yield word
    if word.endswith(("ies", "ied")):
        yield f"{word[:-3]}y"
    if word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]
        if word.endswith("es"):
            yield word[:-2]
    for ending in ("ed", "ing"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            stem = word[: -len(ending)]
            yield stem
            yield f"{stem}e"
            if stem[-1] == stem[-2]:
                yield stem[:-1]
    if word.startswith("re") and len(word) > 5 and _english().get(word[2:]) in ("buy", "play", "save"):
        yield word[2:]


def _unfolded(word: str) -> str | None:
    """Return the word that stands behind "un-"."""
    base = english_base(word[2:]) if word.startswith("un") and len(word) > 4 else None
    return base if base is not None and _english()[base] in ACTS | REFUSALS else None


def _fused_parts(word: str) -> tuple[str, ...]:
    """Return the base forms of known words that together make up a word, as in ``addtocart``."""
    if not word.isascii() or not 5 <= len(word) <= _LONGEST_PART:
        return ()
    best: list[tuple[str, ...] | None] = [()] + [None] * len(word)
    for stop in range(2, len(word) + 1):
        for start in range(stop - 1):
            before, part = best[start], word[start:stop]
            if before is None or (len(part) < 3 and part not in _SHORT_PARTS):
                continue
            base = english_base(part)
            parts = (*before, base) if base is not None and base not in _NEVER_FUSED else None
            if parts is not None and (best[stop] is None or len(parts) < len(best[stop] or ())):
                best[stop] = parts
    return best[-1] or ()


@cache
def _stems() -> tuple[dict[str, Sense], dict[str, Sense], dict[str, Sense]]:
    """Return whole words, beginnings and endings of other languages."""
    whole, beginnings, endings = dict[str, Sense](), dict[str, Sense](), dict[str, Sense]()
    for sense, words in OTHER_LANGUAGES.items():
        for word in words.split():
            table = beginnings if word.endswith("*") else endings if word.startswith("*") else whole
            table[word.strip("*")] = sense
    return whole, beginnings, endings


@lru_cache(maxsize=4096)
def _foreign(word: str) -> Sense | None:
    """Return the sense of a word of another European language, by the longest stem."""
    whole, beginnings, endings = _stems()
    if word in whole:
        return whole[word]
    for length in range(len(word), 2, -1):
        if word[:length] in beginnings:
            return beginnings[word[:length]]
    for length in range(len(word) - 1, 2, -1):
        if word[-length:] in endings:
            return endings[word[-length:]]
    return None


def _is_east_asian(word: str) -> bool:
    return re.search("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", word) is not None


@cache
def _east_asian() -> dict[str, Sense]:
    return {word: sense for sense, words in EAST_ASIAN.items() for word in words.split()}


@cache
def _east_asian_pattern() -> re.Pattern[str]:
    return re.compile("|".join(sorted(map(re.escape, _east_asian()), key=len, reverse=True)))


def _east_asian_parts(text: str) -> tuple[str, ...]:
    return tuple(_east_asian_pattern().findall(text)) or (text,)
