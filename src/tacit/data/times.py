"""Times of any kind to Unix seconds; the whole column decides how it is read.

A number's size gives its unit, a text is read by its own form, and several forms may stand in one column.
Where dates of numbers can be read with the day first or the month first, a value above 12 decides, then the
order of the rows; if neither does, the column is refused with the option to give.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import polars as pl

from tacit.core.errors import DataError
from tacit.data import time_numbers
from tacit.data.time_forms import cleaned, over_unique, parts_of
from tacit.data.time_order import AmbiguousTimes, Dates, Written, chosen, count, first_of
from tacit.data.time_refusals import refusal
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

_SAMPLE = 1_000
_MANY = 200_000
"""Cells that show what a column of unknown role holds, where it has more."""
_NO_TIME = re.compile(r"^0{4}-00-00|^0001-01-01|^1/1/0001|^00/00/0000|^0000/00/00")
_DATE, _SHORT, _DIGITS, _EXCEL, _MOMENT = (
    "date",
    "date of a two-digit year",
    "date in digits",
    "excel days",
    "moment",
)

# Forms that Polars reads at full speed; every other one takes the way of `parts_of`.
_FAST = (
    ("local", "%Y-%m-%d %H:%M:%S"),
    ("local", "%Y-%m-%dT%H:%M:%S"),
    ("utc", "%Y-%m-%dT%H:%M:%SZ"),
    ("utc", "%Y-%m-%d %H:%M:%S UTC"),
    ("local", "%Y-%m-%d %H:%M:%S%.f"),
    ("local", "%Y-%m-%dT%H:%M:%S%.f"),
    ("utc", "%Y-%m-%dT%H:%M:%S%.fZ"),
    ("utc", "%Y-%m-%d %H:%M:%S%.f UTC"),
    ("utc", "%Y-%m-%dT%H:%M:%S%.f%#z"),
    ("utc", "%Y-%m-%d %H:%M:%S%.f%#z"),
    ("local", "%Y-%m-%d"),
)


@dataclass(frozen=True)
class Times:
    """Moments of a column.

    Parameters
    ----------
    seconds : polars.Series of Float64
        Unix seconds, UTC; null where there is no time.
    notes : tuple of str
        What was decided, in sentences.
    kinds : mapping of str to int
        How many cells were written how.
    unread : polars.Series of int
        Places of cells that hold something that is no time.
    """

    seconds: pl.Series
    notes: tuple[str, ...] = ()
    kinds: Mapping[str, int] = field(default_factory=dict)
    unread: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.UInt32))


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
    return _Reading(column, dates, Zones(timezone)).times()


class _Reading:
    """One column on its way to moments."""

    def __init__(self, column: pl.Series, dates: Dates | None, zones: Zones) -> None:
        self.column = column
        self.dates = dates
        self.zones = zones
        self.seconds = pl.Series([None], dtype=pl.Float64).new_from_index(0, len(column))
        self.notes: list[str] = []
        self.kinds: dict[str, int] = {}

    def times(self) -> Times:
        kind = self.column.dtype
        if kind in (pl.Datetime, pl.Date):
            self._moments()
        elif kind.is_numeric():
            self._numbers(_finite(self.column.cast(pl.Float64)))
        elif kind != pl.Null:
            self._texts(_as_texts(self.column))
        unread = (
            self._unread() if kind in (pl.String, pl.Categorical, pl.Enum) else pl.Series([], dtype=pl.UInt32)
        )
        notes = tuple(dict.fromkeys((*self.notes, *self.zones.notes)))
        return Times(self.seconds.alias(self.column.name), notes, self.kinds, unread)

    def _moments(self) -> None:
        seconds = (
            self.column.cast(pl.Datetime("us", getattr(self.column.dtype, "time_zone", None))).dt.epoch("us")
            / 1e6
        )
        zoned = getattr(self.column.dtype, "time_zone", None) is not None
        self.seconds = seconds if zoned else self.zones.utc(seconds)
        self._count(_MOMENT, len(seconds) - seconds.null_count())

    def _count(self, kind: str, cells: int) -> None:
        if cells:
            self.kinds[kind] = self.kinds.get(kind, 0) + cells

    def _texts(self, texts: pl.Series) -> None:
        numbers = self._fast(texts)
        left = (self.seconds.is_null() & numbers.is_null() & texts.is_not_null()).arg_true()
        if len(left):
            rest = texts if len(left) == len(texts) else texts.gather(left)
            parts = over_unique(rest, parts_of)
            if (found := parts["number"]).null_count() < len(found):
                numbers = numbers.scatter(left, found.fill_null(numbers.gather(left)))
            self._parts(parts, rest, left, None)
        if numbers.null_count() < len(numbers):
            self._numbers(numbers)

    def _fast(self, texts: pl.Series) -> pl.Series:
        """Read what Polars reads at once; return the numbers, which are judged together."""
        numbers = pl.Series([None], dtype=pl.Float64).new_from_index(0, len(texts))
        sample = _sample(texts)
        if _finite(sample.cast(pl.Float64, strict=False)).count():
            numbers = _finite(texts.cast(pl.Float64, strict=False))
        for zone, form in _FAST:
            read = _moments_of(sample, form)
            if 10 * read.count() >= max(1, len(sample)):
                self._fast_form(texts, form, zone, numbers)
                sample = sample.filter(read.is_null())
        return numbers

    def _fast_form(self, texts: pl.Series, form: str, zone: str, numbers: pl.Series) -> None:
        if self.seconds.null_count() == len(texts) == numbers.null_count():
            read = _moments_of(texts, form)
            self.seconds = read if zone == "utc" else self.zones.utc(read)
        else:
            left = (self.seconds.is_null() & numbers.is_null() & texts.is_not_null()).arg_true()
            read = _moments_of(texts.gather(left), form)
            self.seconds = self.seconds.scatter(left, read if zone == "utc" else self.zones.utc(read))
        self._count(_DATE, read.count())

    def _parts(self, parts: pl.DataFrame, texts: pl.Series, at: pl.Series, kind: str | None) -> None:
        """Take dates in parts for the cells at some places."""
        day = self._days(parts, texts, at)
        seconds = self.zones.placed(day * 86_400.0 + parts["clock"], parts["zone"], texts, at)
        self.seconds = self.seconds.scatter(at, seconds)
        read = seconds.is_not_null()
        short = read & (parts["sign"].str.len_bytes() == 2).fill_null(False)
        self._count(_SHORT, count(short))
        self._count(kind or _DATE, count(read) - count(short))
        self._check_weekdays(parts["weekday"], day, texts, at)

    def _days(self, parts: pl.DataFrame, texts: pl.Series, at: pl.Series) -> pl.Series:
        day = parts["dmy"]
        for sign in parts["sign"].unique().drop_nulls().sort():
            group = (parts["sign"] == sign).fill_null(False)
            where = group.arg_true()
            written = Written(parts[where], texts.gather(where), at.gather(where) + 1)
            order, note = chosen(written, self.dates)
            if note:
                self.notes.append(note)
            if order != "dmy":
                day = day.zip_with(~group, parts[order])
        return day

    def _check_weekdays(self, weekday: pl.Series, day: pl.Series, texts: pl.Series, at: pl.Series) -> None:
        wrong = ((weekday > 0) & (weekday != (day + 3) % 7 + 1)).fill_null(False)
        if wrong.any():
            first = first_of(wrong)
            self.notes.append(
                f"{count(wrong):,} dates name another weekday than theirs, for example {texts[first]!r} in "
                f"row {at[first] + 1:,}; they are read by the date"
            )

    def _numbers(self, numbers: pl.Series) -> None:
        seconds, units = time_numbers.by_size(numbers)
        odd = time_numbers.misfits(seconds)
        if odd.any() and (calendar := self._calendar_numbers(numbers, odd)).any():
            seconds, units = time_numbers.by_size(numbers.set(calendar, None))
        self.seconds = (
            seconds if self.seconds.null_count() == len(seconds) else self.seconds.fill_null(seconds)
        )
        for unit, cells in units.items():
            self._count(unit, cells)
        self._note_units(units)

    def _note_units(self, units: Mapping[str, int]) -> None:
        if len(units) > 1:
            shares = " and ".join(f"{cells:,} {unit}" for unit, cells in units.items())
            self.notes.append(
                f"numbers of several units stand in one column, each is read by its size: {shares}"
            )
        elif special := [clock.name for clock in time_numbers.CLOCKS if clock.name in units]:
            self.notes.append(f"numbers are read as {special[0]}")

    def _calendar_numbers(self, numbers: pl.Series, odd: pl.Series) -> pl.Series:
        """Read numbers that are dates in digits or Excel's days, if that explains those out of our time.

        Returns where they are.
        """
        read = pl.repeat(False, len(numbers), dtype=pl.Boolean, eager=True)
        at = (odd & time_numbers.digits(numbers)).arg_true()
        if len(at):
            texts = self._digit_texts(numbers, at)
            parts = over_unique(texts, parts_of)
            good = parts["dmy"].is_not_null()
            if count(good) >= 0.5 * count(odd):
                self._parts(parts.filter(good), texts.filter(good), at.filter(good), _DIGITS)
                self.notes.append(f"numbers such as {texts.filter(good)[0]} are read as dates in digits")
                read = read.scatter(at.filter(good), True)
        days = odd & ~read & time_numbers.excel(numbers)
        if days.any() and count(days) >= 0.9 * count(odd & ~read):
            local = time_numbers.excel_seconds(numbers.filter(days))
            self.seconds = self.seconds.scatter(days.arg_true(), self.zones.utc(local))
            self._count(_EXCEL, count(days))
            self.notes.append(
                f"numbers such as {numbers.filter(days)[0]:.10g} are read as Excel's days since 1900; files "
                "of the date system 1904 lie 1,462 days later"
            )
            read = read | days
        return read

    def _digit_texts(self, numbers: pl.Series, at: pl.Series) -> pl.Series:
        if self.column.dtype.is_numeric():
            return self.column.gather(at).cast(pl.Int64).cast(pl.String)
        return cleaned(_as_texts(self.column).gather(at)).str.replace(r"\.0+$", "")

    def _unread(self) -> pl.Series:
        """Return the places of cells that are no times; refuse a column of them."""
        at = (self.seconds.is_null() & self.column.is_not_null()).arg_true()
        if not len(at):
            return at
        texts = _as_texts(self.column).gather(at)
        small = cleaned(texts)
        said = ~small.is_in(list(MISSING)) & ~small.str.contains(_NO_TIME.pattern)
        at, texts, small = at.filter(said), texts.filter(said), small.filter(said)
        if not len(at):
            return at
        known = len(self.seconds) - self.seconds.null_count()
        self.zones.check(len(at) / (known + len(at)))
        why = refusal(texts[0], small[0])
        swapped = small.str.contains(r"^\d{4}[-/.](1[3-9]|2\d|3[01])[-/.]\d{1,2}\b")
        if count(swapped) > 0.01 * (known + len(at)):
            example = texts.filter(swapped)[0]
            raise DataError(f"{example!r} has the day before the month after the year: write 2024-03-13")
        if len(at) > known:
            raise DataError(f"{why} (row {at[0] + 1:,}, and {len(at):,} of {known + len(at):,} in all)")
        self.notes.append(f"{len(at):,} cells hold no moment, for example row {at[0] + 1:,}: {why}")
        return at


def _as_texts(column: pl.Series) -> pl.Series:
    kind = column.dtype
    if kind == pl.String:
        return column
    if kind in (pl.Categorical, pl.Enum):
        return column.cast(pl.String)
    if kind == pl.Time:
        raise DataError(
            f"the column {column.name} holds hours without a day; write a day and an hour together"
        )
    raise DataError(f"the column {column.name} holds no times but {kind}")


def _finite(numbers: pl.Series) -> pl.Series:
    odd = ~numbers.is_finite()
    return numbers.set(odd.fill_null(False), None) if odd.any() else numbers


def _sample(texts: pl.Series) -> pl.Series:
    known = texts.gather_every(max(1, len(texts) // _SAMPLE)).drop_nulls()
    return known if len(known) else texts.drop_nulls().head(_SAMPLE)


def _moments_of(texts: pl.Series, form: str) -> pl.Series:
    """Return seconds of texts of one form; null for the rest and for years of fewer than four digits."""
    if form.endswith("%#z"):
        moments = texts.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC")
    else:
        moments = texts.str.to_datetime(form, strict=False, time_unit="us")
    seconds = moments.dt.epoch("us").cast(pl.Float64) / 1e6
    low, high = -2_208_988_800, 7_289_654_400  # 1900 and 2201
    within = seconds.is_between(low, high, closed="left").fill_null(True)
    return seconds if within.all() else seconds.set(~within, None)


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
    first = _evidence(_spaced(column, 2 * _SAMPLE), latest)
    if len(column) <= 2 * _SAMPLE or first.share < 0.9:
        return first
    return _evidence(_spaced(column, _MANY), latest)


def holds_times(column: pl.Series, *, latest: float | None = None) -> bool:
    """Return whether (nearly) all known cells of a column are moments between 1990 and tomorrow.

    Numbers in the range of Excel's days do not count: they may be prices or ids.
    """
    found = time_evidence(column, latest=latest)
    return found.share >= 0.995 and found.kind != _EXCEL


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
    latest = datetime.now(UTC).timestamp() + 86_400 if latest is None else latest
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
    if kind in (_DATE, _DIGITS, _MOMENT):
        return True
    if kind in (_EXCEL, _SHORT):
        return False
    low, high = float(seconds.min()), float(seconds.max())  # type: ignore[arg-type]
    return high - low >= 86_400 and not 1e9 <= low < 1.001e9


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


# What follows serves callers of the time before `read_times`.

SECONDS_PER_UNIT = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3), (0.0, 1.0))
"""Smallest magnitude of a unit, and its seconds: nano-, micro-, milliseconds, seconds."""

Parser = Callable[[pl.Series], pl.Series]
"""Text to Float64 seconds; null where it is no time."""


def parser_for(sample: pl.Series) -> Parser | None:
    """Return `read_times` as a parser; None if a sample of texts holds no times."""
    try:
        if not read_times(sample).seconds.count():
            return None
    except AmbiguousTimes:
        pass
    except DataError:
        return None
    return lambda texts: read_times(texts).seconds


def unit(numbers: pl.Series) -> float:
    """Return the seconds of one unit of numbers by their median."""
    middle = abs(float(numbers.filter(numbers.is_finite()).median() or 0))  # type: ignore[arg-type]
    return next(seconds for least, seconds in SECONDS_PER_UNIT if middle >= least)


def seconds(column: pl.Series) -> pl.Series:
    """Return the Unix seconds of a column of numbers, dates or moments."""
    return read_times(column).seconds
