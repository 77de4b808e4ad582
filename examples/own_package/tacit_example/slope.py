"""A ranker without a base class: ridge regression of what was chosen on the cross features."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from tacit.core.progress import SILENT, Progress
from tacit.core.types import Array, Float32, Json
from tacit.features.feature_columns import Column
from tacit.rankers.ranker import Epoch, OnEpoch, Pairs


class Slope:
    """Adds a weighted sum of the features to the score of the first stage.

    Parameters
    ----------
    ridge : float
        Regularisation for each pair.
    strength : float
        How much of the sum is added.
    """

    name = "slope"
    families: Sequence[str] | None = None  # those that rankers get by default
    tasks: Mapping[str, float] = {}
    scale = "standard"

    def __init__(self, *, ridge: float = 0.1, strength: float = 3.0) -> None:
        self.ridge = ridge
        self.strength = strength
        self.epochs_: list[Epoch] = []
        self.weights_: Float32 = np.zeros(0, dtype=np.float32)

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
        X, y = train.features, train.acted - train.acted.mean()
        gram = X.T @ X + self.ridge * len(X) * np.eye(X.shape[1], dtype=np.float32)
        self.weights_ = np.linalg.solve(gram, X.T @ y).astype(np.float32)
        return self

    def score(self, features: Float32, base: Float32) -> Float32:
        return np.asarray(base + self.strength * (features @ self.weights_), dtype=np.float32)

    def spec(self) -> dict[str, Json]:
        return {"ridge": self.ridge, "strength": self.strength}

    def arrays(self) -> dict[str, Array]:
        return {"weights": self.weights_}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        ranker = cls(**spec)
        ranker.weights_ = arrays["weights"]
        return ranker
