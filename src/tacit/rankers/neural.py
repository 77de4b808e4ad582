"""What the neural rankers share: parameters, training with PyTorch, scores from plain arrays.

Serving needs no autograd and no torch.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from tacit.core.parts import part_of
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Array, Float32, Json
from tacit.features.feature_columns import Column, buckets_of
from tacit.features.normaliser import Scale
from tacit.rankers.layers import Arrays, joint, looked_up
from tacit.rankers.parameters import made_of, parameters_of
from tacit.rankers.ranker import Epoch, OnEpoch, Pairs

if TYPE_CHECKING:
    from torch import nn


@dataclass(kw_only=True, eq=False)
class NeuralRanker(ABC):
    """Networks that add to the log-odds of the first stage; they start by adding nothing.

    What several networks add, each from a start of its own, is averaged (Lakshminarayanan et al., "Simple and
    scalable predictive uncertainty estimation using deep ensembles", NeurIPS 2017): another seed changes
    less.

    Parameters
    ----------
    members : int
        How many networks.
    families : sequence of str, optional
        Families of features that it is to be given; None is what the feature maker gives by default.
    tasks : mapping of event type to weight
        Each has an output and a loss of its own; the score is the log-odds of their weighted mean
        probability. Empty is one output: anything.
    scale : {"standard", "quantile"}
        How its features are normalised; see `tacit.features.normaliser`.
    loss : {"bce", "listwise", "pairwise"}
        See `tacit.rankers.losses`.
    dropout : float
    learning_rate, weight_decay : float
        Of AdamW.
    epochs : int
        At most; training stops after ``patience`` epochs without a better validation loss and the best
        epoch is kept, be it epoch 0.
    batch_size : int
        Pairs, about: a query is never cut.
    table, embedding : int
        Of the table in which buckets are looked up (`tacit.features.feature_columns.Column`): its places,
        which buckets share, and how many numbers each says.
    device : str
        "auto" takes a GPU where there is one.
    """

    name: ClassVar[str]

    members: int = 4
    families: Sequence[str] | None = None
    tasks: Mapping[str, float] = field(default_factory=dict)
    scale: Scale = "standard"
    loss: Literal["bce", "listwise", "pairwise"] = "listwise"
    dropout: float = 0.2
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    epochs: int = 30
    patience: int = 4
    batch_size: int = 2048
    table: int = 4096
    embedding: int = 4
    device: str = "auto"
    epochs_: list[Epoch] = field(default_factory=list, init=False, repr=False)
    members_: list[Arrays] = field(default_factory=list, init=False, repr=False)

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
        """Learn from pairs, stop by others, and return self; see `tacit.rankers.ranker.Ranker`."""
        from tacit.rankers.network_training import train_network

        self.epochs_, self.members_ = train_network(
            self, columns, train, valid, test, rng=rng, progress=progress, on_epoch=on_epoch
        )
        return self

    def score(self, features: Float32, base: Float32) -> Float32:
        """Return the log-odds of each pair, the base included: float32[pairs]."""
        added = np.mean(
            [self._logits(arrays, looked_up(arrays, "inputs", features)) for arrays in self.members_], axis=0
        )
        return joint(added + base[:, None], self.task_weights)

    @property
    def task_weights(self) -> list[float]:
        """Weight of each output."""
        return list(self.tasks.values()) or [1.0]

    def spec(self) -> dict[str, Json]:
        """Return the parameters as JSON."""
        return parameters_of(self)

    def arrays(self) -> dict[str, Array]:
        """Return what was learned."""
        members = enumerate(self.members_)
        return {f"{place}.{name}": array for place, arrays in members for name, array in arrays.items()}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Rebuild from what `spec` and `arrays` returned."""
        ranker = made_of(cls, spec)
        ranker.members_ = [part_of(arrays, str(place), ".") for place in range(ranker.members)]
        return ranker

    def network(self, columns: Sequence[Column]) -> "nn.Module":
        """Return a fresh network: features to what is added to the base, float32[pairs, tasks]."""
        from torch import nn

        from tacit.rankers.networks import Buckets

        buckets = buckets_of(columns)
        if not buckets:
            return self._network(nn.Identity(), columns)
        numbers = [place for place in range(len(columns)) if place not in set(buckets)]
        said = [Column(f"bucket_{place}", columns[buckets[0]].family) for place in range(self.embedding)]
        inputs = Buckets(numbers, buckets, self.table, self.embedding)
        return self._network(inputs, [*(columns[place] for place in numbers), *said])

    @abstractmethod
    def _network(self, inputs: "nn.Module", columns: Sequence[Column]) -> "nn.Module":
        """Return a fresh network over what ``inputs`` makes of features; ``columns`` says what that is."""

    @abstractmethod
    def _logits(self, arrays: Arrays, features: Float32) -> Float32:
        """Return what a trained network makes of what its inputs made of features: float32[pairs, tasks]."""
