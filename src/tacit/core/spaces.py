"""Search spaces of parameters, as plain data.

A space contains the default and is wide around it; a search that starts elsewhere extends it. Parameters that
only trade memory or time for exactness (``keep``, ``max_items``) are not searched.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

Value = float | int | str | None


@dataclass(frozen=True)
class Float:
    """A number between two bounds, inclusive; with ``log`` it is drawn on a logarithmic scale."""

    low: float
    high: float
    log: bool = False

    def holding(self, value: float) -> Self:
        """Return the range stretched to a value."""
        return replace(self, low=min(self.low, value), high=max(self.high, value))


@dataclass(frozen=True)
class Int:
    """A whole number between two bounds, inclusive."""

    low: int
    high: int
    log: bool = False

    def holding(self, value: int) -> Self:
        """Return the range stretched to a value."""
        return replace(self, low=min(self.low, value), high=max(self.high, value))


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Value, ...]

    def holding(self, value: Value) -> Self:
        """Return the choice extended by a value, if it is not in it."""
        return self if value in self.values else replace(self, values=(*self.values, value))


Search = Float | Int | Choice
Space = Mapping[str, Search]
