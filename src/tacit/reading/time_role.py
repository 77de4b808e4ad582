"""Which column holds the times of the events."""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import polars as pl

from tacit.core.errors import AmbiguousError
from tacit.core.shell import map_option
from tacit.reading.choices import ITEM, USER
from tacit.reading.column_content import Content
from tacit.reading.column_names import concepts_of
from tacit.reading.known_roles import Log, is_fixed
from tacit.reading.role_scores import Columns, holds_excel_days, holds_moments
from tacit.reading.zone_role import zone_in

_NEAR = 1.0
_DAY = 86_400.0
_FEW_WORDS = 12


def time_column(log: Log) -> str | None:
    """Return the column of the times of the events, None if there is none.

    Raises
    ------
    AmbiguousError
        If two columns hold different times and neither is plainly that of the event.
    """
    scored = [
        (points, name)
        for name in log.free
        if (points := _time_points(log.columns, log.known, name)) is not None
    ]
    scored = sorted(
        ((points - _follows(log.columns, name, scored), name) for points, name in scored), reverse=True
    )
    if not scored:  # a plain name is that of the times, even where none of them can be read
        return next((name for name in log.free if _is_plain_time(log.columns, name)), None)
    best = scored[0]
    same = [
        pair
        for pair in scored
        if best[0] - pair[0] < 2 * _NEAR and not _differ(log.columns, best[1], pair[1])
    ]
    best = max(same or [best], key=lambda pair: (log.columns.contents[pair[1]].unique, pair[0]))
    best = _in_utc(log, best, same)
    if log.columns.kind(best[1]) == "other time":
        log.found.notes.append(
            f"the only times are those of {best[1]}: they were taken for the times of the events"
        )
    rivals = [
        name
        for points, name in scored
        if name != best[1] and (best[0] - points < _NEAR or _comes_of(log.columns, best[1], name))
    ]
    far = [name for name in rivals if _differ(log.columns, best[1], name)]
    if far and not log.reading.accept_guess:
        raise AmbiguousError(
            f"{log.path}: {best[1]} and {far[0]} both hold times, and neither is plainly that of the event; "
            f"choose with {map_option(best[1], 'timestamp')} or with {map_option(far[0], 'timestamp')}, "
            "or take the first with --accept-guess"
        )
    if far:
        log.found.notes.append(
            f"the times were guessed: {best[1]}; {far[0]} holds others ({map_option(far[0], 'timestamp')})"
        )
    return best[1]


def _in_utc(log: Log, best: tuple[float, str], same: Sequence[tuple[float, str]]) -> tuple[float, str]:
    """Return the times in UTC where another column has the same moments as clocks showed them there."""
    if not log.columns.named or zone_in(best[1]) is not None:
        return best
    utc = next((pair for pair in same if zone_in(pair[1]) == "UTC"), None)
    if utc is None:
        return best
    log.found.notes.append(f"{utc[1]} and {best[1]} hold the same times: those in UTC were taken")
    return utc


def clock_column(log: Log, day: str) -> str | None:
    """Return the column of the times of day where that of the times holds days only; None if there is none.

    Raises
    ------
    AmbiguousError
        If two columns hold times of day.
    """
    seconds = log.columns.seconds(day)
    seconds = seconds[np.isfinite(seconds)]
    if not len(seconds) or bool((seconds % _DAY != 0).any()):
        return None
    owners = [log.known[role] for role in (USER, ITEM)]
    clocks = [
        name
        for name in log.free
        if (log.columns.contents[name].share("clock") > 0.95 or _counts_the_day(log.columns, name))
        and not any(log.columns.decides(owner, name) for owner in owners)
    ]
    written = [name for name in clocks if log.columns.contents[name].share("clock") > 0.95]
    finest = sorted(clocks, key=lambda name: -log.columns.contents[name].unique)[:1]
    clocks = written or finest
    plain = [name for name in clocks if log.columns.kind(name) == "time"]
    clocks = plain if len(plain) == 1 else clocks
    if len(clocks) > 1 and not log.reading.accept_guess:
        raise AmbiguousError(
            f"{log.path}: {day} holds days, and {clocks[0]} and {clocks[1]} both hold times of day: write "
            "day and time in one column, or take the first with --accept-guess"
        )
    if not clocks:
        return None
    log.found.notes.append(f"{day} holds days and {clocks[0]} the times of day: they were joined")
    return clocks[0]


