"""One column of cells on its way to moments.

Cells are read by the fastest way that fits: what Polars reads at once (numbers, `tacit.data.time_fast`), then
by their parts (`tacit.data.time_forms`). What must be judged by the whole column waits for the end: numbers
that are no seconds of our time, and dates whose day and month may change places.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from tacit.core.errors import DataError
from tacit.data import time_fast, time_numbers
from tacit.data.categories import holds_texts
from tacit.data.time_forms import cleaned, over_unique, parts_of
from tacit.data.time_order import Dates, Written, chosen, count, first_of
from tacit.data.time_refusals import VIETNAMESE_HALVES, refusal
from tacit.data.time_words import MISSING
from tacit.data.time_zones import Zones

_SAMPLE = 1_000
_NO_TIME = re.compile(r"^0{4}-00-00|^0001-01-01|^1/1/0001|^00/00/0000|^0000/00/00")
_EXACT = 2**53
"""Up to here a Float64 holds every digit of a number."""
_1995 = 788_918_400.0
_SHORT_SIGNS = ["/2", "-2", ".2"]
DATE, SHORT, DIGITS = "date", "date of a two-digit year", "date in digits"
EXCEL, MOMENT = "excel days", "moment"
"""Kinds of cells beside the units of numbers."""


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
    why : str
        What is to be said of the first of them.
    alone : bool
        Whether each cell was read by itself and all in one way: with other cells of this way beside them they
        would be read no differently.
    """

    seconds: pl.Series
    notes: tuple[str, ...] = ()
    kinds: Mapping[str, int] = field(default_factory=dict)
    unread: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.UInt32))
    why: str = ""
    alone: bool = False


