"""JSON: one object a line, arrays, objects over several lines; flat or nested (see `tacit.reading.nested`).

Numbers stay text as in the file: an id of twenty digits is not rounded.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Literal

import polars as pl

from tacit.data import columns as col
from tacit.reading import nested
from tacit.reading.text_records import Records
from tacit.reading.textfile import Block

Layout = Literal["lines", "document"]
"""A value a line, or values over lines: one array, printed objects, one object around a list."""

MOST_TEXT = 2**28
"""Most characters of one value that is not whole."""

_SAMPLE = 100
_SMALL = 10_000
"""Characters up to which a file without records is looked for as a whole."""
_LONE = re.compile(r"\\u[dD][89a-fA-F]")
_BETWEEN = re.compile(r"[\s,\[\]]*")
_NEXT = re.compile(r"\n[ \t]*(?=\{)")
_START = re.compile(r'\s*\[?\s*\{\s*(?:"|\}|$)|\s*\[\s*$')
_BAD = {col.LINE: pl.Int64, "reason": pl.String, "raw": pl.String}


def layout_of(lines: Sequence[str]) -> Layout | None:
    """Return how a text with these first lines holds JSON, None if it does not."""
    filled = [line for line in lines[:_SAMPLE] if line.strip()]
    if not filled or not _may_begin_json(filled[0]):
        return None
    whole = sum(_is_whole(line) for line in filled)
    if whole > 0.5 * len(filled) and not (len(filled) == 1 and filled[0].lstrip().startswith("[")):
        return "lines"
    if filled[0].lstrip()[0] in "[{" and _begins_document(filled):
        return "document"
    return "lines" if sum(line.lstrip().startswith("{") for line in filled) > 0.5 * len(filled) else None


def without_records(lines: Sequence[str]) -> str | None:
    """Return what a text with these first lines is where it is JSON without records; else None."""
    filled = [line.strip() for line in lines if line.strip()]
    if _LISTS.match("\n".join(filled[:2])) or (len(filled) > 1 and all(map(_is_list, filled[:_SAMPLE]))):
        return "JSON lists without names"
    if sum(map(len, filled)) > _SMALL or filled[0][0] not in '[{"nft':
        return None
    try:
        found = json.loads("\n".join(filled))
    except ValueError:
        return None
    if found in ([], {}, [{}]) or isinstance(found, str | bool | None):
        return "JSON without a record"
    return "a JSON list of single values" if isinstance(found, list) and not _has_records(found) else None


def _has_records(values: list[Any]) -> bool:
    return any(isinstance(value, dict | str) for value in values)


def _is_list(line: str) -> bool:
    try:
        return line.startswith("[") and not _has_records(json.loads(line.rstrip(","))[:1])
    except ValueError:
        return False


_LISTS = re.compile(r"\s*\[\s*\[")


def _may_begin_json(line: str) -> bool:
    """Return whether a first line may be JSON, a part of it or a remark: no header or row of a table.

    The texts of a table may hold lines of JSON, and more of them than the table has rows.
    """
    text = line.strip()
    return text[0] in "[{" or text[-1] in "]}," or not re.search(r"[,;\t|]", text)


def parse(
    lines: Sequence[str] | pl.Series, numbers: Iterable[int], damaged: Collection[int] = frozenset()
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the records of lines as text columns (with ``line``), and the lines without a record.

    Parameters
    ----------
    lines : sequence of str
        A value each; the entries of an array are records.
    numbers : iterable of int
        Number of each line.
    damaged : collection of int
        Numbers of lines with bytes that do not fit the encoding.
    """
    rows: list[dict[str, Any]] = []
    bad: list[tuple[int, str, str]] = []
    for number, line in zip(numbers, lines, strict=True):
        if number in damaged:
            bad.append((number, "bytes that do not fit the encoding", line))
            continue
        try:
            value = _loaded(line)
        except (ValueError, RecursionError):
            bad.append((number, "not valid JSON" if line.strip() else "empty line", line))
            continue
        for record in value if isinstance(value, list) and value else [value]:
            if reason := _not_an_event(record, line):
                bad.append((number, reason, line))
            else:
                rows.extend({**row, col.LINE: number} for row in _events(record))
    return _table(rows), pl.DataFrame(bad, schema=_BAD, orient="row")


def documents(blocks: Iterable[Block]) -> Iterator[Records]:
    """Yield the values of a text as records; the entries of arrays at the top are values.

    The number of a record is that of its first line, or the next free one where several begin on one line.
    """
    first, used, size, least = 1, 0, 0, 0
    text, damaged = "", False
    for block in blocks:
        text += "\n".join(block.lines) + "\n"
        size += block.size
        damaged = damaged or bool(block.damaged)
        if len(text) < least:
            continue
        found, end = _values(text, last=False)
        if found:
            part = _numbered(found, text, first, used, damaged, size)
            yield part
            used, size = int(part.line[-1]), 0
        first += text.count("\n", 0, end)
        text = text[end:]
        least = 2 * len(text)
    found, _ = _values(text, last=True)
    if found:
        yield _numbered(found, text, first, used, damaged, size)


def item_records(lines: Sequence[str]) -> list[dict[str, Any]]:
    """Return the catalogue records of JSON of any layout; a Metarank item's fields become columns.

    Raises
    ------
    ValueError
        If a value is not JSON.
    """
    if layout_of(lines) == "document":
        values = [_loaded(text) for _, text in _values("\n".join(lines), last=True)[0]]
    else:
        values = [_loaded(line) for line in lines if line.strip()]
    records = [one for value in values for one in (value if isinstance(value, list) else [value])]
    if len(records) == 1 and isinstance(records[0], dict):
        records = nested.entries_of(records[0]) or records
    return [_item(record) for record in records if isinstance(record, dict)]


