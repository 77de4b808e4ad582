"""Cells to events: roles applied, ids checked, times and numbers read, rows that do not fit rejected."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from tacit.core.errors import AmbiguousError, DataError
from tacit.data import columns as col
from tacit.data import times
from tacit.data.anonymous import anonymous_users
from tacit.data.event_names import event_of_file, is_rated, meaning, refused_by_file, said_by_file
from tacit.data.ids import apply_ids
from tacit.data.source import ColumnUse
from tacit.data.times import Dates, Times
from tacit.data.value_kinds import ValueKind
from tacit.reading import shapes
from tacit.reading.choices import EVENT, ITEM, SEQ, TIMESTAMP, USER, VALUE, Reading
from tacit.reading.column_content import Totals, spread
from tacit.reading.known_roles import Zone
from tacit.reading.numbers import Numbers, read_numbers
from tacit.reading.parallel import in_order
from tacit.reading.roles import Assignment, assign, chosen_columns, given
from tacit.reading.time_role import clock_texts
from tacit.reading.zone_role import with_zones

_COLUMN = {
    USER: col.USER,
    ITEM: col.ITEM,
    EVENT: col.EVENT,
    TIMESTAMP: col.TIMESTAMP,
    VALUE: col.VALUE,
    SEQ: col.SEQ,
}
_LONGEST_ID = 256
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
    dates : {"dmy", "mdy"} or None
        Order of day and month in dates of numbers; None where the column decides.
    timezone : str
        Zone of times without one.
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
    uses : tuple of ColumnUse
        Every column and what it is used for.
    dropped : tuple of str
        Columns that are left out.
    notes : tuple of str
        What was guessed, each a sentence.
    ids : tuple of str
        Rules for the ids of users and items (`tacit.data.ids`).
    path : Path
        For messages.
    value_kind : ValueKind or None
        What the values are by their column.
    clock : str or None
        The column of the times of day, where that of the times holds days only.
    zone : Zone or None
        Where the zone of times without one stands.
    """

    roles: dict[str, str]
    event: str
    list_sign: str | None
    impressions: bool
    named: bool
    columns: tuple[str, ...]
    flag: str | None = None
    uses: tuple[ColumnUse, ...] = ()
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    dates: Dates | None = None
    timezone: str = "UTC"
    ids: tuple[str, ...] = ()
    path: Path = Path("the log")
    value_kind: ValueKind | None = None
    clock: str | None = None
    zone: Zone | None = None

    @classmethod
    def of(
        cls,
        path: Path,
        sample: pl.DataFrame,
        named: bool,
        reading: Reading,
        totals: Mapping[str, Totals] | None = None,
    ) -> "Rows":
        """Return how to read a file, judging by its rows.

        Parameters
        ----------
        path : Path
        sample : polars.DataFrame
            All rows, or those that a survey has chosen.
        named : bool
            Whether the columns have names of their own.
        reading : Reading
        totals : mapping of column to Totals, optional
            Of all rows, where the sample is a part of them.
        """
        cells = sample.drop(col.LINE)
        if not reading.columns and not named and shapes.is_impression_log(cells):
            return cls._of_impressions(path, cells, reading)
        if (sign := _list_sign(cells, reading.columns)) is not None:
            lists = next(name for name in cells.columns if _is_list(cells[name]))
            user = next(name for name in cells.columns if name != lists)
            found = given(cells.columns, {USER: user, ITEM: lists})
        else:
            found = assign(cells, named, reading, path, totals)
        if sign is None:
            _check_ids(cells, found.roles, path)
        return cls._by(found, path, cells, named, reading, sign)

    @classmethod
    def given(cls, path: Path, sample: pl.DataFrame, reading: Reading) -> "Rows":
        """Return how to read a table whose roles are given: nothing is guessed."""
        cells = sample.drop(col.LINE)
        return cls._by(given(cells.columns, reading.columns), path, cells, True, reading, None)

    @classmethod
    def _by(
        cls,
        found: Assignment,
        path: Path,
        cells: pl.DataFrame,
        named: bool,
        reading: Reading,
        sign: str | None,
    ) -> "Rows":
        roles, event = found.roles, reading.event or _event_of(path, found.value_kind, ordered=found.ordered)
        flag = _flag(cells[roles[EVENT]]) if EVENT in roles else None
        return cls(
            roles,
            event,
            sign,
            False,
            named,
            tuple(cells.columns),
            flag,
            found.columns,
            found.dropped,
            (*found.notes, *_on_event(roles, event, reading, path)),
            reading.dates,
            reading.timezone,
            reading.ids,
            path,
            found.value_kind,
            found.clock,
            found.zone,
        )

    @classmethod
    def _of_impressions(cls, path: Path, cells: pl.DataFrame, reading: Reading) -> "Rows":
        columns = tuple(cells.columns)
        roles = {USER: columns[1], ITEM: columns[4], TIMESTAMP: columns[2]}
        taken = {column: role for role, column in roles.items()}
        uses = tuple(ColumnUse(name, taken.get(name), "shape" if name in taken else None) for name in columns)
        return cls(
            roles,
            "click",
            None,
            True,
            False,
            columns,
            uses=uses,
            dates=reading.dates,
            timezone=reading.timezone,
            ids=reading.ids,
            path=path,
        )


