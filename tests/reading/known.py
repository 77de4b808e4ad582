"""Logs whose rows are known: what a file must give, and a check that it does."""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

import tacit
from tacit.core.errors import DataError
from tacit.data.clean import Cleaned
from tacit.data.event_names import is_rated, strength
from tacit.data.weights import EventWeights
from tacit.reading.choices import NO_CHOICES, Reading

KEEP = tacit.Rules(duplicates=False, burst_seconds=0, bots=False)
"""Nothing is removed but what cannot be used."""

T0 = 1_709_251_200
"""1 March 2024, 0:00."""


@dataclass(frozen=True)
class _Any:
    """Stands for whatever is read."""


ANY = _Any()


class Row(NamedTuple):
    """One event as it must be read: ``event`` None is any word that says yes, ANY is anything."""

    user: str
    item: str
    event: str | _Any | None = None
    at: float | None = None
    value: float | _Any | None = None


def read(path: Path, reading: Reading = NO_CHOICES) -> Cleaned:
    """Read a log of which every row is meant."""
    return tacit.read(path, reading=reading, rules=KEEP)


def assert_reads(
    path: Path,
    rows: Sequence[Row],
    *,
    rejected: int = 0,
    rated: bool | None = None,
    roles: dict[str, str] | None = None,
    tolerance: float = 0.002,
    reading: Reading = NO_CHOICES,
) -> Cleaned:
    """Read a log and compare it row by row.

    Parameters
    ----------
    rated : bool, optional
        Whether the value must be a rating; by default it may.
    roles : mapping of role to columns, optional
        "a|b" is either.
    """
    log = read(path, reading)
    events = log.events.sort("line", maintain_order=True)
    assert_roles(log, roles or {})
    assert log.rows_in == len(events) + len(log.quarantine)
    assert len(events) == len(rows), (len(events), log.reasons, log.mapping)
    assert events["user_id"].to_list() == [row.user for row in rows], log.mapping
    assert events["item_id"].to_list() == [row.item for row in rows], log.mapping
    assert_times(events, [row.at for row in rows], tolerance)
    for read_event, row in zip(events["event"], rows, strict=True):
        assert row.event is not None or strength(read_event) > 0, read_event
    assert_words(events["event"].to_list(), [row.event for row in rows])
    for value, row in zip(events["value"], rows, strict=True):
        assert row.value == ANY or _close(value, row.value), (value, row)  # type: ignore[arg-type]
    if rated is not None:
        assert {is_rated(event) for event in events["event"]} == {rated}, events["event"].unique()
    assert len(log.quarantine) == rejected
    return log


def assert_roles(log: Cleaned, roles: dict[str, str]) -> None:
    """Compare the columns that were found with those that are right."""
    for role, columns in roles.items():
        assert log.mapping.get(role) in columns.split("|"), (role, log.mapping)


def assert_words(names: list[str], words: Sequence[str | _Any | None]) -> None:
    """Compare event types; known ones may have got their usual names (``pv`` is a view)."""
    pairs = {(word, name) for word, name in zip(words, names, strict=True) if isinstance(word, str)}
    assert len(pairs) == len({word for word, _ in pairs}) == len({name for _, name in pairs}), pairs
    assert all(word == name or strength(word) == strength(name) for word, name in pairs), pairs


def say_no(events: pl.DataFrame) -> list[bool]:
    """Return whether each event says no: by its type, or by the weight that its value gives it."""
    weights = EventWeights.fit(events).weigh(events)["weight"]
    return [
        strength(event) <= 0 or weight <= 0 for event, weight in zip(events["event"], weights, strict=True)
    ]


def assert_times(events: pl.DataFrame, wanted: Iterable[float | None], tolerance: float) -> None:
    """Compare times to the second, or to the millisecond where they say it."""
    for number, (at, right) in enumerate(zip(events["timestamp"], wanted, strict=True)):
        assert _close(at, right, tolerance), (number, at, right)


def _close(one: float | None, other: float | None, tolerance: float = 1e-6) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=0, abs_tol=tolerance)


def refusal(path: Path) -> str:
    """Return the sentence with which a file is refused."""
    try:
        log = read(path)
    except DataError as error:
        return str(error)
    raise AssertionError(f"{path.name} was read: {log.mapping}")


class Visit(NamedTuple):
    """Somebody met something at a moment: the raw material of the small logs."""

    user: int
    item: int
    at: int
    number: int


def visits(
    count: int = 240, users: int = 40, items: int = 60, seed: int = 1, step: int = 4000
) -> list[Visit]:
    """Return who met what and when, popular things more often, in the order of time."""
    rng = random.Random(seed)
    moments = sorted(rng.randrange(T0, T0 + step * count) for _ in range(count))
    people = [min(int(rng.paretovariate(0.7)), users * 7) % users for _ in range(count)]
    things = [min(int(rng.paretovariate(0.6)), items * 9) % items for _ in range(count)]
    together = enumerate(zip(people, things, moments, strict=True))
    return [Visit(user, item, at, number) for number, (user, item, at) in together]


def delimited(rows: Iterable[Sequence[object]], separator: str = ",", header: Sequence[str] = ()) -> str:
    """Return rows as lines; a cell with the separator, a quote or a line break stands in quotes."""
    lines = [header, *rows] if header else list(rows)
    return "".join(separator.join(_cell(cell, separator) for cell in line) + "\n" for line in lines)


def _cell(cell: object, separator: str) -> str:
    text = "" if cell is None else str(cell)
    quoted = separator in text or '"' in text or "\n" in text
    return '"' + text.replace('"', '""') + '"' if quoted else text


def save(folder: Path, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path
