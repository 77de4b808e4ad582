"""Deep and cross: products of features made explicitly, beside a perceptron.

DCN-V2 (Wang et al., "Improved deep & cross network and practical lessons for web-scale learning to rank
systems", WWW 2021), the parallel form: a cross layer is ``x0 * (W x + b) + x``, so that l layers hold all
products of up to l + 1 features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tacit.core.types import Float32
from tacit.features.feature_columns import Column
from tacit.rankers.layers import Arrays, affine, cross, dense
from tacit.rankers.neural import NeuralRanker

if TYPE_CHECKING:
    from torch import nn


@dataclass(kw_only=True, eq=False)
class DCN(NeuralRanker):
    """The base plus what a deep and cross network makes of the features.

    Parameters
    ----------
    crosses : int
        Number of cross layers.
    rank : int, optional
        Rank of their matrices; None keeps them whole.
    hidden : sequence of int
        Widths of the perceptron beside them (ReLU).
    **shared
        See `NeuralRanker`.
    """

    name: ClassVar[str] = "dcn"

    crosses: int = 2
    rank: int | None = None
    hidden: Sequence[int] = (64, 32)

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
