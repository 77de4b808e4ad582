"""Deep and cross: explicit products of features beside a perceptron.

DCN-V2 (Wang et al., "Improved deep & cross network and practical lessons for web-scale learning to rank
systems", WWW 2021), the parallel form: a cross layer is ``x0 * (W x + b) + x``, so that l layers hold all
products of up to l + 1 features. Here ``x0`` are the features and ``x`` is the output of the layer before.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tacit.core.parameters import parameter
from tacit.core.types import Float32
from tacit.features.feature_columns import Column
from tacit.rankers.layers import Arrays, affine, cross, dense
from tacit.rankers.neural import NeuralRanker

if TYPE_CHECKING:
    from torch import nn


class DCN(NeuralRanker):
    """The base plus the output of a deep and cross network over the features.

    Parameters
    ----------
    crosses : int
        Number of cross layers.
    rank : int, optional
        Rank of their matrices; by default the full one.
    hidden : sequence of int
        Widths of the perceptron beside them (ReLU).
    **shared
        See `NeuralRanker`.
    """

    name: str = "dcn"
    crosses: int = parameter(default=2, low=0, high=100)
    rank: int | None = parameter(default=None, low=1, high=65_536)
    hidden: Sequence[int] = parameter(default=(64, 32), low=1, high=65_536)

    def _network(self, inputs: "nn.Module", columns: Sequence[Column]) -> "nn.Module":
        from tacit.rankers.networks import DeepAndCross

        return DeepAndCross(
            inputs,
            len(columns),
            self.crosses,
            self.rank,
            self.hidden,
            self.dropout,
            len(self.task_weights),
        )

    def _logits(self, arrays: Arrays, features: Float32) -> Float32:
        crossed, deep = cross(arrays, "cross", features), dense(arrays, "deep", features)
        return affine(arrays, "out", np.concatenate([crossed, deep], axis=1))
