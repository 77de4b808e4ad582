"""Where tuning looks: the values of a parameter that are worth a search, as plain data.

Every space holds the default and is wide around it; a search that starts elsewhere stretches it. What only
trades memory or time for exactness (``keep``, ``max_items``) is not searched.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

Value = float | int | str | None


@dataclass(frozen=True)
class Float:
    """A number between two, both possible; ``log`` where its size matters and not its steps."""

    low: float
    high: float
    log: bool = False

    def holding(self, value: float) -> Self:
        """Return the range stretched to a value."""
        return replace(self, low=min(self.low, value), high=max(self.high, value))


@dataclass(frozen=True)
class Int:
    """A whole number between two, both possible."""

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
        """Return the values and one more, unless it is among them."""
        return self if value in self.values else replace(self, values=(*self.values, value))


Search = Float | Int | Choice
Space = Mapping[str, Search]
