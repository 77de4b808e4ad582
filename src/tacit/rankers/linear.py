"""Logistic regression over cross features: the plainest ranker, and the one that every other has to beat."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tacit.core.types import Float32
from tacit.features.feature_columns import Column
from tacit.rankers.layers import Arrays, affine
from tacit.rankers.neural import NeuralRanker

if TYPE_CHECKING:
    from torch import nn


@dataclass(kw_only=True, eq=False)
class Linear(NeuralRanker):
    """The base plus a weighted sum of the features.

    The parameters are those of `NeuralRanker`. One member is enough: its loss has a single valley.
    """

    name: ClassVar[str] = "linear"

    members: int = 1

    def _network(self, inputs: "nn.Module", columns: Sequence[Column]) -> "nn.Module":
        from tacit.rankers.networks import Perceptron

        return Perceptron(inputs, len(columns), (), self.dropout, len(self.task_weights))

    def _logits(self, arrays: Arrays, features: Float32) -> Float32:
        return affine(arrays, "out", features)
