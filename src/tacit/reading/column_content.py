"""What a column holds, by its cells alone: numbers, moments, words, addresses, ids, and their repeats.

Counts of distinct values are of the whole column (approximate beyond a million rows); what costs more per
cell (patterns, moments) is judged on `SAMPLE` rows, half of them in a row from the start and the rest spread
evenly.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, cast

import polars as pl

from tacit.data.cells import CELL, computed
from tacit.data.event_names import meaning
from tacit.data.times import TimeEvidence, time_evidence
from tacit.reading.column_names import Kind, meaning_of, parts_of
from tacit.reading.numbers import NOT_RATED, plainly_written

SAMPLE = 10_000
"""Rows on which patterns are judged."""

_EXACT = 1_000_000
"""Up to so many rows distinct values are counted exactly."""

_FEW = 60
"""Most distinct values of a column of event types."""

Form = Literal["empty", "flag", "integer", "decimal", "text"]
"""How the cells are written; a flag is true or false, yes or no."""

_FLAGS = ({"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"}, {"0", "1"}, {"ja", "nein"}, {"是", "否"})
_MISSING = ("", "null", "na", "nan", "n/a", "none", "nil", "\\n", "-", "nat", "<na>", *NOT_RATED)

_PATTERNS = {
    "email": r"^[^@\s]+@[^@\s]+\.[^@\s.]+$",
    "url": r"^(https?://|www\.)\S+$",
    "ip": r"^\d{1,3}(\.\d{1,3}){3}$|^[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){3,7}$",
    "uuid": r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$",
    "hash": r"^[0-9a-fA-F]{12,}$",
    "json": r"^\s*[\[{].*[\]}]\s*$",
    "agent": r"^[A-Za-z]+/\d[\d.]*(\s*\(|$)",
    "phone": r"^\+\d[\d ()./-]{6,}$",
    "name and number": r"^[^\W\d]{2,}([._-][^\W\d]+)+\d*$|^[^\W\d]+[._][^\W\d]+\d+$",
    "slug": r"^[a-z]+(-[a-z0-9]+){2,}$",
    "phrase": r"[\p{Han}\p{Hiragana}\p{Katakana}]{5,}",  # writing without blanks, longer than names of people
    "sentence": r"[,;!?\"\n，。！？；]",
    "words": r"^\S+([ ,]+\S+)+$",
    "cased name": r"^[^\W\d]+\.?( [^\W\d]+\.?){1,2}$",
    "coded": r"^[A-Z]{1,5}[-_.:/#]?\d{2,}[A-Z]?$|^\d{3,}[A-Z]$",
    "token": r"^\S*\d\S*$",
    "clock": r"^\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp]\.?[Mm]\.?)?$",
    "day": r"^\d{1,2}([./-])\d{1,2}[./-](\d{2}|\d{4})\b",
    "serial": r"^[A-Z0-9]{6,}$",
    "asin": r"^B0[0-9A-Z]{8}$",
    "reviewer": r"^A[0-9A-Z]{12,20}$",
    "isbn": r"^\d{9}[\dX]$",
    "ean": r"^\d{13}$",
    "imdb": r"^tt\d{7,8}$",
}
_MOST_NUMBERS, _MEASURES_NUMBERS = 0.9, 0.8
_MEASURES: tuple[Kind, ...] = ("rating", "quantity", "plays", "number")
"""Kinds of columns in which some words among numbers are no sign of ids."""
_INTEGER, _DECIMAL = r"^[-+]?\d+(\.0*)?$", r"^[-+]?(\d+|\d{1,3}(,\d{3})+)?([.,]\d+)?([eE][-+]?\d+)?$"
_GROUPED = r"^[-+]?\d{1,3}(?:['’\u00a0\u202f ]\d{3})+(?:[.,]\d+)?$|^[-+]?\d{1,3}(?:\.\d{3})+,\d+$"
_GROUP_SIGNS = r"['’\u00a0\u202f ]"
_PREFIX = re.compile(r"^([^\W\d_]+)[\W_]?\d+$")


@dataclass(frozen=True)
class Content:
    """What a column holds.

    Attributes
    ----------
    name : str
    rows : int
    known : int
        Cells that are not blank.
    unique : int
        Distinct values among them; beyond a million rows an estimate within a few per cent.
    constant : bool
        Whether all known cells are the same.
    sample : polars.Series of str
        Up to `SAMPLE` known cells, trimmed.
    """

    name: str
    rows: int
    known: int
    unique: int
    constant: bool
    sample: pl.Series
    column: pl.Series
    counter: bool

    @property
    def ratio(self) -> float:
        """Distinct values a known cell: 1 where every row has its own."""
        return self.unique / self.known if self.known else 0.0

    @cached_property
    def form(self) -> Form:
        """How the cells are written."""
        if not self.known or not len(self.sample):
            return "empty"
        values = {value.lower() for value in self.distinct.head(3)}
        if len(self.distinct) <= 2 and any(values <= flags for flags in _FLAGS):
            return "flag"
        numbers = self._cells.str.contains(_DECIMAL)
        if float(numbers.mean() or 0) < self._enough:  # type: ignore[arg-type]
            return "text"
        written = self._cells.filter(numbers)
        return "integer" if bool(written.str.contains(_INTEGER).all()) else "decimal"

    @cached_property
    def _enough(self) -> float:
        """Share of numbers from which a column is one of numbers: less where its name says so."""
        return _MEASURES_NUMBERS if set(self._kinds[:1]) & set(_MEASURES) else _MOST_NUMBERS

    @cached_property
    def _kinds(self) -> tuple[Kind, ...]:
        return meaning_of(tuple(parts_of(self.name))).kinds

    @cached_property
    def _cells(self) -> pl.Series:
        """The sample, with numbers of other forms (``−1``, ``(1)``, ``€ 2``, ``★★``) written plainly."""
        if not self._has_other_forms:
            return self.sample
        plain = plainly_written(self.sample)
        grouped = plain.str.contains(_GROUPED)
        return plain.zip_with(~grouped, plain.str.replace_all(_GROUP_SIGNS, "")) if grouped.any() else plain

    @cached_property
    def _has_other_forms(self) -> bool:
        """Return whether numbers may be written in another way; dates like 7/10 are none without a name."""
        left = computed(self.sample.head(2_000), CELL.filter(~CELL.str.contains(_DECIMAL)))
        if not len(left):
            return False
        return "rating" in self._kinds or not bool(left.str.contains("/", literal=True).any())

    @cached_property
    def distinct(self) -> pl.Series:
        """Distinct values of the sample, the most frequent first."""
        return self.counts["value"]

    @cached_property
    def counts(self) -> pl.DataFrame:
        """Distinct values of the sample and how often they stand there."""
        return self.sample.alias("value").value_counts(sort=True, name="rows")

    @cached_property
    def numbers(self) -> pl.Series:
        """Numbers of the sample; empty where the cells are text."""
        if self.form not in ("integer", "decimal"):
            return pl.Series([], dtype=pl.Float64)
        point = self._cells.str.replace(r"^([-+]?\d+),(\d+)$", "$1.$2")
        return point.str.replace_all(",", "", literal=True).cast(pl.Float64, strict=False).drop_nulls()

    @cached_property
    def low(self) -> float:
        """The least number."""
        return float(self.numbers.min()) if len(self.numbers) else 0.0  # type: ignore[arg-type]

    @cached_property
    def high(self) -> float:
        """The greatest number."""
        return float(self.numbers.max()) if len(self.numbers) else 0.0  # type: ignore[arg-type]

    @cached_property
    def whole(self) -> bool:
        """Whether all numbers are whole, be they written with a point or not."""
        return len(self.numbers) > 0 and bool((self.numbers % 1 == 0).all())

    @cached_property
    def digits(self) -> int:
        """Most digits after the point."""
        ends = self._cells.str.extract(r"[.,](\d+)$").str.len_bytes()
        return int(ends.max() or 0)  # type: ignore[arg-type]

    @cached_property
    def padded(self) -> bool:
        """Whether numbers have leading zeros, or are so long that they count nothing: ids."""
        zeros = self.sample.str.contains(r"^0\d{2,}$")
        return self.form == "integer" and (bool(zeros.any()) or self.high >= 1e12)

    @cached_property
    def times(self) -> TimeEvidence:
        """What shows that the cells are moments."""
        if self.form in ("empty", "flag") or not self._may_hold_times:
            return TimeEvidence(0.0, None, False)
        return time_evidence(self.column if len(self.column) <= 2 * SAMPLE else spread(self.column))

    @cached_property
    def _may_hold_times(self) -> bool:
        """Whether it is worth the time to look for moments: most cells have digits and are nothing else."""
        if self.form == "decimal":
            return self.high > 3e4
        if self.form == "integer":
            return self.high >= 30_000
        if any(self.share(shape) > 0.5 for shape in _NO_TIMES):
            return False
        return may_be_times(self.sample.head(200))

    def share(self, pattern: str) -> float:
        """Return the share of cells of a pattern: "email", "url", "ip", "uuid", ..."""
        return self._shares[pattern]

    @cached_property
    def _shares(self) -> dict[str, float]:
        if self.form != "text" and self.form != "integer":
            return dict.fromkeys(_PATTERNS, 0.0)
        cells = self.sample.head(2_000)
        found = cells.to_frame("cell").select(
            pl.col("cell").str.contains(pattern).mean().alias(name) for name, pattern in _PATTERNS.items()
        )
        return {name: float(share or 0) for name, share in found.row(0, named=True).items()}

    @cached_property
    def numbered_goods(self) -> bool:
        """Whether the values are numbers of books or goods whose last digit is right (ISBN, EAN)."""
        if self.share("isbn") + self.share("ean") < 0.9:
            return False
        values = self.distinct.head(200).to_list()
        return len(values) > 4 and sum(map(_has_check_digit, values)) > 0.8 * len(values)

    @cached_property
    def length(self) -> float:
        """Mean letters a cell."""
        return float(self.sample.str.len_chars().mean() or 0)  # type: ignore[arg-type]

    @cached_property
    def events(self) -> float:
        """Share of the rows whose word names an event type; 0 where there are too many words."""
        if not self._may_be_events:
            return 0.0
        rows = [(str(value), int(rows)) for value, rows in self.counts.rows()]
        return sum(rows for value, rows in rows if _is_event(value)) / sum(rows for _, rows in rows)

    @cached_property
    def event_words(self) -> float:
        """Share of the distinct words that name an event type."""
        if not self._may_be_events:
            return 0.0
        words = self.distinct.to_list()
        return sum(map(_is_event, words)) / len(words)

    @property
    def _may_be_events(self) -> bool:
        return self.form == "text" and self.unique <= _FEW and self.length <= 40

    @cached_property
    def prefix(self) -> str | None:
        """What the letters before the digits of most values name: "user", "item", ... (``user_17``)."""
        found = [match[1] for cell in self.distinct.head(200) if (match := _PREFIX.match(cell))]
        if not found or len(found) < 0.8 * min(200, len(self.distinct)):
            return None
        (word, rows), *_ = Counter(found).most_common(1)
        if rows < 0.8 * len(found):
            return None
        if len(word) == 1:
            return _LETTERS.get(word.lower())
        kinds = meaning_of(tuple(parts_of(word))).kinds
        return kinds[0] if kinds else None


def _is_event(value: str) -> bool:
    """Return whether a value names an event type; an address does not, whatever its words."""
    return not re.search(r"[/@]|\w\.\w", value) and meaning(value).known


def _has_check_digit(value: str) -> bool:
    digits = [10 if sign in "xX" else int(sign) for sign in value if sign.isdigit() or sign in "xX"]
    if len(digits) == 10:
        return sum((10 - place) * digit for place, digit in enumerate(digits)) % 11 == 0
    return len(digits) == 13 and _ean(digits)


def _ean(digits: list[int]) -> bool:
    return (sum(digits[0::2]) + 3 * sum(digits[1::2])) % 10 == 0


_NO_TIMES = (
    "email",
    "url",
    "ip",
    "uuid",
    "json",
    "agent",
    "slug",
    "coded",
    "asin",
    "reviewer",
    "name and number",
)


def may_be_times(cells: pl.Series) -> bool:
    """Return whether most texts may be moments: they hold some digits, and no long word before them."""
    fits = (CELL.str.count_matches(r"\d") >= 3) & ~CELL.str.contains(r"[A-Za-z_]{12}|[A-Za-z]\d{5}")
    return float(computed(cells, fits.mean())[0] or 0) > 0.5


_LETTERS = {"u": "user", "c": "user", "i": "item", "p": "item", "o": "order", "s": "session"}
"""What one letter before a number stands for."""


def spread(column: pl.Series, size: int = SAMPLE) -> pl.Series:
    """Return the first cells of a column and others spread evenly over it."""
    if len(column) <= size:
        return column
    half = size // 2
    rest = column.slice(half)
    return pl.concat([column.head(half), rest.gather_every(-(-len(rest) // half))])


@dataclass(frozen=True)
class Totals:
    """What a long column holds of which only a part is at hand.

    Attributes
    ----------
    rows, known : int
        All cells, and those that are not blank.
    unique : int
        Distinct values, an estimate within a few per cent.
    """

    rows: int
    known: int
    unique: int


def contents_of(table: pl.DataFrame, totals: Mapping[str, Totals] | None = None) -> dict[str, Content]:
    """Return what each column of a table holds.

    Parameters
    ----------
    table : polars.DataFrame
    totals : mapping of column to Totals, optional
        Of the whole table where this one is a part of it (`tacit.reading.survey`).
    """
    if totals is None:
        return {column.name: content_of(column) for column in table}
    return {column.name: _content_of_part(column, totals[column.name]) for column in table}


def _content_of_part(part: pl.Series, totals: Totals) -> Content:
    """Return what a column holds of which a part is at hand: the first rows, and others spread over it."""
    texts = spread(part)
    sample = _known(texts)
    shown = sample.n_unique() if len(sample) else 0
    unique = max(shown, totals.unique - (len(sample) < len(texts)))
    full = 0 < totals.known == totals.rows
    counter = full and unique > 0.98 * totals.known and _counts_up(part)
    return Content(part.name, totals.rows, totals.known, unique, unique <= 1, sample, part, counter)


def content_of(column: pl.Series) -> Content:
    """Return what a column of text, numbers, flags or moments holds."""
    texts = spread(column)
    sample = _known(texts)
    known, unique = _counted(column, texts, sample)
    constant = unique <= 1
    counter = bool(known) and known == len(column) and unique > 0.98 * known and _counts_up(column)
    return Content(column.name, len(column), known, unique, constant, sample, column, counter)


def _known(texts: pl.Series) -> pl.Series:
    if texts.dtype == pl.Boolean:
        texts = texts.cast(pl.String)
    cells = computed(texts, CELL.cast(pl.String).drop_nulls().str.strip_chars())
    return cells.filter(_is_known(cells)).rechunk()


def _is_known(cells: pl.Series) -> pl.Series:
    """Return which cells are no word for a missing value."""
    return computed(cells, ~CELL.str.to_lowercase().is_in(list(_MISSING)))


def _counted(column: pl.Series, texts: pl.Series, sample: pl.Series) -> tuple[int, int]:
    """Return how many cells are known, and how many values they have, without the blank one.

    Both are exact up to `_EXACT` rows; beyond, words for missing values count as known, and the number of
    values is an estimate.

    Parameters
    ----------
    column, texts : polars.Series
        The column, and a part of it, or itself again.
    sample : polars.Series of str
        The known cells of the part.
    """
    shown = sample.n_unique() if len(sample) else 0
    if texts is column:
        return (len(sample) if column.dtype == pl.String else _filled(column)), shown
    blank = len(sample) < len(texts)
    if len(column) > _EXACT:
        # An estimate may be too low, and what the sample shows is certain.
        return _filled(column), max(shown, int(cast(int, column.approx_n_unique())) - blank)
    if column.dtype != pl.String:
        return _filled(column), max(shown, column.n_unique() - blank)
    values = column.alias("value").value_counts(name="rows")
    cells = values["value"].str.strip_chars()
    known = int(values["rows"].filter(_is_known(cells).fill_null(False)).sum())
    return known, max(shown, len(values) - blank)


def _filled(column: pl.Series) -> int:
    """Return how many cells hold something."""
    filled = len(column) - column.null_count()
    return filled - int((column.str.len_bytes() == 0).sum() or 0) if column.dtype == pl.String else filled


def _counts_up(column: pl.Series) -> bool:
    """Return whether the cells count the rows: each number one more than that before it."""
    numbers = column.head(SAMPLE).cast(pl.Float64, strict=False)
    if numbers.null_count() or len(numbers) < 3:
        return False
    steps = numbers.diff().drop_nulls()
    return bool((steps == 1).all()) and float(numbers[0]) in (0.0, 1.0)
