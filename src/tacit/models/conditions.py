"""Conditions on catalogue attributes as plain data, for rules in a JSON or TOML file.

A condition is ``{"attribute": "category", "op": "==", "value": "Shoes"}``. An item whose attribute is
missing (or not a number among numbers) fulfils no condition on it, not even ``!=``: its value is unknown.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from tacit.core.errors import ConfigError
from tacit.core.types import Bool
from tacit.data.catalogue import Catalogue

_KEYS = ("attribute", "op", "value")

_OPERATORS: dict[str, Callable[[pl.Series, Any], pl.Series]] = {
    "==": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
    "in": lambda column, value: column.is_in(value),
    "not in": lambda column, value: ~column.is_in(value),
    "contains": lambda column, value: column.str.contains(value, literal=True),
}
_LISTS = ("in", "not in")


@dataclass(frozen=True)
class Condition:
    """One condition on one attribute of an item.

    Attributes
    ----------
    attribute : str
        A column of the catalogue.
    op : str
        ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, ``in``, ``not in`` (value: a list) or ``contains``
        (value: a piece of the attribute's text).
    value : str, number, bool, or a list of them
    """

    attribute: str
    op: str
    value: Any

    @classmethod
    def parse(cls, raw: object, where: str) -> "Condition":
        """Return the condition of plain data.

        Raises
        ------
        ConfigError
            If a key is missing or unknown, or the operator or the kind of value is wrong; ``where`` names
            the rule in the message.
        """
        if not isinstance(raw, Mapping) or set(raw) != set(_KEYS):
            raise ConfigError(f"{where}: a condition needs exactly the keys {', '.join(_KEYS)}; got {raw!r}")
        condition = cls(**raw)
        if condition.op not in _OPERATORS:
            raise ConfigError(f"{where}: unknown op {condition.op!r}; known: {', '.join(_OPERATORS)}")
        if (condition.op in _LISTS) != isinstance(condition.value, list):
            raise ConfigError(
                f"{where}: {condition.op!r} takes {'a list' if condition.op in _LISTS else 'one value'}"
            )
        return condition

    def holds(self, catalogue: Catalogue, where: str) -> Bool:
        """Return which items fulfil the condition: bool[items].

        Raises
        ------
        ConfigError
            If the catalogue has no such attribute, or its kind cannot be compared with the value.
        """
        column = attribute(catalogue, self.attribute, where)
        values = self.value if isinstance(self.value, list) else [self.value]
        if not all(_comparable(column, value) for value in values) or (
            self.op == "contains" and column.dtype != pl.String
        ):
            raise ConfigError(
                f"{where}: attribute {self.attribute!r} holds {column.dtype} values and cannot be "
                f"compared by {self.op!r} with {self.value!r}"
            )
        if column.dtype.is_numeric():  # whole and broken numbers compare with each other
            column = column.cast(pl.Float64).fill_nan(None)
            values = [float(value) for value in values]
        value = values if self.op in _LISTS else values[0]
        return _OPERATORS[self.op](column, value).fill_null(False).to_numpy()


def all_hold(conditions: Sequence[Condition], catalogue: Catalogue, where: str) -> Bool:
    """Return which items fulfil every condition: bool[items]; all of them where there is no condition."""
    holds = np.ones(len(catalogue), dtype=bool)
    for condition in conditions:
        holds &= condition.holds(catalogue, where)
    return holds


def attribute(catalogue: Catalogue, name: str, where: str) -> pl.Series:
    """Return an attribute of the catalogue by name.

    Raises
    ------
    ConfigError
        If there is no such attribute; the message names the known ones.
    """
    known = catalogue.attributes.columns
    if name not in known:
        raise ConfigError(
            f"{where}: the catalogue has no attribute {name!r}; known: {', '.join(known) or 'none'}"
        )
    return catalogue.attributes[name]


def _comparable(column: pl.Series, value: object) -> bool:
    if column.dtype == pl.Boolean:
        return isinstance(value, bool)
    if column.dtype.is_numeric():
        return isinstance(value, int | float) and not isinstance(value, bool)
    return column.dtype == pl.String and isinstance(value, str)
