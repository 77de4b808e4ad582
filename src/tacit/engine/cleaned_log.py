"""The cleaned log of a fit, kept in its snapshot (``log.arrow``): enough to make the same fit again.

A row is an event, of a user (place in ``users.arrow``) on an item (place in ``catalogue.arrow``), in the
order of the interactions: by user, then by time. Most columns are those of the interactions; what these do
not hold (values, missing times, what is known of the moment as text, the source) is kept beside them in the
same order. The file is written a piece at a time and mapped when it is read; a service that only answers
never opens it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from tacit.core.types import Array, Bool, Int32
from tacit.data import columns as col
from tacit.data.categories import distinct_texts
from tacit.data.interactions import Interactions
from tacit.data.users import Users, moment_names
from tacit.data.vocabulary import Vocabulary
from tacit.store import artifacts

USER, ITEM = "user", "item"
HELD = "held"
"""Whether an event is kept and not learned from (`tacit.engine.influence`); only where one is."""
_MOMENT = "moment:"
"""In front of the names of columns on the moment of an event."""
_PIECE = 1_000_000
"""Rows that are written together: some 30 MB."""
_NUMBER, _CODE = pl.Float64(), pl.Int32()


class CleanedLog:
    """The events that a snapshot was fitted on, and those that it keeps without learning from them.

    Parameters
    ----------
    rows : int
    schema : mapping of column to type
        ``user``, ``item`` (int32 codes), ``event`` (dictionary), ``timestamp``, ``value`` (float64, null
        where unknown) and, where there are any, ``seq``, ``moment:NAME``, ``source``, ``held``.
    pieces : callable
        Returns the table, a piece at a time.
    """

    def __init__(
        self, rows: int, schema: Mapping[str, pl.DataType], pieces: Callable[[], Iterator[pl.DataFrame]]
    ) -> None:
        self._rows, self._schema, self._pieces = rows, schema, pieces

    def __len__(self) -> int:
        return self._rows

    def table(self) -> pl.DataFrame:
        """Return the events as codes; see the schema."""
        return pl.concat(self._pieces()) if self._rows else pl.DataFrame(schema=self._schema)

    def write(self, file: Path) -> None:
        """Write the log as an Arrow file, a piece at a time: memory holds one piece."""
        artifacts.write_pieces(file, self._pieces, self._schema)


class MappedLog(CleanedLog):
    """A log in a file, which is mapped when somebody asks for it.

    Parameters
    ----------
    file : Path
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def __len__(self) -> int:
        return len(self._table)

    @cached_property
    def _table(self) -> pl.DataFrame:
        return artifacts.read_table(self._file)

    def table(self) -> pl.DataFrame:
        """Return the events as codes: columns that look into the mapped file."""
        return self._table

    def write(self, file: Path) -> None:
        """Write the same file again."""
        table = self._table
        starts = range(0, len(table), _PIECE)
        artifacts.write_pieces(file, lambda: (table.slice(start, _PIECE) for start in starts), table.schema)


@dataclass(frozen=True)
class _Column:
    """A column of the log.

    Attributes
    ----------
    kind : polars.DataType
    values : array of [events]
    missing : bool[events] or None
    words : polars.Series or None
        The different texts of a column of texts; ``values`` are places among them.
    """

    kind: pl.DataType
    values: Array
    missing: Bool | None = None
    words: pl.Series | None = None

    def part(self, name: str, start: int, stop: int) -> pl.Series:
        """Return some rows."""
        if self.words is not None and self.words.is_empty():  # of a column without a text nothing is known
            return pl.Series(name, [None], dtype=self.kind).new_from_index(0, stop - start)
        values = pl.Series(self.values[start:stop])
        column = values.cast(self.kind) if self.words is None else self.words.gather(values)
        if self.missing is not None and (gone := self.missing[start:stop]).any():
            column = column.set(pl.Series(gone), None)
        return column.alias(name)


