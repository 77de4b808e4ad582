"""Which items of a catalogue may be recommended, by the names of columns and the words in them.

Names and values are compared without case, accents, blanks and punctuation, in many languages. A column
says it straight (``available``, 上架状态) or turned around (``hidden``, ``discontinued``, 下架).
An item is available where no such column says no; an empty cell says nothing. What is not understood is said.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tacit.core.errors import DataError
from tacit.data.text_columns import is_missing
from tacit.reading import availability_words as words
from tacit.reading.table_names import name_parts, plain_text

_BEFORE = re.compile(
    r"(?:is|item|product|variant|listing|sku|artikel|produkt|商品|产品|货品|当前|是否|상품)+"
)
_AFTER = re.compile(r"(?:status|flag|状态|狀態|標誌|标志|状況|ステータス|フラグ|상태|여부|статус)$")
_STATUS = re.compile(r"(?:status|状态|状況|상태|статус)")
_SHOWN = 5


def _words(text: str) -> frozenset[str]:
    return frozenset(_bare(word) for word in text.split())


def _bare(text: str) -> str:
    """Return a value without case, accents, blanks and punctuation; of an address its last part."""
    last = text.rsplit("/", 1)[-1] if re.match(r"https?://", text, re.I) else text
    plain = plain_text(last.strip())
    return re.sub(r"[^\w○×✓✔✗✘]|_", "", plain) or plain


_STRAIGHT_NAMES, _TURNED_NAMES = _words(words.STRAIGHT), _words(words.TURNED)
_WEAK_NAMES, _AMOUNT_NAMES = _words(words.WEAK), _words(words.AMOUNT)
_ANSWERS = {**dict.fromkeys(_words(words.NO), False), **dict.fromkeys(_words(words.YES), True)}
_STATES = {**dict.fromkeys(_words(words.OUT), False), **dict.fromkeys(_words(words.IN), True)}


@dataclass(frozen=True)
class Availability:
    """What the columns of a catalogue say of its items.

    Attributes
    ----------
    columns : tuple of str
        Columns that are used.
    flags : polars.Series of bool or None
        Whether each row may be recommended; None where no column is used.
    notes : tuple of str
    """

    columns: tuple[str, ...]
    flags: pl.Series | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Column:
    """A column as it was understood.

    Attributes
    ----------
    flags : polars.Series of bool
        Whether it says that the item of each row is available; null where it says nothing.
    unknown : tuple of str
        Values of no known meaning.
    """

    flags: pl.Series
    unknown: tuple[str, ...]

    @property
    def says_something(self) -> bool:
        return self.flags.null_count() < len(self.flags)

    @property
    def understood(self) -> bool:
        return self.says_something and not self.unknown


def availability(table: pl.DataFrame, chosen: str | None, where: str) -> Availability:
    """Return which rows of a catalogue are available, by the chosen column or all whose names say it.

    Parameters
    ----------
    table : polars.DataFrame
        Without the column of the ids.
    chosen : str, optional
        The column that the user names.
    where : str
        The table, for messages.

    Raises
    ------
    DataError
        If no value of the chosen column is understood.
    """
    used: dict[str, pl.Series] = {}
    notes: list[str] = []
    if chosen is not None:
        picked = _chosen(table[chosen], where)
        used[chosen] = picked.flags
        notes += _on_column(chosen, picked)
    for name in table.columns:
        if name == chosen or (chosen is not None and not _has(name, _TURNED_NAMES)):
            continue  # what is discontinued is gone, whatever column says what is in stock
        column = _named(table[name])
        if column is None:
            notes += _on_amounts(table[name])
        elif column.says_something and (column.understood or not _is_weak(name)):
            used[name] = column.flags
            notes += _on_column(name, column)
        elif column.unknown and not _is_weak(name):
            notes.append(_not_understood(name, column.unknown))
    return _joined(used, notes, where)


def _chosen(values: pl.Series, where: str) -> _Column:
    turned = _has(values.name, _TURNED_NAMES)
    column = _meant(values, turned=turned, amounts=not turned and _may_count(values.name))
    if not column.says_something and column.unknown:
        raise DataError(
            f"{where}: {values.name} is to say which items are available, and none of its values is "
            f"understood ({_listed(column.unknown)}); write yes or no, or name another column"
        )
    return column


def _joined(used: Mapping[str, pl.Series], notes: Sequence[str], where: str) -> Availability:
    """Return what several columns say together: an item is out where one of them says so."""
    said = [f"{where}: {note}" for note in notes]
    if not used:
        return Availability((), None, tuple(said))
    series = pl.DataFrame(used).select(pl.all_horizontal(pl.all().fill_null(True))).to_series()
    out = int((~series).sum())
    names = " and ".join(used)
    if out:
        said.append(f"{where}: {out:,} of {len(series):,} items are not available by {names}")
    return Availability(tuple(used), series, tuple(said))


def _named(values: pl.Series) -> _Column | None:
    """Return what a column says of availability by its name and values, None where its name is another."""
    name = values.name
    if _has(name, _TURNED_NAMES):
        return _meant(values, turned=True, amounts=False)
    if _has(name, _STRAIGHT_NAMES):
        return _meant(values, turned=False, amounts=_may_count(name))
    if _has(name, _WEAK_NAMES):
        return _meant(values, turned=False, amounts=False)
    if _has(name, _AMOUNT_NAMES) and _numbers(values) is None:
        column = _meant(values, turned=False, amounts=False)
        return column if column.understood else None
    return None


def _may_count(name: str) -> bool:
    """Return whether numbers of a column may be pieces in stock; those of a status are codes."""
    return not _STATUS.search(_joined_name(name))


def _is_weak(name: str) -> bool:
    return not _has(name, _STRAIGHT_NAMES) and not _has(name, _TURNED_NAMES)


def _has(name: str, known: frozenset[str]) -> bool:
    """Return whether a name is one of some, with or without "is", "product" and "status" around it."""
    joined = _joined_name(name)
    before = _BEFORE.match(joined)
    rest = joined[before.end() :] if before else joined
    return any(form in known for form in (joined, rest, _AFTER.sub("", joined), _AFTER.sub("", rest)))


def _joined_name(name: str) -> str:
    return "".join(name_parts(name))


def _meant(values: pl.Series, *, turned: bool, amounts: bool) -> _Column:
    """Return what the values of a column say.

    Parameters
    ----------
    values : polars.Series
    turned : bool
        Whether a yes takes the item away.
    amounts : bool
        Whether numbers may be numbers of pieces; else they are answers (0, 1) or codes that say nothing.
    """
    if values.dtype == pl.Boolean:
        return _Column(~values if turned else values, ())
    texts = values.cast(pl.String, strict=False) if not values.dtype.is_nested() else pl.Series(["[]"])
    distinct = texts.filter(~is_missing(texts)).unique().sort().to_list()
    meant = {text: _meaning(text, turned=turned, amounts=amounts) for text in distinct}
    unknown = tuple(text for text, flag in meant.items() if flag is None)
    if _all_numbers(distinct) and unknown:  # codes of a status: 0 and 1 among others are no answers
        return _Column(pl.Series([None] * len(values), dtype=pl.Boolean), tuple(distinct))
    if values.dtype.is_nested():
        return _Column(pl.Series([None] * len(values), dtype=pl.Boolean), ("lists or records",))
    known = {text: flag for text, flag in meant.items() if flag is not None}
    if not known:
        return _Column(pl.Series([None] * len(values), dtype=pl.Boolean), unknown)
    flags = texts.replace_strict(
        list(known), list(known.values()), default=None, return_dtype=pl.Boolean
    ).rename(values.name)
    return _Column(flags, unknown)


def _meaning(text: str, *, turned: bool, amounts: bool) -> bool | None:
    """Return whether a value says that an item is available, None where it is not understood."""
    number = _number(text)
    if number is not None:
        if not amounts and number not in (0, 1):
            return None
        return (number > 0) != turned
    bare = _bare(text)
    if bare in _ANSWERS:
        return _ANSWERS[bare] != turned
    return _STATES.get(bare)


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\s*[-+]?\d+(\.\d+)?\s*", text) else None


def _all_numbers(texts: Sequence[str]) -> bool:
    return bool(texts) and all(_number(text) is not None for text in texts)


def _numbers(values: pl.Series) -> pl.Series | None:
    """Return the numbers of a column, None where it holds anything else."""
    if values.dtype == pl.Boolean or values.dtype.is_nested() or values.dtype.is_temporal():
        return None
    texts = values.cast(pl.String)
    texts = texts.set(is_missing(texts), None)
    numbers = texts.cast(pl.Float64, strict=False)
    same = numbers.null_count() == texts.null_count() and numbers.null_count() < len(numbers)
    return numbers if same else None


def _on_column(name: str, column: _Column) -> list[str]:
    notes = []
    turned = _has(name, _TURNED_NAMES)
    if column.unknown:
        notes.append(
            f"the values {_listed(column.unknown)} of {name} are not understood: "
            "their items count as available"
        )
    empty = column.flags.null_count()
    yes = int(column.flags.sum() or 0)
    if not turned and not column.unknown and yes and yes + empty == len(column.flags) and empty:
        notes.append(
            f"{name} says yes of {yes:,} items and nothing of {empty:,}: these count as available too; write "
            "no where that is meant"
        )
    return notes


def _on_amounts(values: pl.Series) -> list[str]:
    """Return a note on a column of pieces in stock of which some items have none: only the user knows."""
    numbers = _numbers(values) if _has(values.name, _AMOUNT_NAMES) else None
    if numbers is None or not (out := int((numbers <= 0).sum())):
        return []
    return [
        f"{out:,} items have no stock by {values.name} and count as available; --item-map "
        f'"{values.name}=available" leaves them out'
    ]


def _not_understood(name: str, unknown: Sequence[str]) -> str:
    return (
        f"{name} may say which items are available, but its values ({_listed(unknown)}) are not "
        "understood: all items count as available; write yes or no"
    )


def _listed(values: Sequence[str]) -> str:
    shown = ", ".join(repr(value[:40]) for value in values[:_SHOWN])
    return shown if len(values) <= _SHOWN else f"{shown} and {len(values) - _SHOWN} more"
