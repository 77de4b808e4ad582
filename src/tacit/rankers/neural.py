"""What the neural rankers share: parameters, training with PyTorch, scores from plain arrays.

Scores are computed with NumPy (`tacit.rankers.layers`): serving imports no PyTorch.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from tacit.core.devices import check_device_name
from tacit.core.parameters import learned, parameter
from tacit.core.parts import part_of
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Array, Float32, Int64
from tacit.features.feature_columns import Column, buckets_of
from tacit.features.normaliser import Scale
from tacit.rankers.layers import Arrays, joint, looked_up
from tacit.rankers.network_training import Learning, cross_train, train_network
from tacit.rankers.ranker import Epoch, OnEpoch, Pairs, ParameterisedRanker
from tacit.rankers.ranking_lists import Lists

if TYPE_CHECKING:
    from torch import nn


class NeuralRanker(ParameterisedRanker, ABC):
    """Networks that add to the log-odds of the first stage; untrained ones add nothing.

    The outputs of several networks, each with its own initial weights, are averaged (Lakshminarayanan et al.,
    "Simple and scalable predictive uncertainty estimation using deep ensembles", NeurIPS 2017): results then
    depend less on the seed.

    Parameters
    ----------
    members : int
        Number of networks.
    families : sequence of str, optional
        Families of features that it takes; by default those that the feature maker gives by default.
    tasks : mapping of event type to weight
        Each has an output and a loss of its own; the score is the log-odds of the weighted mean of their
        probabilities. Empty for one output: any event.
    scale : {"standard", "quantile"}
        How its features are normalised; see `tacit.features.normaliser`.
    loss : {"bce", "listwise", "pairwise"}
        See `tacit.rankers.losses`.
    dropout : float
        Share of the outputs of each hidden layer that a training step sets to zero.
    learning_rate, weight_decay : float
        Of AdamW.
    epochs : int
        The most passes over the training pairs.
    patience : int
        Training stops after so many epochs without a lower validation loss. The best epoch is kept; that may
        be epoch 0, networks that add nothing.
    batch_size : int
        About how many pairs make a batch; the list of a query is never split.
    table, embedding : int
        Rows and width of the table in which buckets (`tacit.features.feature_columns.Column`) are looked up;
        more buckets than rows share rows.
    device : str
        "cpu", "cuda", "cuda:0" (or another number), "mps"; "auto" takes a GPU where there is one, but not for
        a perceptron that is so small that the processor is as fast (`tacit.rankers.perceptrons`).
    """

    members: int = parameter(default=4, low=1, high=1_000)
    families: Sequence[str] | None = None
    tasks: Mapping[str, float] = parameter(default_factory=dict, low=0, high=1e6)
    scale: Scale = "standard"
    loss: Literal["bce", "listwise", "pairwise"] = "listwise"
    dropout: float = parameter(default=0.2, low=0, below=1)
    learning_rate: float = parameter(default=1e-3, above=0, high=1)
    weight_decay: float = parameter(default=1e-3, low=0, high=10)
    epochs: int = parameter(default=30, low=0, high=100_000)
    patience: int = parameter(default=4, low=1, high=100_000)
    batch_size: int = parameter(default=2048, low=1, high=10_000_000)
    table: int = parameter(default=4096, low=1, high=10_000_000)
    embedding: int = parameter(default=4, low=1, high=4_096)
    device: str = "auto"
    epochs_: list[Epoch] = learned(default_factory=list)
    members_: list[Arrays] = learned(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_device_name(self.device, self.name)

    def fit(
        self,
        train: Pairs,
        valid: Pairs,
        columns: Sequence[Column],
        *,
        test: Pairs | None = None,
        rng: np.random.Generator,
        progress: Progress = SILENT,
        on_epoch: OnEpoch | None = None,
    ) -> Self:
        """Learn from the training pairs and return self; see `tacit.rankers.ranker.Ranker`."""
        self.epochs_, self.members_ = train_network(
            self, columns, train, valid, test, rng=rng, progress=progress, on_epoch=on_epoch
        )
        return self

    def cross_fit(
        self,
        pairs: Pairs,
        share: Int64,
        bases: Float32,
        columns: Sequence[Column],
        *,
        rng: np.random.Generator,
        progress: Progress = SILENT,
        on_epoch: OnEpoch | None = None,
    ) -> Self:
        """Learn from all pairs and return self; each network leaves out the lists of a share.

        The parameters are those of `tacit.rankers.network_training.cross_train`.
        """
        self.epochs_, self.members_ = cross_train(
            self, columns, pairs, share, bases, rng=rng, progress=progress, on_epoch=on_epoch
        )
        return self

    def score_out_of_fold(self, features: Float32, base: Float32, share: Int64) -> Float32:
        """Return the log-odds of each pair by the first network that left out its share: float32[pairs].

        Parameters
        ----------
        features : float32[pairs, f]
        base : float32[pairs]
        share : int64[pairs]
            As in `cross_fit`.
        """
        scores = np.empty(len(base), dtype=np.float32)
        for place in range(len(self.members_)):
            mine = share == place
            scores[mine] = self.alone(place).score(features[mine], base[mine])
        return scores

    def alone(self, place: int) -> Self:
        """Return the ranker of one of the networks."""
        one = copy.copy(self)
        one.members_ = [self.members_[place]]
        return one

    def score(self, features: Float32, base: Float32) -> Float32:
        """Return the log-odds of each pair, the base included: float32[pairs]."""
        return joint(self._added(features) + base[:, None], self.task_weights)

    def _added(self, features: Float32) -> Float32:
        """Return the mean of the outputs of all networks: float32[pairs, tasks]."""
        outputs = [self._logits(arrays, looked_up(arrays, "inputs", features)) for arrays in self.members_]
        return np.asarray(np.mean(outputs, axis=0), dtype=np.float32)

    @property
    def task_weights(self) -> list[float]:
        """Weight of each output."""
        return list(self.tasks.values()) or [1.0]

    def arrays(self) -> dict[str, Array]:
        """Return the weights of each network, by ``number.name``."""
        members = enumerate(self.members_)
        return {f"{place}.{name}": array for place, arrays in members for name, array in arrays.items()}

    def _take(self, arrays: Mapping[str, Array]) -> None:
        self.members_ = [part_of(arrays, str(place), ".") for place in range(self.members)]

    def learning(
        self, columns: Sequence[Column], lists: Lists, *, rng: np.random.Generator
    ) -> AbstractContextManager[Learning]:
        """Give untrained networks that are to learn from lists; see `tacit.rankers.network_training`."""
        from tacit.rankers.torch_training import torch_networks

        return torch_networks(self, columns, lists, rng=rng)

    def network(self, columns: Sequence[Column]) -> "nn.Module":
        """Return an untrained network: features to what is added to the base, float32[pairs, tasks]."""
        from torch import nn

        from tacit.rankers.networks import Buckets

        buckets = buckets_of(columns)
        if not buckets:
            return self._network(nn.Identity(), columns)
        numbers = [place for place in range(len(columns)) if place not in set(buckets)]
        embedded = [Column(f"bucket_{place}", columns[buckets[0]].family) for place in range(self.embedding)]
        inputs = Buckets(numbers, buckets, self.table, self.embedding)
        return self._network(inputs, [*(columns[place] for place in numbers), *embedded])

    @abstractmethod
    def _network(self, inputs: "nn.Module", columns: Sequence[Column]) -> "nn.Module":
        """Return an untrained network over the output of ``inputs``, whose columns are ``columns``."""

    @abstractmethod
    def _logits(self, arrays: Arrays, features: Float32) -> Float32:
        """Return the output of a trained network for the output of its ``inputs``: float32[pairs, tasks]."""
