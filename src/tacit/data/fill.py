"""How missing values are filled, as plain data for configurations and the command line.

Nothing heavy is imported here: the command line builds its options from it before any work begins.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan
from typing import Literal

from tacit.core.errors import ConfigError
from tacit.data import columns as col

How = Literal["constant", "mean", "median", "mode", "forward", "interpolate", "drop"]
_HOWS = ("constant", "mean", "median", "mode", "forward", "interpolate", "drop")
_COLUMNS = (col.VALUE, col.TIMESTAMP)


@dataclass(frozen=True)
class Fill:
    """How a column is filled.

    Attributes
    ----------
    how : {"constant", "mean", "median", "mode", "forward", "interpolate", "drop"}
        "forward" takes the value of the user's previous event; "interpolate" interpolates between the user's
        previous and next event, by time for values and by place in the file for times; "drop" removes the
        row.
    constant : float or None
    """

    how: How
    constant: float | None = None

    @property
    def word(self) -> str | float:
        """The fill as a file states it: a word or a number."""
        return self.how if self.constant is None else self.constant

    @classmethod
    def parse(cls, text: str) -> "Fill":
        """Return the fill of a word ("median") or of a number (a constant).

        Raises
        ------
        ConfigError
        """
        if text in _HOWS and text != "constant":
            return cls(text)  # type: ignore[arg-type]
        try:
            constant = float(text)
        except ValueError:
            constant = nan
        if not isfinite(constant):
            raise ConfigError(f"cannot fill with {text!r}; give a number or one of {', '.join(_HOWS[1:])}")
        return cls("constant", constant)


def check_fills(fills: Mapping[str, Fill]) -> None:
    """Raise `ConfigError` if a column cannot be filled."""
    for name in fills:
        if name not in _COLUMNS:
            raise ConfigError(f"cannot fill the column {name!r}; known: {', '.join(_COLUMNS)}")
