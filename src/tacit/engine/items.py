"""Items that arrive while serving: allowed attributes, rows of the catalogue's types, the sum of changes."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import polars as pl

from tacit.core.errors import DataError
from tacit.core.types import Json
from tacit.data import columns as col
from tacit.data.catalogue import Catalogue, frame_rows
from tacit.engine.attributes import cell, checked_names, plain_value
from tacit.engine.checking import UnknownItemError, checked_moment, checked_time
from tacit.reading.choices import NO_CHOICES, Reading
from tacit.store.records import ItemChange

_MOST_COLUMNS = 512
_MEANT = {col.AVAILABLE: "its availability", col.EXPIRES_AT: "its end"}
_YES = ("true", "1", "yes")
_NUMBER = re.compile(r"[\s\d.,+-]*")
_OF_THE_LIST = {col.AVAILABLE, col.CREATED_AT, col.EXPIRES_AT}
"""Attributes that say nothing of the item itself."""
_SWITCHES = {col.AVAILABLE, col.EXPIRES_AT}
"""Those of them that say whether and how long it is listed."""


@dataclass(frozen=True)
class ItemChanges:
    """What several changes come to.

    Attributes
    ----------
    puts : dict of str to attributes
        Items that are replaced or new.
    patches : dict of str to attributes
        Attributes that are set in known items, besides their availability.
    available : dict of str to bool
        Known items of which nothing but this changes.
    deleted : frozenset of str
        Items that are deleted afterwards.
    expires : dict of str to float or None
        When items expire, Unix seconds; None for those that no longer do.
    """

    puts: dict[str, Mapping[str, Json]]
    patches: dict[str, Mapping[str, Json]]
    available: dict[str, bool]
    deleted: frozenset[str]
    expires: dict[str, float | None]

    @classmethod
    def of(
        cls, changes: Sequence[ItemChange], catalogue: Catalogue, deleted: Collection[str]
    ) -> "ItemChanges":
        """Return what changes come to, one after the other.

        Parameters
        ----------
        changes : sequence of ItemChange
        catalogue : Catalogue
        deleted : collection of str
            Items of the catalogue that are deleted before.

        Raises
        ------
        UnknownItemError
            If one that is no put names an item that is not known then.
        """
        puts: dict[str, Mapping[str, Json]] = {}
        patches: dict[str, Mapping[str, Json]] = {}
        gone = set(deleted)
        expires: dict[str, float | None] = {}
        for change in changes:
            id_ = change.item_id
            ends: Any = change.attributes.get(col.EXPIRES_AT)
            if change.kind == "put" or ends is not None:
                expires[id_] = ends
            if change.kind == "put":
                gone.discard(id_)
                patches.pop(id_, None)
                puts[id_] = _without_end(change.attributes)
                continue
            if id_ in gone or (id_ not in puts and id_ not in catalogue.items):
                raise UnknownItemError(f"there is no item {id_!r}; PUT adds one")
            given = {
                name: value for name, value in _without_end(change.attributes).items() if value is not None
            }
            if change.kind == "delete":
                gone.add(id_)
                given = {col.AVAILABLE: False}
            earlier = puts if id_ in puts else patches
            earlier[id_] = {**earlier.get(id_, {}), **given}
        flips = {
            id_: bool(given[col.AVAILABLE]) for id_, given in patches.items() if [*given] == [col.AVAILABLE]
        }
        rest = {id_: given for id_, given in patches.items() if given and id_ not in flips}
        return cls(puts, rest, flips, frozenset(gone), expires)


def _without_end(attributes: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in attributes.items() if name != col.EXPIRES_AT}


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
    if (created := _time_of(checked, col.CREATED_AT)) is not None:
        checked[col.CREATED_AT] = checked_time(created, now, reading, col.CREATED_AT)
    if (ends := _time_of(checked, col.EXPIRES_AT)) is not None:
        checked[col.EXPIRES_AT] = checked_moment(ends, reading, col.EXPIRES_AT)
    return checked


def _time_of(attributes: Mapping[str, Json], name: str) -> int | float | str | None:
    value = attributes.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str | None):
        raise DataError(f"{name} must be a time: a number or an ISO 8601 text")
    return value


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


def changed_frame(changes: ItemChanges, catalogue: Catalogue) -> pl.DataFrame | None:
    """Return the rows that puts and patches come to; None if there are none."""
    frames = [item_frame(changes.puts, catalogue)] if changes.puts else []
    if changes.patches:
        frames.append(_patched_frame(changes.patches, catalogue))
    return pl.concat(frames, how="diagonal_relaxed") if frames else None


def _patched_frame(patches: Mapping[str, Mapping[str, Json]], catalogue: Catalogue) -> pl.DataFrame:
    """Return the rows of known items with some attributes in place of their own."""
    codes = catalogue.items.encode(list(patches))
    given = item_frame(patches, catalogue)
    rows = frame_rows(catalogue.attributes, codes).with_columns_seq(
        given[col.ITEM],
        pl.Series(col.AVAILABLE, catalogue.available[codes]),
        pl.Series(col.CREATED_AT, catalogue.created_at[codes]),
    )
    for values in given.drop(col.ITEM):
        name = values.name
        own = rows[name] if name in rows.columns else pl.Series([None] * len(rows), dtype=values.dtype)
        is_set = pl.Series([name in patch for patch in patches.values()])
        rows = rows.with_columns_seq(values.zip_with(is_set, own.cast(values.dtype)).alias(name))
    return rows


def attributes_of(catalogue: Catalogue, code: int) -> dict[str, Json]:
    """Return what a catalogue says of an item, as attributes that could be put."""
    row = catalogue.attributes.row(code, named=True)
    plain = {name: plain_value(value, name) for name, value in row.items()}
    return {name: value for name, value in plain.items() if value is not None}


def listing_of(catalogue: Catalogue, code: int) -> dict[str, Json]:
    """Return whether an item may be recommended, and when it was listed (Unix seconds; null if unknown)."""
    created = float(catalogue.created_at[code])
    return {
        col.AVAILABLE: bool(catalogue.available[code]),
        col.CREATED_AT: created if np.isfinite(created) else None,
    }


def same_words(old: Catalogue, code: int, new: Catalogue, row: int) -> bool:
    """Return whether an item of a catalogue and a row of another say the same in words.

    They do if their texts are equal, and if they differ in nothing but numbers: a price, a year.
    """
    if old.texts[code] == new.texts[row]:
        return True
    words = _words(new, row, old)
    return bool(words) and words == _words(old, code, old)


def _words(catalogue: Catalogue, code: int, like: Catalogue) -> dict[str, object]:
    """Return what of an item may stand in its text, besides numbers."""
    chosen = like.text_columns
    return {
        name: value
        for name, value in catalogue.attributes.row(code, named=True).items()
        if (name in chosen.names or not chosen.decides(name))
        and value is not None
        and (name in (col.TITLE, col.DESCRIPTION) or not _is_number(value))
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and bool(_NUMBER.fullmatch(value)))


def check_not_bare(change: ItemChange, catalogue: Catalogue, deleted: Collection[str]) -> None:
    """Refuse a put that says nothing but whether or how long an item is listed of which more is known.

    Raises
    ------
    DataError
    """
    given = {name for name, value in change.attributes.items() if value is not None}
    if change.kind != "put" or not given or not given <= _SWITCHES:
        return
    if change.item_id in deleted or change.item_id not in catalogue.items:
        return
    known = attributes_of(catalogue, int(catalogue.items.encode([change.item_id])[0]))
    if known:
        meant = " and ".join(sorted(_MEANT[name] for name in given))
        raise DataError(
            f"PUT replaces an item whole, and this one would remove {_named(known)} of the item "
            f"{change.item_id!r}: to change nothing but {meant}, "
            "send the same with PATCH"
        )


def odd_attributes(attributes: Mapping[str, Json], catalogue: Catalogue) -> list[str]:
    """Return what of the attributes of an item is of another type than a catalogue can use, in sentences."""
    said = []
    for name, value in attributes.items():
        if value is None or name in _OF_THE_LIST:
            continue
        kind = catalogue.attributes.schema.get(name)
        if kind is not None and kind.is_numeric() and not _reads_as_number(value):
            said.append(f"the attribute {name!r} is no number, as it is of other items: it does not count")
        elif _is_record(value) or (name in (col.TITLE, col.DESCRIPTION) and isinstance(value, bool)):
            said.append(f"the attribute {name!r} is no text, number or list of them: it counts as its JSON")
    return said


def _reads_as_number(value: Json) -> bool:
    try:
        return not isinstance(value, bool) and isfinite(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return False


def _is_record(value: Json) -> bool:
    """Return whether a value is an object, or a list that holds one or a list."""
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(part, dict | list) for part in value)
    )


def only_listing(attributes: Mapping[str, Json]) -> bool:
    """Return whether attributes say of an item that it may be recommended or not, and nothing of itself."""
    return col.AVAILABLE in attributes and attributes.keys() <= _OF_THE_LIST


def _named(names: Collection[str]) -> str:
    first = ", ".join([*names][:3])
    return first if len(names) <= 3 else f"{first} and {len(names) - 3} more attributes"


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
