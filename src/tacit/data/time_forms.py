"""Texts of many forms to days, seconds of the day and zones: whole columns at once, by regular expressions.

A text is tried as it stands first (``2024-03-13 ...``, ``13/03/2024 ...``); what is left is rewritten
(Chinese, ctime, digits alone, ...) and tried again together with names of months, weeks and days of the year.
A date of numbers has up to three readings (day, month or year first); `tacit.data.time_order` chooses.
"""

from collections.abc import Callable

import polars as pl

from tacit.data.cells import CELL, computed
from tacit.data.time_fast import SIGNS
from tacit.data.time_words import months, weekdays

PARTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "dmy": pl.Int32,
    "mdy": pl.Int32,
    "ymd": pl.Int32,
    "clock": pl.Float64,
    "zone": pl.String,
    "sign": SIGNS,
    "weekday": pl.Int8,
    "number": pl.Float64,
}
"""Columns of parts: days since 1970 under each reading (equal where there is one only; ``ymd`` is for years
of two digits), seconds of the day, zone as written, the sign between the numbers of a date that has several
readings (with a 2 behind it for years of two digits), ISO weekday where one is written, and a number where
the text is one after all."""

Read = Callable[[pl.Series], pl.DataFrame]
"""Returns the parts of each text, null where it is of another form."""

_STEP = 500_000
"""Texts at a time: bounds the memory of the parts of a text."""

_WEEKDAY = r"(?:(?P<wd>[\p{L}-]{2,})\.?,?\s+)?"
_REST = r"(?P<rest>(?:\D.*)?)$"
_ORDINAL = r"(?:(?:st|nd|rd|th|er|o|a|\.)?[\s/.,-]+|\.)?"
_OF = r"(?:del?\s|of\s|d[’'])?"
_YEAR_FIRST = rf"^{_WEEKDAY}(?P<y>\d{{4}})\s?[-/.]\s?(?P<m>\d{{1,2}})\s?[-/.]\s?(?P<d>\d{{1,2}}){_REST}"
_YEAR_LAST = (
    rf"^{_WEEKDAY}(?P<a>\d{{1,2}})\s?(?P<sign>[-/.])\s?(?P<b>\d{{1,2}})\s?[-/.]\s?"
    rf"(?P<y>\d{{4}}|\d{{2}}){_REST}"
)
_NAMED = (
    # 13 March 2024, 13-MAR-24, 13. März 2024, 13 de marzo de 2024, 13/Mar/2024:08:26:05
    rf"^{_WEEKDAY}(?P<d>\d{{1,2}}){_ORDINAL}{_OF}(?P<mon>\p{{L}}{{3,}})(?:\.?[\s/.,-]+|\.)?{_OF}[’']?(?P<y>\d{{4}}){_REST}",
    rf"^{_WEEKDAY}(?P<d>\d{{1,2}})[\s.-]*(?P<mon>\p{{L}}{{3,}})\.?[\s-]*[’']?(?P<y>\d{{2}})(?P<rest>(?:[^\d:].*)?)$",
    # March 13, 2024
    rf"^{_WEEKDAY}(?P<mon>\p{{L}}{{3,}})\.?[\s/-]*(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:\s*[,/-]\s*|\s+)(?P<y>\d{{4}}){_REST}",
    # 2024-Mar-13, 2024. március 13.
    rf"^{_WEEKDAY}(?P<y>\d{{4}})\.?[\s/,-]*(?P<mon>\p{{L}}{{3,}})\.?[\s/-]*(?P<d>\d{{1,2}})(?:st|nd|rd|th)?{_REST}",
)
_WEEK = rf"^(?P<y>\d{{4}})-?w(?P<w>\d{{2}})-?(?P<d>[1-7]){_REST}"
_DAY_OF_YEAR = rf"^(?P<y>\d{{4}})-(?P<n>\d{{3}}){_REST}"

