"""Event logs of random layouts with a known truth: what each column is, and what every row says.

A layout is a function of its seed. A person who is shown the file could name its columns: nameless ids that
look alike stand in the usual order, the user first.
"""

import csv
import gzip
import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import polars as pl
from tests.reading.layout_columns import (
    ITEM_IDS,
    PLAIN_ONES,
    TELLING_ITEMS,
    TELLING_USERS,
    UNRELATED,
    USER_IDS,
    Cells,
    Log,
    drawn_ids,
)
from tests.reading.layout_names import Naming
from tests.reading.layout_times import DAY, FORMS, HOUR, Form, drawn_form, moments, written
from tests.reading.layout_words import CLOCKS, FILE_NAMES, FUNNELS, JOINED, LEGACY, NAMES, EventWord

COMMA = frozenset({"de", "fr", "es", "it", "pt", "nl", "pl", "cs", "sv", "tr", "ru"})
"""Languages that write a decimal comma."""


@dataclass(frozen=True)
class Column:
    """One column of a layout: its name, its cells, and what it is ("user", "price", "constant", ...)."""

    name: str
    role: str
    cells: Cells


@dataclass(frozen=True)
class Truth:
    """What the rows of a layout say, in their order.

    Attributes
    ----------
    users, items : list of columns
        Any one of the columns is right.
    times : list of lists of float or None
        Any one is right; None where there is no time.
    tolerance : float
        Of the times, in seconds.
    events : list of str or None
        None where no column says what happened.
    signs : mapping of event to 1, 0 or -1
        Events whose words say nothing are left out.
    values : list of columns of float; None stands for no value at all
        Any one is right.
    rated : bool or None
        Whether the value is a rating; None where both are right.
    undone : list of bool
        Whether the row undoes a purchase.
    kept : list of bool
        Whether the row has a user and an item.
    """

    users: list[Cells]
    items: list[Cells]
    times: list[list[float]] | None
    tolerance: float
    events: Cells | None
    signs: dict[str, int]
    values: list[list[float] | None]
    rated: bool | None
    undone: list[bool]
    kept: list[bool]


@dataclass(frozen=True)
class Layout:
    """A log as a file, and its truth.

    ``features`` say what is special about it, as the tables of the fuzzer count it.
    """

    seed: int
    file: str
    data: bytes
    columns: list[Column]
    truth: Truth
    features: tuple[str, ...]

    def write(self, folder: Path) -> Path:
        """Write the file and return its path."""
        path = folder / self.file
        path.write_bytes(self.data)
        return path

    @property
    def names(self) -> list[str]:
        """The names of the columns that stand in the file."""
        return [] if "no header" in self.features else [column.name for column in self.columns]


@dataclass
class _Draft:
    """A layout that is being made."""

    rng: random.Random
    naming: Naming
    header: bool
    kind: str
    features: list[str] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)

    @property
    def nameless(self) -> bool:
        return not self.header or self.naming.meaningless is not None

    def add(self, role: str, cells: Cells, *, only: tuple[str, ...] = (), named: str | None = None) -> Cells:
        """Add a column; ``named`` is the role that its name is drawn from."""
        name = self.naming.name(named or role, len(self.columns), only=only)
        self.columns.append(Column(name, role, cells))
        return cells


def random_layout(seed: int) -> Layout:
    """Return the layout of a seed."""
    rng = random.Random(f"layout {seed}")
    header = rng.random() > 0.1
    meaningless = header and rng.random() < 0.05
    draft = _Draft(rng, Naming.drawn(rng, meaningless=meaningless), header, _kind(rng))
    draft.features += [draft.kind, f"names {draft.naming.language}", f"style {draft.naming.style}"]
    draft.features += ["no header"] * (not header) + ["meaningless names"] * meaningless
    draft.features += ["prefix"] * bool(draft.naming.prefix)
    truth = _rows(draft)
    _arrange(draft, truth)
    return _filed(seed, draft, truth)


def _kind(rng: random.Random) -> str:
    return rng.choices(("events", "orders", "ratings", "views"), (35, 25, 20, 20))[0]


