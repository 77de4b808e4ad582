"""Columns of numbers as people write them: decimal commas, thousands, currency; the whole column decides.

A number may also be written with another sign (``−1``, ``1-`` as SAP does, ``(1)`` as accountants do), with
a word for pieces (``2 pcs``), in stars (``★★★``, ``4 stars``) or as a part of a scale (``7/10``).
"""

from dataclasses import dataclass

import polars as pl

from tacit.data.cells import CELL, computed

NOT_RATED = [
    "not rated",
    "not yet rated",
    "unrated",
    "no rating",
    "not rated yet",
    "nicht bewertet",
    "ohne bewertung",
    "non noté",
    "sin calificar",
    "não avaliado",
    "未评分",
    "未評価",
    "暂无评分",
    "без оценки",
]
"""Texts of a rating that was not given."""

MISSING = ["", "null", "na", "nan", "n/a", "none", "nil", "\\n", "-", *NOT_RATED]
"""Texts of a missing number; as ids they are names like any other."""

_ONE_GROUP_OF_POINTS = r"^[-+]?[1-9]\d{0,2}\.\d{3}$"
_SAMPLE = 1_000
_BARE = r"^[-+]?[\d.,\s'’\u00a0\u202f]*\d[\d.,\s'’\u00a0\u202f]*$"
_SIGN = r"(?:R\$|US\$|元|円|원|zł|Kč|[\p{Sc}])"
_CODE = (
    r"(?:zl|kr\.?|Ft|lei|лв\.?|руб\.?|Rs\.?|"
    r"EUR|USD|GBP|CHF|JPY|CNY|RMB|PLN|CZK|SEK|NOK|DKK|BRL|INR|AUD|CAD|TRY|RUB|KRW)"
)
_SPACE = r"[\s\u00a0\u202f]"
_BEFORE = rf"^([-+]?){_SPACE}*(?:{_SIGN}{_SPACE}*|{_CODE}{_SPACE}+)"
_AFTER = rf"(?:{_SPACE}*(?:{_SIGN}|%)|{_SPACE}+{_CODE})(-?)$"
_MINUS = r"[\u2010-\u2013\u2212\ufe63\uff0d]"
_PIECES = (
    "(?:pieces?|units?|items?|sterne?|étoiles?|estrellas?|estrelas?|stelle|stücke?|st\\.?|pièces?|uds?\\.?|"
    "unidades?|pz\\.?|szt\\.?|ks|db|adet)"
)
_SHORT_PIECES = r"(?:stars?|pcs?\.?|x|×|stk\.?|шт\.?|件|个|個|台|本|点|星|つ|개)"
_WITH_PIECES = rf"(?i)^([-+]?\d[\d.,]*)(?:{_SPACE}*{_SHORT_PIECES}|{_SPACE}+{_PIECES})$"
_STARS, _FULL_STAR = r"^[★⭐][★⭐☆✩\s\ufe0f]*$", "[★⭐]"
_PART_OF = r"^(\d+(?:[.,]\d+)?)\s*(?:/|out of)\s*(\d+)$"
_MAY_BE_PART = r"/|out of"
_BLANKS = r"[\s'’\u00a0\u202f]"
_GROUPS_OF_COMMAS = r"^[-+]?\d{1,3}(,\d{3})+(\.\d*)?$"
_GROUPS_OF_POINTS = r"^[-+]?\d{1,3}(\.\d{3})+(,\d*)?$"


@dataclass(frozen=True)
class Numbers:
    """Numbers of a column.

    Attributes
    ----------
    values : polars.Series of Float64
        Null where there is none; NaN where a cell holds something else.
    notes : tuple of str
        What was decided, in sentences.
    alone : bool
        Whether each cell was read by itself: beside others that were too it would be read no differently.
    """

    values: pl.Series
    notes: tuple[str, ...] = ()
    alone: bool = False


def read_numbers(column: pl.Series) -> Numbers:
    """Return the numbers of a column of text or numbers; infinite ones are not numbers."""
    if column.dtype != pl.String:
        numbers = column.cast(pl.Float64, strict=False)
        missing = column.is_null() | (numbers.is_nan().fill_null(False) if column.dtype.is_float() else False)
        return Numbers(_marked(numbers, missing), alone=True)
    texts = column.str.strip_chars()
    numbers = texts.cast(pl.Float64, strict=False)
    missing = texts.is_null()
    if numbers.null_count() > column.null_count() or bool(numbers.is_nan().any()):
        missing |= texts.str.to_lowercase().is_in(MISSING)
        left = numbers.is_null() & ~missing
        if left.any():
            alone = not bool(texts.filter(left).str.contains(_MAY_BE_PART).any())
            numbers, note = _as_people_write(texts, numbers, left)
            return Numbers(_marked(numbers, missing), (note,) if note else (), alone and not note)
    note = _either_way(texts)
    return Numbers(_marked(numbers, missing), (note,) if note else (), not note)


