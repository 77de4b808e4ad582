"""How well each column fits each role: points for its name, its content, and its place among the others.

A point is about a natural logarithm of odds: three points make a reading twenty times as likely.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tacit.core.errors import DataError
from tacit.data.times import AmbiguousTimes, read_times
from tacit.reading.column_content import Content
from tacit.reading.column_names import NOTHING, Kind, NameMeaning, concepts_of, parts_of
from tacit.reading.column_pairs import Pairs, rows_of

NAME_POINTS = 8.0
"""Points of a whole, plain name of a role."""

_USER_BY_NAME: Mapping[Kind, float] = {
    "item": -7, "event": -5, "time": -5, "other time": -5, "calendar": -6, "rating": -6, "quantity": -6,
    "plays": -6, "dwell": -6, "number": -5, "price": -6, "order": 0.3, "session": 1.5, "record": -4,
    "shop": -4, "category": -5, "place": -6, "person": -3.5, "email": 0.5, "tech": -5, "device": 1.5,
    "page": -5, "flag": -6, "rank": -5, "title": -4, "text": -6, "statistic": -6, "id": 0.7,
}  # fmt: skip
_ITEM_BY_NAME: Mapping[Kind, float] = {
    "user": -7, "event": -5, "time": -5, "other time": -5, "calendar": -6, "rating": -6, "quantity": -6,
    "plays": -6, "dwell": -6, "number": -5, "price": -6, "order": -6, "session": -6, "record": -5, "shop": -4,
    "category": -4, "place": -6, "person": -7, "email": -7, "tech": -5, "device": -7, "page": 1.0, "flag": -6,
    "rank": -5, "title": 2.5, "text": -5, "statistic": -6, "id": 0.7,
}  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """The columns of a log with all that is known of them.

    Attributes
    ----------
    table : polars.DataFrame
    contents : mapping of column to Content
    names : mapping of column to NameMeaning
        Empty meanings where the columns have no names of their own.
    named : bool
        Whether the names come from the file and at least one of them says something.
    """

    table: pl.DataFrame
    contents: Mapping[str, Content]
    names: Mapping[str, NameMeaning]
    named: bool
    _memo: dict[tuple[str, str], bool] = field(default_factory=dict)
    _seconds: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def all(self) -> list[str]:
        """All columns in their order."""
        return self.table.columns

    def kind(self, name: str) -> Kind | None:
        """What a column is by its name and not against its content."""
        content = self.contents[name]
        return next((kind for kind in self.name(name).kinds if _fits(kind, content)), None)

    def has(self, *kinds: Kind) -> bool:
        """Whether a column is of one of some kinds."""
        return any(self.kind(name) in kinds for name in self.all)

    def name(self, name: str) -> NameMeaning:
        """What a column's name says."""
        return self.names.get(name, NOTHING)

    def is_plainly(self, name: str, kind: Kind) -> bool:
        """Whether a column has the whole, usual name of something, whatever it holds."""
        said = self.name(name)
        return said.whole and said.kind == kind and said.certainty >= (0.8 if kind == "time" else 1)

    @cached_property
    def pairs(self) -> Pairs:
        """The columns side by side."""
        return Pairs.of(self.table, [n for n in self.all if self.contents[n].form != "empty"])

    @cached_property
    def keys(self) -> list[str]:
        """Columns that may name a user, an item, an order or a visit: what repeats and is no measure."""
        return [name for name in self.all if self._may_be_key(name)]

    def _may_be_key(self, name: str) -> bool:
        content = self.contents[name]
        if (
            content.form in ("empty", "flag")
            or content.constant
            or content.ratio > 0.98
            or is_measure(content)
        ):
            return False
        if content.times.certain or content.share("json") > 0.5 or content.share("agent") > 0.5:
            return False
        return self.kind(name) not in (
            "time",
            "other time",
            "price",
            "rating",
            "quantity",
            "plays",
            "dwell",
            "text",
        )

    def decides(self, one: str, other: str) -> bool:
        """Whether each value of a column goes with one value of another."""
        key = (one, other)
        if key not in self._memo:
            self._memo[key] = self.pairs.decides(one, other)
        return self._memo[key]

    def above(self, name: str) -> list[str]:
        """Return the keys that decide a column and are finer."""
        return [
            key
            for key in self.keys
            if key != name
            and self.contents[key].unique > self.contents[name].unique
            and self.decides(key, name)
            and not self.decides(name, key)
        ]

    @cached_property
    def clock(self) -> NDArray[np.float64] | None:
        """Moments of the rows of `pairs`, by the column that most certainly holds some."""
        found = [name for name in self.all if self.contents[name].times.share > 0.9]
        found.sort(key=lambda name: (self.kind(name) != "time", not self.contents[name].times.certain))
        return self.seconds(found[0]) if found else None

    def seconds(self, name: str) -> NDArray[np.float64]:
        """Return the moments of the rows of `pairs` by a column; NaN where it holds none.

        Where the order of day and month is not known the day is taken for the first.
        """
        if name not in self._seconds:
            self._seconds[name] = _moments(rows_of(self.table[name]))
        return self._seconds[name]


