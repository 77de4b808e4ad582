"""The forms of times that Polars reads at full speed; every other one takes the way of `time_forms`."""

from collections.abc import Iterator
from typing import Literal, NamedTuple, cast

import polars as pl

from tacit.data.cells import CELL, computed

SIGNS = pl.Enum(["/", "-", ".", "/2", "-2", ".2"])
"""The sign between the numbers of a date; 2: the year has two digits."""

_DAY = 86_400.0
_LOW, _HIGH = -2_208_988_800, 7_289_654_400  # 1900 and 2201
_WORTH = 0.1  # share of a sample that a form must read


class Form(NamedTuple):
    """A form, where its times are, and the sign of a date that has two readings."""

    form: str
    where: Literal["local", "utc"]
    sign: str | None = None


_CLOCKS = (" %H:%M:%S", " %H:%M", "", " %I:%M:%S %p", " %I:%M %p")
FORMS = (
    *(Form(f"%Y-%m-%d{clock}", "local") for clock in (" %H:%M:%S", "T%H:%M:%S", "")),
    *(Form(f"%Y-%m-%d{clock}", "utc") for clock in ("T%H:%M:%SZ", " %H:%M:%S UTC")),
    *(Form(f"%Y-%m-%d{clock}%.f", "local") for clock in (" %H:%M:%S", "T%H:%M:%S")),
    *(
        Form(f"%Y-%m-%d{clock}", "utc")
        for clock in (
            "T%H:%M:%S%.fZ",
            " %H:%M:%S%.f UTC",
            "T%H:%M:%S%.f%#z",
            " %H:%M:%S%.f%#z",
            " %H:%M:%S%.f %z UTC",
        )
    ),
    *(Form(f"%Y-%m-%d{clock}", "local") for clock in (" %H:%M", "T%H:%M")),
    *(Form(f"%Y/%m/%d{clock}", "local") for clock in _CLOCKS),
    *(Form(f"%d{sign}%m{sign}%Y{clock}", "local", sign) for sign in "/.-" for clock in _CLOCKS),
    *(
        Form(f"{day}{clock}", "local")
        for day in ("%d %b %Y", "%b %d, %Y", "%d-%b-%Y")
        for clock in _CLOCKS[:3]
    ),
    Form("%a, %d %b %Y %H:%M:%S GMT", "utc"),
    Form("%a, %d %b %Y %H:%M:%S %z", "utc"),
    Form("%a %b %d %H:%M:%S %z %Y", "utc"),
    Form("%a %b %d %H:%M:%S %Y", "local"),
    Form("%d/%b/%Y:%H:%M:%S %z", "utc"),
)


def fitting(sample: pl.Series) -> Iterator[Form]:
    """Yield the forms that read a good share of a sample, after those that others have read."""
    least = max(1.0, _WORTH * len(sample))
    for form in FORMS:
        if len(sample) < least:
            return
        unread = _unread(sample, form)
        if len(sample) - len(unread) >= least:
            yield form
            sample = unread


def _unread(sample: pl.Series, form: Form) -> pl.Series:
    left = _left(sample, form.form)
    return left if form.sign is None or not len(left) else _left(left, _month_first(form.form))


def _left(sample: pl.Series, form: str) -> pl.Series:
    read = moments(sample, form)
    if read.null_count() in (0, len(read)):
        return sample if read.null_count() else sample.head(0)
    return sample.filter(read.is_null())


def moments(texts: pl.Series, form: str) -> pl.Series:
    """Return seconds of texts of one form; null for the rest and for years outside 1900 to 2200."""
    zone = "UTC" if form.endswith("z") or "%z" in form else None
    read = CELL.str.to_datetime(form, strict=False, time_unit="us", time_zone=zone)
    seconds = computed(texts, read.dt.epoch("us").cast(pl.Float64) / 1e6)
    # Years of two digits are read as those of antiquity: they are left to the slow way.
    within = CELL.is_between(_LOW, _HIGH, closed="left")
    least, most = cast(float | None, seconds.min()), cast(float | None, seconds.max())
    if least is None or most is None or (least >= _LOW and most < _HIGH):
        return seconds
    return computed(seconds, pl.when(within).then(CELL))


def two_readings(texts: pl.Series, form: Form) -> pl.DataFrame:
    """Return the parts of dates with day and month in numbers: ``dmy``, ``mdy``, ``clock``, ``sign``."""
    day_first, month_first = moments(texts, form.form), moments(texts, _month_first(form.form))
    either = day_first.fill_null(month_first)
    return pl.DataFrame(
        {
            "dmy": (day_first / _DAY).floor().cast(pl.Int32),
            "mdy": (month_first / _DAY).floor().cast(pl.Int32),
            "clock": either - (either / _DAY).floor() * _DAY,
            "sign": pl.repeat(form.sign, len(texts), dtype=SIGNS, eager=True),
        }
    )


def _month_first(form: str) -> str:
    return form.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")
