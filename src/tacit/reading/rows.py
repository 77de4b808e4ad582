"""Cells to events: roles applied, ids checked, times and numbers read, rows that do not fit rejected."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tacit.core.errors import DataError
from tacit.data import columns as col
from tacit.data import times
from tacit.data.event_names import event_of_file
from tacit.data.ids import apply_ids
from tacit.data.value_kinds import ValueKind, value_kind
from tacit.reading import shapes
from tacit.reading.choices import EVENT, ITEM, SEQ, TIMESTAMP, USER, VALUE, Reading
from tacit.reading.mapping import roles_of

_COLUMN = {
    USER: col.USER,
    ITEM: col.ITEM,
    EVENT: col.EVENT,
    TIMESTAMP: col.TIMESTAMP,
    VALUE: col.VALUE,
    SEQ: col.SEQ,
}
_LONGEST_ID = 256
_MISSING = ["", "null", "na", "nan", "n/a", "none", "nil", "\\n"]
"""Texts of a missing number; as ids they are names like any other."""

_EXACT = {"Float64": 2**53, "Float32": 2**24, "Float16": 2**11}
"""From here on a decimal number skips whole numbers: two ids may have become one (pandas turns whole numbers
into decimal ones where one is missing)."""

_CONTROL = r"[\x00-\x1f\x7f\u0080-\u009f]"


@dataclass(frozen=True)
class Rows:
    """How the rows of a file become events.

    Attributes
    ----------
    roles : mapping of role to column
    event : str
        Event type if there is no column for it.
    time : callable or None
        Reads the times; None if they are numbers already or there are none.
    list_sign : str or None
        Separator between the items of a browse record.
    impressions : bool
        Whether rows are those of an impression log.
    named : bool
        Whether the columns have names of their own.
    columns : tuple of str
    flag : str or None
        The one number in the event column of all rows: it means that something happened; the file's name
        gives the type.
    ids : tuple of str
        Rules for the ids of users and items (`tacit.data.ids`).
    """

    roles: dict[str, str]
    event: str
    time: times.Parser | None
    list_sign: str | None
    impressions: bool
    named: bool
    columns: tuple[str, ...]
    flag: str | None = None
    ids: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: Path, sample: pl.DataFrame, named: bool, reading: Reading) -> "Rows":
        """Return how to read a file, judging by its first rows."""
        cells = sample.drop(col.LINE)
        columns = tuple(cells.columns)
        wanted = reading.columns
        if not wanted and not named and shapes.is_impression_log(cells):
            roles = {USER: columns[1], ITEM: columns[4], TIMESTAMP: columns[2]}
            time = times.parser_for(cells[columns[2]])
            return cls(roles, "click", time, None, True, named, columns, ids=reading.ids)
        roles = roles_of(cells, named, wanted)
        sign = _list_sign(cells, roles)
        time = _time_parser(path, cells, roles)
        flag = _flag(cells[roles[EVENT]]) if EVENT in roles else None
        event = reading.event or event_of_file(path, _value_kind(cells, roles, named))
        return cls(roles, event, time, sign, False, named, columns, flag, reading.ids)


def _value_kind(cells: pl.DataFrame, roles: Mapping[str, str], named: bool) -> ValueKind | None:
    value = roles.get(VALUE)
    return None if value is None else value_kind(value if named else None, cells[value])


def _time_parser(path: Path, cells: pl.DataFrame, roles: Mapping[str, str]) -> times.Parser | None:
    if TIMESTAMP not in roles or cells[roles[TIMESTAMP]].dtype != pl.String:
        return None
    texts = cells[roles[TIMESTAMP]].drop_nulls()
    said = texts.filter(~texts.str.strip_chars().str.to_lowercase().is_in(_MISSING))
    parse = times.parser_for(said)
    if parse is None and len(said):
        raise DataError(
            f"{path}: the column {roles[TIMESTAMP]} holds no times that can be read "
            f"(for example {said[0]!r}); name another with --map COLUMN=timestamp "
            "(in Python mapping={'timestamp': COLUMN})"
        )
    return parse


def finished(frame: pl.DataFrame, rows: Rows) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the events of a part of a file, and the ``line`` and ``reason`` of rejected rows."""
    absent = [name for name in rows.columns if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in absent)
    if rows.impressions:
        frame = shapes.impression_events(frame)
    elif rows.list_sign is not None:
        frame = shapes.browse_events(frame, rows.roles[USER], rows.roles[ITEM], rows.list_sign)
    else:
        frame = _renamed(frame, rows.roles)
    typed = frame.with_columns(
        _id(frame, col.USER, rows.ids),
        _id(frame, col.ITEM, rows.ids),
        _events(frame, rows),
        *_numbers(frame, rows),
    )
    reason = _reasons(frame, typed)
    good = reason.is_null()
    rejected = pl.DataFrame({col.LINE: frame[col.LINE], "reason": reason}).filter(~good)
    return _ordered(typed.filter(good)), rejected


def text_ids(column: pl.Series, rules: Sequence[str] = ()) -> pl.Series:
    """Return ids as text: trimmed, in one Unicode form, whole numbers without a point.

    Parameters
    ----------
    column : polars.Series
        Of any type.
    rules : sequence of str
        What is done to them on request; see `tacit.data.ids.apply_ids`.

    Raises
    ------
    DataError
        If decimal numbers are too large to tell one id from the next.
    """
    if column.dtype.is_float():
        column = column.fill_nan(None)
        _check_exact(column)
        if bool((column % 1 == 0).all()):
            column = column.cast(pl.Int64)
    ids = column.cast(pl.String).str.strip_chars()
    if column.dtype.is_decimal() and bool(ids.str.contains(r"\.0+$").all()):
        ids = ids.str.replace(r"\.0+$", "")
    if bool((ids.str.len_bytes() != ids.str.len_chars()).any()):
        ids = ids.str.normalize("NFC")
    return apply_ids(ids, rules)


