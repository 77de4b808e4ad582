"""What the columns of a catalogue are besides its ids: title, description, and what makes up the text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from tacit.data import columns as col
from tacit.data.text_columns import meant_titles, reason_against, reason_against_values, sample_of
from tacit.reading import table_names as names
from tacit.reading.choices import ITEM, Reading
from tacit.reading.table_ids import distinct_share, named_column
from tacit.reading.table_names import Words, name_parts

_SHORT = 120
"""A text whose median has no more characters may be a title."""

_OWN = 0.9
"""Share of distinct texts from which on a column named for something else may hold titles."""

_FEW = 20
"""Of fewer titles nothing is said by what they look like."""


@dataclass(frozen=True)
class CatalogueColumns:
    """What the columns of a catalogue were taken for, under their own names.

    Attributes
    ----------
    item : str
        Column of the ids.
    title, description, created_at : str or None
    available : tuple of str
        Columns that say which items may be recommended.
    texts : tuple of str
        Columns that are in the text for the language model, in their order.
    attributes : tuple of str
        Columns that are attributes only.
    left_out : mapping of column to str
        Why an attribute is no part of the text.
    notes : tuple of str
        What was guessed or dropped, in sentences.
    own : bool
        Whether they are columns of the log, whose ids are those of its events.
    """

    item: str
    title: str | None = None
    description: str | None = None
    available: tuple[str, ...] = ()
    created_at: str | None = None
    texts: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    own: bool = False

    def in_words(self) -> list[str]:
        """Return what makes up the text of an item and what does not, and the notes, in sentences."""
        left = ", ".join(f"{name} ({why})" for name, why in self.left_out.items())
        parts = [
            ", ".join(
                ([] if self.own else [f"ids {self.item}"])
                + ([] if self.title is None else [f"titles {self.title}"])
            ),
            f"text for the language model: {', '.join(self.texts)}" if self.texts else "no text",
            f"not in the text: {left}" if left else "",
        ]
        lead = "the log as its own catalogue" if self.own else "catalogue"
        return [f"{lead}: {'; '.join(part for part in parts if part)}", *self.notes]


def text_roles(table: pl.DataFrame, reading: Reading) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return role -> column of title, description and created_at, and what is to be said.

    Parameters
    ----------
    table : polars.DataFrame
        Without the columns of ids and of availability.
    reading : Reading

    Raises
    ------
    ConfigError
        If a named column is not there.
    """
    given = {
        role: named_column(table.columns, column, role)
        for role, column in reading.item_columns.items()
        if role not in (ITEM, col.AVAILABLE)
    }
    roles, notes = dict(given), []
    free = [name for name in table.columns if name not in given.values()]
    listed = [name for name in free if "".join(name_parts(name)) in names.CREATED]
    if col.CREATED_AT not in roles and listed:
        roles[col.CREATED_AT] = listed[0]
        free.remove(listed[0])
    if col.TITLE not in roles:
        title, note = _title(table, free)
        if title is not None:
            roles[col.TITLE] = title
            free.remove(title)
        notes += [note] if note else []
    if col.DESCRIPTION not in roles:
        described = sorted(_named(table, free, names.DESCRIPTION, col.DESCRIPTION), reverse=True)
        if described:
            roles[col.DESCRIPTION] = described[0][1]
    return roles, tuple(notes)


def _title(table: pl.DataFrame, free: Sequence[str]) -> tuple[str | None, str | None]:
    """Return the column of the titles: by its name, else a short description, else a short text."""
    named = sorted(_named(table, free, names.TITLE, col.TITLE), reverse=True)
    worded = [(rank, name) for rank, name in named if _says_titles(table[name])]
    if worded or named:
        return (worded or named)[0][1], None
    short = [
        name
        for _, name in sorted(_named(table, free, names.DESCRIPTION, col.DESCRIPTION), reverse=True)
        if _is_short_text(table[name])
    ]
    if short:
        return short[0], f"there is no title: {short[0]} is taken for it"
    texts = [name for name in free if _is_short_text(table[name])]
    shares = {name: round(distinct_share(table[name]), 1) for name in texts}
    texts = [name for name in texts if shares[name] >= _OWN or not names.OTHERS.among(name_parts(name))]
    most = max((shares[name] for name in texts), default=0.0)
    best = [name for name in texts if shares[name] == most and most >= 0.5]
    return (best[0], f"there is no title: {best[0]} is taken for it by its values") if best else (None, None)


def _named(
    table: pl.DataFrame, free: Sequence[str], words: Words, exact: str
) -> list[tuple[tuple[int, int, int], str]]:
    """Return the columns whose names are or end with one of some words, and how well they do.

    ``title`` says more than ``product title``, that more than ``name`` and that more than ``name_en``.
    """
    found = []
    for name in free:
        parts = name_parts(name)
        if not words.bound(parts) or names.OTHERS.among(parts) or names.USER.among(parts):
            continue
        if table[name].dtype.is_numeric() or reason_against(table[name].alias(exact)) in ("JSON", "numbers"):
            continue
        item = names.ITEM.among(parts)
        clear = 3 if exact in parts else 2 if item else 1
        found.append(((clear, -len(parts), -table.columns.index(name)), name))
    return found


def _says_titles(column: pl.Series) -> bool:
    """Return whether a column holds names and not codes, numbers or nothing at all."""
    values = sample_of(column)
    if not len(values) or not meant_titles(values).drop_nulls().len():
        return False
    return len(values) < _FEW or reason_against_values(values) is None


def _is_short_text(column: pl.Series) -> bool:
    if column.dtype != pl.String or reason_against(column.alias("text")) is not None:
        return False
    values = sample_of(column)
    median = values.str.len_chars().median()
    listed = values.str.contains(r"[^,|/;]+[,|/;][^,|/;]+[,|/;]").mean()
    return float(median or 0) <= _SHORT and float(listed or 0) < 0.5  # type: ignore[arg-type]
