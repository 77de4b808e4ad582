"""The log as its own catalogue: titles and attributes of items that stand beside every event.

Order exports name the article in every line (``Description`` of UCI Online Retail, 商品标题 of a shop).
A column describes the item, and not the event or the user, where two events of an item nearly always have
the same value: agreement by chance is taken off, as in Fleiss' kappa, so that "United Kingdom" in nine lines
of ten describes nothing. Only what says something in words is kept, and the last price.

A title is a lasting description that a shop lists before the item is sold, so it may be used for events that
came before it in the log. But which items there are is learned only from the events that are given: in an
evaluation those of the training part. So no item is a candidate because the test names it, and none has a
text that was written down on the day it was bought. That is the strict choice: it can make a model that reads
texts look worse than it will be, never better.
"""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from tacit.core.errors import ConfigError
from tacit.data import columns as col
from tacit.data.categories import holds_texts, per_text, with_texts
from tacit.data.text_columns import is_missing, reason_against
from tacit.reading import table_names as names
from tacit.reading.choices import ITEM, NO_CHOICES, Reading
from tacit.reading.table_names import name_parts
from tacit.reading.table_roles import CatalogueColumns
from tacit.reading.tables import CatalogueTable, catalogue_table

_ROLES = (col.USER, col.ITEM, col.EVENT, col.TIMESTAMP, col.VALUE, col.SEQ, col.LINE, col.WEIGHT)
_AGREES = 0.9
"""Agreement, beyond chance, of the events of an item on one value, for a column to describe it."""

_TITLES_AGREE = 0.75
"""The same for titles: a shop mends them, and clerks write notes into them."""

_EVIDENCE = 20
"""Events on items with several events that are needed to tell columns of items from columns of events."""

_NAMED = 0.3
"""Share of ids with two words or more from which on the ids themselves are names."""


def catalogue_of_log(events: pl.DataFrame, reading: Reading = NO_CHOICES) -> pl.DataFrame | None:
    """Return the frame of `own_catalogue`; None if no column describes the items."""
    table = own_catalogue(events, reading)
    return None if table is None else table.frame


def own_catalogue(events: pl.DataFrame, reading: Reading = NO_CHOICES) -> CatalogueTable | None:
    """Return a catalogue made of the columns of a log that describe its items; None if there are none.

    Each item has its most frequent title, of several as frequent the latest. Where no column holds titles and
    the ids are names ("Dota 2"), they are the titles.

    Parameters
    ----------
    events : polars.DataFrame
        A cleaned event frame; see `tacit.data.columns`. Every other column may describe the items.
    reading : Reading
        Columns that ``item_columns`` names are used without a look at what they hold.

    Raises
    ------
    ConfigError
        If such a column is not there.
    """
    if not len(events):
        return None
    wanted = {column for role, column in reading.item_columns.items() if role != ITEM}
    if absent := sorted(wanted - set(events.columns)):
        raise ConfigError(
            f"the log has no column {absent[0]!r} that could describe its items; name another with "
            "--item-map, or give the catalogue that has it"
        )
    described = [
        name
        for name in events.columns
        if name not in _ROLES and (name in wanted or _describes_items(events, name))
    ]
    per_item = _most_frequent(events, described)
    price = [name for name in events.columns if name not in _ROLES and _is_price(events[name])][:1]
    for name in price:
        per_item = per_item.join(_last_price(events, name), on=col.ITEM, how="left", maintain_order="left")
    given = {role: name for role, name in reading.item_columns.items() if name in described}
    choices = Reading(item_columns={**given, ITEM: col.ITEM})
    table = CatalogueTable(per_item, CatalogueColumns(item=col.ITEM, own=True))
    if described:
        found = catalogue_table(per_item, choices, where="the log")
        table = replace(found, columns=replace(found.columns, own=True))
    if col.TITLE not in table.frame.columns and _are_names(table.frame[col.ITEM]):
        table = _titled_by_ids(table)
    texts = [name for name in table.frame.columns if name not in (col.ITEM, "price")]
    return table if any(reason_against(table.frame[name]) is None for name in texts) else None


def _titled_by_ids(table: CatalogueTable) -> CatalogueTable:
    columns = replace(table.columns, title=col.ITEM, texts=(col.ITEM, *table.columns.texts))
    return CatalogueTable(table.frame.with_columns(pl.col(col.ITEM).alias(col.TITLE)), columns)