def _rows(draft: _Draft) -> Truth:
    """Draw who did what and when, and the columns that say it."""
    rng = draft.rng
    size = rng.choices((60, 150, 400, 1200, 3000), (15, 35, 35, 12, 3))[0]
    size = round(size * rng.uniform(0.7, 1.3)) if size > 60 else size
    people, things = drawn_ids(rng, USER_IDS), drawn_ids(rng, ITEM_IDS)
    tongue = draft.naming.tongue
    users = _skewed(rng, USER_IDS[people][1](rng, max(8, round(size / rng.uniform(3, 20))), tongue), size)
    items = _skewed(rng, ITEM_IDS[things][1](rng, max(8, round(size / rng.uniform(2.5, 15))), tongue), size)
    times, orders = moments(rng, size), None
    if draft.kind == "orders":
        users, times, orders = _in_orders(rng, users, times)
    if rng.random() < 0.35:
        draft.features.append("unsorted")
        order = list(range(size))
        rng.shuffle(order)
        users, items, times = ([cells[row] for row in order] for cells in (users, items, times))
        orders = None if orders is None else [orders[row] for row in order]
    draft.features += [f"user {people}", f"item {things}"]
    form = drawn_form(rng, tongue)
    comma = tongue in COMMA and rng.random() < 0.5
    log = Log(rng, tongue, users, items, times, form, comma)
    if comma:
        draft.features.append("decimal comma")
    return _told(draft, log, orders)


def _skewed(rng: random.Random, ids: list[str], size: int) -> Cells:
    """Return draws of ids, some of them far more often than others, each at least once."""
    power = rng.uniform(0.3, 1.0)
    weights = list(accumulate((place + 1) ** -power for place in range(len(ids))))
    drawn = ids + rng.choices(ids, cum_weights=weights, k=max(0, size - len(ids)))
    rng.shuffle(drawn)
    return drawn[:size]


def _in_orders(rng: random.Random, users: Cells, times: list[float]) -> tuple[Cells, list[float], Cells]:
    """Return users, times and orders: one to five neighbouring rows are of one order."""
    people: Cells = []
    at: list[float] = []
    orders: Cells = []
    number = rng.choice((5000, 536_000, 10_000_000))
    prefix = rng.choice(("", "", "", "o", "ORD-", "#"))
    while len(people) < len(users):
        lines = min(rng.choice((1, 1, 2, 3, 5)), len(users) - len(people))
        start = len(people)
        people += [users[start]] * lines
        at += [times[start]] * lines
        orders += [f"{prefix}{number}"] * lines
        number += rng.choice((1, 1, 1, 7))
    return people, at, orders


def _told(draft: _Draft, log: Log, orders: Cells | None) -> Truth:
    """Add the columns with a role, and some that have none."""
    rng = draft.rng
    users = _user_columns(draft, log, orders)
    items = [draft.add("item", log.items, only=_title_names(draft))]
    times = _time_columns(draft, log)
    events, signs = _event_column(draft, log)
    values, rated = _value_columns(draft, log)
    undone = [any(numbers and numbers[row] < 0 for numbers in values) for row in range(log.size)]
    kept = [True] * log.size
    if not draft.nameless and rng.random() < 0.06:
        draft.features.append("missing users")
        blank = {place for place in range(log.size) if rng.random() < 0.05}
        kept = [place not in blank for place in range(log.size)]
        for cells in users[:1]:
            cells[:] = ["" if place in blank else cell for place, cell in enumerate(cells)]
    tolerance = 0.6 if log.form.name == "excel-serial" else 0.002
    truth = Truth(users, items, times, tolerance, events, signs, values, rated, undone, kept)
    _unrelated(draft, log, truth)
    return truth


def _user_columns(draft: _Draft, log: Log, orders: Cells | None) -> list[Cells]:
    rng = draft.rng
    alone = not draft.nameless and rng.random() < 0.06
    if orders is not None and not draft.nameless and (alone or rng.random() < 0.7):
        draft.add("order", orders)
        if alone:
            draft.features.append("orders for users")
            return [orders]
    elif alone:
        draft.features.append("sessions for users")
        return [draft.add("session", _visits(log))]
    users = list(log.users)
    only = (
        ("email", "customer email", "buyer email")
        if "user email" in draft.features and rng.random() < 0.6
        else ()
    )
    return [draft.add("user", users, only=() if draft.naming.language in JOINED else only)]