def _moments(column: pl.Series) -> NDArray[np.float64]:
    try:
        times = read_times(column)
    except AmbiguousTimes:
        times = read_times(column, dates="dmy")
    except DataError:
        return np.full(len(column), np.nan)
    return times.seconds.fill_null(float("nan")).to_numpy()


def _fits(kind: Kind, content: Content) -> bool:
    """Return whether a column may hold what its name says."""
    form = content.form
    if form == "empty":
        return True
    if kind in ("time", "other time"):
        no_moment = form in ("text", "integer") and content.times.share == 0 and content.known > 20
        return content.times.share > 0.5 or not no_moment
    if kind in _MEASURED:
        return form in ("integer", "decimal", "flag") and _fits_measure(kind, content)
    if form == "text" and holds_moments(content):  # whatever a part of the name may mean elsewhere
        return False
    if kind == "place" and form == "decimal" and content.high > 180:  # no degrees
        return False
    if kind in ("title", "text"):
        return form == "text" or content.known < 5
    if kind == "email":
        return content.share("email") > 0.5
    if kind == "event":
        return content.unique <= max(60, 0.02 * content.known) or content.known < 60
    if kind == "category":
        return content.ratio < 0.9 or content.known < 30
    return True


def holds_moments(content: Content) -> bool:
    """Return whether a column of text is hardly anything but dates, with or without a century."""
    if content.times.certain:
        return True
    clocks = content.times.share > 0.995 and content.form == "text"
    return clocks and bool(content.sample.str.contains(":", literal=True).all())


_MEASURED = frozenset(("rating", "quantity", "plays", "dwell", "price", "number", "statistic", "rank"))


def _fits_measure(kind: Kind, content: Content) -> bool:
    if kind in ("rating", "dwell") and content.times.certain and content.low > 1e8:
        return False
    if kind == "dwell" and holds_excel_days(content):
        return False
    if kind == "rating":  # an amount of money has cents and no end
        return content.high <= 1_000 and (content.digits <= 1 or content.whole or content.high <= 10)
    if kind in ("number", "quantity") and is_measure(content) and content.digits == 2:  # an amount of money
        return False
    return not (kind == "quantity" and content.padded)


def holds_excel_days(content: Content) -> bool:
    """Return whether numbers are days since 1900 with the time of day as a fraction."""
    days = content.times.kind == "excel days" and content.times.share > 0.995
    return days and is_measure(content) and content.digits >= 3


def is_measure(content: Content) -> bool:
    """Return whether a column holds measures: prices, coordinates, ratios, no ids with a point."""
    return content.form == "decimal" and not content.whole


# User and item


