"""Tables that describe items or users: small enough to read whole, with texts that may hold anything."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tacit.core.errors import DataError
from tacit.data import columns as col
from tacit.data import times
from tacit.data.event_names import plain_name
from tacit.reading import delimited, jsonlines, parquetfile, textfile
from tacit.reading.choices import NO_CHOICES, Reading
from tacit.reading.rows import text_ids

_RENAMED = {
    col.TITLE: "title name itemname productname movietitle producttitle 标题 名称 商品名称 片名",
    col.DESCRIPTION: "description desc text body abstract storyline plot summary overview 描述 简介 剧情简介",
    col.AVAILABLE: "available availability instock active isavailable status",
    col.CREATED_AT: "createdat creationtimestamp addedat publishedat listedat dateadded creationdate",
}
_NO = {"false", "0", "no", "n", "out of stock", "outofstock", "out_of_stock", "unavailable", "inactive"}
_LONGEST_CELL = 1_000
"""Most lines that a quoted cell may hold."""

_GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip


def read_table(path: Path, reading: Reading = NO_CHOICES) -> pl.DataFrame:
    """Return a table with named columns, every cell text where the file is text.

    Raises
    ------
    DataError
        If there is no table in the file.
    """
    sample = textfile.head(path)
    if not sample.strip():
        raise DataError(f"{path} is empty")
    if parquetfile.is_parquet(sample):
        return parquetfile.read(path).drop(col.LINE)
    encoding, _ = textfile.encoding_of_file(path, reading.encoding)
    lines = [line for block in textfile.blocks(path, encoding) for line in block.lines.to_list()]
    filled = [line for line in lines if line.strip()]
    if not filled:
        raise DataError(f"{path} is empty")
    if filled[0].lstrip().startswith("{"):
        return _records(path, filled)
    layout = delimited.layout_of(filled)
    if layout.separator is None:
        names = layout.names if layout.header else ("id",)
        return pl.DataFrame({names[0]: filled[1:] if layout.header else filled}, schema={names[0]: pl.String})
    cells = _cells(lines, layout)
    names = _movielens_names(layout, len(layout.names)) or layout.names
    return _genre_flags(_framed(cells, names), names)


def identified(table: pl.DataFrame, column: str, name: str) -> pl.DataFrame:
    """Return a table with its id column named, as text and unique, without rows that have no id."""
    if name in table.columns and column != name:
        table = table.rename({name: f"{name}_as_read"})
    table = table.rename({column: name})
    table = table.with_columns(text_ids(table[name]))
    known = table.filter(pl.col(name).is_not_null() & (pl.col(name) != ""))
    if not len(known):
        raise DataError(f"no row has an id in the column {column}; name another with --map COLUMN=role")
    return known.unique(name, keep="first", maintain_order=True)


def catalogue_columns(table: pl.DataFrame, id_column: str) -> pl.DataFrame:
    """Return a catalogue frame: ids, and known columns under their names and with their types."""
    frame = identified(table, id_column, col.ITEM)
    for target, names in _RENAMED.items():
        known = {name: place for place, name in enumerate(names.split())}
        found = sorted((known[plain_name(n)], n) for n in frame.columns if plain_name(n) in known)
        if found and target not in frame.columns:
            frame = frame.rename({found[0][1]: target})
    return frame.with_columns(
        *(_available(frame[col.AVAILABLE]) for _ in "1" if col.AVAILABLE in frame.columns),
        *(_created(frame[col.CREATED_AT]) for _ in "1" if col.CREATED_AT in frame.columns),
        *(_number(frame["price"]) for _ in "1" if "price" in frame.columns),
    )


def _records(path: Path, lines: Sequence[str]) -> pl.DataFrame:
    try:
        records = jsonlines.item_records(lines)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON lines to its end: {error}") from error
    if not records:
        raise DataError(f"{path} holds no JSON record")
    names = list(dict.fromkeys(name for record in records for name in record))
    return pl.DataFrame(
        {name: [record.get(name) for record in records] for name in names},
        schema=dict.fromkeys(names, pl.String),
    )


def _cells(lines: list[str], layout: delimited.Layout) -> list[list[str]]:
    """Return rows of cells; a quoted cell may hold separators and line ends."""
    separator = layout.separator or ","
    if len(separator) == 1 and separator in ",;":
        rows = _quoted_rows(lines, separator, len(layout.names))
    else:
        rows = [[_bare(cell) for cell in line.split(separator)] for line in lines if line.strip()]
    return rows[1:] if layout.header else rows


def _quoted_rows(lines: list[str], separator: str, width: int) -> list[list[str]]:
    """Return the rows of lines; an open quote continues a row on the next lines, if it is closed there."""
    rows, start = [], 0
    while start < len(lines):
        row, used = _row(lines, start, separator, width)
        if lines[start].strip():
            rows.append(row)
        start += used
    return rows


def _row(lines: list[str], start: int, separator: str, width: int) -> tuple[list[str], int]:
    """Return the row that starts at a line, and how many lines it takes."""
    places = range(start, min(start + _LONGEST_CELL, len(lines)))
    reader = csv.reader((f"{lines[place]}\n" for place in places), delimiter=separator, strict=True)
    try:
        row = next(reader)
    except csv.Error:
        row = []
    if row and (reader.line_num == 1 or len(row) == width):
        return row, reader.line_num
    try:  # a stray quote: the line stands alone
        return next(csv.reader([lines[start]], delimiter=separator)), 1
    except csv.Error:
        return lines[start].split(separator), 1


def _bare(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if re.fullmatch(r'".*"', cell, re.S) and len(cell) > 1 else cell


def _framed(rows: list[list[str]], names: Sequence[str]) -> pl.DataFrame:
    width = len(names)
    even = [(row + [""] * width)[:width] for row in rows]
    frame = pl.DataFrame(even, schema=dict.fromkeys(names, pl.String), orient="row")
    return frame.with_columns(pl.when(pl.all() != "").then(pl.all()).name.keep())


def _movielens_names(layout: delimited.Layout, width: int) -> tuple[str, ...] | None:
    if layout.header is not None:
        return None
    if layout.separator == "|" and width == 5 + len(_GENRES):
        return ("item_id", "title", "release_date", "video_date", "url", *_GENRES)
    if layout.separator == "|" and width == 5:
        return ("user_id", "age", "gender", "occupation", "zip")
    if layout.separator == "::" and width == 3:
        return ("item_id", "title", "genres")
    if layout.separator == "::" and width == 5:
        return ("user_id", "gender", "age", "occupation", "zip")
    if layout.separator == "\t" and width == 8:
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


def _available(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Boolean:
        return column
    if column.dtype.is_numeric():  # 0.0: pandas turns flags into decimal numbers where one is missing
        return (column != 0).fill_null(True)
    return ~column.cast(pl.String).str.to_lowercase().str.strip_chars().is_in(list(_NO)).fill_null(False)


def _created(column: pl.Series) -> pl.Series:
    if column.dtype.is_numeric() or column.dtype.is_temporal():
        return times.seconds(column)
    texts = column.cast(pl.String)
    parse = times.parser_for(texts)
    return (parse(texts) if parse else texts.cast(pl.Float64, strict=False)).alias(column.name)


def _number(column: pl.Series) -> pl.Series:
    if column.dtype.is_numeric():
        return column.cast(pl.Float64)
    bare = column.cast(pl.String).str.replace_all(r"[^\d.,-]", "").str.replace_all(",", "")
    return bare.cast(pl.Float64, strict=False)
