"""Logs whose rows are not one event each: browse records, impressions, nested JSON.

Each shape turns a row into events that keep the row's line; the order within the row becomes ``seq``.
"""

import re
from collections.abc import Sequence

import polars as pl

from tacit.data import columns as col
from tacit.data.event_names import common_name

_LIST = re.compile(r"[^\s,;|]+(?P<s>[,;| ])[^\s,;|]+((?P=s)[^\s,;|]+)*")


def canonical_events(names: pl.Series) -> pl.Series:
    """Return event types, with the names of GA4, Google retail and Taobao replaced by common ones."""
    distinct = names.unique().drop_nulls()
    known = {name: common_name(name) for name in distinct}
    changed = {name: common for name, common in known.items() if name != common}
    return names.replace(changed) if changed else names


def browse_separator(lists: pl.Series) -> str | None:
    """Return the separator between the items of a browse record (a user and a list a row), else None."""
    sample = lists.drop_nulls().head(200).to_list()
    matches = [match for text in sample if (match := _LIST.fullmatch(text.strip()))]
    if not matches or len(matches) < 0.3 * len(sample):
        return None
    signs = [match["s"] for match in matches]
    sign = max(set(signs), key=signs.count)
    return None if sign.isspace() and _are_words(sample) else sign


def item_list(cells: pl.Series) -> str | None:
    """Return an example where cells hold lists of items; None where they are ids of several parts.

    The parts of an id (``shop|article``) stand each in its own place; an item stands in any place of a list.
    """
    texts = cells.head(_LISTS)
    if (written := texts.filter(texts.str.contains(_JSON_LIST))).len() > 0.5 * len(texts):
        return str(written[0])
    for sign in "|;,":
        lists = [text for text in texts if sign in text and not _HAS_WORDS.search(text)]
        if len(lists) > 0.5 * len(texts):
            parts = [[part.strip() for part in text.split(sign)] for text in lists]
            heads, tails = {first for first, *_ in parts}, [part for _, *rest in parts for part in rest]
            if sum(part in heads for part in tails) > 0.2 * len(tails):
                return str(lists[0])
    return None


_LISTS = 2_000
_JSON_LIST = r"^\[.*\]$"
_HAS_WORDS = re.compile(r"[^,;|\s]\s+[^,;|\s]")


def _are_words(texts: Sequence[str]) -> bool:
    """Return whether texts are titles: words of letters, hardly any of them an id."""
    words = [word for text in texts for word in text.split()]
    return sum(len(word) > 2 and word.isalpha() for word in words) > 0.3 * len(words)


def browse_events(rows: pl.DataFrame, user: str, lists: str, sign: str) -> pl.DataFrame:
    """Return one view an item of each list, in order."""
    return (
        rows.select(pl.col(user).alias(col.USER), pl.col(lists).str.split(sign).alias(col.ITEM), col.LINE)
        .explode(col.ITEM)
        .with_columns(
            pl.col(col.ITEM).str.strip_chars(),
            # Line first, place in the line second, as one number: a user may have several rows.
            (pl.col(col.LINE) * 2**20 + pl.int_range(pl.len()).over(col.LINE)).cast(pl.String).alias(col.SEQ),
        )
    )


def is_numbered_list(rows: pl.DataFrame) -> bool:
    """Return whether rows only number names (``Action|1``): a key to another file, without an event.

    Browse records of users 1, 2, ... are told apart by the lists in their second column.
    """
    if rows.width != 2 or len(rows) < 3 or any(column.dtype != pl.String for column in rows):
        return False
    return any(_counts(rows.to_series(n)) and _are_names(rows.to_series(1 - n)) for n in (0, 1))


def is_table_of_things(rows: pl.DataFrame) -> bool:
    """Return whether rows without a header describe things, users or items, each once, and no event.

    The first column is another id in every row. The second is a title of its own (``1::Toy Story::1995``), or
    the others are few words and one of them the sex; a log with numbered rows has ids there.
    """
    if rows.width < 3 or len(rows) < _LEAST_THINGS or any(column.dtype != pl.String for column in rows):
        return False
    ids, beside = rows.to_series(0), rows.to_series(1).drop_nulls()
    if ids.n_unique() < len(rows) or not ids.str.contains(r"^\s*\w*\d+\s*$").all() or not len(beside):
        return False
    worded = float(beside.str.contains(r"^[^\d]*\p{L}{2,}").mean() or 0)  # type: ignore[arg-type]
    titled = worded > 0.9 and beside.n_unique() > 0.9 * len(rows)
    inner = [rows.to_series(n) for n in range(1, rows.width - 1)]
    sexes = any(bool(column.str.contains(r"^\s*(?i:[mf]|male|female)\s*$").all()) for column in inner)
    described = sexes and all(column.n_unique() <= _FEW for column in inner) and _counts(ids)
    return (titled or described) and not any(
        _knows_time_of_day(rows.to_series(n)) for n in range(1, rows.width)
    )


_LEAST_THINGS = 20
_FEW = 100


def _knows_time_of_day(column: pl.Series) -> bool:
    """Return whether cells are moments: numbers of seconds since 1970, or a time of day."""
    cells = column.drop_nulls().head(_MOST_CELLS)
    found = cells.str.contains(r"^\s*1?\d{9}(?:\d{3})?(?:\.\d+)?\s*$|\d{1,2}:\d{2}")
    return len(cells) > 0 and float(found.mean() or 0) > 0.9  # type: ignore[arg-type]


_MOST_CELLS = 1_000


def _counts(column: pl.Series) -> bool:
    """Return whether a column counts its rows, from 0 or from 1."""
    numbers = column.str.strip_chars().cast(pl.Int64, strict=False)
    first = numbers[0]
    return first in (0, 1) and bool((numbers == pl.int_range(first, first + len(numbers), eager=True)).all())


def _are_names(column: pl.Series) -> bool:
    """Return whether every cell is another word or two, and none a number or a list."""
    names = column.drop_nulls()
    return (
        names.n_unique() == len(column)
        and bool(names.str.contains(r"^\s*\p{L}").all())
        and not names.str.contains(r"\d").any()
        and browse_separator(names) is None
    )


def is_impression_log(rows: pl.DataFrame) -> bool:
    """Return whether the rows are those of a MIND ``behaviors.tsv``: id, user, time, history, shown items."""
    if rows.width != 5:
        return False
    shown = rows.to_series(4).drop_nulls().head(100)
    return len(shown) > 0 and bool(shown.str.contains(r"^(\S+-[01])( \S+-[01])*$").all())


def impression_events(rows: pl.DataFrame) -> pl.DataFrame:
    """Return one event a shown item: "click" where it was clicked, else "impression"."""
    impression, user, time, _, shown = rows.columns[:5]
    return (
        rows.select(
            pl.col(user).alias(col.USER),
            pl.col(shown).str.split(" ").alias("shown"),
            pl.col(time).alias(col.TIMESTAMP),
            pl.col(impression).alias("impression_id"),
            col.LINE,
        )
        .explode("shown")
        .with_columns(
            pl.col("shown").str.replace(r"-[01]$", "").alias(col.ITEM),
            pl.when(pl.col("shown").str.ends_with("-1"))
            .then(pl.lit("click"))
            .otherwise(pl.lit("impression"))
            .alias(col.EVENT),
        )
        .drop("shown")
    )