def user_points(columns: Columns, name: str) -> float:
    """Return how well a column fits the user."""
    content = columns.contents[name]
    points = _by_name(columns, name, "user", _USER_BY_NAME) + _key_points(columns, name)
    points += 3.0 * (content.share("email") > 0.9) - 3.0 * (content.share("url") > 0.9)
    points -= 2.0 * (content.share("ip") > 0.9) + 8.0 * (content.share("json") > 0.9)
    points -= 5.0 * (content.share("agent") > 0.9)
    points += {"user": 3.5, "item": -3.5, "order": -1.5, "session": -1.0}.get(content.prefix or "", 0.0)
    points += 2.5 * (content.share("name and number") > 0.9) + 2.0 * (content.share("reviewer") > 0.9)
    if not (content.share("name and number") > 0.9):
        points -= 2.0 * (content.share("slug") > 0.8 and content.share("uuid") < 0.5)
    points += 1.0 * (content.share("hash") > 0.9) + 0.5 * (content.share("uuid") > 0.9)
    points -= 1.0 * (content.share("coded") > 0.9)
    points += _OF_A_PHONE * is_phone_of_user(columns, name)
    points -= 3.0 * any(content.share(shape) > 0.9 for shape in ("asin", "imdb"))
    points -= 2.0 * content.numbered_goods
    points -= 2.0 * (content.share("words") > 0.7 and content.share("cased name") < 0.7)
    points -= 2.0 * (content.share("phrase") > 0.7)
    if columns.kind(name) in (None, "id") and content.prefix != "user" and is_brief(columns, name):
        points -= 1.5
    if columns.kind(name) in ("order", "session") and _has_person(columns, name):
        points -= 2.0
    if is_mostly_missing(columns, name):
        points -= 8.0
    if _is_attribute(columns, name, of_orders=True):
        points -= _attribute_cost(columns, name, "user")
    return points


_OF_A_PHONE = 4.0
"""What makes the phone of a customer as good a user as an e-mail address: where nothing better is there."""


def is_phone_of_user(columns: Columns, name: str) -> bool:
    """Return whether a column is named for the phones of users and holds numbers."""
    named = columns.named and {"user", "phone"} <= concepts_of(name)
    return named and columns.contents[name].share("token") > 0.9


def _has_person(columns: Columns, name: str) -> bool:
    """Return whether an order or a visit decides an id of which nothing else is known: whose it is."""
    return any(
        columns.kind(other) in (None, "id", "user")
        and columns.contents[other].unique >= 5
        and columns.contents[other].unique < columns.contents[name].unique
        and columns.decides(name, other)
        for other in columns.keys
        if other != name
    )


def is_mostly_missing(columns: Columns, name: str) -> bool:
    """Return whether most rows have no such user though each belongs to a visit."""
    content = columns.contents[name]
    return content.known < 0.5 * content.rows and _complete_visits(columns)


def _complete_visits(columns: Columns) -> bool:
    contents = (columns.contents[name] for name in columns.all if columns.kind(name) == "session")
    return any(content.known == content.rows and content.ratio < 0.9 for content in contents)


def item_points(columns: Columns, name: str) -> float:
    """Return how well a column fits the item."""
    content = columns.contents[name]
    points = _by_name(columns, name, "item", _ITEM_BY_NAME) + _key_points(columns, name)
    points -= 8.0 * (content.share("email") > 0.5) + 6.0 * (content.share("ip") > 0.9)
    points += (2.0 if content.unique > _FEW_PAGES else -3.0) * (content.share("url") > 0.9)
    points -= 8.0 * (content.share("json") > 0.9)
    points -= 6.0 * (content.share("agent") > 0.9) + 6.0 * (content.share("phone") > 0.9)
    points += {"user": -3.5, "item": 3.5, "order": -3.0, "session": -3.0}.get(content.prefix or "", 0.0)
    points -= 1.0 * (content.share("name and number") > 0.9) + 2.0 * (content.share("reviewer") > 0.9)
    points += 1.0 * (content.share("coded") > 0.9)
    points += 2.0 * (content.share("slug") > 0.8 and content.share("uuid") < 0.5)
    points += 3.0 * any(content.share(shape) > 0.9 for shape in ("asin", "imdb"))
    points += 2.0 * content.numbered_goods
    titled = max(content.share("words"), content.share("phrase")) > 0.7
    points += 2.0 * (titled and content.length < 80 and content.unique > 20)
    points -= 3.0 * (columns.kind(name) == "item" and columns.name(name).certainty < 0.3)
    points -= 4.0 * (columns.kind(name) == "page" and columns.has("order", "quantity"))
    points -= 2.0 * (content.share("cased name") > 0.9)
    if _is_attribute(columns, name, of_orders=False):
        points -= _attribute_cost(columns, name, "item")
    return points