def _check_ids(cells: pl.DataFrame, roles: Mapping[str, str], path: Path) -> None:
    """Refuse lists of items, and ids of which a spreadsheet left only the first digits.

    Raises
    ------
    DataError
    """
    ids = {role: spread(cells[roles[role]]).cast(pl.String).str.strip_chars() for role in (USER, ITEM)}
    for role, texts in ids.items():
        rounded = texts.filter(texts.str.contains(_ROUNDED))
        if len(rounded) > 0.01 * (len(texts) - texts.null_count()):
            raise DataError(
                f"{path}: {roles[role]} holds ids that a spreadsheet has rounded ({rounded[0]}), so that "
                "several became one; export the column as text from the source"
            )
    if (found := shapes.item_list(ids[ITEM].drop_nulls())) is not None:
        raise DataError(f"{path}: {roles[ITEM]} holds lists ({found}); write one row per item")


def _event_of(path: Path, value: ValueKind | None, *, ordered: bool) -> str:
    """Return the event type of a log without one.

    Where the values are no ratings the name of the file makes none, and what has quantities is bought or put
    into a cart, whatever other word the name has.
    """
    if said_by_file(path) is not None and refused_by_file(path):
        raise AmbiguousError(
            f"{path}: the name of the file says that something was done and that it was undone, and no "
            "column holds event types; name the one type of all events with --event TYPE"
        )
    event = event_of_file(path, value, ordered=ordered)
    amounts = value in ("quantity", "plays", "time")
    viewed = value == "quantity" and meaning(event).sense not in _WITH_QUANTITIES
    return event_of_file(Path(), value) if viewed or (amounts and is_rated(event)) else event


_WITH_QUANTITIES = ("buy", "cart", "checkout", "add")
"""What is done to so many pieces of a thing."""


def _on_event(roles: Mapping[str, str], event: str, reading: Reading, path: Path) -> tuple[str, ...]:
    """Return what is to be said of the event types: that no column holds them, or a choice is not used."""
    if EVENT in roles and reading.event is not None:
        return (f"--event {reading.event} is not used: {roles[EVENT]} holds the event types",)
    if EVENT in roles:
        return ()
    if reading.event is not None:
        return (f"every event is a {event!r} by --event (event=... in Python)",)
    named = ", by the name of the file" if said_by_file(path) == event else ""
    return (f"no column holds event types: every event is a {event!r}{named}; --event TYPE for another",)


