"""Columns of features: name, family, and what they describe."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tacit.core.types import Float32

Side = Literal["user", "item", "pair", "bucket"]

Values = list[tuple[str, Side, Float32]]
"""Output of a family: name, side and float32[pairs] of each of its columns; NaN where unknown."""


@dataclass(frozen=True)
class Column:
    """One column of the features, float32.

    Attributes
    ----------
    name : str
    family : str
        An ablation leaves out a whole family.
    side : {"user", "item", "pair", "bucket"}
        Whether the value depends on the user only, on the candidate only, or on both. A bucket depends on
        both too and is no amount: a whole number that identifies the crossed values, 0 for none.
    """

    name: str
    family: str
    side: Side = "pair"


def buckets_of(columns: Sequence[Column]) -> list[int]:
    """Return the places of the bucket columns."""
    return [place for place, column in enumerate(columns) if column.side == "bucket"]