def counts_things(columns: Columns, name: str) -> bool:
    """Return whether a column holds a few small numbers and its name no word for an id: guests."""
    content = columns.contents[name]
    few = content.unique <= _MOST_COUNTED and content.known >= 30 and content.form == "integer"
    small = abs(content.low) <= _MOST_COUNTED and content.high <= 2 * _MOST_COUNTED and not content.padded
    return few and small and not _ID_WORDS & set(parts_of(name))


_MOST_COUNTED = 12
_FEW_PAGES = 12
"""Pages that are a few parts of a site, and no items."""

_WORDS_OF_IDS = "id no nr num number code key uid idx numero номер 编号 番号"
_ID_WORDS = frozenset(_WORDS_OF_IDS.split())


def _by_name(columns: Columns, name: str, role: Kind, others: Mapping[Kind, float]) -> float:
    meaning = columns.name(name)
    kind = columns.kind(name)
    if kind is None:
        return 0.0
    if kind == role:
        return NAME_POINTS * meaning.certainty
    doubtful = kind in _DOUBTFUL and role in meaning.kinds
    second = 0.5 * NAME_POINTS * meaning.certainty if doubtful else 0.0
    return max(others[kind] * (0.3 + 0.7 * meaning.certainty), min(second + others[kind], 2.0))


_DOUBTFUL = frozenset(("device", "shop", "category", "record", "order", "session", "event", "page", "rank"))
"""Kinds whose words may as well name a user or an item; an age or a city of one names neither."""


def _key_points(columns: Columns, name: str) -> float:
    """Return how well a column's content fits any key: it repeats, is not constant, measures nothing."""
    content = columns.contents[name]
    if content.form == "empty":
        return -20.0
    if content.constant and content.known > 3:
        return -8.0
    points = 0.0
    rows = content.known
    if content.counter:
        points -= 6.0
    if rows >= 30 and not content.counter:
        points -= 5.0 if content.ratio > 0.98 else 2.0 if content.ratio > 0.9 else 0.0
    if rows >= 30:
        points -= 5.0 if content.unique <= 2 else 3.0 if content.unique <= 4 else 0.0
        words = content.share("token") < 0.1
        repeats = _REPEATS_OF_WORDS if words else _REPEATS_OF_CODES
        points -= 1.5 * (content.unique <= 12 and rows >= repeats * content.unique)
    if content.form == "flag" and rows >= 10:
        points -= 6.0
    points -= 6.0 * is_measure(content) + 2.5 * (rows >= 30 and _is_small_grid(content))
    points -= 2.0 * (content.form == "decimal" and not is_measure(content))
    if content.times.share > 0.99 and columns.kind(name) not in ("user", "item"):
        points -= 6.0 if content.times.certain else 2.0 if content.times.kind != "excel days" else 0.0
    points -= 3.0 * (rows < 0.5 * content.rows) + 4.0 * (rows < 0.2 * content.rows)
    points -= 8.0 * (content.share("clock") > 0.9)
    points -= 4.0 * (content.form == "integer" and content.low < 0)
    points -= 4.0 * (content.length > 70 and content.share("words") > 0.5)
    points -= 2.5 * (content.events > 0.7 and content.unique <= 30)
    points -= 4.0 * (content.events > 0.9 and content.unique <= 12 and rows >= 10)
    few_words = content.share("words") > 0.5 and content.share("json") < 0.5 and content.unique < 30
    points -= 1.5 * (few_words and columns.kind(name) not in ("title", "item"))
    return points


_REPEATS_OF_WORDS, _REPEATS_OF_CODES = 12, 25
"""Rows a value from which a few values are rather cities or channels than users."""


