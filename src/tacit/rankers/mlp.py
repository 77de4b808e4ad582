"""A multilayer perceptron over cross features, in one stream or two."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from tacit.core.types import Float32
from tacit.features.feature_columns import Column
from tacit.rankers.layers import Arrays, affine, dense
from tacit.rankers.neural import NeuralRanker

if TYPE_CHECKING:
    from torch import nn


@dataclass(kw_only=True, eq=False)
class MLP(NeuralRanker):
    """The base plus what a perceptron makes of the features.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the hidden layers (ReLU).
    streams : {1, 2}
        Two: what describes the user and what describes the item go through a layer each (the first width)
        and meet, with their product, where the features of the pair join them.
    **shared
        See `NeuralRanker`.
    """

    name: ClassVar[str] = "mlp"

    hidden: Sequence[int] = (64, 32)
    streams: Literal[1, 2] = 1

    def _network(self, inputs: "nn.Module", columns: Sequence[Column]) -> "nn.Module":
        from tacit.rankers.networks import Perceptron, TwoStreams

        tasks = len(self.task_weights)
        if self.streams == 1:
            return Perceptron(inputs, len(columns), self.hidden, self.dropout, tasks)
        sides = {
            side: [place for place, column in enumerate(columns) if column.side == side]
            for side in ("user", "item", "pair")
        }
        return TwoStreams(inputs, sides, self.hidden, self.dropout, tasks)

    def _logits(self, arrays: Arrays, features: Float32) -> Float32:
        state = features if self.streams == 1 else self._joined(arrays, features)
        return affine(arrays, "out", dense(arrays, "deep", state))

    def _joined(self, arrays: Arrays, features: Float32) -> Float32:
        user, item, pair = (features[:, arrays[side]] for side in ("user", "item", "pair"))
        user, item = dense(arrays, "user_tower", user), dense(arrays, "item_tower", item)
        product = [user * item] if user.shape == item.shape else []
        return np.concatenate([user, item, *product, pair], axis=1)
