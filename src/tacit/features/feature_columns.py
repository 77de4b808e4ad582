"""What a feature is: a name, the family that it is switched with, and whom it describes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tacit.core.types import Float32

Side = Literal["user", "item", "pair", "bucket"]

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
    side : {"user", "item", "pair", "bucket"}
        Whether the value depends on who asks alone, on the candidate alone, or on both. A bucket is of both
        too, and no amount: a whole number that stands for what was crossed, 0 for nothing.
    """

    name: str
    family: str
    side: Side = "pair"


def buckets_of(columns: Sequence[Column]) -> list[int]:
    """Return the places of the columns that hold buckets."""
    return [place for place, column in enumerate(columns) if column.side == "bucket"]
