"""Nested records to flat rows: objects become dotted columns, a list of items or events a row an entry.

A field of an object is named by its path (``properties.product_id``); the fields of a list's entries stand
where the list stood (``properties.products[].product_id`` is ``properties.product_id`` too), so that calls of
one product and of several have the same columns. Which list holds items or events is told by its name and by
the fields of its entries, never by the vendor.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from tacit.reading.column_names import Kind, meaning, parts_of

ITEM_ID = "item_id"
_DEEPEST = 5
_MOST_FIELDS = 300
"""Most fields of an object that become columns: one with more is a table of its own, keyed by ids."""

_ITEM_KEYS = ("item_id", "itemId")
_PLAIN_KEYS = ("sku", "product.id", "item.id", "id")
_RECORD_LISTS = frozenset(
    {"data", "rows", "results", "records", "events", "batch", "messages", "hits", "history", "sessions"}
)

_COUNTS = frozenset(
    {"count", "total", "size", "length", "num", "number", "results", "events", "items", "hits"}
)
_PAGES = frozenset(
    {"page", "pages", "per", "limit", "offset", "has", "more", "next", "cursor", "took", "took_ms"}
)
"""Words of the fields of an answer of an interface that stand around its list."""

Row = dict[str, str | None]
"""Columns and their texts."""


@dataclass(frozen=True)
class _List:
    """A list in a record that may hold items or events."""

    parent: str
    name: str
    entries: list[Any]
    holds: Literal["items", "records", "unknown"] = "unknown"
    rank: int = 0

    @property
    def path(self) -> str:
        return self.parent + self.name


@dataclass
class _Parts:
    """The plain fields of a record, and its lists of objects or of items."""

    plain: Row = field(default_factory=dict)
    lists: list[_List] = field(default_factory=list)


def rows(record: Mapping[str, Any], depth: int = 0) -> list[Row]:
    """Return the flat rows of a record: one, or one for each entry of its list of items or events."""
    parts = _Parts()
    _divide(record, "", depth, parts)
    chosen = _chosen(parts)
    plain = parts.plain | {one.path: text(one.entries) for one in parts.lists if one is not chosen}
    if chosen is None:
        return [plain]
    plain = {name: value for name, value in plain.items() if not _is_of_envelope(name, value, chosen)}
    return [_placed(plain, row, chosen) for entry in chosen.entries for row in _entry_rows(entry, depth)]


def _is_of_envelope(path: str, value: str | None, found: "_List") -> bool:
    """Return whether a field says how many entries a list has, or which page of an answer it is.

    It says nothing of an event: ``{"count": 200, "events": [...]}``.
    """
    words = set(parts_of(path.rsplit(".", 1)[-1]))
    if words & _COUNTS and value == str(len(found.entries)):
        return True
    return found.holds == "records" and bool(words) and words <= _COUNTS | _PAGES


def flat(record: Mapping[str, Any]) -> Row:
    """Return a record as one row; its lists are texts."""
    parts = _Parts()
    _divide(record, "", 0, parts)
    return parts.plain | {one.path: text(one.entries) for one in parts.lists}


def entries_of(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the entries of the one list of objects that a record wraps; empty where it wraps none."""
    if any(
        _kind(name) in ("item", "id", "title") for name, value in record.items() if isinstance(value, str)
    ):
        return []
    lists = [value for value in record.values() if _is_list_of_objects(value)]
    return lists[0] if len(lists) == 1 and not dict(_pairs(lists[0])) else []


