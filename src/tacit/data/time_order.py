"""Which number of a date is the day: a value above 12 decides, then the order of the rows, else the user."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

import polars as pl

from tacit.core.errors import AmbiguousError

Dates = Literal["dmy", "mdy"]
"""Order of day and month in dates of numbers."""

Order = Literal["dmy", "mdy", "ymd"]

NAMES: Mapping[Order, str] = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}

_FEW = 1e-3
"""Share of dates against the reading of all others that are taken for mistakes."""
_CHANGES = 4
"""Changes of the date that an order of rows needs: five dates are in order by chance once in 60 times."""
_NEARLY = (0.01, 0.1)
"""Steps against the order under the reading that is taken, at most, and under the other one, at least."""
_DENSE, _SPARSE = 0.6, 0.1
"""Share of days with rows under the reading that is taken, at least, and under the other one, at most."""
_LAST_DAY = 47_482
"""2100-01-01 in days since 1970: the clock is not asked, so that a file reads the same on any day."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class AmbiguousTimes(AmbiguousError):  # noqa: N818 — the column is what is ambiguous
    """Dates can be read with the day first or with the month first, and nothing in the column decides."""


@dataclass(frozen=True)
class Written:
    """Dates of one way of writing, in the order of the rows.

    Parameters
    ----------
    parts : polars.DataFrame
        Days under each reading (``dmy``, ``mdy``; ``ymd`` where years may have two digits), and ``clock``.
    texts : polars.Series of str
        As they are written.
    rows : polars.Series of int
        Their rows from 1.
    """

    parts: pl.DataFrame
    texts: pl.Series
    rows: pl.Series

    def first(self, mask: pl.Series) -> str:
        """Return the first text of a mask, and its row."""
        return self.at(first_of(mask))

    def at(self, place: int) -> str:
        """Return a text, and its row if there are others."""
        return f"{self.texts[place]} in row {self.rows[place]:,}" if len(self.rows) > 1 else self.texts[place]


def chosen(written: Written, dates: Dates | None) -> tuple[Order, str | None]:
    """Return the order of dates, and what decided it; None if it was given or all orders agree.

    Raises
    ------
    AmbiguousTimes
    """
    if dates is not None:
        return dates, None
    if _has_short_years(written) and (year_first := _year_first(written)):
        return "ymd", year_first
    days = written.parts
    day_first = days["dmy"].is_not_null() & days["mdy"].is_null()
    month_first = days["mdy"].is_not_null() & days["dmy"].is_null()
    if day_first.any() or month_first.any():
        return _by_value(written, day_first, month_first)
    if (days["dmy"] == days["mdy"]).fill_null(True).all():
        return "dmy", None
    return _by_order(written)


def _by_value(written: Written, day_first: pl.Series, month_first: pl.Series) -> tuple[Order, str]:
    few, many = sorted((day_first, month_first), key=count)
    order: Order = "dmy" if many is day_first else "mdy"
    note = f"dates have the {NAMES[order]}: {written.first(many)} has no other reading"
    if not few.any():
        return order, note
    if count(few) > _FEW * count(many):
        raise AmbiguousTimes(
            f"{written.first(many)} has the {NAMES[order]} and {written.first(few)} does not; mend the rows "
            "of one kind, or give --dates dmy or mdy (dates=... in Python): rows of the other are rejected"
        )
    return order, f"{note}; {count(few):,} dates are no dates then, for example {written.first(few)}"


def _by_order(written: Written) -> tuple[Order, str]:
    found = _risen(written, ("dmy", "mdy"))
    if found is None:
        return _by_habit(written)
    return found, (
        f"dates have the {NAMES[found]}: so the rows are in order of time, and with the "
        f"{NAMES['mdy' if found == 'dmy' else 'dmy']} they are not"
    )


def _by_habit(written: Written) -> tuple[Order, str]:
    """Return the order that people write with points, or under which the days of a log are days in a row."""
    if re.match(r"\D*\d{1,2}\.\d{1,2}\.\d", written.texts[0]):
        return "dmy", f"dates with points have the day first: {written.texts[0]}"
    shares = {order: _dense(written.parts[order]) for order in ("dmy", "mdy")}
    best, other = sorted(shares, key=lambda order: -shares[order])
    if shares[best] < _DENSE or shares[other] > _SPARSE:
        raise AmbiguousTimes(_two_readings(written))
    return cast(Order, best), (
        f"dates have the {NAMES[cast(Order, best)]}: so the days follow each other, and with the "
        f"{NAMES[cast(Order, other)]} they lie months apart (--dates {other} for that)"
    )


