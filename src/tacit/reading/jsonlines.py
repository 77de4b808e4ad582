"""JSON lines: flat records, and the nested ones of GA4, Google retail and Metarank logs.

Numbers stay text as in the file: an id of twenty digits is not rounded.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from tacit.data import columns as col

_LONE = re.compile(r"\\u[dD][89a-fA-F]")
_LISTS = ("items", "productDetails")


def parse(lines: Sequence[str] | pl.Series, numbers: Iterable[int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the records of lines as text columns (with ``line``), and the lines without a record.

    Parameters
    ----------
    lines : sequence of str
    numbers : iterable of int
        Number of each line.
    """
    rows: list[dict[str, Any]] = []
    bad: list[tuple[int, str, str]] = []
    for number, line in zip(numbers, lines, strict=True):
        try:
            record = json.loads(line, parse_int=str, parse_float=str, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            bad.append((number, "not valid JSON" if line.strip() else "empty line", line))
            continue
        if not isinstance(record, dict):
            bad.append((number, "not a JSON object", line))
        elif reason := _not_an_event(record):
            bad.append((number, reason, line))
        elif _LONE.search(line) and not _is_text(record):
            bad.append((number, "half of a surrogate pair, which is no text", line))
        else:
            rows.extend({**row, col.LINE: number} for row in _events(record))
    names = list(dict.fromkeys(name for row in rows for name in row))
    frame = pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in names if name != col.LINE}
        | {col.LINE: pl.Series([row[col.LINE] for row in rows], dtype=pl.Int64)},
        strict=False,
    )
    text = frame.with_columns(pl.exclude(col.LINE).cast(pl.String))
    rejected = pl.DataFrame(
        bad, schema={col.LINE: pl.Int64, "reason": pl.String, "raw": pl.String}, orient="row"
    )
    return text, rejected


def item_records(lines: Sequence[str]) -> list[dict[str, Any]]:
    """Return the catalogue records of JSON lines; a Metarank item's fields become columns."""
    records = []
    for line in lines:
        if not line.strip():
            continue
        record = json.loads(line, parse_float=str, parse_int=str)
        if isinstance(record, dict) and record.get("event") == "item" and "fields" in record:
            fields = {field["name"]: field.get("value") for field in record["fields"] if "name" in field}
            record = {"item_id": record.get("item"), **fields}
        if isinstance(record, dict):
            records.append({name: _text(value) for name, value in record.items()})
    return records


def _not_an_event(record: dict[str, Any]) -> str | None:
    kind = record.get("event")
    if kind in ("item", "user") and "fields" in record:
        return f"a record of {'an item' if kind == 'item' else 'a user'}, not an event"
    return None


def _is_text(record: dict[str, Any]) -> bool:
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _events(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the flat events of a record: one, or one for each of several items."""
    kind = record.get("event")
    if kind == "interaction" and "type" in record:
        record = {**record, "event": record["type"]}
        return [
            {name: _text(record[name]) for name in record if name not in ("type", "fields", "id", "ranking")}
        ]
    plain = {name: _text(value) for name, value in record.items() if name not in _LISTS}
    if kind == "ranking":
        plain = {**{n: v for n, v in plain.items() if n not in ("id", "fields")}, "event": "impression"}
    for name in _LISTS:
        entries = record.get(name)
        if isinstance(entries, list) and entries:
            ids = [_item_id(entry) for entry in entries]
            # Metarank's other records say "item", and one file must have one column of items.
            return [{**plain, "item" if kind == "ranking" else "item_id": id_} for id_ in ids]
    return [plain]


def _item_id(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return _text(entry)
    product = entry.get("product")
    if isinstance(product, dict):
        return _text(product.get("id"))
    return _text(next((entry[name] for name in ("item_id", "id", "itemId", "sku") if name in entry), None))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)
