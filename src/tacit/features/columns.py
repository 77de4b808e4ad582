"""What a feature is: a name, the family that it is switched with, and whom it describes."""

from dataclasses import dataclass
from typing import Literal

from tacit.core.types import Float32

Side = Literal["user", "item", "pair"]

Values = list[tuple[str, Side, Float32]]
"""What a family makes: name, side and float32[pairs] of each of its columns; NaN where nothing is known."""


@dataclass(frozen=True)
class Column:
    """One column of the features, float32.

    Attributes
    ----------
    name : str
    family : str
        What an ablation leaves out as one.
    side : {"user", "item", "pair"}
        Whether the value depends on the history alone, on the candidate alone, or on both.
    """

    name: str
    family: str
    side: Side = "pair"
