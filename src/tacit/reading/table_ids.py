"""Which column of a catalogue or of a file of users holds the ids, and whether it is one at all.

The ids are found by three kinds of evidence: which column holds ids of the log, where the log is known, what
the columns are called, and what they hold. What is left unclear is refused with the line to copy.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from tacit.core.errors import ConfigError, DataError
from tacit.core.shell import map_option
from tacit.data.event_names import plain_name
from tacit.data.ids import events_by_id, share_met
from tacit.data.text_columns import reason_against, reason_against_values, sample_of
from tacit.reading import table_names as names
from tacit.reading.choices import ITEM, USER, Reading
from tacit.reading.rows import text_ids
from tacit.reading.table_names import name_parts

_UNIQUE = 0.98
"""Share of distinct values from which a column may be one of ids, if nothing but its values says so."""

_REPEATS = 0.9
"""Share of distinct ids below which a table with users may be a log."""

_OTHERS_AN_ID = 1.2
"""From so many users an item on, or items a user, a table is a log."""

_MET = 0.5
"""Share of the events that a column meets from which it holds the ids of the log."""

_CLEARLY = 0.1
"""So many more of the events another column must meet to be taken in place of the one that is named."""

_AS_MANY = 0.02
"""Difference within which two columns meet as many events."""

_WORDS = r"\s|[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]{2,}"
"""Several words, or a word in a script that is written without blanks."""

_UNITS = (1.0, 1e3, 1e6, 1e9)
"""Parts of a second in which moments are counted."""

_EXACT: dict[str, tuple[str, ...]] = {
    ITEM: ("itemid", "productid", "movieid", "sku", "asin", "parentasin", "商品id", "物品id"),
    USER: ("userid", "user", "uid", "customerid", "visitorid", "memberid", "clientid", "用户id", "会员id"),
}


def id_column(
    table: pl.DataFrame, role: str, reading: Reading, *, where: str, log_ids: pl.Series | None = None
) -> tuple[str, tuple[str, ...]]:
    """Return the column of the ids of a table, and what is to be said of it.

    Parameters
    ----------
    table : polars.DataFrame
    role : {"item", "user"}
    reading : Reading
        A column that it names is taken.
    where : str
        The table, for messages.
    log_ids : polars.Series of str, optional
        An id an event of the log, after the rules of ``reading.ids``.

    Raises
    ------
    ConfigError
        If the named column is not there.
    DataError
        If no column holds ids, or it is not clear which.
    """
    wanted = (reading.item_columns if role == ITEM else reading.user_columns).get(role)
    if wanted is not None:
        return named_column(table.columns, wanted, role), ()
    if table.width == 1 and (log_ids is None or table.columns[0] == "id"):
        return table.columns[0], ()  # a list of ids
    ranks = {name: _rank(table[name], role) for name in table.columns}
    best = max(ranks, key=lambda name: ranks[name])
    met = {} if log_ids is None else _met(table, ranks, log_ids, reading.ids)
    if met:
        found = max(met, key=lambda name: (met[name], ranks[name]))
        unsure = ranks[best] < 2 or _is_rivalled(ranks, best)
        if met[found] >= _MET and (unsure or met[found] > met.get(best, 0.0) + _CLEARLY):
            note = f"{where}: the column {found} holds the {role} ids: {met[found]:.0%} of the events meet it"
            also = [name for name in met if name != found and met[name] > met[found] - _AS_MANY]
            if also:
                note += f", and {also[0]} as many: {map_option(also[0], role, f'--{role}-map')} for that one"
            return found, (note,) if also or found != best else ()
    if ranks[best] >= 2 and not _is_rivalled(ranks, best):
        return best, ()
    if ranks[best] > 1:
        refuse_log(table, best, role, where)
    return _by_content(table, ranks, role, reading, where, log_known=log_ids is not None)


def named_column(columns: Sequence[str], wanted: str, role: str) -> str:
    """Return the column with a name or a place, from 1.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if wanted in columns:
        return wanted
    if wanted.isdigit() and 1 <= int(wanted) <= len(columns):
        return columns[int(wanted) - 1]
    raise ConfigError(f"there is no column {wanted!r} for the {role}; columns: {', '.join(columns)}")


def distinct_share(column: pl.Series) -> float:
    """Return the share of distinct values among those that are there."""
    known = column.drop_nulls()
    return known.n_unique() / max(len(known), 1)


