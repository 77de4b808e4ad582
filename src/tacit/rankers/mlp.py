"""A multilayer perceptron over cross features, trained with binary cross entropy and Adam.

Trained with PyTorch; scores are computed from plain arrays, so serving needs no autograd and no torch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tacit.core.progress import SILENT, Progress
from tacit.core.types import Array, Float32, Int64, Json
from tacit.rankers.quality import accuracy, auc, cross_entropy

Pairs = tuple[Float32, Float32, Int64]
"""Features float32[pairs, f], labels float32[pairs] in {0, 1}, query number of each pair int64[pairs]."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training pairs."""

    epoch: int
    train_loss: float
    valid_loss: float
    train_accuracy: float
    valid_accuracy: float
    train_auc: float
    valid_auc: float


class MLP:
    """Feature vector to the log-odds that the user acts on the candidate.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the hidden layers (ReLU).
    dropout : float
    learning_rate, weight_decay : float
        Of AdamW.
    epochs : int
        At most; training stops after ``patience`` epochs without a better validation loss and the best
        epoch is kept.
    batch_size : int
    patience : int
    device : str
        "auto" takes a GPU where there is one.
    """

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (128, 64),
        dropout: float = 0.2,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        epochs: int = 20,
        batch_size: int = 1024,
        patience: int = 3,
        device: str = "auto",
    ) -> None:
        self.hidden = tuple(hidden)
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.device = device
        self.epochs_: list[Epoch] = []
        self.layers_: list[tuple[Float32, Float32]] = []

    def fit(
        self,
        features: Float32,
        label: Float32,
        group: Int64,
        *,
        valid: Pairs,
        rng: np.random.Generator,
        progress: Progress = SILENT,
        on_epoch: Callable[[Epoch], None] | None = None,
    ) -> Self:
        """Learn from pairs and return self.

        Parameters
        ----------
        features : float32[pairs, f]
            Normalised.
        label : float32[pairs]
            1 where the user acted on the candidate.
        group : int64[pairs]
            Query of each pair (a ranker with a listwise loss needs it; binary cross entropy does not).
        valid : the same three for validation
        rng : numpy.random.Generator
        progress : Progress
        on_epoch : callable, optional
            Called after every epoch.
        """
        from tacit.rankers.training import train_network

        self.epochs_, self.layers_ = train_network(
            self, (features, label), (valid[0], valid[1]), rng=rng, progress=progress, on_epoch=on_epoch
        )
        return self

    def score(self, features: Float32) -> Float32:
        """Return the log-odds of each pair: float32[pairs]."""
        state = features
        for weight, bias in self.layers_[:-1]:
            state = np.maximum(state @ weight.T + bias, 0)
        weight, bias = self.layers_[-1]
        return np.asarray(state @ weight.T + bias, dtype=np.float32)[:, 0]

    def evaluate(self, features: Float32, label: Float32) -> dict[str, float]:
        """Return loss, accuracy and AUC on pairs."""
        logits = self.score(features)
        return {
            "loss": cross_entropy(logits, label),
            "accuracy": accuracy(logits, label),
            "auc": auc(logits, label),
        }

    def spec(self) -> dict[str, Json]:
        """Return the parameters as JSON."""
        return {"name": "mlp", "hidden": list(self.hidden), "layers": len(self.layers_)}

    def arrays(self) -> dict[str, Array]:
        """Return the learned weights."""
        return {
            f"{kind}{place}": array
            for place, layer in enumerate(self.layers_)
            for kind, array in zip(("weight", "bias"), layer, strict=True)
        }

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Rebuild from what `spec` and `arrays` returned."""
        ranker = cls(hidden=spec["hidden"])
        ranker.layers_ = [(arrays[f"weight{i}"], arrays[f"bias{i}"]) for i in range(spec["layers"])]
        return ranker