def finished(frame: pl.DataFrame, rows: Rows) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the events of a table, and the ``line`` and ``reason`` of rejected rows."""
    events, rejected, _ = events_of([frame], rows)
    return events, rejected


def events_of(parts: list[pl.DataFrame], rows: Rows) -> tuple[pl.DataFrame, pl.DataFrame, tuple[str, ...]]:
    """Return the events of the parts of a table, rejected rows, and what was decided of times and numbers.

    Times and values are decided by their whole columns. The list is emptied: each part is released as its
    events are made, so that a large log is not in memory twice.

    Raises
    ------
    DataError
        If the times cannot be read.
    """
    columns, notes = by_whole_columns(parts, rows)
    found_rows = list(in_order(partial(rows_to_events, rows), _completed(parts, columns)))
    events, rejected = ([pair[side] for pair in found_rows] for side in (0, 1))
    whole = pl.concat(events, how="diagonal", rechunk=False)
    anonymous = (one.note for one in anonymous_users(whole[col.USER]))
    return whole, pl.concat(rejected), (*notes, *anonymous)


def by_whole_columns(
    parts: Sequence[pl.DataFrame], rows: Rows
) -> tuple[dict[str, pl.Series], tuple[str, ...]]:
    """Return times and values by the names of their columns, and what was decided of them."""
    ways: dict[str, Callable[[pl.Series], Numbers]] = {}
    if TIMESTAMP in rows.roles:
        ways[rows.roles[TIMESTAMP]] = partial(_moments, rows)
    if VALUE in rows.roles and not rows.impressions:
        ways[rows.roles[VALUE]] = read_numbers
    found = dict(
        zip(ways, in_order(lambda name: ways[name](joined_column(parts, name, rows)), ways), strict=True)
    )
    notes = tuple(f"{name}: {note}" for name, numbers in found.items() for note in numbers.notes)
    return {name: numbers.values for name, numbers in found.items()}, notes


def _completed(parts: list[pl.DataFrame], columns: Mapping[str, pl.Series]) -> Iterator[pl.DataFrame]:
    """Take the parts out of their list, each with its piece of the columns that were read as a whole."""
    start = 0
    while parts:
        part = parts.pop(0)
        end = start + len(part)
        yield part.with_columns(values[start:end].alias(name) for name, values in columns.items())
        start = end


def joined_column(parts: Sequence[pl.DataFrame], name: str, rows: Rows) -> pl.Series:
    """Return a whole column; that of the times with the times of day and the zones from columns beside it."""
    column = _whole(parts, name)
    if name != rows.roles.get(TIMESTAMP):
        return column
    if rows.clock is not None:
        days = column.cast(pl.Date) if column.dtype == pl.Datetime else column
        clocks = clock_texts(_whole(parts, rows.clock))
        column = (days.cast(pl.String) + " " + clocks).str.strip_chars().alias(name)
    if rows.zone is not None:
        beside = _whole(parts, rows.zone.column) if rows.zone.column is not None else None
        column = with_zones(column, rows.zone, beside)
    return column


def _whole(parts: Sequence[pl.DataFrame], name: str) -> pl.Series:
    empty = pl.Series(name, [], dtype=pl.Null)
    kept = [part[name] if name in part.columns else empty.extend_constant(None, len(part)) for part in parts]
    known = [column for column in kept if column.dtype != pl.Null] or kept
    return pl.concat([column.cast(known[0].dtype) for column in kept], rechunk=False)


def _moments(rows: Rows, column: pl.Series) -> Numbers:
    """Return Unix seconds; NaN where a cell holds no time."""
    found = read_moments(rows, column)
    return Numbers(with_unread(found), found.notes)


def with_unread(found: Times) -> pl.Series:
    """Return Unix seconds, NaN where a cell holds no time."""
    seconds = found.seconds
    return seconds.scatter(found.unread, float("nan")) if len(found.unread) else seconds


def read_moments(rows: Rows, column: pl.Series) -> Times:
    """Return the moments of the column of the times.

    Raises
    ------
    DataError
        If they cannot be read, with the name of the file and of the column.
    """
    try:
        return times.read_times(column, dates=rows.dates, timezone=rows.timezone)
    except AmbiguousError as error:
        raise AmbiguousError(f"{rows.path}, column {column.name}: {error}") from error
    except DataError as error:
        raise DataError(
            f"{rows.path}: the column {column.name} holds no times that can be read: {error}; name "
            "another with --map COLUMN=timestamp (in Python mapping={'timestamp': COLUMN})"
        ) from error


def rows_to_events(rows: Rows, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the events of rows whose times and values are numbers, and the rejected rows."""
    absent = [name for name in rows.columns if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in absent)
    frame = frame.drop(rows.dropped)
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
        *_numbers(frame),
    )
    reason = _reasons(typed)
    good = reason.is_null()
    rejected = pl.DataFrame({col.LINE: frame[col.LINE], "reason": reason}).filter(~good)
    whole = typed.with_columns(pl.col(col.SEQ).cast(pl.Int64, strict=False))
    return _ordered(whole if good.all() else whole.filter(good)), rejected


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


