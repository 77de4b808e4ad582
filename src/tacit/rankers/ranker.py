"""What a second-stage model is: pairs in, log-odds out.

A ranker starts from the log-odds of the first stage (``base``) and learns what the features add to them, so
that a ranker that has learned nothing leaves every list unchanged. `Ranker` is the protocol that the pipeline
relies on; a ranker of one's own needs no base class. `ParameterisedRanker` is the base of Tacit's rankers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from tacit.core.errors import ConfigError
from tacit.core.parameters import Parameterised, build
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Array, Bool, Float32, Int64, Json
from tacit.features.feature_columns import Column
from tacit.features.normaliser import Scale


@dataclass(frozen=True)
class Pairs:
    """User/item pairs to learn from; the pairs of a query stand side by side.

    Attributes
    ----------
    features : float32[pairs, f]
        Normalised.
    label : float32[pairs, tasks]
        1 where the candidate has an event of that type by the user, in the order of the ranker's ``tasks``.
        A ranker without tasks has one column: 1 after an event of any type.
    group : int64[pairs]
        Query of each pair, ascending.
    base : float32[pairs]
        Log-odds of the pair by the first stage.
    weight : float32[pairs]
        How many candidates of the list a pair stands for: 1, or more where negatives were sampled.
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
        """1 where the candidate has an event of any task: float32[pairs]."""
        return np.asarray(self.label.max(axis=1, initial=0), dtype=np.float32)

    def select(self, kept: Bool) -> "Pairs":
        """Return some of the pairs."""
        return Pairs(
            self.features[kept], self.label[kept], self.group[kept], self.base[kept], self.weight[kept]
        )


@dataclass(frozen=True)
class Epoch:
    """Losses, accuracies and AUCs after a pass over the training pairs.

    Epoch 0 of a ranker is the first stage alone, before anything is learned. Values of the test pairs are
    reported only, never used; NaN where there are no test pairs.
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
    name : str
        Name of the ranker in a configuration and in reports.
    families : sequence of str or None
        Families of features that it takes; None stands for the default of the feature maker, which holds no
        raw vectors.
    tasks : mapping of event type to weight
        Event types that it predicts, each with an output of its own; empty for one output: any event.
    scale : {"standard", "quantile"}
        How its features are normalised.
    epochs_ : list of Epoch
        Its training, epoch by epoch; empty before `fit`.
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
        """Learn from the training pairs, stop by the validation pairs, and return self.

        Parameters
        ----------
        train, valid : Pairs
        columns : sequence of f Column
            What the columns of the features are.
        test : Pairs, optional
            Measured after each epoch and reported only: they decide nothing.
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
        """Return the fitted ranker of what `spec` and `arrays` returned."""
        ...


class ParameterisedRanker(Parameterised):
    """Base of Tacit's rankers: their annotated fields are their parameters.

    A subclass has the members of `Ranker`; of ``restore`` it writes ``_take`` alone, which takes back what
    ``arrays`` returned.

    Parameters
    ----------
    name : str
        Name of the ranker in a configuration and in reports.
    """

    name: str

    def __post_init__(self) -> None:
        super().__post_init__()
        tasks: Mapping[str, float] = getattr(self, "tasks", {})
        if tasks and not any(tasks.values()):
            raise ConfigError(f"{self.name}: every weight of tasks is 0; give one of them a weight above 0")

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Return the fitted ranker of what `spec` and `arrays` returned."""
        parameters = {key: value for key, value in spec.items() if key != "name"}
        ranker = build(cls, parameters, f"the ranker {spec['name']!r}", name=spec["name"])
        ranker._take(arrays)
        return ranker

    def _take(self, arrays: Mapping[str, Array]) -> None:
        """Take what ``arrays`` returned as learned; called once, on an unfitted ranker."""
        raise NotImplementedError
