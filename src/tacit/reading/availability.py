"""Which items of a catalogue may be recommended, by the names of columns and the words in them.

Names and values are compared without case, accents, blanks and punctuation, in many languages. A column
says it straight (``available``, 上架状态) or turned around (``hidden``, ``not_for_sale``, 下架).
An item is available where no such column says no; an empty cell says nothing. What is not understood is said.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import polars as pl

from tacit.core.errors import DataError
from tacit.data.text_columns import is_missing
from tacit.reading import availability_words as words
from tacit.reading.table_names import CREATED, name_parts, plain_text

_BEFORE = re.compile(
    r"(?:is|item|product|variant|listing|sku|artikel|produkt|宝贝|商品|产品|產品|货品|当前|是否|상품)+"
)
_AFTER = re.compile(
    r"(?:status|flag|状态|狀態|状態|標誌|标志|标识|状況|可否|有無|ステータス|フラグ|상태|여부|статус)$"
)
_STATUS = re.compile(r"(?:status|stat|状态|狀態|状態|状況|ステータス|상태|статус)")
_NOUN = re.compile(
    r"stat|tila|dostupnost|dostepnosc|(?:abilit|ibilit|ibilid|barkeit|baarheid)|[状狀]|наличие$"
)
"""Names that say what a column is about: nothing turns them around (no_status)."""
_WHEN = re.compile(
    r"(?:date|time|datetime|timestamp|at|on|from|since|until|till|to|ab|seit|bis|datum|apartirde|depuis|"
    r"jusquau|desde|hasta|ate|dal|finoal|vanaf|tot|时间|時間|日期|日時|日|시간|일시|일자|일|дата)$"
)
_DATE = re.compile(r"(?:19|20)\d\d|\d[-/.年月]\d|^\d{10}(?:\d{3})?$")
_SHOWN = 5


def _words(text: str) -> frozenset[str]:
    return frozenset(_bare(word) for word in text.split())


def _bare(text: str) -> str:
    """Return a value without case, accents, blanks and punctuation; of an address its last part."""
    last = text.rsplit("/", 1)[-1] if re.match(r"https?://", text, re.I) else text
    plain = plain_text(last.strip())
    return re.sub(r"[^\w○×✓✔✗✘]|_", "", plain) or plain


class _Kind(Enum):
    """What a column is by its name."""

    TURNED = auto()
    STRAIGHT = auto()
    WEAK = auto()
    STATE = auto()
    AMOUNT = auto()
    ASK = auto()
    """A yes may take the item away: only the user knows."""


_NAMES = {
    _Kind.TURNED: _words(words.TURNED),
    _Kind.STRAIGHT: _words(words.STRAIGHT),
    _Kind.WEAK: _words(words.WEAK),
    _Kind.STATE: _words(words.STATE),
    _Kind.AMOUNT: _words(words.AMOUNT),
    _Kind.ASK: _words(words.ASK),
}
_COUNTED_NAMES, _DATE_NAMES = _words(words.COUNTED), _words(words.DATES)
_NEGATIONS = tuple(_words(words.NEGATION))
_AMBIGUOUS_NAMES = _words(words.NEGATABLE)
_NEGATABLE = _NAMES[_Kind.STRAIGHT] | _NAMES[_Kind.WEAK] | _AMBIGUOUS_NAMES
_ADJECTIVES = _words("available active aktiv actif activo attivo ativo disponible disponivel visible valid")
"""What "in" turns around: inactive; of other words it says where (in stock, in print)."""
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
    states : bool
        Whether a value is a state of an item, not only an answer or a number.
    answers : bool
        Whether a value is a yes, a no, 0 or 1.
    """

    flags: pl.Series
    unknown: tuple[str, ...]
    states: bool = False
    answers: bool = False

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
        notes += [*_on_direction(table[chosen], picked), *_on_column(chosen, picked)]
    for name in table.columns:
        kind = _kind(name)
        if name == chosen or (chosen is not None and kind is not _Kind.TURNED):
            continue  # what is discontinued is gone, whatever column says what is in stock
        column = _named(table[name], kind)
        if column is None:
            notes += [*_on_amounts(table[name], kind), *_on_ambiguous(table[name], kind)]
            notes += _on_dates(table[name], kind)
        elif column.says_something and (column.understood or not _is_weak(kind)):
            used[name] = column.flags
            notes += _on_column(name, column)
        elif column.unknown and (column.states or not _is_weak(kind)):
            notes.append(_not_understood(name, column.unknown))
    return _joined(used, notes, where)