def _list_sign(cells: pl.DataFrame, wanted: Mapping[str, str]) -> str | None:
    """Return the separator between items where the rows are users with lists of items."""
    if cells.width != 2 or wanted.keys() - {USER, ITEM}:
        return None
    chosen = chosen_columns(cells.columns, wanted)
    lists = [column for column in cells if _is_list(column)]
    if not lists or chosen.get(ITEM, lists[0].name) != lists[0].name or chosen.get(USER) == lists[0].name:
        return None
    return shapes.browse_separator(lists[0])


def _is_list(column: pl.Series) -> bool:
    return column.dtype == pl.String and shapes.browse_separator(column) is not None


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
    distinct = names.unique().cast(pl.String).str.strip_chars().unique().drop_nulls().to_list()
    return distinct[0] if len(distinct) == 1 and re.fullmatch(r"[\d.]*", distinct[0]) else None


def _events(frame: pl.DataFrame, rows: Rows) -> pl.Series:
    if col.EVENT not in frame.columns:
        return pl.Series(col.EVENT, [rows.event], dtype=pl.String).new_from_index(0, len(frame))
    names = frame[col.EVENT].cast(pl.String).str.strip_chars()
    unsaid = (names == "") | (names == (rows.flag or ""))
    return shapes.canonical_events(names.set(unsaid, None).fill_null(rows.event)).alias(col.EVENT)


def _numbers(frame: pl.DataFrame) -> list[pl.Series]:
    """Return times, values and the order: null where there is none, NaN where a cell holds something else."""
    empty = pl.Series([None], dtype=pl.Float64).new_from_index(0, len(frame))
    known = {name: frame[name] for name in (col.TIMESTAMP, col.VALUE, col.SEQ) if name in frame.columns}
    if col.SEQ in known:
        known[col.SEQ] = read_numbers(known[col.SEQ]).values
    return [known.get(name, empty).alias(name) for name in (col.TIMESTAMP, col.VALUE, col.SEQ)]


def _reasons(typed: pl.DataFrame) -> pl.Series:
    """Return the first reason to reject each row; null for a good row."""
    reason = pl.Series("reason", [None], dtype=pl.String).new_from_index(0, len(typed))
    checks = [
        (typed[col.SEQ].is_nan(), "the order is not a number"),
        (typed[col.VALUE].is_nan(), "the value is not a number"),
        (typed[col.TIMESTAMP].is_nan(), "the time cannot be read"),
    ]
    for name, what in ((col.ITEM, "item"), (col.USER, "user")):
        ids = typed[name]
        checks += [
            (_is_total(ids, what), "a line of totals and no event"),
            (ids.str.contains(_ROUNDED), f"the {what} id was rounded by a spreadsheet"),
            (ids.str.len_bytes() > _LONGEST_ID, f"the {what} id is longer than {_LONGEST_ID} bytes"),
            (ids.str.contains(_CONTROL), f"the {what} id holds a control character"),
            (ids.is_null() | (ids == ""), f"no {what} id"),
        ]
    for wrong, why in checks:
        if wrong.any():
            reason = reason.set(wrong.fill_null(False), why)
    return reason


def _is_total(ids: pl.Series, what: str) -> pl.Series:
    """Return which ids are words for a total; an item may be called Total, and hardly Grand Total."""
    return ids.str.contains(_GRAND_TOTAL if what == "item" else _TOTAL)


_GRAND_TOTAL = (
    r"^(?i:grand total|total g[eé]n[eé]ral|total general|gesamtsumme|总计|合计|合計|總計|общий итог)$"
)
_TOTAL = rf"{_GRAND_TOTAL}|^(?i:total|sub-?total|sum|summe|gesamt|小计|小計|итого|totale|toplam|합계|총계)$"
_ROUNDED = r"^\d[.,]\d+[eE]\+\d{2}$"
"""A long number as a spreadsheet shows it: its last digits are lost."""


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    first = [col.USER, col.ITEM, col.EVENT, col.TIMESTAMP, col.VALUE, col.SEQ, col.LINE]
    return frame.select(first + [name for name in frame.columns if name not in first])
