"""Tables that describe items or users: small enough to read whole, with texts that may hold anything."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import polars as pl

from tacit.core.errors import DataError
from tacit.data import columns as col
from tacit.data import times
from tacit.data.text_columns import is_missing, meant_titles, text_columns
from tacit.reading import delimited, excel, foreign, jsonlines, parquetfile, textfile
from tacit.reading.availability import Availability, availability
from tacit.reading.choices import ITEM, NO_CHOICES, USER, Reading
from tacit.reading.numbers import read_numbers
from tacit.reading.rows import text_ids
from tacit.reading.table_ids import id_column, named_column, refuse_log
from tacit.reading.table_names import is_vocabulary
from tacit.reading.table_roles import CatalogueColumns, text_roles
from tacit.reading.typed import plain

_UNNAMED = re.compile(r"|Unnamed: ?\d+|column_\d+|__index_level_\d+__")
"""Names of columns that had none: of pandas, of a spreadsheet, of this reader."""


_PRICE = "price"
_WITHOUT_HEADER = Reading(header="no")
_FIRST_LINES = 1_000
_GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table of a file.

    Attributes
    ----------
    frame : polars.DataFrame
        Named columns, every cell text where the file is text.
    notes : tuple of str
        What was guessed or left out, in sentences.
    """

    frame: pl.DataFrame
    notes: tuple[str, ...] = ()


def read_table(path: Path, reading: Reading = NO_CHOICES) -> Table:
    """Return the table of a file.

    Raises
    ------
    DataError
        If there is no table in the file.
    """
    sample = textfile.head(path)
    if not sample.strip():
        raise DataError(f"{path} is empty")
    if parquetfile.is_parquet(sample):
        return Table(parquetfile.read(path).drop(col.LINE))
    if excel.is_excel(path, sample):
        sheet = excel.read(path)
        return Table(plain(sheet.table), _of(path, sheet.notes))
    foreign.refuse(path, sample)
    encoding, guessed = textfile.encoding_of_file(path, reading.encoding)
    return Table(_text_table(path, encoding), _of(path, guessed))