_NOON = r"[ap]\.?\s?m\b\.?"
_CLOCK = (
    r"(?:(?P<before>"
    + _NOON
    + r")\s*)?(?P<h>\d{1,2})(?:\s?[:.h]\s?(?P<mi>\d{1,2}))?(?:\s?[:.m]\s?(?P<s>\d{1,2}))?s?"
    r"(?:[.,:](?P<f>\d+))?\s*(?:uhr|h|hrs|час(?:ов)?)?\s*(?P<after>" + _NOON + r")?"
)
_ZONE = (
    r"(?P<zone>(?:utc|gmt|ut|z)?\s?[+−-]\d{1,2}(?::?\d{2}){0,2}|[a-z]+(?:/[a-z_+-]+[0-9]*)+|[a-z]{1,5})?"
    r"(?:\s(?:[+-]\d{2,4}|[a-z]{2,5}))?(?:\sm=[+-][\d.]+)?\s*(?:[\[(].*)?"
)
_AFTER_DATE = (
    r"^(?P<read>(?:[\s,:_@./]|\s-\s)*"
    r"(?:t|(?:(?:at|um|a las|a la|às|as|alle ore|alle|ore|à|om|o|kl|klo|в|г|года|р|saat)\b\.?[\s,]*)*)"
    rf"(?:{_CLOCK})?\s*{_ZONE})$"
)

_COMPACT_ZONE = r"(z|[+-]\d{2}:?(?:\d{2})?)?"
_CLOCK_TEXT = r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?:\s?[ap]\.?m\.?)?"
_REWRITTEN = (
    # JSON of .NET; a decimal comma; thousands
    (r"^/date\((-?\d+)(?:[+-]\d{4})?\)/?$", "${1}"),
    (r"^([+-]?\d{4,}),(\d+)$", "${1}.${2}"),
    # digits alone: 8, 10, 12, 14 and more, with or without a T and a zone
    (r"^(\d{8}|\d{10}|\d{12}|\d{14})\.0+$", "${1}"),
    (r"^([12]\d{3})(\d\d)(\d\d)$", "${1}-${2}-${3}"),
    (rf"^([12]\d{{3}})(\d\d)(\d\d)[t _-]?(\d\d){_COMPACT_ZONE}$", "${1}-${2}-${3} ${4}:00${5}"),
    (rf"^([12]\d{{3}})(\d\d)(\d\d)[t _-]?(\d\d)(\d\d){_COMPACT_ZONE}$", "${1}-${2}-${3} ${4}:${5}${6}"),
    (
        rf"^([12]\d{{3}})(\d\d)(\d\d)[t _-]?(\d\d)(\d\d)(\d\d)(?:[.,]?(\d{{1,9}}))?\s?{_COMPACT_ZONE}$",
        "${1}-${2}-${3} ${4}:${5}:${6}.${7}0${8}",
    ),
    (r"^([12]\d{3})(\d\d)(\d\d)[t _-](\d\d:\d\d.*)$", "${1}-${2}-${3} ${4}"),
    # ctime, `date`, git: the year stands last
    (
        rf"^((?:\p{{L}}+\.?,?\s+)?)(\p{{L}}+)\.?\s+(\d{{1,2}}),?\s+({_CLOCK_TEXT})\s+((?:[a-z]{{1,5}}|(?:utc|gmt)?[+-]\d{{2}}:?\d{{2}})?)\s?(\d{{4}})((?:\s[+-]\d{{4}})?)$",
        "${1}${3} ${2} ${6} ${4} ${5}${7}",
    ),
    (r"^(\d{4})-?w(\d\d)-?([1-7])t(\d\d)(\d\d)(\d\d)", "${1}-w${2}-${3}t${4}:${5}:${6}"),
    # the clock first
    (rf"^({_CLOCK_TEXT}),?\s+(?:-\s+)?(.*\d{{4}}.*)$", "${2} ${1}"),
    # signs of the date between the parts of the clock too
    (r"^(\d{4}-\d{1,2}-\d{1,2})[-_ t](\d\d)[-.](\d\d)[-.](\d\d)", "${1} ${2}:${3}:${4}"),
    # SAS: 13mar24:08:26:05
    (r"^(\d{1,2})(\p{L}{3})(\d{2}):(\d\d:\d\d.*)$", "${1} ${2} ${3} ${4}"),
)
_EASTERN = (
    (r"(\d+)\s*[年년]\s*(\d+)\s*[月월]\s*(\d+)\s*[日일号號]?", "${1}-${2}-${3} "),
    (
        r"(?:星期|周|週|礼拜|禮拜)[一二三四五六日天]|[\(（][月火水木金土日월화수목금토일][)）]|[月火水木金土日]曜日?|[월화수목금토일]요일",
        " ",
    ),
    (r"中午\s*(1[01])", " am ${1}"),
    (r"上午|午前|오전|凌晨|早上|清晨|早晨|ص", " am "),
    (r"下午|午後|午后|오후|晚上|傍晚|中午|م|μ\.?μ\.?", " pm "),
    (r"π\.?μ\.?", " am "),
    (r"(\d)\s*[时時点點시]", "${1}:"),
    (r"(\d)\s*[分분]", "${1}:"),
    (r"(\d)\s*[秒초]", "${1}"),
    (r":+\s*$", ""),
    (r"\s(\d{1,2})$", " ${1}:00"),
)