def _rank(column: pl.Series, role: str) -> float:
    """Return how well the name of a column says that it holds the ids: 6 exactly, 0 not at all."""
    nouns, others = (names.ITEM, names.USER) if role == ITEM else (names.USER, names.ITEM)
    plain, parts = plain_name(column.name), name_parts(column.name)
    if plain in _EXACT[role]:
        return 6 - _EXACT[role].index(plain) / 100
    if names.OTHERS.among(parts) or others.among(parts):
        return 0
    ended = names.ID.bound(parts)
    if nouns.among(parts) and ended:
        return 5
    if parts in (("id",), ("ids",), ("key",)):
        return 4
    if nouns.among(parts) and not names.TITLE.bound(parts) and not _holds_words(column):
        return 3 if _is_id_like(column) else 1.5
    if names.BARCODE.among(parts):
        return 0  # a number of the maker: shops have their own
    if ended and _is_id_like(column):
        return 2 if len(parts) == 1 else 1
    return 0


def _is_rivalled(ranks: Mapping[str, float], best: str) -> bool:
    """Return whether the names of two columns say as much, and little."""
    return ranks[best] < 4 and sum(rank == ranks[best] for rank in ranks.values()) > 1


def _met(
    table: pl.DataFrame, ranks: Mapping[str, float], log_ids: pl.Series, rules: Sequence[str]
) -> dict[str, float]:
    """Return which share of the events each column meets that may hold ids."""
    met: dict[str, float] = {}
    events = events_by_id(log_ids)
    for name in table.columns:
        if ranks[name] < 2 and distinct_share(table[name]) < _UNIQUE:
            continue
        try:
            met[name] = share_met(events, text_ids(table[name], rules))
        except DataError:  # decimal numbers too large to be ids
            continue
    return met


def _by_content(
    table: pl.DataFrame,
    ranks: Mapping[str, float],
    role: str,
    reading: Reading,
    where: str,
    *,
    log_known: bool,
) -> tuple[str, tuple[str, ...]]:
    """Return the one column that holds codes or whole numbers, each once.

    Where the log is known, and no column meets it, the name must say something too.
    """
    fits = [
        name
        for place, name in enumerate(table.columns)
        if (ranks[name] > 0 or not log_known)
        and _is_id_like(table[name])
        and not _is_excluded(name, role)
        # Numbers may be ids or moments: of moments the first column of a table never consists.
        and (place == 0 or not _holds_moments(table[name]))
    ]
    fits = sorted(fits, key=lambda name: (-ranks[name], table.columns.index(name)))
    if not fits:
        raise DataError(
            f"{where}: no column is known to hold {role} ids among {', '.join(table.columns)}; name it with "
            f"--{role}-map COLUMN={role} (in Python Reading({role}_columns={{{role!r}: COLUMN}}))"
        )
    rivals = [name for name in fits[1:] if ranks[name] == ranks[fits[0]]]
    unnamed = all(name.isdigit() for name in table.columns)
    if rivals and not reading.accept_guess and not unnamed:
        raise DataError(
            f"{where}: the {role} ids may stand in {fits[0]} (--{role}-map {fits[0]}={role}) or in "
            f"{rivals[0]} (--{role}-map {rivals[0]}={role}); give one of the two, or --accept-guess"
        )
    return fits[0], (f"{where}: the column {fits[0]} is taken for the {role} ids by its values",)


def _holds_words(column: pl.Series) -> bool:
    if column.dtype != pl.String:
        return False
    values = sample_of(column)
    return bool(len(values)) and bool(values.str.contains(_WORDS).mean() > 0.2)  # type: ignore[operator]


def _is_excluded(name: str, role: str) -> bool:
    parts = name_parts(name)
    others = names.USER if role == ITEM else names.ITEM
    return others.among(parts) or names.PRICE.among(parts) or names.OTHERS.among(parts)


def _is_id_like(column: pl.Series) -> bool:
    """Return whether every row has a value, each once, and they are codes, whole numbers or single words."""
    if column.null_count() > 0.02 * len(column) or distinct_share(column) < _UNIQUE:
        return False
    if column.dtype.is_integer():
        return True
    if column.dtype.is_float():
        return bool((column.drop_nulls() % 1 == 0).all())
    if column.dtype != pl.String:
        return False
    values = sample_of(column)
    if not len(values) or reason_against_values(values) in ("times", "JSON", "web addresses"):
        return False
    return not bool(values.str.contains(r"\s|^-?\d+[.,]\d*[1-9]\d*$").mean() > 0.05)  # type: ignore[operator]


