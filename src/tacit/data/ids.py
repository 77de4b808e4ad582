"""Ids of two tables that do not meet: what would make them meet, and the rules that do it on request.

An id is a text, and two texts that differ are two ids: nothing here happens by itself. `apply_ids` is the one
place where the rules are applied: to logs, catalogues, users and requests alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal, get_args

import polars as pl

IdRule = Literal["trim-float", "fold-case", "trim-zeros"]
"""``17602.0`` becomes ``17602``, capital letters small ones, ``007`` becomes ``7``."""

IN_WORDS: dict[str, str] = {
    "trim-float": "`.0` is cut",
    "fold-case": "capital letters are made small",
    "trim-zeros": "leading zeros are cut",
}
"""What each rule does."""

_GAIN = 0.01
"""A rule by which fewer further events meet the table is not worth a line."""


@dataclass(frozen=True)
class IdMatch:
    """How the ids of a log meet those of a table.

    Attributes
    ----------
    exact : float
        Share of the events whose id is in the table.
    by : dict of str to float
        That share by each rule, and by sets of rules joined with a comma, where it is larger.
    merged : dict of str to int
        Ids of the log or of the table that would become one with another of the same side, by the same keys.
    examples : list of str
        An id of the log that the table does not have, and one of the table that the log does not have.
    """

    exact: float
    by: dict[str, float] = field(default_factory=dict)
    merged: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    @property
    def best(self) -> str | None:
        """The rules by which most events meet the table, the fewest of them; None if none helps."""
        ranked = sorted(self.by, key=lambda rules: (-round(self.by[rules], 3), rules.count(",")))
        return ranked[0] if ranked else None


def apply_ids(ids: pl.Series, rules: Sequence[str]) -> pl.Series:
    """Return ids after the rules, whatever the order in which they are given.

    Parameters
    ----------
    ids : polars.Series of str
    rules : sequence of {"trim-float", "fold-case", "trim-zeros"}
    """
    if "trim-float" in rules:
        ids = ids.str.replace(r"^([-+]?[0-9]+)\.0+$", "${1}")
    if "trim-zeros" in rules:
        ids = ids.str.replace(r"^0+([0-9]+)$", "${1}")
    if "fold-case" in rules:
        ids = ids.str.to_lowercase()
    return ids


def apply_id(id_: str, rules: Sequence[str]) -> str:
    """Return one id after the rules: what `apply_ids` makes of it."""
    if not rules:
        return id_
    changed: str = apply_ids(pl.Series([id_], dtype=pl.String), rules)[0]
    return changed


def id_matches(log_ids: pl.Series, table_ids: pl.Series) -> IdMatch:
    """Return which share of the events meets a table, and by which rules more would.

    Parameters
    ----------
    log_ids : polars.Series of str
        An id an event.
    table_ids : polars.Series of str
    """
    events, table = events_by_id(log_ids), table_ids.cast(pl.String).alias("id").drop_nulls().unique()
    exact = share_met(events, table)
    by: dict[str, float] = {}
    merged: dict[str, int] = {}
    for size in (1, 2, 3) if exact < 1 else ():
        for rules in combinations(get_args(IdRule), size):
            share = share_met(events, table, rules)
            fewer = [value for known, value in by.items() if set(known.split(",")) < set(rules)]
            if share > max([exact, *fewer]) + _GAIN:
                by[",".join(rules)] = share
                merged[",".join(rules)] = _merged(events["id"], rules) + _merged(table, rules)
    return IdMatch(exact, by, merged, _strangers(events, table) if exact < 1 else [])


def events_by_id(log_ids: pl.Series) -> pl.DataFrame:
    """Return the number of ``events`` of each ``id``; ``log_ids`` holds an id an event."""
    counted = log_ids.alias("id").drop_nulls().value_counts(name="events")
    return counted.with_columns(pl.col("id").cast(pl.String))


def share_met(events: pl.DataFrame, table: pl.Series, rules: Sequence[str] = ()) -> float:
    """Return the share of the events (`events_by_id`) whose id is among those of a table, after rules."""
    table = table.cast(pl.String).alias("id")
    ids = apply_ids(table, rules).unique().to_frame()
    met = events.with_columns(apply_ids(events["id"], rules)).join(ids, on="id", how="semi")
    return float(met["events"].sum()) / max(int(events["events"].sum()), 1)


def _merged(ids: pl.Series, rules: Sequence[str]) -> int:
    return len(ids) - apply_ids(ids, rules).n_unique()


def _strangers(events: pl.DataFrame, table: pl.Series) -> list[str]:
    unlisted = events.filter(~pl.col("id").is_in(table.implode())).sort(
        ["events", "id"], descending=[True, False]
    )
    silent = table.filter(~table.is_in(events["id"].implode())).sort()
    return [*unlisted["id"].head(1), *silent.head(1)]