def _chosen(values: pl.Series, where: str) -> _Column:
    kind = _kind(values.name)
    turned = kind in (_Kind.TURNED, _Kind.ASK)
    column = _meant(values, turned=turned, amounts=not turned and _may_count(values, kind))
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


def _named(values: pl.Series, kind: _Kind | None) -> _Column | None:
    """Return what a column says of availability by its name and values, None where its name is another."""
    if kind is _Kind.TURNED:
        return _meant(values, turned=True, amounts=False)
    if kind is _Kind.STRAIGHT:
        return _meant(values, turned=False, amounts=_may_count(values, kind))
    if kind is _Kind.WEAK:
        return _meant(values, turned=False, amounts=False)
    if kind is _Kind.STATE:
        return _only_states(values)
    if kind is _Kind.AMOUNT and _numbers(values) is None:
        column = _meant(values, turned=False, amounts=False)
        return column if column.understood else None
    return None


def _only_states(values: pl.Series) -> _Column | None:
    """Return what a column of any state says; yes, no and numbers answer a question that is not known."""
    column = _meant(values, turned=False, amounts=False)
    return column if column.states and not column.answers else None


def _may_count(values: pl.Series, kind: _Kind | None) -> bool:
    """Return whether numbers of a column may be pieces in stock; those of a status are codes."""
    if kind is _Kind.AMOUNT:
        return True
    numbers = _numbers(values)
    if numbers is not None and set(numbers.drop_nulls().to_list()) == {1, 2}:
        return False  # yes and no as codes: nobody has one or two pieces of everything
    if _STATUS.search(_joined_name(values.name)):
        return False
    return kind is None or (kind is _Kind.STRAIGHT and _has(values.name, _COUNTED_NAMES))


def _is_weak(kind: _Kind | None) -> bool:
    return kind not in (_Kind.STRAIGHT, _Kind.TURNED)


def _kind(name: str) -> _Kind | None:
    """Return what a column is by its name; a negation turns the name behind it around."""
    for kind, known in _NAMES.items():
        if _has(name, known):
            return kind
    behind = {rest for form in _forms(name) for rest in _behind_negation(form) if not _NOUN.search(rest)}
    if behind & _NEGATABLE:
        return _Kind.TURNED
    return _Kind.STRAIGHT if behind & (_NAMES[_Kind.TURNED] | _NAMES[_Kind.ASK]) else None


def _behind_negation(text: str) -> frozenset[str]:
    """Return what may stand behind a negation at the beginning of a name or a value."""
    rests = {text[len(sign) :] for sign in _NEGATIONS if text.startswith(sign)}
    if text.startswith("in") and text[2:] in _ADJECTIVES:
        rests.add(text[2:])
    return frozenset(rests - {""})


def _has(name: str, known: frozenset[str]) -> bool:
    return any(form in known for form in _forms(name))


def _forms(name: str) -> tuple[str, ...]:
    """Return a name with and without "is", "product" and "status" around it."""
    joined = _joined_name(name)
    before = _BEFORE.match(joined)
    rest = joined[before.end() :] if before else joined
    return joined, rest, _AFTER.sub("", joined), _AFTER.sub("", rest)


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
        return _Column(~values if turned else values, (), answers=True)
    texts = values.cast(pl.String, strict=False) if not values.dtype.is_nested() else pl.Series(["[]"])
    distinct = texts.filter(~is_missing(texts)).unique().sort().to_list()
    meant = {text: _meaning(text, turned=turned, amounts=amounts) for text in distinct}
    meant |= {text: flag for text, flag in _in_warehouse(values.name, distinct).items() if not turned}
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
    answers = [text for text in known if _number(text) is not None or _bare(text) in _ANSWERS]
    return _Column(flags, unknown, states=len(answers) < len(known), answers=bool(answers))


