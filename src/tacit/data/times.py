"""Times of any kind to Unix seconds; the whole column decides how it is read.

A number's size gives its unit, a text is read by its own form, and several forms may stand in one column.
Where dates of numbers can be read with the day first or the month first, a value above 12 decides, then the
order of the rows; if neither does, the column is refused with the option to give.
"""

import math
import re
from datetime import UTC, datetime
from typing import NamedTuple

import polars as pl

from tacit.core.errors import DataError
from tacit.data import time_numbers
from tacit.data.cells import CELL, computed
from tacit.data.time_column import DATE, DIGITS, EXCEL, MOMENT, SHORT, TimeColumn, Times
from tacit.data.time_forms import cleaned
from tacit.data.time_order import AmbiguousTimes, Dates, count
from tacit.data.time_words import MISSING
from tacit.data.time_zones import Zones

__all__ = [
    "AmbiguousTimes",
    "Dates",
    "TimeEvidence",
    "Times",
    "holds_times",
    "read_moment",
    "read_times",
    "time_evidence",
]

_YEAR_OR_NUMBER = (
    r"^\W*[-+]?\d[\d.,]*([eE][-+]?\d+)?\W*$|(19|20|21)\d\d|[０-９]{4}|^/Date"
    r"|\d[/.-]\d{1,2}[/.-]\d\d|\d[ -]?\p{L}{3,}\.?[ -]?'?\d\d"
)
_LATEST = 4_102_444_800.0
"""2100-01-01: the clock is not asked, so that a file reads the same on any day."""

_LATEST_OF_NUMBERS = 2_524_608_000.0
"""2050-01-01: later milliseconds are rather the numbers of goods (EAN-13 of France and Germany)."""
_SAMPLE = 200
_MANY = 200_000
"""Cells that show what a column of unknown role holds, where it has more."""


def read_times(column: pl.Series, *, dates: Dates | None = None, timezone: str = "UTC") -> Times:
    """Return the moments of a column of texts, numbers, dates or moments.

    Parameters
    ----------
    column : polars.Series
        The whole column in the order of the rows.
    dates : {"dmy", "mdy"} or None
        Order of day and month in dates of numbers; found by default.
    timezone : str
        Zone of times without one: a name of the IANA database.

    Raises
    ------
    AmbiguousTimes
        If day and month may change places and nothing decides.
    DataError
        If most cells hold something that is no moment (hours alone, weeks, years).
    ConfigError
        If there is no such zone.
    """
    return TimeColumn(column, dates, Zones(timezone)).times()


class TimeEvidence(NamedTuple):
    """What shows that a column holds moments.

    Parameters
    ----------
    share : float
        Share of known cells that are moments between 1990 and tomorrow.
    kind : str or None
        How most of them are written: "date", "date in digits", "moment" (a column of that type), "seconds",
        "milliseconds", ..., "excel days", "date of a two-digit year".
    certain : bool
        Whether hardly anything else is written so. Plain numbers may be ids: they are certain only where
        they spread over a day and more and do not begin at a round number; Excel's days never are.
    reason : str or None
        Why the column holds no moments, in a sentence.
    """

    share: float
    kind: str | None
    certain: bool
    reason: str | None = None


def time_evidence(column: pl.Series, *, latest: float | None = None) -> TimeEvidence:
    """Return what shows that a column of unknown role holds moments.

    Of a column of more than 200,000 cells so many are read, evenly spaced.

    Parameters
    ----------
    column : polars.Series
    latest : float or None
        Latest moment in Unix seconds; a day after now by default.
    """
    few = _spaced(column, _SAMPLE)
    if few.dtype == pl.String and not _may_be_times(few):
        return TimeEvidence(0.0, None, False)
    first = _evidence(few, latest)
    if len(column) <= _SAMPLE or first.share < 0.8:
        return first
    return _evidence(_spaced(column, _MANY), latest)


def holds_times(column: pl.Series, *, latest: float | None = None) -> bool:
    """Return whether (nearly) all known cells of a column are moments between 1990 and tomorrow.

    Numbers in the range of Excel's days do not count: they may be prices or ids.
    """
    found = time_evidence(column, latest=latest)
    return found.share >= 0.995 and found.kind != EXCEL


def _may_be_times(texts: pl.Series) -> bool:
    """Return whether most texts are numbers or hold what may be a year: a look that costs little."""
    known = texts.drop_nulls()
    known = known.filter(computed(cleaned(known), ~CELL.is_in(list(MISSING))))
    return count(known.str.contains(_YEAR_OR_NUMBER)) >= 0.5 * len(known)


def _spaced(column: pl.Series, size: int) -> pl.Series:
    if len(column) <= size:
        return column
    return column.gather_every(-(-len(column) // size))


def _evidence(column: pl.Series, latest: float | None) -> TimeEvidence:
    if column.dtype in (pl.Boolean, pl.Duration, pl.List, pl.Struct, pl.Binary, pl.Object, pl.Array):
        return TimeEvidence(0.0, None, False)
    try:
        times = _either_order(column)
    except DataError as error:
        return TimeEvidence(0.0, None, False, str(error))
    known = times.seconds.drop_nulls()
    if not len(known):
        return TimeEvidence(0.0, None, False)
    latest = _LATEST if latest is None else latest
    within = known.is_between(time_numbers.FIRST, latest)
    kind = max(times.kinds, key=times.kinds.__getitem__)
    share = count(within) / (len(known) + len(times.unread))
    return TimeEvidence(share, kind, share >= 0.995 and _is_certain(kind, known))


def _either_order(column: pl.Series) -> Times:
    try:
        return read_times(column)
    except AmbiguousTimes:
        return read_times(column, dates="dmy")


def _is_certain(kind: str, seconds: pl.Series) -> bool:
    if kind in (DATE, DIGITS, MOMENT):
        return True
    if kind in (EXCEL, SHORT):
        return False
    low, high = float(seconds.min()), float(seconds.max())  # type: ignore[arg-type]
    return high - low >= 86_400 and not 1e9 <= low < 1.001e9 and high < _LATEST_OF_NUMBERS


def read_moment(value: str | float, *, dates: Dates | None = None, timezone: str = "UTC") -> float:
    """Return one moment in Unix seconds, read as a column of it alone is.

    Raises
    ------
    AmbiguousTimes
    DataError
    ConfigError
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise DataError("a time is a number or a text")
    if isinstance(value, str):
        at = _plain_iso(value) if timezone == "UTC" else None
        return _one(pl.Series("time", [value]), value, dates, timezone) if at is None else at
    number = float(value) if abs(value) < 1e30 else math.inf
    if time_numbers.FIRST <= number < time_numbers.LAST:
        return number
    return _one(pl.Series("time", [value if math.isfinite(number) else None]), value, dates, timezone)


_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def _plain_iso(text: str) -> float | None:
    """Return the moment of the usual form of a request, without the cost of a column."""
    if _ISO.fullmatch(text) is None or not "1900" <= text[:4] <= "2200":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:  # 24:00, a leap second: the column knows
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _one(column: pl.Series, value: object, dates: Dates | None, timezone: str) -> float:
    seconds = read_times(column, dates=dates, timezone=timezone).seconds[0]
    if seconds is None:
        raise DataError(f"{value!r} is no time")
    return float(seconds)