def uses_of(events: pl.DataFrame, table: CatalogueTable) -> Mapping[str, str]:
    """Return what the columns of a log give to the catalogue that was made of them, by column."""
    columns = table.columns
    described = (columns.description, *columns.texts, *columns.attributes)
    uses = {name: "describes the items" for name in described if name is not None}
    prices = [name for name in events.columns if name not in _ROLES and _is_price(events[name])][:1]
    uses |= dict.fromkeys(prices, "gives the prices")
    return uses if columns.title is None else {**uses, columns.title: "gives the titles"}


def _describes_items(events: pl.DataFrame, name: str) -> bool:
    """Return whether a column holds words that belong to the item of each event."""
    parts = name_parts(name)
    if names.USER.among(parts) or names.ORDER.among(parts) or names.EVENT.among(parts):
        return False
    column = events[name]
    if not holds_texts(column.dtype) or reason_against(column) is not None:
        return False
    titled = names.TITLE.bound(parts) or names.DESCRIPTION.bound(parts)
    return agreement(events[col.ITEM], column) >= (_TITLES_AGREE if titled else _AGREES)


def agreement(items: pl.Series, values: pl.Series) -> float:
    """Return how often two events of an item have the same value, beyond chance: 1 always, 0 as by chance.

    0 too where there are too few items with several events.

    Parameters
    ----------
    items, values : polars.Series
        One an event; events without a value are left out.
    """
    table = pl.DataFrame({"item": items, "value": values.cast(pl.String)})
    table = table.filter(~is_missing(table["value"]))
    if not len(table):
        return 0.0
    n, events = pl.col("n").cast(pl.Float64), pl.col("events").cast(pl.Float64)
    pairs = table.group_by("item", "value").len("n")
    per_item = pairs.group_by("item").agg(events=n.sum(), same=(n * (n - 1)).sum())
    several = per_item.filter(events > 1)
    if several["events"].sum() < _EVIDENCE:
        return 0.0
    # Items count as often as they have events: each event is compared with the others of its item.
    alike = several.select((pl.col("same") / (events - 1)).sum() / events.sum()).item()
    chance = table["value"].value_counts(name="n").select(((n / len(table)) ** 2).sum()).item()
    return float((alike - chance) / (1 - chance)) if chance < 1 else 0.0


def _most_frequent(events: pl.DataFrame, described: list[str]) -> pl.DataFrame:
    """Return a row an item with the most frequent value of each column, of several the latest."""
    per_item = events.select(pl.col(col.ITEM).unique().sort())
    latest = pl.coalesce(col.TIMESTAMP, pl.col(col.SEQ).cast(pl.Float64), pl.col(col.LINE).cast(pl.Float64))
    for name in described:
        known = events.select(col.ITEM, pl.col(name).cast(pl.String), latest.alias("_at"))
        known = known.filter(~is_missing(known[name]))
        counted = known.group_by(col.ITEM, name).agg(pl.len().alias("_n"), pl.col("_at").max())
        best = counted.sort("_n", "_at", name, descending=[True, True, False]).unique(
            col.ITEM, keep="first", maintain_order=True
        )
        best = best.select(col.ITEM, name)
        per_item = per_item.join(best, on=col.ITEM, how="left", maintain_order="left")
    return with_texts(per_item)


def _is_price(column: pl.Series) -> bool:
    parts = name_parts(column.name)
    return names.PRICE.bound(parts) and not names.ORDER.among(parts) and not names.TITLE.bound(parts)


def _last_price(events: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return the last price above zero of each item."""
    latest = pl.coalesce(col.TIMESTAMP, pl.col(col.SEQ).cast(pl.Float64), pl.col(col.LINE).cast(pl.Float64))
    price = per_text(events[name], lambda texts: texts.cast(pl.Float64, strict=False)).alias("price")
    prices = events.select(col.ITEM, latest.alias("_at"), price).filter(pl.col("price") > 0)
    last = prices.sort("_at", maintain_order=True).group_by(col.ITEM).agg(pl.col("price").last())
    return with_texts(last)


def _are_names(ids: pl.Series) -> bool:
    """Return whether ids are names in words: many of them have two words or are in a script of words."""
    distinct = ids.unique()
    words = distinct.str.contains(
        r"\p{L}{2,}.*\s|\s.*\p{L}{2,}|[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]{2,}"
    )
    return bool(len(distinct)) and float(words.mean() or 0) >= _NAMED  # type: ignore[arg-type]
