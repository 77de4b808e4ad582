"""Logistic regression over cross features: the simplest ranker, the baseline of all others."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tacit.core.parameters import parameter
from tacit.core.types import Float32
from tacit.features.feature_columns import Column
from tacit.rankers.layers import Arrays, affine
from tacit.rankers.neural import NeuralRanker

if TYPE_CHECKING:
    from torch import nn


class Linear(NeuralRanker):
    """The base plus a weighted sum of the features.

    The parameters are those of `NeuralRanker`. One member is enough: the loss is convex.
    """

    name: str = "linear"
    members: int = parameter(default=1, low=1, high=1_000)

    def _network(self, inputs: "nn.Module", columns: Sequence[Column]) -> "nn.Module":
        from tacit.rankers.networks import Perceptron

        return Perceptron(inputs, len(columns), (), self.dropout, len(self.task_weights))

    def _logits(self, arrays: Arrays, features: Float32) -> Float32:
        return affine(arrays, "out", features)