def _in_warehouse(name: str, texts: Sequence[str]) -> dict[str, bool | None]:
    """Return what "instock" says beside "onsale" alone.

    In the files of Taobao (``approve_status``) it is in the warehouse and off the shelf; elsewhere only the
    user knows.
    """
    found = [text for text in texts if _bare(text) == "instock"]
    if _joined_name(name) == "approvestatus":
        return dict.fromkeys(found, False)
    return dict.fromkeys(found, None) if {_bare(text) for text in texts} == {"instock", "onsale"} else {}


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
    if bare in _STATES:
        return _STATES[bare]
    turned_around = {not _STATES[rest] for rest in _behind_negation(bare) if rest in _STATES}
    return turned_around.pop() if len(turned_around) == 1 else None


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
    turned = _kind(name) in (_Kind.TURNED, _Kind.ASK)
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


def _on_direction(values: pl.Series, column: _Column) -> list[str]:
    """Return which way a chosen column is read where its name does not say it."""
    numbers = _numbers(values)
    if _kind(values.name) not in (None, _Kind.STATE) or not (column.answers or numbers is not None):
        return []
    counted = numbers is not None and not set(numbers.drop_nulls().to_list()) <= {0, 1}
    read = "a number above 0" if counted else "yes"
    return [
        f"{values.name} does not say by its name what it means: {read} is read as available; where it means "
        'the opposite, call the column "not available"'
    ]


def _on_amounts(values: pl.Series, kind: _Kind | None) -> list[str]:
    """Return a note on a column of pieces in stock of which some items have none: only the user knows."""
    numbers = _numbers(values) if kind is _Kind.AMOUNT else None
    if numbers is None or not (out := int((numbers <= 0).sum())):
        return []
    return [
        f"{out:,} items have no stock by {values.name} and count as available; --item-map "
        f'"{values.name}=available" leaves them out'
    ]


def _on_ambiguous(values: pl.Series, kind: _Kind | None) -> list[str]:
    """Return a note on a column whose yes or no may take items away, or say another thing (draft beer)."""
    if kind is not _Kind.ASK and (kind is not None or not _has(values.name, _AMBIGUOUS_NAMES)):
        return []
    column = _meant(values, turned=kind is _Kind.ASK, amounts=False)
    out = int((~column.flags).sum() or 0)
    if not column.understood or not out:
        return []
    answer = "yes" if kind is _Kind.ASK else "no"
    return [
        f"{out:,} items have a {answer} in {values.name} and count as available; --item-map "
        f'"{values.name}=available" leaves them out'
    ]


def _on_dates(values: pl.Series, kind: _Kind | None) -> list[str]:
    """Return a note on a column that says when items are available: days are not compared with today."""
    if kind is not None or not _says_when(values.name) or not _dates(values):
        return []
    return [
        f"{values.name} says when items are available or gone and is not used for it: all items count as "
        "available; write a column of yes or no"
    ]


def _says_when(name: str) -> bool:
    joined = _joined_name(name)
    if joined in CREATED or joined.startswith(("上架", "発売")):
        return False  # since when an item is in the catalogue
    nouns = _NAMES[_Kind.STRAIGHT] | _NAMES[_Kind.TURNED]
    return joined in _DATE_NAMES or any(_WHEN.sub("", form) in nouns - {form} for form in _forms(name))


def _dates(values: pl.Series) -> bool:
    if values.dtype.is_nested() or values.dtype == pl.Boolean:
        return False
    texts = values.cast(pl.String, strict=False)
    distinct = texts.filter(~is_missing(texts)).unique().to_list()
    return bool(distinct) and all(_DATE.search(text.strip()) for text in distinct)


def _not_understood(name: str, unknown: Sequence[str]) -> str:
    return (
        f"{name} may say which items are available, but its values ({_listed(unknown)}) are not "
        "understood: all items count as available; write yes or no"
    )


def _listed(values: Sequence[str]) -> str:
    shown = ", ".join(repr(value[:40]) for value in values[:_SHOWN])
    return shown if len(values) <= _SHOWN else f"{shown} and {len(values) - _SHOWN} more"