def _is_small_grid(content: Content) -> bool:
    """Return whether all numbers are small and few: grades, counts, hours."""
    return (
        content.form in ("integer", "decimal")
        and content.low >= 0
        and content.high <= 24
        and not content.padded
    )


def _is_attribute(columns: Columns, name: str, *, of_orders: bool) -> bool:
    """Return whether another key decides a column and is finer: the brand of an item, the age of a user.

    The user of an order, a visit or an address of the network is no such attribute.
    """
    for above in columns.above(name):
        if not of_orders:
            return True
        if columns.kind(above) in ("order", "session", "device", "tech", "record"):
            continue
        if columns.contents[above].share("ip") > 0.9 or columns.contents[above].share("uuid") > 0.9:
            continue
        if is_brief(columns, above) and columns.kind(above) not in ("item", "user"):
            continue
        return True
    return False


def _attribute_cost(columns: Columns, name: str, role: Kind) -> float:
    """Return the points that an attribute of something else loses: fewer where its name is plain."""
    plain = columns.kind(name) == role and columns.name(name).certainty >= 0.5
    return 1.5 if plain else 4.0


def is_brief(columns: Columns, name: str) -> bool:
    """Return whether the rows of a value stand close in time: an order or a visit, and no person or thing."""
    return columns.clock is not None and columns.pairs.narrow(name, columns.clock) < 0.02


def pair_points(columns: Columns, user: str, item: str) -> float:
    """Return how well two columns fit user and item together: many items a user, many users an item."""
    points = 0.0
    if columns.decides(user, item) or columns.decides(item, user):
        points -= 8.0
    return points


def order_points(columns: Columns, user: str, item: str) -> float:
    """Return what speaks for one of two columns of ids as the user: its place, and how its rows lie.

    Where names say nothing the user stands before the item by custom.
    """
    points = 0.0
    if columns.kind(user) is None and columns.kind(item) is None:
        places = columns.all.index(user), columns.all.index(item)
        points += 1.0 if places[0] < places[1] else -1.0
    runs = columns.pairs.repeats_in_a_row(user) - columns.pairs.repeats_in_a_row(item)
    if len(columns.table) >= 50 and abs(runs) > _RUNS:  # a user's rows often follow each other
        points += 1.0 if runs > 0 else -1.0
    return points


_RUNS = 0.25


def attribute_points(columns: Columns, name: str) -> tuple[float, float]:
    """Return what the columns that a key decides say of it as the user, and as the item."""
    user = item = 0.0
    for other in columns.all:
        content = columns.contents[other]
        if other == name or content.form == "empty" or content.constant:
            continue
        kind = columns.kind(other)
        weight = _ATTRIBUTES.get(kind) if kind is not None else None
        if weight is None:
            weight = _content_attribute(content)
        if weight is None or not columns.decides(name, other):
            continue
        if (kind == "email" or content.share("email") > 0.9) and columns.pairs.same(name, other):
            weight = _BESIDE_AN_ADDRESS
        if columns.contents[other].unique >= 0.999 * columns.contents[name].unique and kind not in (
            "email",
            "title",
        ):
            continue
        user, item = max(user, weight[0]), max(item, weight[1])
    return user, item


_BESIDE_AN_ADDRESS = (5.0, 0.0)
"""An id that stands for each e-mail address is the better user."""

_ATTRIBUTES: Mapping[Kind, tuple[float, float]] = {
    "price": (0.0, 1.5), "title": (0.0, 2.5), "category": (0.0, 1.5), "shop": (0.0, 0.5), "email": (2.5, 0.0),
    "person": (2.5, 0.0), "place": (1.5, 0.0), "statistic": (0.0, 0.5),
}  # fmt: skip


def _content_attribute(content: Content) -> tuple[float, float] | None:
    if content.share("email") > 0.9 or content.share("phone") > 0.9:
        return 2.5, 0.0
    if content.form == "text" and content.unique <= 3 and content.length < 8:
        return 1.0, 0.0
    return None


def disagreement(columns: Columns, one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether two readings of user and item tell different things apart."""
    return any(
        first != second and not columns.pairs.same(first, second)
        for first, second in zip(one, other, strict=True)
    )