def _visits(log: Log) -> Cells:
    """Return sessions of a few rows each, which stand for users who are not known."""
    seen: dict[str, int] = {}
    cells, length = [], log.rng.choice((3, 5, 9))
    mark = log.rng.choice(("", "s", "sess-", "V"))
    names = {user: 20_000 + 97 * place for place, user in enumerate(dict.fromkeys(log.users))}
    for user in log.users:
        seen[user] = seen.get(user, -1) + 1
        cells.append(f"{mark}{names[user] + seen[user] // length}")
    return cells


def _title_names(draft: _Draft) -> tuple[str, ...]:
    """Return names for items that are known by their titles: no number."""
    if "item title" not in draft.features or draft.nameless:
        return ()
    return NAMES[draft.naming.language]["title"]


def _time_columns(draft: _Draft, log: Log) -> list[list[float]] | None:
    if draft.rng.random() < (0.25 if draft.kind in {"ratings", "orders"} else 0.06):
        draft.features.append("no time")
        return None
    if not draft.nameless and draft.rng.random() < 0.03:
        return _date_and_clock(draft, log)
    draft.features.append(f"time {log.form.name}")
    cells, said = written(log.form, log.times)
    draft.add("time", cells)
    hours = [day + at % DAY // HOUR * HOUR for day, at in zip(said, log.times, strict=True)]
    return [said, hours] if all(at % DAY == 0 for at in said) else [said]  # a column may hold the hour


def _date_and_clock(draft: _Draft, log: Log) -> list[list[float]]:
    """Add a column for the day and one for the time of day; who reads the day alone is right as well."""
    draft.features.append("day and clock apart")
    names = CLOCKS.get(draft.naming.tongue, CLOCKS["en"])
    day, clock = (
        (form for form in FORMS if form.name == "day"),
        Form("clock", 0, 1, lambda at: at.strftime("%H:%M:%S")),
    )
    cells, days = written(next(day), log.times)
    draft.add("time", cells, only=names[:1])
    cells, said = written(clock, log.times)
    draft.add("clock", cells, only=names[1:])
    return [said, days]


def _event_column(draft: _Draft, log: Log) -> tuple[Cells | None, dict[str, int]]:
    if draft.kind != "events":
        return None, {}
    tongue = draft.naming.tongue if draft.naming.tongue in FUNNELS and draft.rng.random() < 0.6 else "en"
    words: tuple[EventWord, ...] = draft.rng.choice(FUNNELS[tongue])
    weights = [4.0**-place if word.sign >= 0 else 0.08 for place, word in enumerate(words)]
    cells = draft.rng.choices([word.text for word in words], weights, k=log.size)
    cells[: len(words)] = [word.text for word in words]
    signs = {word.text: word.sign for word in words}
    if not draft.nameless and draft.rng.random() < 0.05:
        draft.features.append("events in numbers")
        codes = dict(zip(signs, range(draft.rng.randrange(2), 9), strict=False))
        return draft.add("event", [str(codes[cell]) for cell in cells]), {}
    draft.features.append(f"events {tongue}")
    return draft.add("event", cells), signs


_RATINGS: tuple[Callable[[random.Random], float], ...] = (
    lambda rng: rng.choices((1, 2, 3, 4, 5), (1, 1, 2, 4, 5))[0],
    lambda rng: rng.choice((0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5)),
    lambda rng: rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 10)),
    lambda rng: float(rng.choices((1, 2, 3, 4, 5), (1, 1, 2, 4, 5))[0]),
)


def _value_columns(draft: _Draft, log: Log) -> tuple[list[list[float] | None], bool | None]:
    """Add ratings, counts and the like; return the values that are right, and whether they are ratings."""
    if draft.kind == "ratings":
        scale = draft.rng.randrange(len(_RATINGS))
        numbers = [float(_RATINGS[scale](draft.rng)) for _ in range(log.size)]
        draft.add("rating", [log.number(one, 1) if scale in {1, 3} else f"{one:.0f}" for one in numbers])
        return ([numbers, None], None) if draft.nameless else ([numbers], True)
    accepted: list[list[float] | None] = [None]
    if draft.nameless:
        return accepted, None
    for role, share in _COUNTED[draft.kind].items():
        if draft.rng.random() < share:
            cells = _counts(draft, log, role)
            draft.add(role, cells)
            accepted.append([float(cell.replace(",", ".")) for cell in cells])
    return accepted, False