class TimeColumn:
    """One column on its way to moments."""

    def __init__(self, column: pl.Series, dates: Dates | None, zones: Zones) -> None:
        self.column = column
        self.dates = dates
        self.zones = zones
        self.seconds = _nothing(len(column))
        self.notes: list[str] = []
        self.kinds: dict[str, int] = {}
        self.why = ""
        self.together = False  # whether something was decided by the whole column

    def times(self) -> Times:
        """Return the moments.

        Raises
        ------
        DataError
        """
        kind = self.column.dtype
        if kind in (pl.Datetime, pl.Date):
            self._moments()
        elif kind.is_numeric():
            self._numbers(_finite(self.column.cast(pl.Float64)))
        elif kind != pl.Null:
            self._texts(_as_texts(self.column))
        unread = self._unread() if holds_texts(kind) else pl.Series([], dtype=pl.UInt32)
        notes = tuple(dict.fromkeys((*self.notes, *self.zones.notes)))
        decided = self.together or len(self.kinds) > 1 or len(self.notes) > bool(self.why)
        decided = decided or not self.zones.plain
        return Times(
            self.seconds.alias(self.column.name), notes, self.kinds, unread, self.why, alone=not decided
        )

    def _moments(self) -> None:
        seconds = (
            self.column.cast(pl.Datetime("us", getattr(self.column.dtype, "time_zone", None))).dt.epoch("us")
            / 1e6
        )
        zoned = getattr(self.column.dtype, "time_zone", None) is not None
        self.seconds = seconds if zoned else self.zones.utc(seconds)
        self._count(MOMENT, len(seconds) - seconds.null_count())

    def _count(self, kind: str, cells: int) -> None:
        if cells:
            self.kinds[kind] = self.kinds.get(kind, 0) + cells

    def _texts(self, texts: pl.Series) -> None:
        sample = _sample(texts)
        numbers = None
        if _finite(sample.cast(pl.Float64, strict=False)).count():
            numbers = _finite(texts.cast(pl.Float64, strict=False))
            sample = sample.filter(sample.cast(pl.Float64, strict=False).is_null())
        dates = _Dates(texts, None if numbers is None else numbers.is_null())
        for form in time_fast.fitting(sample):
            self._take_form(dates, form)
        numbers = self._slow_forms(dates, numbers)
        if dates.pieces:
            parts, at = dates.joined()
            self._parts(parts, texts if len(at) == len(texts) else texts.gather(at), at, DATE)
        if numbers is not None:
            self._numbers(numbers)

    def _take_form(self, dates: "_Dates", form: time_fast.Form) -> None:
        cells = dates.left_texts()
        if form.sign is not None:
            parts = time_fast.two_readings(cells, form)
            dates.take(parts["dmy"].is_not_null() | parts["mdy"].is_not_null(), parts)
            return
        read = time_fast.moments(cells, form.form)
        seconds = read if form.where == "utc" else self.zones.utc(read)
        if dates.left is None:
            self.seconds = seconds
        else:
            self.seconds = self.seconds.scatter(dates.left, seconds)
        dates.take(read.is_not_null())
        self._count(DATE, read.count())

    def _slow_forms(self, dates: "_Dates", numbers: pl.Series | None) -> pl.Series | None:
        """Read what is left by its parts; return the numbers with those that were among it."""
        cells = dates.left_texts()
        if not len(cells):
            return numbers
        parts = over_unique(cells, parts_of)
        found = parts["number"]
        if found.count():
            at = dates.places().filter(found.is_not_null())
            numbers = _nothing(len(self.column)) if numbers is None else numbers
            numbers = numbers.scatter(at, found.drop_nulls())
        dates.take(
            parts.select(pl.any_horizontal(pl.col("dmy", "mdy", "ymd").is_not_null())).to_series(),
            parts.drop("number"),
        )
        return numbers

    def _parts(self, parts: pl.DataFrame, texts: pl.Series, at: pl.Series, kind: str) -> None:
        """Take dates in parts for the cells at some places."""
        self.together = True
        day = self._days(parts, texts, at)
        local = day * 86_400.0 + parts["clock"]
        seconds = (
            self.zones.placed(local, parts["zone"]) if "zone" in parts.columns else self.zones.utc(local)
        )
        self.seconds = seconds if len(at) == len(self.seconds) else self.seconds.scatter(at, seconds)
        short = parts["sign"].cast(pl.String).is_in(_SHORT_SIGNS).fill_null(False)
        short_read = count(short & seconds.is_not_null()) if short.any() else 0
        self._count(SHORT, short_read)
        self._count(kind, seconds.count() - short_read)
        if "weekday" in parts.columns:
            self._check_weekdays(parts["weekday"], day, texts, at)

    def _days(self, parts: pl.DataFrame, texts: pl.Series, at: pl.Series) -> pl.Series:
        day = parts["dmy"]
        for sign in parts["sign"].unique().drop_nulls().sort():
            group = (parts["sign"] == sign).fill_null(False)
            if group.all():
                written = Written(parts, texts, at + 1)
            else:
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
        self.together = self.together or bool((odd & _may_be_days(numbers)).any())
        if odd.any() and (calendar := self._calendar_numbers(numbers, odd)).any():
            seconds, units = time_numbers.by_size(numbers.set(calendar, None))
        self.seconds = (
            seconds if self.seconds.null_count() == len(seconds) else self.seconds.fill_null(seconds)
        )
        for unit, cells in units.items():
            self._count(unit, cells)
        self._note_units(units)
        self._check_years(numbers)

    def _check_years(self, numbers: pl.Series) -> None:
        """Refuse years and months that are written as numbers; say where another beginning is likely.

        Raises
        ------
        DataError
        """
        low, high = self.seconds.quantile(0.01), self.seconds.quantile(0.99)
        if low is None or high is None:
            return
        if low >= 1900 and high <= 210_012 and (names := _calendar_names(numbers)):
            raise DataError(
                f"the column holds {names}, for example {numbers.drop_nulls()[0]:.0f}: no moments"
            )
        if (
            low >= time_numbers.FIRST
            and high < _1995
            and not self.kinds.keys() & {DATE, SHORT, DIGITS, EXCEL}
        ):
            self.notes.append(
                "all moments lie from 1990 to 1994: numbers are read as seconds since 1970; since 2001, as "
                "Apple counts, they would lie 31 years later"
            )

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
        local = self._in_digits(numbers, at)
        if local.count() and local.count() >= 0.5 * count(odd):
            self.seconds = self.seconds.scatter(at, self.zones.utc(local))
            self._count(DIGITS, local.count())
            good = at.filter(local.is_not_null())
            self.notes.append(f"numbers such as {numbers[good[0]]:.0f} are read as dates in digits")
            read = read.scatter(good, True)
        days = odd & ~read & time_numbers.excel(numbers)
        if days.any() and count(days) >= 0.9 * count(odd & ~read):
            local = time_numbers.excel_seconds(numbers.filter(days))
            self.seconds = self.seconds.scatter(days.arg_true(), self.zones.utc(local))
            self._count(EXCEL, count(days))
            self.notes.append(
                f"numbers such as {numbers.filter(days)[0]:.10g} are read as Excel's days since 1900; files "
                "of the date system 1904 lie 1,462 days later"
            )
            read = read | days
        return read

    def _in_digits(self, numbers: pl.Series, at: pl.Series) -> pl.Series:
        """Return local seconds of numbers that may be dates in digits; null where they are none."""
        known = numbers.gather(at)
        local = time_numbers.digits_seconds(known)
        long = (known > _EXACT).arg_true()
        if not len(long):
            return local
        column = self.column.gather(at.gather(long))
        texts = column.cast(pl.Int64).cast(pl.String) if column.dtype.is_numeric() else _as_texts(column)
        parts = parts_of(texts)
        return local.scatter(long, parts["dmy"] * 86_400.0 + parts["clock"])

    def _why(self, text: str, small: str) -> str:
        for zone in self.zones.unknown:
            if zone in small and zone not in VIETNAMESE_HALVES:
                return f"{text!r} has the unknown zone {zone.upper()}: write an offset such as +01:00"
        return refusal(text, small)

    def _unread(self) -> pl.Series:
        """Return the places of cells that are no times; refuse a column of them."""
        if self.seconds.null_count() == self.column.null_count():  # where there is no cell there is no moment
            return pl.Series([], dtype=pl.UInt32)
        at = (self.seconds.is_null() & self.column.is_not_null()).arg_true()
        texts = _as_texts(self.column).gather(at)
        small = cleaned(texts)
        said = ~small.is_in(list(MISSING)) & ~small.str.contains(_NO_TIME.pattern)
        at, texts, small = at.filter(said), texts.filter(said), small.filter(said)
        if not len(at):
            return at
        known = len(self.seconds) - self.seconds.null_count()
        self.zones.check(len(at) / (known + len(at)))
        why = self._why(texts[0], small[0])
        swapped = small.str.contains(r"^\d{4}[-/.](1[3-9]|2\d|3[01])[-/.]\d{1,2}\b")
        if count(swapped) > 0.01 * (known + len(at)):
            example = texts.filter(swapped)[0]
            raise DataError(f"{example!r} has the day before the month after the year: write 2024-03-13")
        if len(at) > known:
            where = f" (row {at[0] + 1:,}, and {len(at):,} of {known + len(at):,} in all)"
            raise DataError(why + where * (known + len(at) > 1))
        self.why = why
        self.notes.append(unread_note(len(at), int(at[0]), why))
        return at


