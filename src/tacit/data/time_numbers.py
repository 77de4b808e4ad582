"""Numbers that stand for moments: the size of each number gives its unit and its beginning."""

from typing import NamedTuple

import polars as pl

from tacit.data.time_forms import days

FIRST, LAST = 631_152_000.0, 1_990_010_100.0
"""Seconds that are taken for moments of our time without doubt: 1990 to January 2033. The end is the first
number that reads as ten digits of a date (1990010100), too."""

_1601, _YEAR_1 = -11_644_473_600.0, -62_135_596_800.0  # seconds from 1970 to the beginnings
_EXCEL_FIRST, _EXCEL_LAST = 32_874.0, 73_051.0  # 1990 and 2100 in days since 1899-12-30
_EXCEL_1970 = 25_569.0


class Unit(NamedTuple):
    """Numbers of one size: name, smallest and next larger size, how many are a second, seconds of zero."""

    name: str
    low: float
    high: float
    per_second: float
    origin: float = 0.0

    def seconds(self, numbers: pl.Series) -> pl.Series:
        """Return Unix seconds, to the digits that a Float64 holds of such numbers."""
        if self.origin:  # taken away first, while the digits are exact
            return ((numbers + self.origin * self.per_second) / self.per_second).round(4)
        return numbers if self.per_second == 1 else (numbers / self.per_second).round(6)


UNITS = (
    Unit("seconds", 0.0, 1e11, 1.0),
    Unit("milliseconds", 1e11, 1e14, 1e3),
    Unit("microseconds", 1e14, 1e17, 1e6),
    Unit("nanoseconds", 1e17, float("inf"), 1e9),
)
CLOCKS = (
    # From 1990, ticks from 2000; as micro- and nanoseconds since 1970 these numbers would lie after 2358 or
    # before June 1990.
    Unit("microseconds since 1601", 1.2275e16, 1.417e16, 1e6, _1601),
    Unit("file times (100 ns since 1601)", 1.2275e17, 1.417e17, 1e7, _1601),
    Unit("ticks (100 ns since the year 1)", 6.3082e17, 6.4345e17, 1e7, _YEAR_1),
)


def by_size(numbers: pl.Series) -> tuple[pl.Series, dict[str, int]]:
    """Return Unix seconds of Float64 numbers, each by its own size, and how many numbers had which unit."""
    size = numbers.abs()
    low, high = size.min(), size.max()
    if low is None:
        return numbers, {}
    for unit in UNITS:
        if unit.low <= low and high < unit.high and unit.name not in ("microseconds", "nanoseconds"):  # type: ignore[operator]
            return unit.seconds(numbers), {unit.name: numbers.count()}
    return _each_by_size(numbers, size)


def _each_by_size(numbers: pl.Series, size: pl.Series) -> tuple[pl.Series, dict[str, int]]:
    seconds = numbers
    kinds = pl.repeat(-1, len(numbers), dtype=pl.Int8, eager=True)
    every = (*UNITS, *CLOCKS)
    for at, unit in enumerate(every):
        # Beginnings before 1970 hold for positive numbers only.
        inside = (
            (numbers if unit.origin else size).is_between(unit.low, unit.high, closed="left").fill_null(False)
        )
        if inside.any():
            seconds = seconds.zip_with(~inside, unit.seconds(numbers))
            kinds = kinds.zip_with(~inside, pl.repeat(at, len(numbers), dtype=pl.Int8, eager=True))
    counts = kinds.filter(kinds >= 0).alias("unit").value_counts().sort("unit")
    return seconds, {every[at].name: count for at, count in counts.iter_rows()}


def misfits(seconds: pl.Series) -> pl.Series:
    """Return where seconds lie outside our time: the number may be a day, a date in digits, or nonsense."""
    return ~seconds.is_between(FIRST, LAST, closed="left").fill_null(True)


def digits(numbers: pl.Series) -> pl.Series:
    """Return where a number has the size of a date in digits: 8, 10, 12, 14 or 17 of them."""
    inside = numbers.is_between(19_000_101, 22_001_231)
    for places in (100, 10_000, 1_000_000, 1_000_000_000):
        inside = inside | numbers.is_between(19_000_101 * places, 22_001_232 * places)
    return (inside & (numbers == numbers.floor())).fill_null(False)


def digits_seconds(numbers: pl.Series) -> pl.Series:
    """Return local seconds of numbers of 8, 10, 12 or 14 digits; null where they are no date."""
    value = pl.col("value")
    # Every number is brought to 14 digits: a missing clock is midnight.
    places = [(19_000_101 * 10**few, 10 ** (6 - few)) for few in (6, 4, 2, 0)]
    factor = pl.coalesce(*(pl.when(value >= low).then(pl.lit(times, pl.Int64)) for low, times in places))
    whole = pl.when(value < 1e15).then(value).cast(pl.Int64) * factor
    year, month, day, hour, minute, second = (
        whole // 10**at % 10**size for at, size in ((10, 4), (8, 2), (6, 2), (4, 2), (2, 2), (0, 2))
    )
    clock = hour * 3600 + minute * 60 + second
    possible = (hour < 24) & (minute < 60) & (second < 61)
    seconds = pl.when(possible).then(days(year, month, day) * 86_400.0 + clock)
    return pl.DataFrame({"value": numbers}).select(seconds.alias("seconds")).to_series()


def excel(numbers: pl.Series) -> pl.Series:
    """Return where a number has the size of one of Excel's days from 1990 to 2100."""
    return numbers.is_between(_EXCEL_FIRST, _EXCEL_LAST, closed="left").fill_null(False)


def excel_seconds(numbers: pl.Series) -> pl.Series:
    """Return local seconds of Excel's serial days, to the millisecond (as exact as Excel is)."""
    return ((numbers - _EXCEL_1970) * 86_400).round(3)