def text(value: Any) -> str | None:
    """Return a value as one text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _divide(record: Mapping[str, Any], prefix: str, depth: int, parts: _Parts) -> None:
    for name, value in record.items():
        path = prefix + name
        if isinstance(value, dict) and value and depth < _DEEPEST and len(value) <= _MOST_FIELDS:
            _divide(value, f"{path}.", depth + 1, parts)
        elif not isinstance(value, list):
            parts.plain[path] = text(value)
        elif pairs := dict(_pairs(value)):
            _divide(pairs, f"{path}.", depth + 1, parts)
        elif value and (_is_list_of_objects(value) or _kind(name) == "item"):
            parts.lists.append(_ranked(_List(prefix, name, value)))
        elif value or name not in ("items", "productDetails"):
            parts.plain[path] = text(value) if value else None


def _pairs(entries: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a list of names and values: ``[{"key": "page", "value": {"int_value": 1}}]``."""
    for entry in entries:
        if not isinstance(entry, dict) or set(entry) not in ({"key", "value"}, {"name", "value"}):
            return
    for entry in entries:
        name, value = entry.get("key", entry.get("name")), entry["value"]
        if isinstance(value, dict) and value and all(kind.endswith("_value") for kind in value):
            value = next((one for one in value.values() if one is not None), None)
        yield str(name), value


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(entry, dict) for entry in value)


def _ranked(found: _List) -> _List:
    """Return a list with what it holds, by its name and the fields of its first entry."""
    kind = _kind(found.name)
    first = found.entries[0]
    kinds = {_kind(name) for name in first} if isinstance(first, dict) else set()
    if kind == "item":
        return _List(found.parent, found.name, found.entries, "items", 4)
    if kind == "event" or found.name.lower() in _RECORD_LISTS:
        return _List(found.parent, found.name, found.entries, "records", 3)
    if "item" in kinds:
        holds: Literal["items", "records"] = "records" if kinds & {"event", "time", "user"} else "items"
        return _List(found.parent, found.name, found.entries, holds, 2)
    return found


def _chosen(parts: _Parts) -> _List | None:
    """Return the list whose entries become rows; None where the record is one event by itself."""
    known = [one for one in parts.lists if one.holds != "unknown"]
    if not known:
        wraps = len(parts.lists) == 1 and not parts.plain
        return parts.lists[0] if wraps else None
    best = max(known, key=lambda one: one.rank)
    # Beside an item of its own, a list of another name is what was shown or recommended with it.
    scalars = not isinstance(best.entries[0], dict)
    if (scalars or best.rank == 2) and any(
        value and _is_item_id(name) for name, value in parts.plain.items()
    ):
        return None
    return best


def _entry_rows(entry: Any, depth: int) -> list[Row]:
    if isinstance(entry, dict):
        return rows(entry, depth + 1) if depth < _DEEPEST else [flat(entry)]
    return [{ITEM_ID: text(entry)}]


def _placed(plain: Row, entry: Row, found: _List) -> Row:
    """Return one row of an entry's fields and those around its list."""
    if found.holds == "items":
        entry = _with_item(entry)
        own = {ITEM_ID, next((name for name in entry if _is_item_id(name)), ITEM_ID)}
        placed = {
            found.parent + name
            if name in own or found.parent + name not in plain
            else f"{found.path}.{name}": value
            for name, value in entry.items()
        }
        return {**plain, **placed}
    inner = {found.parent + name: value for name, value in entry.items()}
    return {name if name not in inner else f"outer.{name}": value for name, value in plain.items()} | inner


def _with_item(entry: Row) -> Row:
    """Return an entry whose id is under ``item_id``, or under a name of its own that says what it is."""
    if any(
        name not in _PLAIN_KEYS and name not in _ITEM_KEYS and _is_item_id(name) for name in entry
    ) and not any(name in entry for name in _ITEM_KEYS):
        return entry
    key = next((name for name in (*_ITEM_KEYS, *_PLAIN_KEYS) if name in entry), None)
    if key is None:
        return entry
    return {ITEM_ID: entry[key]} | {name: value for name, value in entry.items() if name != key}


def _is_item_id(path: str) -> bool:
    """Return whether a field names an item by its id: ``product_id``, ``properties.productId``, ``asin``."""
    name = path.rsplit(".", 1)[-1]
    return _kind(name) == "item" and ("id" in parts_of(name) or name.lower() in ("asin", "sku"))


@lru_cache(maxsize=4096)
def _kind(name: str) -> Kind | None:
    return meaning(name).kind