def _counts_the_day(columns: Columns, name: str) -> bool:
    """Return whether a column named for times or hours holds hours, HHMM or HHMMSS as numbers."""
    content, concepts = columns.contents[name], concepts_of(name)
    if not columns.named or content.form != "integer" or content.low < 0 or content.high > _LAST_SECOND:
        return False
    hours = "hour" in concepts and content.unique > 1 and not _LAST_HOUR < content.high < 100
    times = columns.is_plainly(name, "time") and content.unique > _FEW_WORDS
    numbers = content.numbers * _unit_of_clock(content.high)
    valid = (numbers % 100 < _MINUTES) & (numbers // 100 % 100 < _MINUTES)
    return (hours or times) and bool(valid.all())


def _unit_of_clock(high: float) -> int:
    """Return what makes HHMMSS of the numbers of times of day of which the greatest is known."""
    return 10_000 if high <= _LAST_HOUR else 100 if high <= _LAST_MINUTE else 1


_LAST_HOUR, _LAST_MINUTE, _LAST_SECOND, _MINUTES = 23, 2359, 235_959, 60


def clock_texts(cells: pl.Series) -> pl.Series:
    """Return times of day as texts: hours, HHMM and HHMMSS as numbers become 09:30:15."""
    texts = cells.cast(pl.String).str.strip_chars().fill_null("")
    numbers = texts.str.extract(r"^(\d{1,6})(?:\.0+)?$").cast(pl.Int64)
    if numbers.null_count() == len(numbers) or bool(texts.str.contains(":", literal=True).any()):
        return texts
    digits = (numbers * _unit_of_clock(cast(int, numbers.max()))).cast(pl.String).str.zfill(6)
    clocks = digits.str.slice(0, 2) + ":" + digits.str.slice(2, 2) + ":" + digits.str.slice(4, 2)
    return clocks.fill_null(texts)


def check_unread_times(log: Log) -> None:
    """Refuse a log without times one of whose columns plainly holds them; note columns of calendar parts.

    Raises
    ------
    AmbiguousError
    """
    for name in log.free:
        why = _unread(log.columns, name)
        if why is None:
            if {"calendar", "time"} & set(log.columns.name(name).kinds):
                log.found.unused[name] = f"{name} holds calendar parts and is not used: write 2024-03-13"
            continue
        if not log.reading.accept_guess:
            raise AmbiguousError(f"{log.path}: {why}, or read the log without times with --accept-guess")
        log.found.unused[name] = f"{name} seems to hold times and is not used"


def _unread(columns: Columns, name: str) -> str | None:
    """Return why a column that was not taken for the times may hold them; None if it hardly does."""
    content = columns.contents[name]
    if content.form == "text" and content.times.share > 0.9 and content.share("day") > 0.9:
        option = map_option(name, "timestamp")
        return f"{name} holds dates, for example {content.sample[0]}: take it with {option}"
    meaning = columns.name(name)
    whole = columns.is_plainly(name, "time") and meaning.certainty >= 1
    if whole and content.form == "integer" and content.unique > _FEW_WORDS and _hardly_any_time(content):
        shown = content.sample[0] if content.times.share == 0 else f"{content.low:.0f}"
        return (
            f"{name} is named for times, and {shown!r} is none that can be read: write 2024-03-13 08:26:05 "
            "or Unix seconds"
        )
    return None


def _is_plain_time(columns: Columns, name: str) -> bool:
    """Return whether a column is named for times, and holds some or too little to tell."""
    content = columns.contents[name]
    few = content.form == "integer" or content.unique <= _FEW_WORDS
    codes = few and _hardly_any_time(content) and content.known >= 30
    return columns.is_plainly(name, "time") and not codes


def _hardly_any_time(content: Content) -> bool:
    """Return whether no cell is a time, or most of the numbers are of no plausible year."""
    return content.times.share == 0 or (content.form == "integer" and content.times.share < 0.5)


def _follows(columns: Columns, name: str, others: Sequence[tuple[float, str]]) -> float:
    """Return what a column of times loses that are never before those of another: what came of the event."""
    late = columns.seconds(name)
    for _, other in others:
        if other == name:
            continue
        after = late - columns.seconds(other)
        after = after[np.isfinite(after)]
        if len(after) >= 20 and after.min() >= 0 and (after > 0).mean() > 0.5:
            return 1.0
    return 0.0


def _comes_of(columns: Columns, late: str, early: str) -> bool:
    """Return whether times not plainly of the event are never before those of a column of an unknown name."""
    unsaid = columns.kind(early) is None and not columns.name(late).own
    return unsaid and _follows(columns, late, [(0.0, early)]) > 0


def _time_points(columns: Columns, known: Mapping[str, str], name: str) -> float | None:
    """Return how well a column fits the time of the event; None if it cannot."""
    content, meaning, kind = columns.contents[name], columns.name(name), columns.kind(name)
    evidence = content.times
    named = kind == "time" or (kind == "event" and "time" in meaning.kinds)
    if evidence.share < (0.5 if named else 0.9):
        return None
    if not named and (not evidence.certain and not plain_moments(content)):
        return None
    if kind not in _MAY_BE_TIME and not evidence.certain:
        return None
    decided = is_fixed(columns, known, name)
    if kind != "time" and (decided or (kind == "calendar" and columns.named)):
        return None
    points = 4.0 * meaning.certainty + 1.5 * meaning.own if named else 0.0
    points -= 2.5 * (kind == "other time") + 3.0 * (content.constant and content.known > 3) + 3.0 * decided
    points += 1.5 * _is_sorted(columns, name) - 2.0 * (content.known < 0.9 * content.rows)
    return points + 0.4 * min(1.0, content.ratio)


_MAY_BE_TIME = (None, "time", "other time", "calendar", "id", "record", "number", "order", "text")


def plain_moments(content: Content) -> bool:
    """Return whether cells are hardly anything but moments though their name says nothing."""
    if content.form == "text":
        return holds_moments(content)
    if content.times.kind == "excel days":
        return holds_excel_days(content)
    return content.times.kind in ("seconds", "milliseconds", "microseconds") and content.low >= 1e9


def _is_sorted(columns: Columns, name: str) -> bool:
    seconds = columns.seconds(name)
    known = seconds[np.isfinite(seconds)]
    half = known[: max(2, len(known) // 2)] if len(known) > 10_000 else known
    steps = np.diff(half)
    return bool(len(steps) and max((steps >= 0).mean(), (steps <= 0).mean()) > 0.98)


def _differ(columns: Columns, one: str, other: str) -> bool:
    """Return whether two columns of times are of different moments: more than a day apart in many rows."""
    first, second = columns.seconds(one), columns.seconds(other)
    both = np.isfinite(first) & np.isfinite(second)
    return bool(both.any()) and float((np.abs(first - second)[both] > _DAY).mean()) > 0.05
