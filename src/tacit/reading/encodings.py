"""The encoding of a text file where the file does not say it: guessed from the letters that it would hold.

Nearly any bytes can be read in any of the old encodings, so the question is which of them gives the letters
that people write: `encoding_letters.toml` lists those of some thirty languages by their frequency. Where
none fits well, charset-normalizer is asked.
"""

import codecs
import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

from tacit.core.errors import ConfigError

MOST_BYTES = 2**16
"""Most bytes that a guess looks at."""

_NAMES = {
    "cp1252": "windows-1252", "cp1250": "windows-1250", "cp1251": "windows-1251", "cp1253": "windows-1253",
    "cp1254": "windows-1254", "cp1255": "windows-1255", "cp1256": "windows-1256",
}  # fmt: skip
_COMMON = "’“”„–—…€£®™©°²³½«»ªº·×ß、。，！？（）：；【】「」・～"
_WIDE = ("gb18030", "cp950", "cp932", "euc_jp", "cp949")
_P_COMMON, _P_ALPHABET, _P_FREQUENT = 0.04, 0.95, 0.55
_RARE, _STRANGE, _ASCII, _BROKEN = 1e-5, 1e-6, 1 / 60, 1e-9
_ODD_PLACE = 1e-3
"""How much less likely signs are that hardly ever stand side by side."""

_PRIOR = {"cp1252": 4.0, "iso-8859-2": 0.5, "koi8-u": 0.5, "cp866": 0.1, "cp1257": 0.3}
"""How much likelier an encoding is than another one before a byte is seen."""

_WORDS = re.compile(rb"[\s,;\"]+")  # signs that are no half of a character in any of the encodings

_POOR = math.log(3e-5)
"""Mean likelihood of a sign outside ASCII below which no language fits."""


@dataclass(frozen=True)
class _Language:
    """How likely each sign of a language is.

    Attributes
    ----------
    encodings : tuple of str
    signs : mapping of str to float
    wide : bool
        Whether thousands of other signs are likely too.
    """

    encodings: tuple[str, ...]
    signs: Mapping[str, float]
    wide: bool


def known(name: str) -> str:
    """Return the name of an encoding of text as it is given.

    Raises
    ------
    ConfigError
        If there is no such encoding.
    """
    try:
        b"a,b".decode(name, "replace")  # base64 and others are no encodings of text
        codecs.getincrementaldecoder(name)
    except (LookupError, ValueError, TypeError):
        raise ConfigError(
            f"encoding: there is no text encoding {name!r}; some that are known: utf-8, windows-1252, "
            "iso-8859-2, windows-1251, cp932, euc_jp, cp949, big5, gb18030, utf-16"
        ) from None
    return name


def note(name: str) -> str:
    """Return what is said of a guess."""
    return f"the encoding was guessed: {name}; --encoding NAME for another"


def foreign_lines(data: bytes, most: int = MOST_BYTES) -> bytes:
    """Return the lines of a text with bytes outside ASCII, up to a size."""
    found, size = [], 0
    for line in data.splitlines():
        if not line.isascii():
            found.append(line[:4096])
            size += len(found[-1]) + 1
            if size >= most:
                break
    return b"\n".join(found)[:most]


def foreign_words(sample: bytes) -> bytes:
    """Return the words with bytes outside ASCII, each once, whatever its numbers."""
    words = {word.translate(None, b"0123456789"): word for word in _WORDS.split(sample) if not word.isascii()}
    return b" ".join(words.values())


def guess(sample: bytes) -> str:
    """Return the likeliest encoding of lines that are not UTF-8; a word counts once, whatever its number."""
    sample = foreign_words(sample)
    scores = {encoding: _score(sample, encoding, of) for encoding, of in _languages_of().items()}
    best = max(scores, key=lambda encoding: scores[encoding][0])
    if scores[best][1] < _POOR:
        best = _detected(sample) or best
    return _NAMES.get(best, best)


def _score(sample: bytes, encoding: str, languages: Iterable[_Language]) -> tuple[float, float]:
    """Return the log-likelihood of a sample, and its mean over the signs outside ASCII."""
    text = sample.decode(encoding, "replace")
    # The letters of a language are counted in small: a header in capitals is no other language.
    counts = Counter(" ".join(word.lower() if word.isupper() else word for word in text.split(" ")))
    best = max(_likelihood(counts, encoding, language) for language in languages)
    total = best + math.log(_PRIOR.get(encoding, 1.0))
    total += sum(math.log(_ODD_PLACE) for a, b in pairwise(text) if _is_odd(a, b))
    outside = sum(number for sign, number in counts.items() if ord(sign) >= 0x80)
    inside = math.log(_ASCII) * (len(text) - outside)
    return total, (total - inside) / max(outside, 1)


