"""Times of any kind to Unix seconds; the magnitude of a whole column gives the unit."""

from collections.abc import Callable

import polars as pl

SECONDS_PER_UNIT = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3), (0.0, 1.0))
"""Smallest median of a unit, and its seconds: nano-, micro-, milliseconds, seconds."""

_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y/%m/%d %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%Y年%m月%d日 %H:%M:%S",
)
_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d-%b-%Y", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y年%m月%d日")

Parser = Callable[[pl.Series], pl.Series]
"""Text to Float64 seconds; null where it is no time."""


def parser_for(sample: pl.Series) -> Parser | None:
    """Return the parser for a column of times, chosen by a sample of its texts; None if it holds no times.

    Parameters
    ----------
    sample : polars.Series of str
    """
    known = sample.drop_nulls().str.strip_chars()
    known = known.filter(known != "")
    if not len(known):
        return None
    numbers = known.cast(pl.Float64, strict=False)
    if numbers.null_count() < 0.5 * len(known) and not _is_compact_day(known):
        factor = unit(numbers)
        return lambda texts: _number(texts) * factor
    few = known.head(1_000)
    parsers = [_dated(form) for form in (*_FORMATS, *_DAYS)]
    unread = [parse(few).null_count() for parse in parsers]
    best = min(range(len(parsers)), key=unread.__getitem__)  # of equals the first
    return parsers[best] if unread[best] < 0.5 * len(few) else None


def seconds(column: pl.Series) -> pl.Series:
    """Return the Unix seconds of a column of numbers, dates or moments: Float64, null where there is no time.

    Whole numbers that all read as days (20231114) are days, as they are in a file of text.
    """
    if column.dtype.is_temporal():
        return (column.dt.epoch("us").cast(pl.Float64) / 1e6).alias(column.name)
    if _are_compact_days(column):
        return _dated("%Y%m%d")(column.cast(pl.String))
    numbers = _finite(column.cast(pl.Float64))
    return numbers * unit(numbers.drop_nulls())


def unit(numbers: pl.Series) -> float:
    """Return the seconds of one unit of a numeric time column."""
    middle = abs(float(numbers.filter(numbers.is_finite()).median() or 0))  # type: ignore[arg-type]
    return next(seconds for least, seconds in SECONDS_PER_UNIT if middle >= least)


def _number(texts: pl.Series) -> pl.Series:
    return _finite(texts.str.strip_chars().cast(pl.Float64, strict=False))


def _finite(numbers: pl.Series) -> pl.Series:
    return numbers.set(~numbers.is_finite().fill_null(True), None)


def _are_compact_days(numbers: pl.Series) -> bool:
    known = numbers.drop_nulls()
    # As seconds these would lie in August 1970. The range is looked at first: it costs less than the texts.
    within = len(known) > 0 and known.dtype.is_integer() and known.is_between(19_000_101, 20_991_231).all()
    return bool(within) and _is_compact_day(known.cast(pl.String))


def _is_compact_day(known: pl.Series) -> bool:
    return bool(known.str.contains(r"^(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])$").all())


def _dated(form: str) -> Parser:
    def parse(texts: pl.Series) -> pl.Series:
        trimmed = texts.str.strip_chars()
        if form in _DAYS:
            days = trimmed.str.to_date(form, strict=False)
            return days.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64) / 1e6
        if form.endswith("%#z"):
            moments = trimmed.str.replace("(Z| UTC)$", "+00:00").str.to_datetime(
                form, strict=False, time_zone="UTC"
            )
        else:
            moments = trimmed.str.to_datetime(form, strict=False, time_unit="us")
        return moments.dt.epoch("us").cast(pl.Float64) / 1e6

    return parse
