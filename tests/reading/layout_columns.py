"""Cells of the random layouts: ids in many forms, what belongs to an item or user, and unrelated columns."""

import json
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.reading.layout_times import DAY, HOUR, Form, written
from tests.reading.layout_words import PLACES, REMARKS, THINGS

Cells = list[str]

FIRST = (
    "maria",
    "john",
    "wei",
    "olga",
    "hans",
    "sofia",
    "ahmed",
    "yuki",
    "anna",
    "luis",
    "emma",
    "noah",
    "li",
)
LAST = ("lopez", "smith", "zhang", "ivanova", "becker", "rossi", "khan", "tanaka", "novak", "silva", "moreau")
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X)",
    "okhttp/4.9.3",
    "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101",
)
PAGES = ("https://shop.example/", "https://shop.example/sale", "https://mail.example/?utm=news", "(direct)")


def chain(rng: random.Random, alphabet: str, length: int) -> str:
    """Return random letters."""
    return "".join(rng.choices(alphabet, k=length))


def _many(count: int, one: Callable[[], str]) -> list[str]:
    """Return so many different texts."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[one()] = None
    return list(found)


def _integers(rng: random.Random, count: int) -> list[str]:
    dense = rng.random() < 0.5
    low = rng.choice((1, 100, 1000, 17_000, 500_000, 51_200_000))
    numbers = range(low, low + count) if dense else rng.sample(range(low, low + 40 * count), count)
    shuffled = list(map(str, numbers))
    rng.shuffle(shuffled)
    return shuffled


def _padded(rng: random.Random, count: int) -> list[str]:
    width = rng.choice((6, 8, 10))
    return [number.zfill(width) for number in _integers(rng, count)]


def _prefixed(rng: random.Random, count: int, prefixes: Sequence[str]) -> list[str]:
    prefix, numbers = rng.choice(prefixes), _integers(rng, count)
    width = rng.choice((0, 0, 5))
    return [prefix + number.zfill(width) for number in numbers]


def _emails(rng: random.Random, count: int) -> list[str]:
    hosts = ("mail.example", "post.example", "web.example")
    return _many(
        count, lambda: f"{rng.choice(FIRST)}.{rng.choice(LAST)}{rng.randrange(4000)}@{rng.choice(hosts)}"
    )


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _ean(rng: random.Random) -> str:
    body = "40" + chain(rng, "0123456789", 10)
    odd, even = sum(map(int, body[::2])), sum(map(int, body[1::2]))
    return body + str(-(odd + 3 * even) % 10)


def _isbn(rng: random.Random) -> str:
    body = rng.choice("0123") + chain(rng, "0123456789", 8)
    check = -sum((10 - place) * int(digit) for place, digit in enumerate(body)) % 11
    return body + ("X" if check == 10 else str(check))


def _titles(rng: random.Random, count: int, tongue: str) -> list[str]:
    adjectives, nouns = THINGS[tongue]
    joint = "" if tongue in {"zh", "ja"} else " "
    mark = rng.choice((" {}", ", {}", " No. {}")) if joint else "{}"
    return _many(
        count,
        lambda: (
            f"{rng.choice(adjectives)}{joint}{rng.choice(nouns)}{mark.format(rng.randrange(1, 40 * count))}"
        ),
    )


def _slugs(rng: random.Random, count: int) -> list[str]:
    adjectives, nouns = THINGS["en"]
    return _many(count, lambda: f"{rng.choice(adjectives)}-{rng.choice(nouns)}-{rng.randrange(9000)}".lower())


Maker = Callable[[random.Random, int, str], list[str]]
"""A maker of ids: ``(rng, count, tongue) -> ids``."""

_CAPITALS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _chains(alphabet: str, length: int, prefix: str = "") -> Maker:
    return lambda rng, count, tongue: _many(count, lambda: prefix + chain(rng, alphabet, length))


def _each(one: Callable[[random.Random], str]) -> Maker:
    return lambda rng, count, tongue: _many(count, lambda: one(rng))


def _after(*prefixes: str) -> Maker:
    return lambda rng, count, tongue: _prefixed(rng, count, prefixes)


def _username(rng: random.Random) -> str:
    return f"{rng.choice(FIRST)}_{rng.choice(LAST)}{rng.randrange(4000)}"


def _stock_code(rng: random.Random) -> str:
    return f"{rng.randrange(10_000, 99_999)}{rng.choice(('', 'A', 'B', 'C'))}"


_SHARED: dict[str, tuple[float, Maker]] = {
    "integers": (30, lambda rng, count, tongue: _integers(rng, count)),
    "padded": (8, lambda rng, count, tongue: _padded(rng, count)),
    "hash": (5, _chains("0123456789abcdef", 16)),
    "sha1": (2, _chains("0123456789abcdef", 40)),
    "uuid": (5, _each(_uuid)),
    "letters": (2, _chains("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", 8)),
}

USER_IDS: dict[str, tuple[float, Maker]] = _SHARED | {
    "u-number": (12, _after("u", "user_", "U", "usr-", "CUST-", "cust", "member")),
    "email": (6, lambda rng, count, tongue: _emails(rng, count)),
    "amazon-user": (4, _chains(_CAPITALS, 13, "A")),
    "username": (4, _each(_username)),
}
"""Form of the ids of users -> how often it is drawn, and its maker."""

ITEM_IDS: dict[str, tuple[float, Maker]] = _SHARED | {
    "item-number": (10, _after("i", "item_", "P", "prod-", "SKU-", "sku", "ART.", "B-")),
    "stock-code": (4, _each(_stock_code)),
    "asin": (4, _chains(_CAPITALS, 8, "B0")),
    "ean": (4, _each(_ean)),
    "isbn": (3, _each(_isbn)),
    "slug": (3, lambda rng, count, tongue: _slugs(rng, count)),
    "title": (4, _titles),
    "url": (1, lambda rng, count, tongue: [f"https://shop.example/p/{one}" for one in _integers(rng, count)]),
}

TELLING_USERS = frozenset({"u-number", "email", "username"})
TELLING_ITEMS = frozenset({"item-number", "ean", "title", "slug", "url"})
"""Forms that say by themselves whose ids they are."""


def drawn_ids(rng: random.Random, forms: dict[str, tuple[float, Maker]]) -> str:
    """Return the name of a form."""
    return rng.choices(list(forms), [weight for weight, _ in forms.values()])[0]


@dataclass(frozen=True)
class Log:
    """What unrelated columns depend on: the users, items and moments of the rows."""

    rng: random.Random
    tongue: str
    users: list[str]
    items: list[str]
    times: list[float]
    form: Form
    comma: bool

    @property
    def size(self) -> int:
        return len(self.users)

    def each(self, one: Callable[[], str]) -> Cells:
        """Return a cell for every row, whoever and whatever it is about."""
        return [one() for _ in range(self.size)]

    def per_user(self, one: Callable[[], str]) -> Cells:
        """Return a cell that is the same in all rows of a user."""
        of = {user: one() for user in dict.fromkeys(self.users)}
        return [of[user] for user in self.users]

    def per_item(self, one: Callable[[], str]) -> Cells:
        """Return a cell that is the same in all rows of an item."""
        of = {item: one() for item in dict.fromkeys(self.items)}
        return [of[item] for item in self.items]

    def one_to_one(self, values: Sequence[str], made: Callable[[int], list[str]]) -> Cells:
        """Return another name for each of some ids."""
        distinct = list(dict.fromkeys(values))
        of = dict(zip(distinct, made(len(distinct)), strict=True))
        return [of[value] for value in values]

    def number(self, value: float, digits: int = 2) -> str:
        """Return a number with the decimal sign of the layout."""
        text = f"{value:.{digits}f}"
        return text.replace(".", ",") if self.comma else text


def _unique(log: Log) -> Cells:
    low = log.rng.choice((1, 10_000, 88_000_000))
    cells = [str(low + place) for place in range(log.size)]
    if log.rng.random() < 0.5:
        log.rng.shuffle(cells)
    return cells


def _sessions(log: Log) -> Cells:
    rng, shape = log.rng, log.rng.choice(("uuid", "number", "short"))
    of: dict[tuple[str, int], str] = {}

    def one() -> str:
        short = "s" + chain(rng, "0123456789abcdef", 7)
        return {"uuid": _uuid(rng), "number": str(10_000 + len(of)), "short": short}[shape]

    return [
        of.setdefault((user, int(at // DAY)), one()) for user, at in zip(log.users, log.times, strict=True)
    ]


def _categories(log: Log) -> Cells:
    number = log.rng.random() < 0.4
    names = [str(log.rng.randrange(100, 90_000)) for _ in range(9)] if number else list(THINGS[log.tongue][1])
    return log.per_item(lambda: log.rng.choice(names))


def _persons(log: Log) -> Cells:
    def one() -> str:
        return f"{log.rng.choice(FIRST)} {log.rng.choice(LAST)} {chain(log.rng, 'abcdefgh', 3)}".title()

    return log.one_to_one(log.users, lambda count: _many(count, one))


def _titles_of(log: Log) -> Cells:
    return log.one_to_one(log.items, lambda n: _titles(log.rng, n, log.tongue))


def _later(log: Log) -> Cells:
    step = log.rng.choice((2, 7, 30)) * DAY
    return written(log.form, [at + step * log.rng.uniform(0.3, 1) for at in log.times])[0]


def _released(log: Log) -> Cells:
    """Return a date of each item: a time, but not that of the event."""
    of = {item: min(log.times) - log.rng.uniform(10, 2000) * DAY for item in dict.fromkeys(log.items)}
    return written(log.form, [of[item] for item in log.items])[0]


def _json(log: Log) -> Cells:
    return log.each(lambda: json.dumps({"ab": log.rng.choice("xy"), "n": log.rng.randrange(50), "s": "a, b"}))


def _brands(log: Log) -> Cells:
    return log.per_item(lambda: log.rng.choice(("Acme", "Nordika", "Tessel & Co", "Uno", "Vela")))


def _stores(log: Log) -> Cells:
    names = [f"{log.rng.choice('SWK')}{log.rng.randrange(10, 99)}" for _ in range(log.rng.choice((2, 6, 15)))]
    plain = log.rng.random() < 0.5
    return log.each(lambda: log.rng.choice(names)[1 if plain else 0 :])


def _few(*texts: str) -> Callable[[Log], Cells]:
    """Return a column of a few words, some more frequent than others."""
    return lambda log: log.rng.choices(texts, [1 / (place + 1) for place in range(len(texts))], k=log.size)


def _flags(log: Log) -> Cells:
    yes, no = log.rng.choice((("1", "0"), ("true", "false"), ("Y", "N"), ("True", "False")))
    return log.each(lambda: yes if log.rng.random() < 0.3 else no)


def _coupons(log: Log) -> Cells:
    return log.each(lambda: log.rng.choice(("SPRING10", "WELCOME")) if log.rng.random() < 0.08 else "")


def _remarks(log: Log) -> Cells:
    return log.each(lambda: log.rng.choice(REMARKS[log.tongue]) if log.rng.random() < 0.4 else "")


def _decimal(low: float, high: float, digits: int = 2) -> Callable[[Log], Cells]:
    return lambda log: log.each(lambda: log.number(log.rng.uniform(low, high), digits))


def _constant(log: Log) -> Cells:
    return [log.rng.choice(("web", "shop1", "prod", "v2", "3", "main_site"))] * log.size


def _prices(log: Log) -> Cells:
    return log.per_item(lambda: log.number(log.rng.choice((0.5, 5, 40)) * log.rng.uniform(1, 6)))


UNRELATED: dict[str, Callable[[Log], Cells]] = {
    "review": _unique,
    "row": lambda log: [str(place) for place in range(log.size)],
    "uuid": lambda log: log.each(lambda: _uuid(log.rng)),
    "email": lambda log: log.one_to_one(log.users, lambda n: _emails(log.rng, n)),
    "country": lambda log: log.per_user(lambda: log.rng.choice(PLACES[log.tongue][1])),
    "city": lambda log: log.per_user(lambda: log.rng.choice(PLACES[log.tongue][0])),
    "latitude": lambda log: log.per_user(lambda: f"{log.rng.uniform(40, 60):.5f}"),
    "longitude": lambda log: log.per_user(lambda: f"{log.rng.uniform(-9, 30):.5f}"),
    "ip": lambda log: log.per_user(lambda: ".".join(str(log.rng.randrange(1, 255)) for _ in range(4))),
    "agent": lambda log: log.per_user(lambda: log.rng.choice(AGENTS)),
    "currency": _few("EUR", "USD", "GBP"),
    "constant": _constant,
    "session": _sessions,
    "json": _json,
    "coupon": _coupons,
    "flag": _flags,
    "age": lambda log: log.per_user(lambda: str(log.rng.randrange(16, 80))),
    "gender": lambda log: log.per_user(lambda: log.rng.choice("FM")),
    "device": _few("mobile", "desktop", "tablet"),
    "channel": _few("organic", "web", "app", "newsletter"),
    "language": _few("en", "de", "fr-FR"),
    "payment": _few("card", "paypal", "cash"),
    "phone": lambda log: log.per_user(lambda: f"+49 {log.rng.randrange(10**8, 10**9)}"),
    "postcode": lambda log: log.per_user(lambda: f"{log.rng.randrange(1000, 99_999):05}"),
    "position": lambda log: log.each(lambda: str(log.rng.randrange(1, 31))),
    "page": _few(*PAGES),
    "person": _persons,
    "tax": _decimal(0, 9),
    "hour": lambda log: [str(int(at % DAY // HOUR)) for at in log.times],
    "empty": lambda log: [""] * log.size,
    "category": _categories,
    "brand": _brands,
    "store": _stores,
    "title": _titles_of,
    "comment": _remarks,
    "later": _later,
    "released": _released,
    "price": _prices,
}
"""Makers of columns that no role is right for."""

PLAIN_ONES = frozenset({
    "uuid", "country", "city", "ip", "agent", "currency", "constant", "json", "flag", "device", "channel",
    "payment", "empty", "page", "latitude", "gender",
})  # fmt: skip
"""Of these a reader sees without a name that they are no user, item or time."""
