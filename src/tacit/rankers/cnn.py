"""Convolutions over raw vectors: the map of what a user and an item are, and the run of the last events.

The outer product of two vectors holds every product of a number of one with a number of the other, and a
convolution looks for patterns among them (ONCF: He et al., "Outer product-based neural collaborative
filtering", IJCAI 2018). The last events are a short sequence; filters slide along it and the strongest answer
of each is kept (Caser: Tang and Wang, WSDM 2018).
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tacit.core.types import Float32
from tacit.features.families import USUAL
from tacit.features.feature_columns import Column
from tacit.rankers.layers import Arrays, affine, convolutions, dense, numbered, outer_convolutions
from tacit.rankers.neural import NeuralRanker

if TYPE_CHECKING:
    from torch import nn

FAMILIES = (*USUAL, "text-vectors", "collaborative-vectors", "sequence")
"""What a convolution is given: with the raw vectors."""

_VECTOR = re.compile(r"(?:.+_)?(user|item)_(\d+)")
_RECENT = re.compile(r"recent(\d+)_(\d+)")
_CHUNK = 2_048
"""Pairs scored at a time: a map of each takes 4 kB."""


@dataclass(kw_only=True, eq=False)
class CNN(NeuralRanker):
    """The base plus what convolutions over raw vectors and a perceptron make of the features.

    Columns ``user_0``, ... and ``item_0``, ... of one family are a map; ``recent0_0``, ... ``recent1_0``, ...
    are the last events, the last first. Whatever of them is missing is left out.

    Parameters
    ----------
    channels : sequence of int
        Of the convolutions over a map, one layer each.
    kernel, stride : int
        Of their windows.
    filters, span : int
        How many filters slide along the last events, and how many events each sees.
    hidden : sequence of int
        Widths of the layers that join everything (ReLU).
    **shared
        See `NeuralRanker`. There is one member: four would not rank 200 candidates in 2 ms.
    """

    name: ClassVar[str] = "cnn"

    members: int = 1
    families: Sequence[str] | None = FAMILIES
    channels: Sequence[int] = (8, 16)
    kernel: int = 4
    stride: int = 4
    filters: int = 16
    span: int = 3
    hidden: Sequence[int] = (64, 32)

    def _network(self, inputs: "nn.Module", columns: Sequence[Column]) -> "nn.Module":
        from tacit.rankers.networks import Convolutional, History, OuterProduct

        vectors, events = _vectors(columns), _events(columns)
        taken = {place for pair in vectors for side in pair for place in side}
        taken |= {place for event in events for place in event}
        alike = [item for _, item in vectors if events and len(item) == len(events[0])]
        return Convolutional(
            inputs,
            [OuterProduct(*pair, self.channels, self.kernel, self.stride) for pair in vectors],
            History(events, alike[0] if alike else None, self.filters, self.span) if events else None,
            [place for place in range(len(columns)) if place not in taken],
            self.hidden,
            self.dropout,
            len(self.task_weights),
        )

    def _logits(self, arrays: Arrays, features: Float32) -> Float32:
        starts = range(0, max(len(features), 1), _CHUNK)
        states = [np.concatenate([*self._parts(arrays, features[at : at + _CHUNK])], axis=1) for at in starts]
        return affine(arrays, "out", dense(arrays, "deep", np.concatenate(states)))

    def _parts(self, arrays: Arrays, features: Float32) -> Iterator[Float32]:
        for name in numbered(arrays, "maps", "user"):
            user, item = features[:, arrays[f"{name}.user"]], features[:, arrays[f"{name}.item"]]
            made = outer_convolutions(arrays, f"{name}.convolutions", user, item, self.stride)
            yield made.reshape(len(features), math.prod(made.shape[1:]))
        yield features[:, arrays["rest"]]
        if "history.places" in arrays:
            events = features[:, arrays["history.places"]]
            if "history.item" in arrays:
                product = events * features[:, None, arrays["history.item"]]
                events = np.concatenate([events, product], axis=2)
            yield convolutions(arrays, "history.convolutions", events.transpose(0, 2, 1), 1).max(axis=2)


def _vectors(columns: Sequence[Column]) -> list[tuple[list[int], list[int]]]:
    """Return the places of the user's and the item's vector in each family that has both."""
    found: dict[str, dict[str, dict[int, int]]] = {}
    for place, column in enumerate(columns):
        if match := _VECTOR.fullmatch(column.name):
            sides = found.setdefault(column.family, {"user": {}, "item": {}})
            sides[match[1]][int(match[2])] = place
    pairs = [(_ordered(sides["user"]), _ordered(sides["item"])) for sides in found.values()]
    return [(user, item) for user, item in pairs if user and item]


def _events(columns: Sequence[Column]) -> list[list[int]]:
    """Return the places of the vector of each of the last events."""
    found: dict[int, dict[int, int]] = {}
    for place, column in enumerate(columns):
        if match := _RECENT.fullmatch(column.name):
            found.setdefault(int(match[1]), {})[int(match[2])] = place
    return [_ordered(found[event]) for event in sorted(found)]


def _ordered(places: dict[int, int]) -> list[int]:
    return [places[number] for number in sorted(places)]