def _either_way(texts: pl.Series) -> str | None:
    """Return what is to be said of a column whose points could all separate thousands as well."""

    def pointed(column: pl.Series) -> pl.Series:
        return column.filter(column.str.contains(".", literal=True).fill_null(False))

    for column in (texts.head(_SAMPLE), texts):  # a log may be long, and its first rows mostly decide
        shown = pointed(column)
        if not shown.str.contains(_ONE_GROUP_OF_POINTS).all():
            return None
    if not len(shown):
        return None
    return (
        f"{shown[0]} is read as a number with three decimals; write it without the point if it is thousands"
    )


def _marked(numbers: pl.Series, missing: pl.Series) -> pl.Series:
    """Return numbers with null where one is missing and NaN where a cell holds none."""
    usable = numbers.is_finite().fill_null(False)
    if bool((usable & ~missing).all()):
        return numbers
    return numbers.set(~usable, float("nan")).set(missing, None)


def _as_people_write(texts: pl.Series, numbers: pl.Series, left: pl.Series) -> tuple[pl.Series, str | None]:
    """Read what is left of a column by the signs that the whole of it uses; say what was decided."""
    bare = plainly_written(texts)
    written = bare.str.contains(_BARE).fill_null(False)
    bare = bare.str.replace_all(_BLANKS, "")
    shown = bare.filter(written)
    commas, points = (_groups(shown, form) for form in (_GROUPS_OF_COMMAS, _GROUPS_OF_POINTS))
    decimal = shown.str.contains(r"^[-+]?\d*,\d+$") & ~commas
    if bool(decimal.any()) or bool((points & shown.str.contains(",", literal=True)).any()):
        read = bare.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        plain = written if bool(points.any()) else left & written  # "1.5" beside "1,5" is what it says
        return _read(numbers, read, plain), "numbers have decimal commas (1.234,5)"
    read = bare.str.replace_all(",", "", literal=True)
    note = "commas in numbers separate thousands (1,234)" if bool(commas.any()) else None
    return _read(numbers, read, left & written), note


def plainly_written(texts: pl.Series) -> pl.Series:
    """Return texts of which those that write a number in another way have plain digits and a leading sign."""
    steps = CELL.str.strip_chars().str.replace(f"^{_MINUS}", "-").str.replace(f"{_MINUS}$", "-")
    steps = steps.str.replace(r"^\(([^-()]*\d[^-()]*)\)$", "-$1")
    steps = steps.str.replace(_BEFORE, "$1").str.replace(_AFTER, "$1").str.strip_chars()
    steps = steps.str.replace(r"^(\d[\d.,'’\s]*?)\s*-$", "-$1").str.replace(r"^-\s+(\d)", "-$1")
    steps = steps.str.replace(_WITH_PIECES, "$1")
    bare = computed(texts, steps)
    bare = bare.zip_with(computed(bare, CELL.str.contains(r"\d|^[★⭐]").fill_null(False)), texts)
    return _parts_of_a_scale(_stars(bare))


def _stars(texts: pl.Series) -> pl.Series:
    """Return texts of which those in stars are the number of the full ones."""
    stars = computed(texts, CELL.str.contains(_STARS).fill_null(False))
    if not stars.any():
        return texts
    return texts.zip_with(~stars, texts.str.count_matches(_FULL_STAR).cast(pl.String))


def _parts_of_a_scale(texts: pl.Series) -> pl.Series:
    """Return texts of which those of the form 7/10 are the first number, where all have one scale."""
    found = computed(texts, CELL.str.extract(_PART_OF, 2).drop_nulls())
    if not len(found) or found.n_unique() > 1:
        return texts
    first = texts.str.extract(_PART_OF, 1).str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    if float(first.max() or 0) > float(found[0]):  # type: ignore[arg-type]
        return texts
    return texts.str.replace(_PART_OF, "$1")


def _groups(shown: pl.Series, form: str) -> pl.Series:
    return shown.str.contains(form)


def _read(numbers: pl.Series, texts: pl.Series, where: pl.Series) -> pl.Series:
    """Return numbers, replaced by those of texts at some places."""
    places = where.arg_true()
    return numbers.scatter(places, texts.gather(places).cast(pl.Float64, strict=False))