def _check_exact(ids: pl.Series) -> None:
    inexact = ids.filter(ids.is_finite() & (ids.abs() >= _EXACT[str(ids.dtype)]))
    if len(inexact):
        raise DataError(
            f"the column {ids.name} holds ids as decimal numbers too large to keep their last digits "
            f"(for example {inexact[0]:.0f}); read them as whole numbers or as text"
        )


def _list_sign(cells: pl.DataFrame, roles: Mapping[str, str]) -> str | None:
    column = cells[roles[ITEM]]
    return shapes.browse_separator(column) if column.dtype == pl.String and cells.width == 2 else None


def _renamed(frame: pl.DataFrame, roles: Mapping[str, str]) -> pl.DataFrame:
    """Give role columns their names; another column with such a name is renamed."""
    wanted = {column: _COLUMN[role] for role, column in roles.items()}
    aside = {
        name: f"{name}_as_read"
        for name in frame.columns
        if name in _COLUMN.values() and name not in wanted and name != col.LINE
    }
    return frame.rename({**aside, **wanted})


def _id(frame: pl.DataFrame, name: str, rules: Sequence[str]) -> pl.Series:
    if name not in frame.columns:
        return pl.Series(name, [None] * len(frame), dtype=pl.String)
    return text_ids(frame[name], rules).alias(name)


def _flag(names: pl.Series) -> str | None:
    distinct = names.cast(pl.String).str.strip_chars().unique().drop_nulls().to_list()
    return distinct[0] if len(distinct) == 1 and re.fullmatch(r"[\d.]*", distinct[0]) else None


def _events(frame: pl.DataFrame, rows: Rows) -> pl.Series:
    if col.EVENT not in frame.columns:
        return pl.Series(col.EVENT, [rows.event], dtype=pl.String).new_from_index(0, len(frame))
    names = frame[col.EVENT].cast(pl.String).str.strip_chars()
    unsaid = (names == "") | (names == (rows.flag or ""))
    return shapes.canonical_events(names.set(unsaid, None).fill_null(rows.event)).alias(col.EVENT)


def _numbers(frame: pl.DataFrame, rows: Rows) -> list[pl.Series]:
    return [
        _time(frame, rows.time),
        _number(frame, col.VALUE).cast(pl.Float64),
        _number(frame, col.SEQ).cast(pl.Int64, strict=False),
    ]


def _time(frame: pl.DataFrame, parse: times.Parser | None) -> pl.Series:
    if col.TIMESTAMP not in frame.columns:
        return pl.Series(col.TIMESTAMP, [None], dtype=pl.Float64).new_from_index(0, len(frame))
    column = frame[col.TIMESTAMP]
    if column.dtype == pl.String:
        parsed = parse(column) if parse is not None else pl.Series([None] * len(column), dtype=pl.Float64)
        return parsed.alias(col.TIMESTAMP)
    return times.seconds(column).alias(col.TIMESTAMP)


def _number(frame: pl.DataFrame, name: str) -> pl.Series:
    if name not in frame.columns:
        return pl.Series(name, [None], dtype=pl.Float64).new_from_index(0, len(frame))
    column = frame[name]
    if column.dtype == pl.String:
        column = column.str.strip_chars()
    return _finite(column.cast(pl.Float64, strict=False)).alias(name)


def _finite(numbers: pl.Series) -> pl.Series:
    return numbers.set(~numbers.is_finite().fill_null(True), None)


def _reasons(frame: pl.DataFrame, typed: pl.DataFrame) -> pl.Series:
    """Return the first reason to reject each row; null for a good row."""
    reason = pl.Series("reason", [None], dtype=pl.String).new_from_index(0, len(frame))
    checks = [
        (_unread(frame, typed, name), what)
        for name, what in (
            (col.SEQ, "the order is not a number"),
            (col.VALUE, "the value is not a number"),
            (col.TIMESTAMP, "the time cannot be read"),
        )
    ]
    for name, what in ((col.ITEM, "item"), (col.USER, "user")):
        ids = typed[name]
        checks += [
            (ids.str.len_bytes() > _LONGEST_ID, f"the {what} id is longer than {_LONGEST_ID} bytes"),
            (ids.str.contains(_CONTROL), f"the {what} id holds a control character"),
            (ids.is_null() | (ids == ""), f"no {what} id"),
        ]
    for wrong, why in checks:
        if wrong.any():
            reason = reason.set(wrong.fill_null(False), why)
    return reason


def _unread(frame: pl.DataFrame, typed: pl.DataFrame, name: str) -> pl.Series:
    """Return where a cell holds text that could not be read."""
    if name not in frame.columns or typed[name].null_count() == frame[name].null_count():
        return pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(frame))
    text = frame[name].cast(pl.String).str.strip_chars().str.to_lowercase()
    return typed[name].is_null() & text.is_not_null() & ~text.is_in(_MISSING)


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    first = [col.USER, col.ITEM, col.EVENT, col.TIMESTAMP, col.VALUE, col.SEQ, col.LINE]
    return frame.select(first + [name for name in frame.columns if name not in first])