def _dense(days: pl.Series) -> float:
    """Return the share of days with rows between the first and the last; 0 for too few to tell."""
    known = days.drop_nulls().unique()
    if len(known) < _CHANGES:
        return 0.0
    return len(known) / (int(known.max()) - int(known.min()) + 1)  # type: ignore[arg-type]


def _two_readings(written: Written) -> str:
    days = written.parts
    at = first_of((days["dmy"] != days["mdy"]).fill_null(False))
    first, second = (_shown(days[name][at]) for name in ("dmy", "mdy"))
    return (
        f"{written.at(at)} may be {first} or {second}, and neither a value "
        f"above 12 nor the order of the rows decides: give --dates dmy for {first} or --dates mdy for "
        f"{second} (dates='dmy' or 'mdy' in Python)"
    )


def _shown(day: int) -> str:
    date = _EPOCH + timedelta(days=day)
    return f"{date.day} {date:%B %Y}"


def _risen(written: Written, orders: tuple[Order, ...]) -> Order | None:
    """Return the one reading under which the rows are in order of time; None if none or several are."""
    disorder = {order: _disorder(written, order) for order in orders}
    best = min(orders, key=lambda order: disorder[order][0])
    share, changes = disorder[best]
    others = min(disorder[order][0] for order in orders if order != best)
    if share == 0 < others and changes >= _CHANGES:
        return best
    low, high = _NEARLY
    return best if share <= low and others >= high and changes >= 100 else None


def _disorder(written: Written, order: Order) -> tuple[float, int]:
    """Return the share of steps against the direction of the rows, and the number of changes of the date."""
    at = written.parts.select(
        pl.col(order).alias("day"), (pl.col(order) * 86_400.0 + pl.col("clock")).alias("time")
    )
    steps = at.drop_nulls().select(pl.all().diff())
    rises, falls = count(steps["time"] > 0), count(steps["time"] < 0)
    return min(rises, falls) / max(1, rises + falls), count(steps["day"] != 0)


def count(mask: pl.Series) -> int:
    """Return how many values of a mask are true."""
    return int(mask.sum())


def first_of(mask: pl.Series) -> int:
    """Return the place of the first true value of a mask."""
    return mask.arg_max() or 0


def _has_short_years(written: Written) -> bool:
    return "ymd" in written.parts.columns and bool(written.parts["ymd"].is_not_null().any())


def _rises(written: Written, *orders: Order) -> bool:
    """Return whether all dates can be read in one of the orders, and the rows follow them."""
    return any(_plausible(written.parts[order]) and _disorder(written, order)[0] == 0 for order in orders)


def _year_first(written: Written) -> str | None:
    """Return why the year of two digits stands first; None if it stands last.

    Raises
    ------
    AmbiguousTimes
        If it may be either.
    """
    days = written.parts
    last = days["dmy"].fill_null(days["mdy"])
    first_fits, last_fits = _plausible(days["ymd"]), _plausible(last)
    if not first_fits:
        return None
    shown = f"dates have the year first: {written.texts[0]} is {_shown(days['ymd'][0] or 0)}"
    if not last_fits:
        return shown
    order = _risen(written, ("dmy", "mdy", "ymd"))
    if order is not None:
        return shown if order == "ymd" else None
    years = {
        name: column.cast(pl.Date).dt.year().n_unique()
        for name, column in (("first", days["ymd"]), ("last", last))
    }
    if years["last"] < years["first"]:  # years change less often than days
        return None
    if years["first"] < years["last"] and years["last"] > 8 and not _rises(written, "dmy", "mdy"):
        return shown
    at = first_of(days["ymd"].is_not_null())
    raise AmbiguousTimes(
        f"{written.at(at)} may be {_shown(last[at])} or "
        f"{_shown(days['ymd'][at])}: "
        "give --dates dmy or --dates mdy (dates=... in Python) if the year stands last, or write years with "
        "four digits"
    )


def _plausible(days: pl.Series) -> bool:
    """Return whether all days but a few lie between 1990 and 2100."""
    return bool(days.is_between(7_305, _LAST_DAY).fill_null(False).mean() >= 1 - _FEW)  # type: ignore[operator]
