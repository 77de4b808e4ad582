"""An item that arrives while serving: what it may say, and as a row with the catalogue's types."""

import json
from collections.abc import Mapping

import polars as pl

from tacit.core.errors import DataError
from tacit.core.types import Json
from tacit.data import columns as col
from tacit.data.catalogue import Catalogue
from tacit.engine.checking import checked_id, checked_time

_MOST_ATTRIBUTES = 64
_MOST_COLUMNS = 512
_LONGEST_TEXT = 8_192
_YES = ("true", "1", "yes")


def checked_attributes(attributes: Mapping[str, Json], now: float) -> dict[str, Json]:
    """Return attributes that may be stored: names in normal form, times in seconds, texts of bounded length.

    Raises
    ------
    DataError
        With the one thing that is wrong.
    """
    if len(attributes) > _MOST_ATTRIBUTES:
        raise DataError(f"an item has {len(attributes)} attributes; at most {_MOST_ATTRIBUTES}")
    checked: dict[str, Json] = {}
    for name, value in attributes.items():
        name_ = _checked_name(name)
        _check_length(name_, value)
        if name_ in checked:
            raise DataError(f"the attribute {name_!r} is given twice")
        checked[name_] = value
    if not isinstance(checked.get(col.AVAILABLE, True), bool | None):
        raise DataError("available must be true or false")
    created = checked.get(col.CREATED_AT)
    if created is not None:
        if isinstance(created, bool) or not isinstance(created, int | float | str):
            raise DataError("created_at must be a time: a number or an ISO 8601 text")
        checked[col.CREATED_AT] = checked_time(created, now)
    return checked


def check_width(catalogue: Catalogue, attributes: Mapping[str, Json]) -> None:
    """Refuse an item whose attributes are new names in a catalogue that has very many.

    Raises
    ------
    DataError
    """
    known = set(catalogue.attributes.columns)
    if len(known) + len(attributes.keys() - known) > _MOST_COLUMNS:
        raise DataError(f"the catalogue has {len(known)} different attributes already; use those")


def item_frame(items: Mapping[str, Mapping[str, Json]], catalogue: Catalogue) -> pl.DataFrame:
    """Return items as rows whose columns have the catalogue's types; what does not fit a type is null."""
    known = catalogue.attributes.schema
    names = dict.fromkeys(name for attributes in items.values() for name in attributes)
    columns: dict[str, pl.Series] = {col.ITEM: pl.Series(list(items), dtype=pl.String)}
    for name in names:
        texts = pl.Series(name, [_cell(row.get(name)) for row in items.values()], dtype=pl.String)
        columns[name] = _typed(texts, _type_of(name, known))
    return pl.DataFrame(columns)


def _checked_name(name: str) -> str:
    name_ = checked_id(name, "attribute name")
    if name_ in (col.ITEM, col.TEXT, col.LINE):
        raise DataError(f"an attribute cannot be called {name_!r}; write it as description, or rename it")
    return name_


def _check_length(name: str, value: Json) -> None:
    text = _cell(value) or ""
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise DataError(f"the attribute {name!r} is not valid Unicode") from error
    if size > _LONGEST_TEXT:
        raise DataError(f"the attribute {name!r} is longer than {_LONGEST_TEXT:,} bytes")


def _type_of(name: str, known: Mapping[str, pl.DataType]) -> pl.DataType:
    if name == col.AVAILABLE:
        return pl.Boolean()
    if name == col.CREATED_AT:
        return pl.Float64()
    return known.get(name, pl.String())


def _typed(texts: pl.Series, kind: pl.DataType) -> pl.Series:
    if kind == pl.Boolean:
        return texts.str.to_lowercase().is_in(_YES)
    try:
        return texts.cast(kind, strict=False)
    except pl.exceptions.PolarsError:  # a type that texts cannot become, for example a list
        return pl.Series(texts.name, [None] * len(texts), dtype=kind)


def _cell(value: Json) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)