@dataclass(frozen=True)
class LoggedEvents:
    """Interactions, and columns of the same events that they do not hold, in their order."""

    interactions: Interactions
    beside: Mapping[str, _Column]

    @classmethod
    def of(cls, events: pl.DataFrame, items: Vocabulary, users: Users) -> "LoggedEvents":
        """Return the interactions of a weighed event frame, and all else that a later fit needs of it."""
        beside = _beside(events)
        arrays = [
            array for one in beside.values() for array in (one.values, one.missing) if array is not None
        ]
        interactions, ordered = Interactions.arranged(events, items, users, arrays)
        rest = iter(ordered)
        columns = {}
        for name, one in beside.items():
            values = next(rest)
            columns[name] = _Column(
                one.kind, values, one.missing if one.missing is None else next(rest), one.words
            )
        return cls(interactions, columns)

    def columns(self, kinds: pl.Series) -> dict[str, _Column]:
        """Return all columns of the log; event types as places among some."""
        log = self.interactions
        places = np.array([kinds.index_of(kind) or 0 for kind in log.kinds], dtype=np.int16)
        same = len(places) == len(kinds)
        found = {
            USER: _Column(_CODE, log.user),
            ITEM: _Column(_CODE, log.item),
            col.EVENT: _Column(kinds.dtype, log.kind if same else places[log.kind], words=kinds),
        }
        if log.timing == "time":
            found[col.TIMESTAMP] = _Column(_NUMBER, log.at)
        return {**found, **self.beside}


def log_of(learned: LoggedEvents, held: LoggedEvents | None = None) -> CleanedLog:
    """Return the log of a fit.

    Parameters
    ----------
    learned : LoggedEvents
        What the fit learned from.
    held : LoggedEvents, optional
        What it did not learn from.
    """
    parts = [learned] if held is None else [learned, held]
    names = sorted({kind for part in parts for kind in part.interactions.kinds})
    kinds = pl.Series(col.EVENT, names, dtype=pl.Enum(names))
    whole = [part.columns(kinds) for part in parts]
    schema: dict[str, pl.DataType] = {USER: _CODE, ITEM: _CODE, col.EVENT: kinds.dtype}
    schema |= dict.fromkeys((col.TIMESTAMP, col.VALUE), _NUMBER)
    schema |= {name: one.kind for columns in whole for name, one in columns.items()}
    if held is not None:
        schema[HELD] = pl.Boolean()

    def pieces() -> Iterator[pl.DataFrame]:
        for part, columns in zip(parts, whole, strict=True):
            size = len(part.interactions)
            for start in range(0, size, _PIECE):
                yield _piece(columns, schema, start, min(start + _PIECE, size), part is held)

    return CleanedLog(sum(len(part.interactions) for part in parts), schema, pieces)


def without_users(log: CleanedLog, gone: Bool) -> CleanedLog:
    """Return a log without the events of some users (bool[users]); the others have new codes, in order."""
    table = log.table()
    codes = np.cumsum(~gone, dtype=np.int32) - 1

    def pieces() -> Iterator[pl.DataFrame]:
        for start in range(0, len(table), _PIECE):
            part = table.slice(start, _PIECE)
            users = part[USER].to_numpy()
            kept = ~gone[users]
            yield part.filter(pl.Series(kept)).with_columns(pl.Series(USER, codes[users[kept]], dtype=_CODE))

    rows = int(np.count_nonzero(~gone[table[USER].to_numpy()]))
    return CleanedLog(rows, table.schema, pieces)


def _piece(
    columns: Mapping[str, _Column], schema: Mapping[str, pl.DataType], start: int, stop: int, is_held: bool
) -> pl.DataFrame:
    absent = {
        name: pl.Series(name, [is_held if name == HELD else None], dtype=kind)
        for name, kind in schema.items()
    }
    return pl.DataFrame(
        [
            columns[name].part(name, start, stop)
            if name in columns
            else absent[name].new_from_index(0, stop - start)
            for name in schema
        ]
    )


