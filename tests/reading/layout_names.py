"""Names of columns for the random layouts: phrases of the vocabularies in the styles that programs write."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.reading.layout_words import JOINED, NAMES

MEANINGLESS: tuple[Callable[[int], str], ...] = (
    lambda place: f"col{place + 1}",
    lambda place: f"f{place}",
    lambda place: chr(ord("a") + place % 26) + ("" if place < 26 else str(place // 26)),
    lambda place: f"column_{place}",
    lambda place: f"X{place + 1}",
    lambda place: f"_c{place}",
)

OTHERS: dict[str, tuple[str, ...]] = {
    "review": ("review id", "comment id", "feedback id"),
    "row": ("row id", "id", "record no", "idx", "entry number", "row number"),
    "uuid": ("event uuid", "request id", "message id", "trace id", "event id", "insert id"),
    "latitude": ("lat", "latitude", "geo lat"),
    "longitude": ("lon", "longitude", "geo lng"),
    "ip": ("ip", "ip address", "client ip", "remote addr"),
    "agent": ("user agent", "browser", "ua string"),
    "currency": ("currency", "curr", "currency code"),
    "constant": ("source", "site", "app name", "platform", "api version", "environment", "data source"),
    "session": ("session id", "visit id", "user session", "sess"),
    "json": ("payload", "context", "properties", "extra", "raw attributes"),
    "coupon": ("coupon", "voucher code", "promo code"),
    "flag": ("is new", "reordered", "is gift", "newsletter", "first visit", "has photo"),
    "age": ("age", "user age", "customer age", "birth year"),
    "gender": ("gender", "sex"),
    "device": ("device type", "os", "browser family", "device"),
    "channel": ("channel", "medium", "traffic source"),
    "language": ("language", "locale", "lang"),
    "payment": ("payment method", "payment type", "paid with"),
    "phone": ("phone", "mobile", "phone number"),
    "postcode": ("postcode", "zip", "postal code"),
    "position": ("position", "rank", "slot", "line no", "order item id", "list position"),
    "page": ("page url", "referrer", "landing page"),
    "person": ("full name", "customer name", "recipient", "contact name"),
    "tax": ("tax", "discount", "shipping cost", "freight value", "vat"),
    "hour": ("hour", "day of week", "weekday"),
    "empty": ("reserved", "unused", "custom field 1", "extra 2"),
}
"""Names of unrelated columns that the vocabularies have no role for."""

PREFIXES = ("dim", "fk", "x", "evt", "raw", "src", "t1", "fact", "stg", "log")
PATHS = ("event", "data", "payload", "record", "orders", "row")

STYLES: dict[str, Callable[[list[str]], str]] = {
    "snake": lambda words: "_".join(words).lower(),
    "camel": lambda words: words[0].lower() + "".join(word.capitalize() for word in words[1:]),
    "Pascal": lambda words: "".join(word.capitalize() for word in words),
    "spaced": " ".join,
    "Titled": lambda words: " ".join(word.capitalize() for word in words),
    "kebab": lambda words: "-".join(words).lower(),
    "SCREAMING": lambda words: "_".join(words).upper(),
    "flat": lambda words: "".join(words).lower(),
    "dotted": lambda words: ".".join(words).lower(),
}

WEIGHTS = {
    "snake": 30, "camel": 14, "Pascal": 10, "spaced": 8, "Titled": 10, "kebab": 5, "SCREAMING": 8, "flat": 5,
    "dotted": 4,
}  # fmt: skip


@dataclass
class Naming:
    """How one layout names its columns; no name is given twice.

    Attributes
    ----------
    rng : random.Random
    language : str
        A vocabulary.
    style : str
    prefix : str
        Before every name: ``dim_``, ``event.``, or nothing.
    meaningless : callable or None
        Names by place that say nothing.
    ascii : bool
        Whether accents are left out, as many programs do.
    """

    rng: random.Random
    language: str
    style: str
    prefix: str = ""
    meaningless: Callable[[int], str] | None = None
    ascii: bool = False
    used: set[str] = field(default_factory=set)

    @classmethod
    def drawn(cls, rng: random.Random, *, meaningless: bool) -> "Naming":
        """Return a naming for one layout."""
        english = [name for name in NAMES if name.startswith("en-")]
        others = [name for name in NAMES if not name.startswith("en-")]
        language = rng.choice(english) if rng.random() < 0.45 else rng.choice(others)
        style = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        naming = cls(rng, language, style, ascii=rng.random() < 0.3)
        if meaningless:
            naming.meaningless = rng.choice(MEANINGLESS)
        elif rng.random() < 0.12:
            naming.prefix = rng.choice(PREFIXES) + "_"
        elif rng.random() < 0.06:
            naming.prefix = rng.choice(PATHS) + "."
        return naming

    @property
    def tongue(self) -> str:
        """The language of the cells: that of the names, English for the vocabularies of English."""
        return "en" if self.language.startswith("en-") or self.language == "abbreviated" else self.language

    def name(self, role: str, place: int, *, only: tuple[str, ...] = ()) -> str:
        """Return a name for a column of some role that no other column of the layout has."""
        if self.meaningless is not None:
            return self.meaningless(place)
        phrases = list(only or OTHERS.get(role) or NAMES[self.language][role])
        self.rng.shuffle(phrases)
        for phrase in phrases:
            name = self.styled(phrase)
            if name.lower() not in self.used:
                self.used.add(name.lower())
                return name
        name = f"{self.styled(phrases[0])}_{place}"
        self.used.add(name.lower())
        return name

    def styled(self, phrase: str) -> str:
        """Return a phrase in the style of the layout."""
        if self.language in JOINED and not phrase.isascii():
            return phrase.replace("id", self.rng.choice(("ID", "id", "Id")))
        words = [plain_letters(word) if self.ascii else word for word in phrase.split()]
        return self.prefix + STYLES[self.style](words)


def plain_letters(word: str) -> str:
    """Return a word without accents: ``käufer`` becomes ``kaufer``; letters of other scripts stay."""
    import unicodedata

    if not word.isascii() and re.search(r"[а-яё]", word):
        return word
    pieces = unicodedata.normalize("NFKD", word.replace("ł", "l").replace("ı", "i").replace("ß", "ss"))
    return "".join(piece for piece in pieces if not unicodedata.combining(piece))
