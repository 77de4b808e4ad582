"""Standardises features with the statistics of training data only."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from tacit.core.types import Array, Float32, Json

_LIMIT = 6.0
"""Values further than this many deviations from the mean are clipped: one odd price must not rule a list."""


class Normaliser:
    """Mean 0 and deviation 1 on the training pairs; unknown values become the mean."""

    def fit(self, features: Float32) -> Self:
        """Learn from float32[pairs, features]; NaN is unknown."""
        known = np.isfinite(features)
        count = np.maximum(known.sum(axis=0), 1)
        clean = np.where(known, features, 0)
        self.mean_: Float32 = (clean.sum(axis=0, dtype=np.float64) / count).astype(np.float32)
        centred = np.where(known, features - self.mean_, 0)
        deviation = np.sqrt((centred**2).sum(axis=0, dtype=np.float64) / count)
        # A feature that never varies says nothing: it becomes 0, not noise blown up.
        self.scale_: Float32 = np.where(deviation > 1e-6, 1 / np.maximum(deviation, 1e-6), 0).astype(
            np.float32
        )
        return self

    def transform(self, features: Float32) -> Float32:
        """Return float32[pairs, features], all finite and within 6 deviations."""
        standard = (features - self.mean_) * self.scale_
        known = np.nan_to_num(standard, nan=0.0, posinf=_LIMIT, neginf=-_LIMIT)
        return np.asarray(np.clip(known, -_LIMIT, _LIMIT), dtype=np.float32)

    def spec(self) -> dict[str, Json]:
        """Return the parameters as JSON."""
        return {}

    def arrays(self) -> dict[str, Array]:
        """Return what was learned."""
        return {"mean": self.mean_, "scale": self.scale_}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Rebuild from what `spec` and `arrays` returned."""
        normaliser = cls()
        normaliser.mean_, normaliser.scale_ = arrays["mean"], arrays["scale"]
        return normaliser