def _beside(events: pl.DataFrame) -> dict[str, _Column]:
    """Return the columns of an event frame that its interactions do not hold."""
    at, value, seq = events[col.TIMESTAMP], events[col.VALUE], events[col.SEQ]
    found = {}
    if 0 < at.null_count() < len(at):  # else all times are those of the interactions, or there are none
        found[col.TIMESTAMP] = _numbers(at)
    if value.null_count() < len(value):
        found[col.VALUE] = _numbers(value)
    if at.null_count() and seq.null_count() < len(seq):
        found[col.SEQ] = _numbers(seq)
    texts = {f"{_MOMENT}{name}": name for name in moment_names(events.columns)}
    texts |= {name: name for name in (col.SOURCE,) if name in events.columns}
    return found | {name: _texts(events[column]) for name, column in texts.items()}


def _numbers(column: pl.Series) -> _Column:
    """Return a column of numbers in as few bytes as hold them: ratings are exact in four."""
    missing = column.is_null().to_numpy() if column.null_count() else None
    values = column.fill_null(0).to_numpy()
    narrow = values.astype(np.float32) if values.dtype == np.float64 else values
    same = bool((narrow == values).all())
    return _Column(column.dtype, narrow if same else values, missing)


def _texts(column: pl.Series) -> _Column:
    texts = column.cast(pl.String, strict=False)
    words = distinct_texts(texts).sort()
    codes = Vocabulary(words).encode(texts)
    missing: Bool = codes < 0
    kind = pl.Enum(words)
    return _Column(kind, np.maximum(codes, 0), missing if missing.any() else None, words.cast(kind))


@dataclass(frozen=True)
class Names:
    """Ids of users and items by the codes of a log."""

    users: pl.Series
    items: pl.Series


def frame_of(table: pl.DataFrame, names: Names) -> pl.DataFrame:
    """Return events as `tacit.data.columns` has them; ids are categories, 4 bytes an event.

    Parameters
    ----------
    table : polars.DataFrame
        See `CleanedLog`.
    names : Names
    """
    rest = {name: name.removeprefix(_MOMENT) for name in table.columns if name.startswith(_MOMENT)}
    rest |= {name: name for name in (col.SOURCE, HELD) if name in table.columns}
    seq = table[col.SEQ] if col.SEQ in table.columns else None
    return pl.DataFrame(
        [
            categories(names.users, table[USER].to_numpy()).alias(col.USER),
            categories(names.items, table[ITEM].to_numpy()).alias(col.ITEM),
            categories(*_words_of(table[col.EVENT])).alias(col.EVENT),
            table[col.TIMESTAMP],
            table[col.VALUE],
            pl.Series(col.SEQ, [None], dtype=pl.Int64).new_from_index(0, len(table)) if seq is None else seq,
            pl.int_range(len(table), dtype=pl.Int64, eager=True).alias(col.LINE),
            *(
                (table[name] if name == HELD else table[name].cast(pl.String)).alias(plain)
                for name, plain in rest.items()
            ),
        ]
    )


def _words_of(column: pl.Series) -> tuple[pl.Series, Int32]:
    """Return the words of a column, and the place of each row's among them."""
    words = column.unique().drop_nulls().cast(pl.String).sort()
    return words, Vocabulary(words).encode(column.cast(pl.Categorical))


def categories(ids: pl.Series, codes: Int32) -> pl.Series:
    """Return the ids of codes as categories, whose own codes are the places of the ids in text order."""
    order = ids.arg_sort()
    place = np.empty(len(ids), dtype=np.uint32)
    place[order.to_numpy()] = np.arange(len(ids), dtype=np.uint32)
    known = ids.gather(order).cast(pl.Categorical(pl.Categories.random()))
    return known.gather(pl.Series(place[codes]))