def refuse_log(table: pl.DataFrame, ids: str, role: str, where: str) -> None:
    """Refuse an event log that was given as a catalogue or as users.

    Raises
    ------
    DataError
    """
    reason = looks_like_log(table, ids, role)
    if reason is not None:
        what = "catalogue has a row an item" if role == ITEM else "file of users has a row a user"
        raise DataError(
            f"{where} looks like an event log: {reason}; a {what}: give it as the log, or name the ids with "
            f"--{role}-map COLUMN={role}"
        )


def looks_like_log(table: pl.DataFrame, ids: str, role: str) -> str | None:
    """Return why a table that was given as a catalogue or as users is an event log, in words; None if not.

    In a log the ids of items repeat, each time with other users (or orders), and those of users with other
    items; in a table without a header there is a column of moments.

    Parameters
    ----------
    table : polars.DataFrame
    ids : str
        The column that was taken for the ids.
    role : {"item", "user"}
    """
    if len(table) < 4:
        return None
    if all(name.isdigit() for name in table.columns):
        moments = [n for n in table.columns[1:] if n != ids and _holds_moments(table[n], of_day=True)]
        return f"the column {moments[0]} holds the moment of each row" if moments else None
    distinct = distinct_share(table[ids])
    others = [name for name in table.columns if name != ids and _is_other(table[name], role)]
    for other in others if distinct < _REPEATS else ():
        if table.select(ids, other).n_unique() > _OTHERS_AN_ID * table[ids].n_unique():
            times = f"{max(1 / max(distinct, 1e-9), 2):.0f} times"
            return f"{ids} repeats its ids about {times}, with other values of {other}"
    return None


def _is_other(column: pl.Series, role: str) -> bool:
    """Return whether a column holds the other side of an event: users or orders of items, items of users."""
    parts = name_parts(column.name)
    if role == USER:
        return names.ITEM.among(parts)
    if names.USER.among(parts) or names.ORDER.among(parts):
        return True
    values = sample_of(column) if column.dtype == pl.String else column.head(0).cast(pl.String)
    return len(values) > 0 and reason_against_values(values) == "e-mail addresses"


def looks_like_catalogue(table: pl.DataFrame, item: str | None = None) -> str | None:
    """Return why a table that was given as an event log is a catalogue, in words; None if it is not.

    In a catalogue every row is another item and has a title, and no column holds users.

    Parameters
    ----------
    table : polars.DataFrame
        The rows of a log, or a sample of them.
    item : str, optional
        The column that was taken for the items.
    """
    if len(table) < 2 or any(_holds_users(table[name]) for name in table.columns):
        return None
    ranked = [n for n in table.columns if _rank(table[n], ITEM) >= 2 and distinct_share(table[n]) >= _UNIQUE]
    if item is not None and item not in ranked:
        return None
    if not ranked:
        return None
    titles = [n for n in table.columns if n not in ranked and _is_title(table[n])]
    if not titles:
        return None
    return f"every row is another {ranked[0]}, {titles[0]} holds titles, and no column holds users"


def _holds_users(column: pl.Series) -> bool:
    """Return whether a column is named for users or sessions and says who acted."""
    parts = name_parts(column.name)
    return names.USER.among(parts) or names.ORDER.among(parts)


def _is_title(column: pl.Series) -> bool:
    parts = name_parts(column.name)
    named = names.TITLE.bound(parts) or names.DESCRIPTION.bound(parts)
    return named and not names.OTHERS.among(parts) and reason_against(column) is None


def _holds_moments(column: pl.Series, *, of_day: bool = False) -> bool:
    """Return whether a column holds times; ``of_day`` for those that know the time of the day."""
    if column.dtype.is_temporal():
        return column.dtype != pl.Date or not of_day
    if column.dtype.is_numeric():
        return _are_unix(column)
    values = sample_of(column)
    if not len(values):
        return False
    if reason_against_values(values) == "times":
        return not of_day or _mostly(values.str.contains(r"\d:\d\d"))
    return _are_unix(values.cast(pl.Float64, strict=False))


def _are_unix(numbers: pl.Series) -> bool:
    """Return whether numbers are moments between 1995 and 2040 in seconds, or in ms, µs or ns."""
    return any(_mostly(numbers.is_between(8e8 * unit, 2.2e9 * unit).fill_null(False)) for unit in _UNITS)


def _mostly(flags: pl.Series) -> bool:
    return float(flags.mean() or 0) > 0.9  # type: ignore[arg-type]
