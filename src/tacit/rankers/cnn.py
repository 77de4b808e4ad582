"""Convolutions over raw vectors: over the outer product of user and item, and over the last events.

The outer product of two vectors is a map of all products of their numbers, and a convolution finds patterns
in it (ONCF: He et al., "Outer product-based neural collaborative filtering", IJCAI 2018). The last events are
a short sequence: filters slide along it and the maximum of each is kept (Caser: Tang and Wang, WSDM 2018).
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tacit.core.parameters import parameter
from tacit.core.types import Float32
from tacit.features.families import USUAL
from tacit.features.feature_columns import Column
from tacit.rankers.layers import Arrays, affine, convolutions, dense, numbered, outer_convolutions
from tacit.rankers.neural import NeuralRanker

if TYPE_CHECKING:
    from torch import nn

FAMILIES = (*USUAL, "text-vectors", "collaborative-vectors", "sequence")
"""Default families: the usual ones and the raw vectors."""

_VECTOR = re.compile(r"(?:.+_)?(user|item)_(\d+)")
_RECENT = re.compile(r"recent(\d+)_(\d+)")
_CHUNK = 2_048
"""Pairs scored at a time: the map of one pair takes 4 kB."""


class CNN(NeuralRanker):
    """The base plus the output of convolutions over raw vectors and a perceptron over everything.

    Columns ``user_0``, ... and ``item_0``, ... of one family give a map; ``recent0_0``, ... ``recent1_0``,
    ... are the vectors of the last events, the latest first. A part whose columns are missing is left out.

    Parameters
    ----------
    channels : sequence of int
        Output channels of each convolution over a map; as many layers as numbers.
    kernel, stride : int
        Side of their windows, and the step between two windows.
    filters, span : int
        Number of filters along the last events, and how many events each covers.
    hidden : sequence of int
        Widths of the hidden layers over everything (ReLU).
    **shared
        See `NeuralRanker`. One member by default: four do not rank 200 candidates within 2 ms.
    """

    name: str = "cnn"
    members: int = parameter(default=1, low=1, high=1_000)
    families: Sequence[str] | None = FAMILIES
    channels: Sequence[int] = parameter(default=(8, 16), low=1, high=4_096)
    kernel: int = parameter(default=4, low=1, high=256)
    stride: int = parameter(default=4, low=1, high=256)
    filters: int = parameter(default=16, low=1, high=4_096)
    span: int = parameter(default=3, low=1, high=1_000)
    hidden: Sequence[int] = parameter(default=(64, 32), low=1, high=65_536)

    def _network(self, inputs: "nn.Module", columns: Sequence[Column]) -> "nn.Module":
        from tacit.rankers.networks import Convolutional, History, OuterProduct

        vectors, events = _vectors(columns), _events(columns)
        used = {place for pair in vectors for side in pair for place in side}
        used |= {place for event in events for place in event}
        # The vector of the item that has the width of the events' vectors: their product is meaningful.
        same_width = [item for _, item in vectors if events and len(item) == len(events[0])]
        beside = same_width[0] if same_width else None
        return Convolutional(
            inputs,
            [OuterProduct(*pair, self.channels, self.kernel, self.stride) for pair in vectors],
            History(events, beside, self.filters, self.span) if events else None,
            [place for place in range(len(columns)) if place not in used],
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
            maps = outer_convolutions(arrays, f"{name}.convolutions", user, item, self.stride)
            yield maps.reshape(len(features), math.prod(maps.shape[1:]))
        yield features[:, arrays["rest"]]
        if "history.places" in arrays:
            events = features[:, arrays["history.places"]]  # n, events, width
            if "history.item" in arrays:
                product = events * features[:, None, arrays["history.item"]]
                events = np.concatenate([events, product], axis=2)  # n, events, 2 * width
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
