"""What a second-stage model is: pairs in, log-odds out.

A ranker starts from what the first stage already says (``base``) and learns what the features add, so that
having learned nothing leaves every list as it was.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from tacit.core.progress import SILENT, Progress
from tacit.core.types import Array, Bool, Float32, Int64, Json
from tacit.features.feature_columns import Column
from tacit.features.normaliser import Scale


@dataclass(frozen=True)
class Pairs:
    """User/item pairs to learn from, those of a query side by side.

    Attributes
    ----------
    features : float32[pairs, f]
        Normalised.
    label : float32[pairs, tasks]
        1 where the user did that with the candidate; with one task, anything. Tasks stand in the order of the
        ranker's ``tasks``.
    group : int64[pairs]
        Query of each pair, ascending.
    base : float32[pairs]
        Log-odds of the pair by the first stage.
    weight : float32[pairs]
        How many candidates of the list a pair stands for: 1, or more where only some were drawn.
    """

    features: Float32
    label: Float32
    group: Int64
    base: Float32
    weight: Float32

    def __len__(self) -> int:
        return len(self.group)

    @property
    def acted(self) -> Float32:
        """1 where the user did anything with the candidate: float32[pairs]."""
        return np.asarray(self.label.max(axis=1, initial=0), dtype=np.float32)

    def select(self, kept: Bool) -> "Pairs":
        """Return some of the pairs."""
        return Pairs(
            self.features[kept], self.label[kept], self.group[kept], self.base[kept], self.weight[kept]
        )


@dataclass(frozen=True)
class Epoch:
    """How a ranker did after a pass over the training pairs; epoch 0 is the first stage, nothing learned.

    The figures of the test pairs are told and used for nothing; NaN where there are none.
    """

    epoch: int
    train_loss: float
    valid_loss: float
    train_accuracy: float
    valid_accuracy: float
    train_auc: float
    valid_auc: float
    test_loss: float = float("nan")
    test_accuracy: float = float("nan")
    test_auc: float = float("nan")


OnEpoch = Callable[[Epoch], None]


@runtime_checkable
class Ranker(Protocol):
    """A model of what a user does with a candidate.

    Attributes
    ----------
    families : sequence of str or None
        Families of features that it is to be given; None is what the feature maker gives by default, which
        holds no raw vectors.
    tasks : mapping of event type to weight
        What it foretells, each with an output of its own; empty is one output: anything.
    scale : {"standard", "quantile"}
        How the features that it is given are normalised.
    epochs_ : list of Epoch
        How it learned.
    """

    name: str
    families: Sequence[str] | None
    tasks: Mapping[str, float]
    epochs_: list[Epoch]

    @property
    def scale(self) -> Scale:  # noqa: D102
        ...

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
        """Learn from pairs, stop by others, and return self.

        Parameters
        ----------
        train, valid : Pairs
        columns : sequence of f Column
            What the columns of the features are.
        test : Pairs, optional
            Told of in the epochs; never learned from nor stopped by.
        rng : numpy.random.Generator
        progress : Progress
        on_epoch : callable, optional
            Called after every epoch.
        """
        ...

    def score(self, features: Float32, base: Float32) -> Float32:
        """Return the log-odds of each pair, the base included: float32[pairs]."""
        ...

    def spec(self) -> dict[str, Json]:
        """Return the parameters as JSON."""
        ...

    def arrays(self) -> dict[str, Array]:
        """Return what was learned."""
        ...

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Rebuild from what `spec` and `arrays` returned."""
        ...