_COUNTED = {
    "events": {"price": 0.3},
    "orders": {"quantity": 0.7, "price": 0.6},
    "views": {"seconds": 0.25, "plays": 0.2},
}
"""Kind of log -> columns with numbers that are no ratings -> how often they are there."""


def _counts(draft: _Draft, log: Log, role: str) -> Cells:
    rng = draft.rng
    if role == "price":
        return UNRELATED["price"](log)
    if role == "seconds":
        return [str(round(rng.lognormvariate(4, 1))) for _ in range(log.size)]
    if role == "plays":
        return [str(round(rng.lognormvariate(1, 1)) + 1) for _ in range(log.size)]
    refunds = rng.random() < 0.2
    if refunds:
        draft.features.append("refunds")
    return [
        str(rng.choice((1, 1, 1, 2, 2, 3, 6)) * (-1 if refunds and rng.random() < 0.04 else 1))
        for _ in log.users
    ]


def _unrelated(draft: _Draft, log: Log, truth: Truth) -> None:
    """Add columns that have no role."""
    rng = draft.rng
    wanted = rng.choices((0, 1, 2, 3, 5, 8), (12, 18, 22, 22, 16, 10))[0]
    possible = sorted(PLAIN_ONES if draft.nameless else UNRELATED)
    there = {column.role for column in draft.columns}
    possible = [name for name in possible if name not in there and not _would_confuse(name, draft, there)]
    for name in rng.sample(possible, min(wanted, len(possible))):
        draft.features.append(f"with {name}")
        draft.add(name, UNRELATED[name](log), named="later" if name == "released" else None)


def _would_confuse(name: str, draft: _Draft, there: set[str]) -> bool:
    """Return whether a person could take such a column for the user, item or time of this log as well."""
    if name in {"email", "person", "phone"}:
        return "user email" in draft.features or "user username" in draft.features or "user" not in there
    if name == "session":
        return "user" not in there
    if name in {"title", "released"}:
        return "item title" in draft.features or (name == "released" and "time" not in there)
    if name == "later":
        return "time" not in there
    return name == "latitude" and draft.nameless and "time excel-serial" in draft.features


def _arrange(draft: _Draft, truth: Truth) -> None:
    """Put the columns in an order; nameless ids that look alike stay in the usual one, user before item."""
    told = (
        bool({f"user {name}" for name in TELLING_USERS} & set(draft.features))
        or bool({f"item {name}" for name in TELLING_ITEMS} & set(draft.features))
    )  # fmt: skip
    if draft.rng.random() < 0.7 and (told or not draft.nameless):
        draft.rng.shuffle(draft.columns)
        draft.features.append("shuffled")
    if draft.naming.meaningless is not None:
        draft.columns = [
            Column(draft.naming.meaningless(place), column.role, column.cells)
            for place, column in enumerate(draft.columns)
        ]
    if draft.header and draft.rng.random() < 0.07:
        draft.features.append("pandas index")
        rows = [str(place) for place in range(len(truth.kept))]
        draft.columns.insert(0, Column(draft.rng.choice(("", "Unnamed: 0")), "index", rows))


def _filed(seed: int, draft: _Draft, truth: Truth) -> Layout:
    """Write the columns as a file."""
    rng = draft.rng
    kind = rng.choices(("delimited", "json", "parquet"), (86, 7, 7))[0] if draft.header else "delimited"
    if any(column.name == "" for column in draft.columns):
        kind = "delimited"
    draft.features.append(kind)
    name = rng.choice([name for name in FILE_NAMES if name != "ratings" or draft.kind == "ratings"])
    if kind == "parquet":
        data, end = _parquet(draft), ".parquet"
    elif kind == "json":
        data, end = _json_lines(draft), rng.choice((".jsonl", ".json", ".ndjson"))
    else:
        data, end = _delimited(draft), rng.choice((".csv", ".csv", ".txt", ".tsv", ".dat"))
    if kind != "parquet" and rng.random() < 0.03:
        data, end = gzip.compress(data, mtime=0), end + ".gz"
        draft.features.append("gzip")
    return Layout(seed, name + end, data, draft.columns, truth, tuple(draft.features))


