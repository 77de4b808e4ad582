"""Forms of times for the random layouts: each writes a moment, cut to what the form can say."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXCEL = datetime(1899, 12, 30, tzinfo=UTC)
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
DAY, HOUR, MINUTE = 86_400.0, 3_600.0, 60.0
_LAST = 1_750_000_000
"""June 2025: no moment of a log is later."""


class Form(NamedTuple):
    """A form of times.

    ``step`` is the shortest time that it can say, in seconds; ``weight`` is how often it is drawn.
    """

    name: str
    weight: float
    step: float
    write: Callable[[datetime], str]


def _named(pattern: str) -> Callable[[datetime], str]:
    """Return a writer with English names of days and months, whatever the locale."""

    def write(at: datetime) -> str:
        filled = pattern.replace("%a", DAYS[at.weekday()]).replace("%b", MONTHS[at.month - 1])
        return at.strftime(filled)

    return write


def _loose(at: datetime, order: str) -> str:
    """Return ``3/13/2024 8:26``, as Excel writes."""
    places = {"d": at.day, "m": at.month, "y": at.year}
    return "/".join(str(places[one]) for one in order) + f" {at.hour}:{at.minute:02}"


def _half(at: datetime, seconds: str = "") -> str:
    """Return ``8:26 AM``."""
    return f"{at.hour % 12 or 12}:{at.minute:02}{seconds} {'PM' if at.hour > 11 else 'AM'}"


def _half_day(at: datetime) -> str:
    return f"{at.month}/{at.day}/{at.year} {_half(at, f':{at.second:02}')}"


def _month_first(at: datetime) -> str:
    """Return ``Mar 13, 2024 8:26 AM``."""
    return f"{MONTHS[at.month - 1]} {at.day}, {at.year} {_half(at)}"


def _thousandths(at: datetime) -> str:
    return f"{at.microsecond // 1000:03}"


def _epoch(scale: int) -> Callable[[datetime], str]:
    return lambda at: str(round((at - EPOCH).total_seconds() * 1000) * scale // 1000)


FORMS = (
    Form("iso", 12, 1, _named("%Y-%m-%d %H:%M:%S")),
    Form("iso-T", 5, 1, _named("%Y-%m-%dT%H:%M:%S")),
    Form("iso-Z", 6, 1, _named("%Y-%m-%dT%H:%M:%SZ")),
    Form("iso-ms-Z", 5, 0.001, lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.") + _thousandths(at) + "Z"),
    Form("iso-offset", 4, 1, lambda at: (at + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S+02:00")),
    Form("iso-utc", 3, 1, _named("%Y-%m-%d %H:%M:%S UTC")),
    Form("iso-minutes", 3, MINUTE, _named("%Y-%m-%d %H:%M")),
    Form("day", 8, DAY, _named("%Y-%m-%d")),
    Form("seconds", 12, 1, _epoch(1)),
    Form("milliseconds", 6, 0.001, _epoch(1000)),
    Form("microseconds", 2, 0.001, _epoch(1_000_000)),
    Form("seconds-float", 2, 0.001, lambda at: f"{(at - EPOCH).total_seconds():.3f}"),
    Form("dmy", 4, 1, _named("%d/%m/%Y %H:%M:%S")),
    Form("dmy-minutes", 3, MINUTE, _named("%d/%m/%Y %H:%M")),
    Form("dmy-dots", 4, MINUTE, _named("%d.%m.%Y %H:%M")),
    Form("dmy-day", 3, DAY, _named("%d.%m.%Y")),
    Form("dmy-dashes", 2, 1, _named("%d-%m-%Y %H:%M:%S")),
    Form("dmy-short", 2, MINUTE, _named("%d/%m/%y %H:%M")),
    Form("mdy-excel", 4, MINUTE, lambda at: _loose(at, "mdy")),
    Form("dmy-excel", 2, MINUTE, lambda at: _loose(at, "dmy")),
    Form("mdy-half-day", 3, 1, _half_day),
    Form("slashes", 3, 1, _named("%Y/%m/%d %H:%M:%S")),
    Form("8-digits", 3, DAY, _named("%Y%m%d")),
    Form("14-digits", 2, 1, _named("%Y%m%d%H%M%S")),
    Form("month-name", 2, 1, _named("%d %b %Y %H:%M:%S")),
    Form("month-first", 1, MINUTE, _month_first),
    Form("rfc2822", 1, 1, _named("%a, %d %b %Y %H:%M:%S +0000")),
    Form("ctime", 1, 1, _named("%a %b %d %H:%M:%S %Y")),
    Form("twitter", 1, 1, _named("%a %b %d %H:%M:%S +0000 %Y")),
    Form("apache", 1, 1, _named("%d/%b/%Y:%H:%M:%S +0000")),
    Form("log4j", 1, 0.001, lambda at: at.strftime("%Y-%m-%d %H:%M:%S,") + _thousandths(at)),
    Form("excel-serial", 1, 1, lambda at: f"{(at - _EXCEL).total_seconds() / DAY:.6f}"),
)  # fmt: skip
EASTERN = Form(
    "年月日", 3, MINUTE, lambda at: f"{at.year}年{at.month}月{at.day}日 {at.hour:02}:{at.minute:02}"
)


def drawn_form(rng: random.Random, tongue: str) -> Form:
    """Return a form of times that somebody of a language may use."""
    if tongue in {"zh", "ja"} and rng.random() < 0.1:
        return EASTERN
    return rng.choices(FORMS, [form.weight for form in FORMS])[0]


def moments(rng: random.Random, count: int) -> list[float]:
    """Return moments of events in Unix seconds, to the millisecond, by and by over weeks or years."""
    span = rng.choice((3, 20, 45, 120, 400, 900)) * DAY
    start = rng.uniform(1_100_000_000, _LAST - span)
    return sorted(round(start + rng.random() * span, 3) for _ in range(count))


def written(form: Form, times: list[float]) -> tuple[list[str], list[float]]:
    """Return moments as text, and the moments that the text says."""
    said = [at // form.step * form.step if form.step >= 1 else at for at in times]
    return [form.write(EPOCH + timedelta(milliseconds=round(at * 1000))) for at in said], said
