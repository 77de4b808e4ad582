"""A multilayer perceptron over cross features, in one stream or two."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal

import numpy as np

from tacit.core.parameters import parameter
from tacit.core.types import Float32
from tacit.features.feature_columns import Column
from tacit.rankers.layers import Arrays, Stacked, affine, dense
from tacit.rankers.network_training import Learning
from tacit.rankers.neural import NeuralRanker
from tacit.rankers.perceptrons import in_numpy, perceptrons
from tacit.rankers.ranking_lists import Lists

if TYPE_CHECKING:
    from torch import nn


class MLP(NeuralRanker):
    """The base plus the output of a perceptron over the features.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the hidden layers (ReLU).
    streams : {1, 2}
        With 2, the columns of the user and those of the item first pass a layer each (of the first width);
        both outputs, their product and the columns of the pair are the input of the hidden layers.
    **shared
        See `NeuralRanker`.
    """

    name: str = "mlp"
    hidden: Sequence[int] = parameter(default=(64, 32), low=1, high=65_536)
    streams: Literal[1, 2] = 1

    def learning(
        self, columns: Sequence[Column], lists: Lists, *, rng: np.random.Generator
    ) -> AbstractContextManager[Learning]:
        """Give the untrained networks; those of one stream without buckets need no PyTorch."""
        if self.streams == 1 and in_numpy(self.device, columns, self.hidden):
            return perceptrons(self, self.hidden, lists, rng=rng)
        return super().learning(columns, lists, rng=rng)

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

    @property
    def stacked(self) -> Stacked | None:
        """The networks side by side; None where they have two streams or look up buckets."""
        if self.streams == 2 or not self.members_ or "inputs.table.weight" in self.members_[0]:
            return None
        kept = self.__dict__.get("_stacked")
        if kept is None or kept[0] is not self.members_:  # made once, for the networks that it has now
            kept = self.__dict__["_stacked"] = self.members_, Stacked.of(self.members_)
        stacked: Stacked = kept[1]
        return stacked

    def _added(self, features: Float32) -> Float32:
        stacked = self.stacked
        return super()._added(features) if stacked is None else stacked.mean(features)

    def _logits(self, arrays: Arrays, features: Float32) -> Float32:
        state = features if self.streams == 1 else self._joined(arrays, features)
        return affine(arrays, "out", dense(arrays, "deep", state))

    def _joined(self, arrays: Arrays, features: Float32) -> Float32:
        """Return the input of the hidden layers: float32[n, user + item (+ product) + pair]."""
        user, item, pair = (features[:, arrays[side]] for side in ("user", "item", "pair"))
        user, item = dense(arrays, "user_tower", user), dense(arrays, "item_tower", item)
        product = [user * item] if user.shape == item.shape else []
        return np.concatenate([user, item, *product, pair], axis=1)
