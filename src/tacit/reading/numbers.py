"""Columns of numbers as people write them: decimal commas, thousands, currency; the whole column decides."""

from dataclasses import dataclass

import polars as pl

MISSING = ["", "null", "na", "nan", "n/a", "none", "nil", "\\n"]
"""Texts of a missing number; as ids they are names like any other."""

_ONE_GROUP_OF_POINTS = r"^[-+]?[1-9]\d{0,2}\.\d{3}$"
_SAMPLE = 1_000
_BARE = r"^[-+]?[\d.,\s'’\u00a0\u202f]*\d[\d.,\s'’\u00a0\u202f]*$"
_AROUND = r"^[\p{Sc}\s\u00a0]+|[\p{Sc}\s\u00a0%]+$"
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
    """

    values: pl.Series
    notes: tuple[str, ...] = ()


def read_numbers(column: pl.Series) -> Numbers:
    """Return the numbers of a column of text or numbers; infinite ones are not numbers."""
    if column.dtype != pl.String:
        numbers = column.cast(pl.Float64, strict=False)
        missing = column.is_null() | (numbers.is_nan().fill_null(False) if column.dtype.is_float() else False)
        return Numbers(_marked(numbers, missing))
    texts = column.str.strip_chars()
    numbers = texts.cast(pl.Float64, strict=False)
    missing = texts.is_null()
    if numbers.null_count() > column.null_count() or bool(numbers.is_nan().any()):
        missing |= texts.str.to_lowercase().is_in(MISSING)
        left = numbers.is_null() & ~missing
        if left.any():
            numbers, note = _as_people_write(texts, numbers, left)
            return Numbers(_marked(numbers, missing), (note,) if note else ())
    note = _either_way(texts)
    return Numbers(_marked(numbers, missing), (note,) if note else ())


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
    bare = texts.str.replace_all(_AROUND, "")
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


def _groups(shown: pl.Series, form: str) -> pl.Series:
    return shown.str.contains(form)


def _read(numbers: pl.Series, texts: pl.Series, where: pl.Series) -> pl.Series:
    """Return numbers, replaced by those of texts at some places."""
    places = where.arg_true()
    return numbers.scatter(places, texts.gather(places).cast(pl.Float64, strict=False))
