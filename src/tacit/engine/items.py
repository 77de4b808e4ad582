"""Items that arrive while serving: allowed attributes, and a row with the catalogue's types."""

from collections.abc import Mapping

import polars as pl

from tacit.core.errors import DataError
from tacit.core.types import Json
from tacit.data import columns as col
from tacit.data.catalogue import Catalogue
from tacit.engine.attributes import cell, checked_names
from tacit.engine.checking import checked_time
from tacit.reading.choices import NO_CHOICES, Reading

_MOST_COLUMNS = 512
_YES = ("true", "1", "yes")


def checked_attributes(
    attributes: Mapping[str, Json], now: float, reading: Reading = NO_CHOICES
) -> dict[str, Json]:
    """Return attributes that may be stored: names in normal form, times in seconds, texts of bounded length.

    Raises
    ------
    DataError
        With the one thing that is wrong.
    """
    checked = checked_names(attributes, "an item", (col.ITEM, col.TEXT, col.LINE))
    if not isinstance(checked.get(col.AVAILABLE, True), bool | None):
        raise DataError("available must be true or false")
    created = checked.get(col.CREATED_AT)
    if created is not None:
        if isinstance(created, bool) or not isinstance(created, int | float | str):
            raise DataError("created_at must be a time: a number or an ISO 8601 text")
        checked[col.CREATED_AT] = checked_time(created, now, reading)
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
        texts = pl.Series(name, [cell(row.get(name)) for row in items.values()], dtype=pl.String)
        columns[name] = _typed(texts, _type_of(name, known))
    return pl.DataFrame(columns)


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