def _likelihood(counts: Mapping[str, int], encoding: str, language: _Language) -> float:
    return sum(number * math.log(_share(sign, encoding, language)) for sign, number in counts.items())


def _share(sign: str, encoding: str, language: _Language) -> float:
    """Return how likely a sign is in a language."""
    if ord(sign) < 0x80:
        return _ASCII
    if sign in language.signs:
        return language.signs[sign]
    if sign == "\ufffd" or 0x80 <= ord(sign) < 0xA0 or 0xE000 <= ord(sign) < 0xF900:
        return _BROKEN
    if sign in _COMMON:
        return _P_COMMON / len(_COMMON)
    if language.wide:
        return _wide_share(sign, encoding)
    return _RARE if sign.isalpha() else _STRANGE


def _wide_share(sign: str, encoding: str) -> float:
    """Return how likely one of the thousands of other signs is: each encoding has its common ones first."""
    lead = sign.encode(encoding)[0]
    first, last = {
        "gb18030": (0xB0, 0xD7), "cp950": (0xA4, 0xC6), "cp932": (0x88, 0x97), "euc_jp": (0xB0, 0xCF),
        "cp949": (0xB0, 0xC8),
    }[encoding]  # fmt: skip
    if first <= lead <= last and (encoding != "cp949" or "가" <= sign <= "힣"):
        return (0.2 if encoding == "cp949" else 0.35) / 3_500
    return _RARE if sign.isalpha() and not "\uff61" <= sign <= "\uff9f" else _STRANGE


def _is_odd(a: str, b: str) -> bool:
    """Return whether two signs hardly ever stand side by side.

    A small letter before a capital, and a Latin letter beside one of another alphabet.
    """
    if a.isascii() and b.isascii():
        return False
    return (a.islower() and b.isupper()) or (_is_latin(a) and _is_other(b)) or (_is_other(a) and _is_latin(b))


def _is_latin(sign: str) -> bool:
    return sign.isascii() and sign.isalpha()


def _is_other(sign: str) -> bool:
    """Return whether a sign is Greek, Cyrillic, Hebrew, Arabic or Thai."""
    return "\u0370" <= sign <= "\u0e7f"


def _detected(sample: bytes) -> str | None:
    """Return what charset-normalizer finds."""
    from charset_normalizer import from_bytes  # slow to import, and rarely asked

    found = from_bytes(sample, preemptive_behaviour=False).best()
    return None if found is None or found.encoding.startswith(("utf", "ascii")) else found.encoding


@cache
def _languages_of() -> dict[str, list[_Language]]:
    """Return the languages of each encoding, and all of its alphabets together for mixed files."""
    raw = tomllib.loads((files("tacit.reading") / "encoding_letters.toml").read_text("utf-8"))
    by_encoding: dict[str, list[_Language]] = {}
    for entry in raw.values():
        encodings = tuple(entry["encodings"])
        wide = encodings[0] in _WIDE
        language = _Language(encodings, _frequencies("".join(entry["letters"].split()), wide=wide), wide)
        for encoding in encodings:
            by_encoding.setdefault(encoding, []).append(language)
    for encoding, languages in by_encoding.items():
        if len(languages) > 1:
            languages.append(_mixed(encoding, languages))
    return by_encoding


def _frequencies(letters: str, *, wide: bool) -> dict[str, float]:
    unique = list(dict.fromkeys(letters))
    flat = 30 if wide else 2
    weights = {sign: 1 / (place + flat) for place, sign in enumerate(unique)}
    total = sum(weights.values())
    mass = _P_FREQUENT if wide else _P_ALPHABET
    return {sign: mass * weight / total for sign, weight in weights.items()}


def _mixed(encoding: str, languages: list[_Language]) -> _Language:
    signs: Counter[str] = Counter()
    for language in languages:
        for sign, share in language.signs.items():
            signs[sign] += share / len(languages)  # type: ignore[assignment]
    return _Language((encoding,), dict(signs), languages[0].wide)