def _of(path: Path, notes: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{path}: {note}" for note in notes)


def _text_table(path: Path, encoding: str) -> pl.DataFrame:
    blocks = list(textfile.blocks(path, encoding))
    lines = [line for block in blocks for line in block.lines.to_list()]
    start = next((place for place, line in enumerate(lines) if line.strip()), None)
    if start is None:
        raise DataError(f"{path} is empty")
    if jsonlines.layout_of(lines[start:]) is not None:
        return _records(path, [line for line in lines if line.strip()])
    layout = _layout_of(lines[start:], start + 1)
    rows = _cells(blocks, layout)
    if layout.separator is None:
        name = layout.names[0] if layout.header else "id"
        return pl.DataFrame({name: [row[0] for row in rows]}, schema={name: pl.String})
    names = _known_names(layout, rows) if layout.header is None else None
    return _genre_flags(_framed(rows, names or layout.names), names or layout.names)


@dataclass(frozen=True)
class CatalogueTable:
    """A catalogue as it was read.

    Attributes
    ----------
    frame : polars.DataFrame
        ``item_id`` (unique, text), known columns under their names and with their types, and all others.
    columns : CatalogueColumns
        What each column was taken for.
    """

    frame: pl.DataFrame
    columns: CatalogueColumns

    @property
    def notes(self) -> list[str]:
        """What makes up the text of an item, and what was guessed or dropped, in sentences."""
        return self.columns.in_words()


@dataclass(frozen=True)
class UserTable:
    """A file of users as it was read.

    Attributes
    ----------
    frame : polars.DataFrame
        ``user_id`` (unique, text) and all other columns.
    column : str
        Column of the ids.
    notes : tuple of str
        What was guessed or dropped, in sentences.
    """

    frame: pl.DataFrame
    column: str
    notes: tuple[str, ...] = ()


def catalogue_table(
    table: pl.DataFrame, reading: Reading, *, where: str, log_ids: pl.Series | None = None
) -> CatalogueTable:
    """Return a table as a catalogue.

    Parameters
    ----------
    table : polars.DataFrame
    reading : Reading
        Columns that it names are taken; its rules are applied to the ids.
    where : str
        The table, for messages: its path or "the catalogue frame".
    log_ids : polars.Series of str, optional
        An item id an event, as the log was read: the column that meets them holds the ids.

    Raises
    ------
    ConfigError
        If a column that the choices name is not there.
    DataError
        If it is not clear which column holds the ids, none of them is an id, or it is an event log.
    """
    reading = replace(reading, item_columns=_resolved(table, reading.item_columns))
    table, dropped = described(table, where, tuple(reading.item_columns.values()))
    ids, found = id_column(table, ITEM, reading, where=where, log_ids=log_ids)
    if ITEM not in reading.item_columns:
        refuse_log(table, ids, ITEM, where)
    frame, repeated = _identified(table, ids, col.ITEM, reading.ids, where)
    stock = availability(frame.drop(col.ITEM), reading.item_columns.get(col.AVAILABLE), where)
    roles, guessed = text_roles(table.drop(ids, *stock.columns), reading)
    frame, untyped = _typed(_renamed(_with_availability(frame, stock), roles), reading)
    said = [f"{where}: {note}" for note in (*guessed, *untyped)]
    text = text_columns(frame.drop(col.ITEM, col.AVAILABLE, col.CREATED_AT, strict=False))
    own = {role: column for role, column in roles.items() if role in frame.columns}
    return CatalogueTable(
        frame,
        CatalogueColumns(
            item=ids,
            title=own.get(col.TITLE),
            description=own.get(col.DESCRIPTION),
            available=stock.columns,
            created_at=own.get(col.CREATED_AT),
            texts=tuple(own.get(name, name) for name in text.names),
            attributes=tuple(own.get(name, name) for name in text.left_out),
            left_out={own.get(name, name): reason for name, reason in text.left_out.items()},
            notes=(*dropped, *found, *said, *repeated, *stock.notes),
        ),
    )


def user_table(
    table: pl.DataFrame, reading: Reading, *, where: str, log_ids: pl.Series | None = None
) -> UserTable:
    """Return a table as one of users; parameters and errors as for `catalogue_table`."""
    reading = replace(reading, user_columns=_resolved(table, reading.user_columns))
    table, dropped = described(table, where, tuple(reading.user_columns.values()))
    ids, found = id_column(table, USER, reading, where=where, log_ids=log_ids)
    if USER not in reading.user_columns:
        refuse_log(table, ids, USER, where)
    frame, repeated = _identified(table, ids, col.USER, reading.ids, where)
    return UserTable(frame, ids, (*dropped, *found, *repeated))


def described(
    table: pl.DataFrame, where: str, kept: Sequence[str] = ()
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return a table without columns that have no name and are empty or count the rows, and what was dropped.

    Parameters
    ----------
    table : polars.DataFrame
    where : str
        The table, for messages.
    kept : sequence of str
        Columns that are not dropped.
    """
    unnamed = [name for name in table.columns if _UNNAMED.fullmatch(name) and name not in kept]
    empty = [name for name in unnamed if table[name].null_count() == len(table)]
    numbers = [name for name in unnamed if name not in empty and _is_row_number(table[name])]
    if len(empty) + len(numbers) == table.width:
        return table, ()
    notes = [f"{where}: the first column has no name and counts the rows: it is dropped"] if numbers else []
    if empty:
        notes.append(f"{where}: {len(empty)} empty column(s) without a name are dropped")
    return table.drop(*numbers, *empty), tuple(notes)


def _resolved(table: pl.DataFrame, wanted: Mapping[str, str]) -> dict[str, str]:
    """Return role -> name of column: a place counts among all columns, those that will be dropped too."""
    return {role: named_column(table.columns, column, role) for role, column in wanted.items()}


def _is_row_number(column: pl.Series) -> bool:
    """Return whether a column counts the rows, as the index that pandas writes does."""
    if len(column) < 2:
        return False
    numbers = column.cast(pl.String).cast(pl.Int64, strict=False)
    steps = numbers.diff().drop_nulls()
    return numbers.null_count() == 0 and bool((steps == 1).all()) and numbers[0] in (0, 1)


def _identified(
    table: pl.DataFrame, column: str, name: str, rules: Sequence[str], where: str
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return a table with its id column named, as text and unique, without rows that have no id."""
    if name in table.columns and column != name:
        table = table.rename({name: f"{name}_as_read"})
    table = table.rename({column: name})
    table = table.with_columns(text_ids(table[name], rules))
    known = table.filter(pl.col(name).is_not_null() & (pl.col(name) != ""))
    if not len(known):
        raise DataError(f"no row has an id in the column {column} of {where}; name another column")
    unique = known.unique(name, keep="first", maintain_order=True)
    notes = []
    if len(known) < len(table):
        notes.append(f"{where}: {len(table) - len(known):,} row(s) without an id are left out")
    if len(unique) < len(known):
        more = len(known) - len(unique)
        notes.append(f"{where}: {more:,} row(s) repeat an id of {column}; the first row of each is used")
    return unique, tuple(notes)


def _with_availability(frame: pl.DataFrame, stock: Availability) -> pl.DataFrame:
    """Put what the columns of availability say in place of the first of them."""
    if stock.flags is None or col.AVAILABLE not in stock.columns:  # another column of this name stands aside
        aside = {col.AVAILABLE: f"{col.AVAILABLE}_as_read"} if col.AVAILABLE in frame.columns else {}
        frame = frame.rename(aside)
    if stock.flags is None:
        return frame
    place = frame.columns.index(stock.columns[0])
    rest = frame.drop(stock.columns)
    return rest.insert_column(place, stock.flags.alias(col.AVAILABLE))


def _renamed(frame: pl.DataFrame, roles: Mapping[str, str]) -> pl.DataFrame:
    """Give the columns of roles their names; another column with such a name is renamed."""
    wanted = {column: role for role, column in roles.items() if column in frame.columns}
    aside = {
        role: f"{role}_as_read" for role in wanted.values() if role in frame.columns and role not in wanted
    }
    return frame.rename({**aside, **wanted})


def _typed(frame: pl.DataFrame, reading: Reading) -> tuple[pl.DataFrame, list[str]]:
    """Return a catalogue whose known columns have their types, and what could not be read of them."""
    if col.TITLE in frame.columns and not frame[col.TITLE].dtype.is_nested():
        titles = meant_titles(frame[col.TITLE])
        number = titles.str.contains(r"^[\d\s\p{P}]+$").fill_null(False)  # an id in place of a title
        frame = frame.with_columns(titles.set((titles == frame[col.ITEM]) & number, None))
    notes: list[str] = []
    for name, read in ((col.CREATED_AT, partial(_created, reading)), (_PRICE, _number)):
        if name in frame.columns:
            typed, said = read(frame[name])
            frame, notes = frame.with_columns(typed), [*notes, *said]
    return frame, notes


def _records(path: Path, lines: Sequence[str]) -> pl.DataFrame:
    try:
        records = jsonlines.item_records(lines)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON to its end: {error}") from error
    if not records:
        raise DataError(f"{path} holds no JSON record")
    names = list(dict.fromkeys(name for record in records for name in record))
    return pl.DataFrame(
        {name: [record.get(name) for record in records] for name in names},
        schema=dict.fromkeys(names, pl.String),
    )


def _layout_of(lines: list[str], first_line: int) -> delimited.Layout:
    """Return how a table of items or users is built; MovieLens and MIND write no header."""
    bare = delimited.layout_of(lines, first_line, _WITHOUT_HEADER)
    first = next(iter(_cells([_block(lines)], bare)), [])
    if first and re.fullmatch(r"N?\d+", first[0].strip()) and _known_names(bare, [first]):
        return bare
    return _with_header(delimited.layout_of(lines, first_line), first)


def _block(lines: list[str]) -> textfile.Block:
    return textfile.Block(1, pl.Series("raw", lines[:_FIRST_LINES], dtype=pl.String), frozenset(), 0)


def _with_header(layout: delimited.Layout, first: list[str]) -> delimited.Layout:
    """Return a layout whose first line is the header where it names columns, some of them with nothing."""
    if layout.header is not None or layout.separator is None:
        return layout
    cells = [cell.strip() for cell in first]
    named = [cell for cell in cells if cell]
    said = sum(is_vocabulary(cell) for cell in named)
    if len(set(named)) < len(named) or not all(re.match(r"[^\W\d]", cell) for cell in named):
        return layout
    if said < max(2, len(named) / 2):
        return layout
    names = [cell or f"column_{place}" for place, cell in enumerate(cells, 1)]
    return replace(layout, names=tuple(names), header=layout.separator.join(first), header_line=1)


def _cells(blocks: Iterable[textfile.Block], layout: delimited.Layout) -> list[list[str]]:
    """Return rows of cells; a quoted cell may hold separators and line ends."""
    aside = {layout.header_line, *layout.preamble}
    texts = [
        text
        for part in layout.records(blocks)
        for line, text in zip(part.line.to_list(), part.text.to_list(), strict=True)
        if text.strip() and line not in aside
    ]
    rows = [delimited.cells_of(text, layout) for text in texts]
    return rows if layout.quoting is not None else [[_bare(cell) for cell in row] for row in rows]


def _bare(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if re.fullmatch(r'".*"', cell, re.S) and len(cell) > 1 else cell


def _framed(rows: list[list[str]], names: Sequence[str]) -> pl.DataFrame:
    width = len(names)
    even = [(row + [""] * width)[:width] for row in rows]
    frame = pl.DataFrame(even, schema=dict.fromkeys(names, pl.String), orient="row")
    return frame.with_columns(pl.when(pl.all() != "").then(pl.all()).name.keep())


def _known_names(layout: delimited.Layout, rows: Sequence[Sequence[str]]) -> tuple[str, ...] | None:
    """Return the names of the columns of MovieLens and MIND, whose files have no header."""
    width = len(layout.names)
    if layout.separator == "|" and width == 5 + len(_GENRES):
        return ("item_id", "title", "release_date", "video_date", "url", *_GENRES)
    if layout.separator == "|" and width == 5:
        return ("user_id", "age", "gender", "occupation", "zip")
    if layout.separator == "::" and width == 3:
        return ("item_id", "title", "genres")
    if layout.separator == "::" and width == 5:
        return ("user_id", "gender", "age", "occupation", "zip")
    if layout.separator == "\t" and width == 8 and all("".join(row[6:8])[:1] in "[" for row in rows[:20]):
        return ("item_id", "category", "subcategory", "title", "abstract", "url", "entities", "more_entities")
    return None


def _genre_flags(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Turn the 0/1 columns of ``u.item`` into one text column."""
    if tuple(names[5:]) != _GENRES:
        return frame
    genres = pl.concat_str(
        [pl.when(pl.col(name) == "1").then(pl.lit(name)) for name in _GENRES],
        separator=", ",
        ignore_nulls=True,
    )
    return frame.with_columns(genres.alias("genres")).drop(_GENRES)


def _created(reading: Reading, column: pl.Series) -> tuple[pl.Series, list[str]]:
    """Return when items were listed; a column that holds no times says nothing."""
    try:
        seconds = times.read_times(column, dates=reading.dates, timezone=reading.timezone).seconds
    except DataError as error:
        none = pl.Series(column.name, [None], dtype=pl.Float64).new_from_index(0, len(column))
        return none, [f"{column.name} is not used: {error}"]
    unread = column.filter(seconds.is_null() & ~is_missing(column.cast(pl.String)))
    return seconds.alias(column.name), _unread(column.name, unread, "times")


def _number(column: pl.Series) -> tuple[pl.Series, list[str]]:
    """Return prices; a range or a word is none."""
    if column.dtype.is_numeric():
        return column.cast(pl.Float64), []
    found = read_numbers(column.cast(pl.String))
    notes = [f"{column.name}: {note}" for note in found.notes]
    unread = column.filter(found.values.is_nan().fill_null(False))
    return found.values.fill_nan(None).alias(column.name), [*notes, *_unread(column.name, unread, "numbers")]


def _unread(name: str, cells: pl.Series, what: str) -> list[str]:
    if not len(cells):
        return []
    return [f"{len(cells):,} cells of {name} are no {what} that can be read, for example {cells[0]!r}"]
