"""Logistic regression over cross features: the simplest ranker, the baseline of all others."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np

from tacit.core.parameters import parameter
from tacit.core.types import Float32
from tacit.features.feature_columns import Column
from tacit.rankers.layers import Arrays, affine
from tacit.rankers.network_training import Learning
from tacit.rankers.neural import NeuralRanker
from tacit.rankers.perceptrons import in_numpy, perceptrons
from tacit.rankers.ranking_lists import Lists

if TYPE_CHECKING:
    from torch import nn


class Linear(NeuralRanker):
    """The base plus a weighted sum of the features.

    The parameters are those of `NeuralRanker`. One member is enough: the loss is convex.
    """

    name: str = "linear"
    members: int = parameter(default=1, low=1, high=1_000)

    def learning(
        self, columns: Sequence[Column], lists: Lists, *, rng: np.random.Generator
    ) -> AbstractContextManager[Learning]:
        """Give the untrained networks; without buckets they need no PyTorch."""
        if in_numpy(self.device, columns, ()):
            return perceptrons(self, (), lists, rng=rng)
        return super().learning(columns, lists, rng=rng)

    def _network(self, inputs: "nn.Module", columns: Sequence[Column]) -> "nn.Module":
        from tacit.rankers.networks import Perceptron

        return Perceptron(inputs, len(columns), (), self.dropout, len(self.task_weights))

    def _logits(self, arrays: Arrays, features: Float32) -> Float32:
        return affine(arrays, "out", features)
