"""What became of a random layout: read right, refused with a sentence, or wrong."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl
from tests.reading.known import KEEP, say_no
from tests.reading.layouts import Layout, Truth

import tacit
from tacit.core.errors import ConfigError, DataError
from tacit.data.event_names import is_rated, strength


@dataclass(frozen=True)
class Verdict:
    """What became of a layout, and why."""

    kind: Literal["right", "refused", "wrong"]
    why: str = ""


def verdict_of(layout: Layout, folder: Path, *, mapped: bool = False) -> Verdict:
    """Read a layout and compare every row with its truth.

    Parameters
    ----------
    layout : Layout
    folder : Path
        The file is written to it, and removed.
    mapped : bool
        Say which column is the user, item, event and time, so that nothing but those is tried.
    """
    path = layout.write(folder)
    try:
        log = tacit.read(path, mapping=_mapping(layout) if mapped else None, rules=KEEP)
    except (DataError, ConfigError) as error:
        said = str(error)
        sentence = bool(said.strip()) and len(said) < 2_000 and "Traceback" not in said
        return Verdict("refused" if sentence else "wrong", said)
    except Exception as error:  # a stack trace is never an answer
        return Verdict("wrong", f"crash: {type(error).__name__}: {error}")
    finally:
        path.unlink()
    why = difference(layout.truth, log.events.sort("line", maintain_order=True), log.rows_in)
    if not why:
        return Verdict("right")
    return Verdict("wrong", f"{why}; read {_roles(layout, log.mapping)}")


def _mapping(layout: Layout) -> dict[str, str]:
    """Return the right columns, as a user names them with ``--map``."""
    roles = {
        "user": "user",
        "item": "item",
        "event": "event",
        "time": "timestamp",
        "rating": "value",
        "quantity": "value",
    }
    found = {
        roles[column.role]: column.name if layout.names else str(place + 1)
        for place, column in enumerate(layout.columns)
        if column.role in roles
    }
    stands = [column for column in layout.columns if column.cells == layout.truth.users[0]]
    return found if "user" in found else found | {"user": stands[0].name}


def _roles(layout: Layout, mapping: dict[str, str]) -> str:
    """Return how the columns were taken, and what they are."""
    said = []
    for role, name in mapping.items():
        place = int(name) - 1 if name.isdigit() and not layout.names else None
        found = [
            column.role
            for at, column in enumerate(layout.columns)
            if (at == place if place is not None else column.name == name)
        ]
        said.append(f"{role}={name!r}({found[0] if found else '?'})")
    return ", ".join(said)


def difference(truth: Truth, events: pl.DataFrame, rows_in: int) -> str:
    """Return in what the events differ from the truth, or nothing."""
    kept = sum(truth.kept)
    if rows_in != len(truth.kept):
        return f"{rows_in} rows in place of {len(truth.kept)}"
    if len(events) != kept:
        return f"{len(events)} of {kept} rows kept"
    return (
        _same_ids("user", truth, truth.users, events["user_id"].to_list())
        or _same_ids("item", truth, truth.items, events["item_id"].to_list())
        or _same_times(truth, events["timestamp"].to_list())
        or _same_values(truth, events["value"].to_list())
        or _same_events(truth, events["event"].to_list(), events["value"].to_list())
        or _undone(truth, events)
    )


def _of_kept(truth: Truth, cells: Sequence[object]) -> list[object]:
    return [cell for cell, kept in zip(cells, truth.kept, strict=True) if kept]


def _same_ids(what: str, truth: Truth, accepted: list[list[str]], read: list[str]) -> str:
    return "" if any(_of_kept(truth, cells) == read for cells in accepted) else f"another {what}"


def _same_times(truth: Truth, read: list[float | None]) -> str:
    if truth.times is None:
        return "" if all(at is None for at in read) else "a time where there is none"
    if any(at is None for at in read):
        return "no time"
    away = [
        max((abs(one - at) for one, at in zip(_of_kept(truth, times), read, strict=True)), default=0.0)  # type: ignore[operator]
        for times in truth.times
    ]
    return "" if min(away) <= truth.tolerance else f"a time {min(away):.0f} s away"


def _same_values(truth: Truth, read: list[float | None]) -> str:
    undone = _of_kept(truth, truth.undone)
    for accepted in truth.values:
        wanted = [None] * len(read) if accepted is None else _of_kept(truth, accepted)
        if all(
            _agrees(one, value, bool(back)) for one, value, back in zip(wanted, read, undone, strict=True)
        ):
            return ""
    return "no value" if all(value is None for value in read) else "another value"


def _agrees(wanted: object, read: float | None, undone: bool) -> bool:
    """Compare values; that of a refund may have lost its sign to the type of the event."""
    return _close(wanted, read) or (undone and wanted is not None and _close(-wanted, read))  # type: ignore[operator]


def _close(wanted: object, read: float | None) -> bool:
    if wanted is None or read is None:
        return wanted is read
    return math.isclose(wanted, read, rel_tol=1e-6)  # type: ignore[arg-type]


def _same_events(truth: Truth, read: list[str], values: list[float | None]) -> str:
    if truth.events is not None:
        return _same_words(truth, list(zip(_of_kept(truth, truth.events), read, strict=True)))
    undone = _of_kept(truth, truth.undone)
    names = sorted({name for name, back in zip(read, undone, strict=True) if not back})
    if len(names) > 1:
        return f"events where there are none: {names[:4]}"
    if strength(names[0]) <= 0:
        return f"every event says no: {names[0]!r}"
    valued = any(value is not None for value in values)
    if valued and truth.rated is False and is_rated(names[0]):
        return f"a rating where there is none: {names[0]!r}"
    return ""


def _undone(truth: Truth, events: pl.DataFrame) -> str:
    """Compare refunds; a purchase that one of them undoes may say no as well."""
    if not any(truth.undone):
        return ""
    pairs = zip(say_no(events), _of_kept(truth, truth.undone), strict=True)
    return "" if all(no for no, undone in pairs if undone) else "a refund counts as a purchase"


def _same_words(truth: Truth, pairs: list[tuple[object, str]]) -> str:
    """Compare words with those that were read: a known one may have its usual name (``pv`` is a view)."""
    different = set(pairs)
    if not len(different) == len({word for word, _ in different}) == len({name for _, name in different}):
        return f"other events: {sorted({name for _, name in different})[:4]}"
    for word, name in sorted(different, key=str):
        sign, found = truth.signs.get(str(word)), strength(name)
        if sign is not None and (found > 0) - (found < 0) != sign:
            return f"strength of {word!r}, read as {name!r}, is {found}"
    return ""