def unread_note(cells: int, first: int, why: str) -> str:
    """Return what is to be said of cells that hold no time, of the first one's place and what is wrong."""
    return f"{cells:,} cells hold no moment, for example row {first + 1:,}: {why}"


def _may_be_days(numbers: pl.Series) -> pl.Series:
    """Return where numbers may be dates in digits or days: the share of such numbers decides."""
    return time_numbers.digits(numbers) | time_numbers.excel(numbers)


def _as_texts(column: pl.Series) -> pl.Series:
    kind = column.dtype
    if kind == pl.String:
        return column
    if holds_texts(kind):
        return column.cast(pl.String)
    if kind == pl.Time:
        raise DataError(
            f"the column {column.name} holds hours without a day; write a day and an hour together"
        )
    raise DataError(f"the column {column.name} holds no times but {kind}")


def _finite(numbers: pl.Series) -> pl.Series:
    if numbers.null_count() == len(numbers):
        return numbers
    good = numbers.is_finite()
    return numbers if good.all() else numbers.set(~good.fill_null(True), None)


def _sample(texts: pl.Series) -> pl.Series:
    step = max(1, len(texts) // _SAMPLE)
    some = texts if step == 1 else texts.gather_every(step)
    known = some.drop_nulls() if some.null_count() else some
    return known if len(known) else texts.drop_nulls().head(_SAMPLE)


def _calendar_names(numbers: pl.Series) -> str | None:
    """Return what whole numbers name if they are years or months; None if they are not."""
    known = numbers.drop_nulls()
    if (known != known.floor()).any():
        return None
    if known.is_between(1900, 2100).all():
        return "years"
    months = known.is_between(190_001, 210_012) & (known % 100).is_between(1, 12)
    return "months" if months.all() else None


class _Dates:
    """Written dates of a column: which cells are left to read, and the parts that wait for a decision.

    Parameters
    ----------
    texts : polars.Series of str
    open_cells : polars.Series of bool or None
        Cells that are not read yet; None: all.
    """

    def __init__(self, texts: pl.Series, open_cells: pl.Series | None) -> None:
        self.texts = texts
        self.left: pl.Series | None = None
        if open_cells is not None or texts.null_count():
            there = texts.is_not_null() if open_cells is None else texts.is_not_null() & open_cells
            self.left = there.arg_true()
        self.pieces: list[tuple[pl.Series, pl.DataFrame]] = []

    def places(self) -> pl.Series:
        """Return the places of cells that are left."""
        return pl.int_range(len(self.texts), dtype=pl.UInt32, eager=True) if self.left is None else self.left

    def left_texts(self) -> pl.Series:
        """Return the texts of cells that are left."""
        if self.left is None:
            return self.texts
        return self.texts.gather(self.left) if len(self.left) else self.texts.head(0)

    def take(self, read: pl.Series, parts: pl.DataFrame | None = None) -> None:
        """Count some of the cells that are left as read, and keep their parts."""
        places = self.places()
        if parts is not None and read.any():
            whole = read.all()
            self.pieces.append((places, parts) if whole else (places.filter(read), parts.filter(read)))
        self.left = places.filter(~read)

    def joined(self) -> tuple[pl.DataFrame, pl.Series]:
        """Return all parts and their places, in the order of the rows."""
        if len(self.pieces) == 1:
            at, parts = self.pieces[0]
            return parts, at
        whole = pl.concat(
            [parts.with_columns(at.alias("at")) for at, parts in self.pieces], how="diagonal"
        ).sort("at")
        return whole.drop("at"), whole["at"]


def _nothing(rows: int) -> pl.Series:
    return pl.Series([None], dtype=pl.Float64).new_from_index(0, rows)