def parts_of(texts: pl.Series) -> pl.DataFrame:
    """Return the parts of each text, as many rows as texts; all are null where it is no time.

    Parameters
    ----------
    texts : polars.Series of str
    """
    steps = [_parts(texts.slice(at, _STEP)) for at in range(0, len(texts), _STEP)]
    return pl.concat(steps) if steps else _nothing(0)


def cleaned(texts: pl.Series) -> pl.Series:
    """Return texts in small letters, without wide digits, odd blanks and outer quotes."""
    if texts.str.contains(r"[^\x00-\x7f]").any():
        texts = texts.str.normalize("NFKC")
    return computed(
        texts,
        CELL.str.strip_chars_start(" \t\r\n\"'`[(<\ufeff\u200b")
        .str.strip_chars_end(" \t\r\n\"'`]>,;\ufeff\u200b")
        .str.to_lowercase()
        .str.replace_all(r"[\u200e\u200f\u061c]", ""),
    )


def over_unique(texts: pl.Series, read: Callable[[pl.Series], pl.DataFrame]) -> pl.DataFrame:
    """Return what `read` makes of texts; each different text is read once if many repeat."""
    if len(texts) < 1_000 or texts.gather_every(max(1, len(texts) // 5_000)).n_unique() > 2_500:
        return read(texts)
    known = texts.unique()
    at = pl.DataFrame({"text": texts}).join(
        pl.DataFrame({"text": known, "at": pl.int_range(len(known), dtype=pl.UInt32, eager=True)}),
        on="text", how="left", maintain_order="left", nulls_equal=True,
    )["at"]  # fmt: skip
    return read(known)[at]


def _nothing(rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        [pl.Series(name, [None], dtype=kind).new_from_index(0, rows) for name, kind in PARTS.items()]
    )


def _parts(texts: pl.Series) -> pl.DataFrame:
    known = cleaned(texts)
    found = _first_of(known, _NUMBERED)
    left = found["dmy"].is_null() & found["mdy"].is_null() & found["ymd"].is_null() & known.is_not_null()
    if not left.any():
        return found
    again = _first_of(_rewritten(known.filter(left)), _ALL)
    return _put(found, left, again)


def _first_of(texts: pl.Series, forms: tuple[Read, ...]) -> pl.DataFrame:
    """Return the parts by the first form that reads a text."""
    found = forms[0](texts)
    for form in forms[1:]:
        left = _unread(found) & texts.is_not_null()
        if not left.any():
            break
        found = _put(found, left, form(texts.filter(left)))
    return found


def _unread(found: pl.DataFrame) -> pl.Series:
    return found.select(
        pl.all_horizontal(pl.col(name).is_null() for name in ("dmy", "mdy", "ymd", "number"))
    ).to_series()


def _put(found: pl.DataFrame, left: pl.Series, more: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with the rows of a mask replaced."""
    at = left.arg_true()
    return pl.DataFrame([found[name].scatter(at, more[name]) for name in PARTS])


def _rewritten(texts: pl.Series) -> pl.Series:
    if texts.str.contains(r"[\p{Han}\p{Hangul}\p{Hiragana}صمπμ]").any():
        steps = CELL
        for form, said in _EASTERN:
            steps = steps.str.replace_all(form, said).str.strip_chars()
        texts = computed(texts, steps)
    steps = CELL
    for form, said in _REWRITTEN:
        steps = steps.str.replace(form, said)
    return computed(texts, steps)


def _groups(texts: pl.Series, form: str) -> pl.DataFrame:
    return texts.str.extract_groups(form).struct.unnest()


def _form(pattern: str, parts: Callable[[pl.DataFrame], pl.DataFrame]) -> Read:
    """Return what reads the texts of a pattern by its groups."""

    def read(texts: pl.Series) -> pl.DataFrame:
        groups = _groups(texts, pattern)
        if groups["rest"].null_count() == len(texts):  # a column is of few forms: most fit none of its texts
            return _nothing(len(texts))
        return parts(groups)

    return read


def _whole(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    return frame.with_columns(pl.col(name).cast(pl.Int32, strict=False) for name in names)


def _finished(frame: pl.DataFrame) -> pl.DataFrame:
    """Return parts of days, rest and weekday: the rest is read, and a row is kept only whole."""
    after = over_unique(frame["rest"], _after_date)
    frame = pl.concat([frame.drop("rest"), after], how="horizontal")
    if "wd" in frame.columns:
        frame = frame.with_columns(
            pl.when(pl.col("wd").is_not_null())
            .then(pl.col("wd").replace_strict(weekdays(), default=-1, return_dtype=pl.Int8))
            .alias("weekday")
        ).with_columns(whole=pl.col("whole") & (pl.col("wd").is_null() | (pl.col("weekday") >= 0)))
    return frame.select(
        pl.when(pl.col("whole")).then(pl.col(name).cast(kind) if name in frame.columns else None)
        .cast(kind).alias(name)
        for name, kind in PARTS.items()
    )  # fmt: skip


def _after_date(texts: pl.Series) -> pl.DataFrame:
    """Return ``clock`` (seconds of the day), ``zone`` and ``whole`` (all was read) of what follows a date."""
    raw = _groups(texts, _AFTER_DATE)
    apart = (raw["h"].str.len_bytes() == 2) & texts.str.contains(r"^[\st]")
    frame = _whole(raw, "h", "mi", "s")
    noon = pl.coalesce("before", "after").str.slice(0, 1)
    hour = (
        pl.when(noon.is_null()).then(pl.col("h"))
        .when((noon == "p") & (pl.col("h") < 12)).then(pl.col("h") + 12)
        .when((noon == "a") & (pl.col("h") == 12)).then(0)
        .when((noon == "a") & (pl.col("h") > 12)).then(None)
        .otherwise(pl.col("h"))
    )  # fmt: skip
    minute, second = pl.col("mi").fill_null(0), pl.col("s").fill_null(0)
    fraction = ("0." + pl.col("f")).cast(pl.Float64, strict=False).fill_null(0)
    seconds = hour * 3600 + minute * 60 + second
    # 24:00 ends a day; a leap second is the first one of the next minute.
    possible = (minute < 60) & (second <= 60) & (hour <= 24) & ((hour < 24) | (seconds == 86_400))
    has_clock = pl.col("h").is_not_null()
    # An hour alone has two digits (2024-03-13T08) or a noon (8 PM).
    precise = pl.col("mi").is_not_null() | noon.is_not_null() | apart
    frame = frame.with_columns(hour=hour)
    return frame.select(
        clock=pl.when(has_clock).then(seconds + fraction).otherwise(0.0),
        zone=pl.col("zone"),
        whole=pl.col("read").is_not_null() & (~has_clock | (possible & precise).fill_null(False)),
    )


def days(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Return days since 1970; null where there is no such day or the year is not in 1900 to 2200."""
    # Hinnant's algorithm: years begin in March, so that the day that comes and goes is the last one.
    y = pl.when(month <= 2).then(year - 1).otherwise(year)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    since = y * 365 + y // 4 - y // 100 + y // 400 + of_year - 719_468
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    length = pl.when(month == 2).then(28 + leap.cast(pl.Int32)).otherwise(30 + (month + month // 8) % 2)
    there = month.is_between(1, 12) & day.is_between(1, length) & year.is_between(1900, 2200)
    return pl.when(there).then(since).cast(pl.Int32)


def _full_year(year: pl.Expr, text: pl.Expr) -> pl.Expr:
    """Return years of two digits as POSIX reads them: 69 to 99 are 1969 to 1999."""
    two = text.str.len_bytes() == 2
    return pl.when(two).then(year + pl.when(year >= 69).then(1900).otherwise(2000)).otherwise(year)


def _one_day(frame: pl.DataFrame, day: pl.Expr) -> pl.DataFrame:
    return _finished(frame.with_columns(dmy=day, mdy=day))


def _year_first(groups: pl.DataFrame) -> pl.DataFrame:
    frame = _whole(groups, "y", "m", "d")
    return _one_day(frame, days(pl.col("y"), pl.col("m"), pl.col("d")))


def _year_last(groups: pl.DataFrame) -> pl.DataFrame:
    frame = _whole(groups.rename({"y": "year"}), "a", "b").with_columns(y=pl.col("year").cast(pl.Int32))
    full = _full_year(pl.col("y"), pl.col("year"))
    two = pl.col("year").str.len_bytes() == 2
    first = _full_year(pl.col("a"), pl.lit("00"))
    frame = frame.with_columns(
        dmy=days(full, pl.col("b"), pl.col("a")),
        mdy=days(full, pl.col("a"), pl.col("b")),
        ymd=pl.when(two).then(days(first, pl.col("b"), pl.col("y"))),
        sign=pl.when(two).then(pl.col("sign") + "2").otherwise(pl.col("sign")),
    )
    return _finished(frame)


def _named(groups: pl.DataFrame) -> pl.DataFrame:
    frame = _whole(groups.rename({"y": "year"}), "d").with_columns(y=pl.col("year").cast(pl.Int32))
    month = pl.col("mon").replace_strict(months(), default=None, return_dtype=pl.Int32)
    return _one_day(frame, days(_full_year(pl.col("y"), pl.col("year")), month, pl.col("d")))


def _week(groups: pl.DataFrame) -> pl.DataFrame:
    frame = _whole(groups, "y", "w", "d")
    fourth = days(pl.col("y"), pl.lit(1), pl.lit(4))  # the fourth of January lies in week 1
    monday = fourth - (fourth + 3) % 7
    day = monday + (pl.col("w") - 1) * 7 + pl.col("d") - 1
    within = pl.col("w").is_between(1, 53) & (day < days(pl.col("y") + 1, pl.lit(1), pl.lit(4)))
    return _one_day(frame, pl.when(within).then(day))


def _day_of_year(groups: pl.DataFrame) -> pl.DataFrame:
    frame = _whole(groups, "y", "n")
    day = days(pl.col("y"), pl.lit(1), pl.lit(1)) + pl.col("n") - 1
    within = pl.col("n").is_between(1, 366) & (day < days(pl.col("y") + 1, pl.lit(1), pl.lit(1)))
    return _one_day(frame, pl.when(within).then(day))


def _number(texts: pl.Series) -> pl.DataFrame:
    numbers = texts.cast(pl.Float64, strict=False)
    numbers = numbers.set(~numbers.is_finite().fill_null(True), None)
    return _nothing(len(texts)).with_columns(number=numbers)


_NUMBERED = (_form(_YEAR_FIRST, _year_first), _form(_YEAR_LAST, _year_last))
_ALL = (
    *_NUMBERED,
    *(_form(pattern, _named) for pattern in _NAMED),
    _form(_WEEK, _week),
    _form(_DAY_OF_YEAR, _day_of_year),
    _number,
)