def _loaded(text: str) -> Any:
    return json.loads(text, parse_int=str, parse_float=_decimal, parse_constant=lambda _: None)


def _decimal(text: str) -> str:
    """Return a number as text: 4.0 is the number 4, and an id that is written both ways is one."""
    return text.removesuffix(".0")


_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=lambda _: None)


def _is_whole(line: str) -> bool:
    if line.lstrip()[:1] not in ("{", "["):
        return False
    try:
        value = _loaded(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(one, dict) for one in value)
    )


def _begins_document(lines: Sequence[str]) -> bool:
    """Return whether lines begin an array of objects, or objects over several lines."""
    text = "\n".join(lines)
    if _START.match(text) is None:
        return False
    found, end = _values(text, last=False)
    if any(_is_whole(value) for _, value in found):
        return True
    return not found and text[end:].startswith("{") and lines[1:2] != ["{"]


def _values(text: str, *, last: bool) -> tuple[list[tuple[int, str]], int]:
    """Return the values of a text with their places, and where the first begins that is not whole yet.

    What is no JSON is one value up to the next line that begins an object.
    """
    found: list[tuple[int, str]] = []
    place = 0
    while True:
        between = _BETWEEN.match(text, place)
        start = between.end() if between else place
        if start >= len(text):
            return found, len(text)
        try:
            _, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            if not last and len(text) - start < MOST_TEXT and _is_cut(error, text):
                return found, start
            following = _following(text, start)
            end = len(text.rstrip(" \t\r\n,]")) if following is None else following
            end = max(end, start + 1)
        found.append((start, text[start:end]))
        place = end


def _is_cut(error: Exception, text: str) -> bool:
    """Return whether a value ends too early: no string goes over the end of a line."""
    return isinstance(error, json.JSONDecodeError) and not text[error.pos + 1 :].strip()


def _following(text: str, start: int) -> int | None:
    """Return the end of the line before the next object that is not indented deeper."""
    indent = start - (text.rfind("\n", 0, start) + 1)
    for found in _NEXT.finditer(text, start):
        if found.end() - found.start() - 1 <= indent:
            return found.start()
    return None


def _numbered(
    found: list[tuple[int, str]], text: str, first: int, used: int, damaged: bool, size: int
) -> Records:
    """Return values as records, numbered by their lines from the first line of the text."""
    numbers, line, place = [], first, 0
    for start, _ in found:
        line += text.count("\n", place, start)
        place = start
        used = max(line, used + 1)
        numbers.append(used)
    values = [value for _, value in found]
    hit = frozenset(n for n, value in zip(numbers, values, strict=True) if damaged and "\ufffd" in value)
    return Records(
        pl.Series("line", numbers, dtype=pl.Int64), pl.Series("raw", values, dtype=pl.String), hit, size
    )


def _table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pl.DataFrame(
        {
            name: pl.Series([row.get(name) for row in rows], dtype=pl.String)
            for name in names
            if name != col.LINE
        }
        | {col.LINE: pl.Series([row[col.LINE] for row in rows], dtype=pl.Int64)},
    )


def _item(record: dict[str, Any]) -> dict[str, Any]:
    if record.get("event") == "item" and "fields" in record:
        fields = {entry["name"]: entry.get("value") for entry in record["fields"] if "name" in entry}
        record = {"item_id": record.get("item"), **fields}
    return dict(nested.flat(record))


def _not_an_event(record: Any, line: str) -> str | None:
    if not isinstance(record, dict):
        return "not a JSON object"
    if _is_of_columns(record):
        return "columns and no records: write it with orient='records', lines=True (pandas)"
    kind = record.get("event")
    if kind in ("item", "user") and "fields" in record:
        return f"a record of {'an item' if kind == 'item' else 'a user'}, not an event"
    if _LONE.search(line) and not _is_text(record):
        return "half of a surrogate pair, which is no text"
    return None


def _is_of_columns(record: dict[str, Any]) -> bool:
    """Return whether an object holds a whole table by columns: each a list, or cells by the same numbers."""
    if len(record) < 2:
        return False
    first, *others = record.values()
    if isinstance(first, list):
        cells = all(isinstance(one, list) and len(one) == len(first) for one in others)
        return cells and len(first) > 1 and not any(map(_is_list_or_object, first))
    numbered = isinstance(first, dict) and len(first) > 1 and all(key.isdigit() for key in first)
    return numbered and all(isinstance(one, dict) and one.keys() == first.keys() for one in others)


def _is_list_or_object(value: Any) -> bool:
    return isinstance(value, list | dict)


def _is_text(record: dict[str, Any]) -> bool:
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _events(record: dict[str, Any]) -> list[nested.Row]:
    """Return the flat events of a record: one, or one for each of several items."""
    kind = record.get("event")
    if kind == "interaction" and "type" in record:
        record = {**record, "event": record["type"]}
        return [
            {
                name: nested.text(record[name])
                for name in record
                if name not in ("type", "fields", "id", "ranking")
            }
        ]
    if kind == "ranking" and isinstance(record.get("items"), list):
        plain = {name: value for name, value in record.items() if name not in ("id", "fields")}
        # Metarank's other records say "item", and one file must have one column of items.
        found = nested.rows({**plain, "event": "impression"})
        return [{("item" if name == nested.ITEM_ID else name): row[name] for name in row} for row in found]
    return nested.rows(record)
