"""Traits: what is known of users and of the moments of their queries.

A trait is a value of an attribute ("gender=F"; a number is binned first) as one stable number, so no
vocabulary is needed: a value that no user had at the fit has a number too. Traits come with the query: no
model needs a user id to use them.
"""

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from tacit.core.types import Int32, Int64, Json
from tacit.data import columns as col
from tacit.data.categories import distinct_texts
from tacit.data.event_names import plain_name
from tacit.data.vocabulary import Vocabulary

UNKNOWN = 0
"""The trait of an unknown value."""

_LARGEST = 2**31 - 1
_MOST_COLUMNS = 12
_FEW = 12
"""Up to so many different numbers are names (a code, a class); more are binned."""
_BINS = 6
_NOT_TRAITS = {col.USER, col.LINE}
_CONTEXT = {"device", "devicetype", "platform", "os", "browser", "app", "channel", "country", "region"} | {
    *("language", "locale"),
}
"""Columns of a log, as plain names, that describe the moment and are known at the time of a query."""


def trait(column: str, text: str) -> int:
    """Return the number of a value of a column: in [1, 2**31), the same on every machine."""
    return zlib.crc32(f"{column}={text}".encode()) & _LARGEST or 1


@dataclass(frozen=True)
class TraitColumns:
    """Which attributes of users are traits, and the bins of their numbers.

    Attributes
    ----------
    names : tuple of t str
    edges : mapping of name to tuple of float
        Edges of the bins of an attribute; only for binned ones.
    """

    names: tuple[str, ...]
    edges: Mapping[str, tuple[float, ...]]

    @classmethod
    def of(cls, frame: pl.DataFrame) -> "TraitColumns":
        """Choose among the columns of a file of users: those whose values several users have."""
        names: list[str] = []
        edges: dict[str, tuple[float, ...]] = {}
        for name in frame.columns:
            if name in _NOT_TRAITS or frame[name].dtype.is_nested() or len(names) == _MOST_COLUMNS:
                continue
            known = _texts(frame[name]).drop_nulls()
            numbers = known.cast(pl.Float64, strict=False)
            distinct = known.n_unique()
            if distinct > _FEW and not numbers.null_count():
                names.append(name)
                edges[name] = _edges(numbers)
            # A name, an address or a personal code says nothing about other users.
            elif 1 < distinct <= max(len(known) // 2, 2):
                names.append(name)
        return cls(tuple(names), edges)

    @classmethod
    def of_moments(cls, events: pl.DataFrame, beside: "TraitColumns") -> "TraitColumns":
        """Choose the columns of a log that describe the moment (device, channel, ...) and not the user."""
        names = [name for name in moment_names(events.columns) if name not in beside.names]
        return cls.of(events.select(names))

    def __len__(self) -> int:
        return len(self.names)

    def traits(self, frame: pl.DataFrame) -> Int32:
        """Return the traits of the rows of a frame: int32[rows, t]."""
        columns = np.zeros((len(frame), len(self)), dtype=np.int32)
        for place, name in enumerate(self.names):
            if name in frame.columns:
                texts = _texts(frame[name])
                known = texts.unique().to_list()
                numbers = [self._trait(name, value) for value in known]
                columns[:, place] = texts.replace_strict(known, numbers, return_dtype=pl.Int32).to_numpy()
        return columns

    def traits_of(self, attributes: Mapping[str, Json]) -> Int32:
        """Return the traits of one user: int32[t]; attributes with other names are ignored."""
        return np.array([self._trait(name, attributes.get(name)) for name in self.names], dtype=np.int32)

    def to_json(self) -> dict[str, Json]:
        """Return the columns as JSON."""
        return {"names": list(self.names), "edges": {name: list(at) for name, at in self.edges.items()}}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "TraitColumns":
        """Rebuild from what `to_json` returned."""
        edges = {name: tuple(at) for name, at in document["edges"].items()}
        return cls(tuple(document["names"]), edges)

    def _trait(self, name: str, value: object) -> int:
        text = _text(value)
        if text is None:
            return UNKNOWN
        if name not in self.edges:
            return trait(name, text)
        try:
            number = float(text)
        except ValueError:
            return UNKNOWN
        return trait(name, f"bin {np.searchsorted(self.edges[name], number, side='right')}")


NO_COLUMNS = TraitColumns((), {})


def moment_names(columns: Iterable[str]) -> list[str]:
    """Return the columns of a log that are named for the moment of an event: its device, channel, ..."""
    return [name for name in columns if plain_name(name) in _CONTEXT]


@dataclass(frozen=True)
class Users:
    """Users by code: row i is user i of the vocabulary.

    Attributes
    ----------
    ids : Vocabulary
    columns : TraitColumns
    traits : int32[users, t]
        `UNKNOWN` where nothing is known.
    """

    ids: Vocabulary
    columns: TraitColumns
    traits: Int32

    @classmethod
    def of(cls, frame: pl.DataFrame | None, active: pl.Series) -> "Users":
        """Return all users of a file of users and of a log.

        Parameters
        ----------
        frame : polars.DataFrame or None
            ``user_id`` (unique) and attributes of users.
        active : polars.Series of str
            Ids of the log.
        """
        if frame is None:
            return cls.unknown(Vocabulary.of(active))
        # Later users have traits too, but do not decide which attributes are traits and where the bins lie.
        present = frame.filter(frame[col.USER].is_in(distinct_texts(active).implode()))
        ids, columns = Vocabulary.of(active, frame[col.USER]), TraitColumns.of(present)
        traits = np.zeros((len(ids), len(columns)), dtype=np.int32)
        traits[ids.encode(frame[col.USER])] = columns.traits(frame)
        return cls(ids, columns, traits)

    def with_further(self, ids: pl.Series) -> "Users":
        """Return the users with further ones behind them, of whom nothing is known: no other code changes."""
        larger = self.ids.extended(distinct_texts(ids).sort())
        unknown = np.full((len(larger) - len(self.ids), len(self.columns)), UNKNOWN, dtype=np.int32)
        return Users(larger, self.columns, np.concatenate([self.traits, unknown]))

    @classmethod
    def unknown(cls, ids: Vocabulary) -> "Users":
        """Return users of whom only the ids are known."""
        return cls(ids, NO_COLUMNS, np.zeros((len(ids), 0), dtype=np.int32))


def traits_by_code(traits: Int32, codes: Sequence[int] | Int32 | Int64) -> Int32:
    """Return the traits of users by code, int32[n, t]; code -1 has no known traits."""
    if not len(traits):
        return np.zeros((len(codes), traits.shape[1]), dtype=np.int32)
    known = np.asarray(codes, dtype=np.int64)
    return np.where((known >= 0)[:, None], traits[known], np.int32(UNKNOWN))


def _texts(values: pl.Series) -> pl.Series:
    texts = values.cast(pl.String, strict=False)
    known = texts.unique().to_list()
    return texts.replace_strict(known, [_text(value) for value in known], return_dtype=pl.String)


def _text(value: object) -> str | None:
    """Return a value as text, the same from a text file, a typed file and JSON; None if it is missing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, list | dict):
        return None
    text = re.sub(r"^([-+]?\d+)\.0+$", r"\1", str(value).strip().casefold())
    return None if text in ("", "nan", "null", "none") else text


def _edges(numbers: pl.Series) -> tuple[float, ...]:
    parts = np.linspace(0, 1, _BINS + 1)[1:-1]
    return tuple(np.unique(np.quantile(numbers.filter(numbers.is_finite()).to_numpy(), parts)).tolist())