def _typed(column: Column) -> list[object]:
    """Return cells as numbers where they are numbers, for JSON and Parquet; an empty cell is None."""
    cells = column.cells
    if column.role in {"rating", "price", "tax"}:
        cells = [cell.replace(",", ".") for cell in cells]
    for kind in (int, float):
        try:
            numbers = [None if cell == "" else kind(cell) for cell in cells]
        except ValueError:
            continue
        written_back = [None if one is None else str(one) for one in numbers]
        same = all(a in {None, b} for a, b in zip(written_back, cells, strict=True))
        if any(cells) and (same or (kind is float and column.role not in {"user", "item"})):
            return list(numbers)
    return [cell or None for cell in cells]


def _json_lines(draft: _Draft) -> bytes:
    number = draft.rng.random() < 0.7
    columns = {column.name: _typed(column) if number else list(column.cells) for column in draft.columns}
    sparse = draft.rng.random() < 0.3
    lines = []
    for row in zip(*columns.values(), strict=True):
        record = dict(zip(columns, row, strict=True))
        if sparse:
            record = {name: value for name, value in record.items() if value not in {None, ""}}
        lines.append(json.dumps(record, ensure_ascii=draft.rng.random() < 0.5))
    return ("\n".join(lines) + "\n").encode()


def _parquet(draft: _Draft) -> bytes:
    frame = {}
    for column in draft.columns:
        cells = _typed(column)
        series = pl.Series(column.name, cells, strict=False)
        moment = column.role == "time" and "time iso" in draft.features and draft.rng.random() < 0.7
        frame[column.name] = series.str.to_datetime("%Y-%m-%d %H:%M:%S") if moment else series
    target = io.BytesIO()
    pl.DataFrame(frame).write_parquet(target)
    return target.getvalue()


def _delimited(draft: _Draft) -> bytes:
    rng = draft.rng
    separator = rng.choices((",", ";", "\t", "|", "::"), (50, 20, 15, 8, 3))[0]
    if "decimal comma" in draft.features and separator == ",":
        separator = ";"
    if separator == "::" and any(_needs_quotes(cell) for column in draft.columns for cell in column.cells):
        separator = "\t"
    draft.features.append(f"separator {'tab' if separator == chr(9) else separator}")
    rows = list(zip(*(column.cells for column in draft.columns), strict=True))
    if draft.header:
        rows.insert(0, tuple(column.name for column in draft.columns))
    if separator == "::":
        text = "".join("::".join(row) + "\n" for row in rows)
    else:
        text = _quoted(draft, rows, separator)
    if rng.random() < 0.1:
        text = text.rstrip("\r\n")
        draft.features.append("no last line end")
    return _encoded(draft, text)


def _needs_quotes(cell: str) -> bool:
    return any(sign in cell for sign in ':"\n')


def _quoted(draft: _Draft, rows: list[tuple[str, ...]], separator: str) -> str:
    everything = draft.rng.random() < 0.2
    if everything:
        draft.features.append("all quoted")
    end = draft.rng.choices(("\n", "\r\n"), (70, 30))[0]
    if end == "\r\n":
        draft.features.append("CRLF")
    target = io.StringIO()
    quoting = csv.QUOTE_ALL if everything else csv.QUOTE_MINIMAL
    csv.writer(target, delimiter=separator, quoting=quoting, lineterminator=end).writerows(rows)
    return target.getvalue()


def _encoded(draft: _Draft, text: str) -> bytes:
    """Return a text in an encoding that somebody of its language may use."""
    rng, tongue = draft.rng, draft.naming.tongue
    encoding = rng.choices(("utf-8", "utf-8-sig", "utf-16"), (85, 10, 3))[0]
    if not text.isascii() and tongue in LEGACY and rng.random() < 0.35:
        encoding = rng.choice(LEGACY[tongue])
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:
        encoding, data = "utf-8", text.encode()
    if not text.isascii() or encoding == "utf-16":
        draft.features.append(f"encoding {encoding}")
    return data
