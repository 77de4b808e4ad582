"""Normalises features for networks, with the statistics of training data only."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Self, get_args

import numpy as np

from tacit.core import kernels
from tacit.core.errors import ConfigError
from tacit.core.types import Array, Float32, Json
from tacit.features.feature_columns import Column, buckets_of

Scale = Literal["standard", "quantile"]

_LIMIT = 6.0
"""Values further than this many deviations from the mean are clipped: one odd price must not rule a list."""
_QUANTILES = 101
"""Number of quantiles that are kept of a column."""
_DRAWN = 200_000
"""Largest number of rows, evenly spaced, that quantiles are computed from."""

_ROWS = 4_096
"""Pairs that are normalised at once: what is between two steps stays in the cache of a processor."""


class Normaliser:
    """Mean 0 and deviation 1 on the training pairs; unknown values become the mean.

    A column with unknown values in training gets another one that is 1 where the value is unknown; these come
    after all others. Buckets are no amounts and are not changed.

    Parameters
    ----------
    scale : {"standard", "quantile"}
        ``quantile`` first replaces each value by its quantile in the training distribution, in [0, 1]: for
        columns with long tails.
    """

    def __init__(self, *, scale: Scale = "standard") -> None:
        if scale not in get_args(Scale):
            raise ConfigError(f"features are scaled by {scale!r}; known: {', '.join(get_args(Scale))}")
        self.scale: Scale = scale
        self.quantiles_: Float32 | None = None
        self.mean_: Float32
        self.factor_: Float32
        self.gaps_: Array  # int64: columns with unknown values in training
        self.buckets_: Array  # int64: columns that hold buckets

    def fit(self, features: Float32, columns: Sequence[Column] = ()) -> Self:
        """Learn from float32[pairs, features], NaN is unknown; without ``columns`` all are amounts."""
        self.buckets_ = np.array(buckets_of(columns), dtype=np.int64)
        self.gaps_ = np.flatnonzero(~np.isfinite(features).all(axis=0))
        if self.scale == "quantile":
            self.quantiles_ = _quantiles(features)
        values = self._placed(features)
        known = np.isfinite(values)
        count = np.maximum(known.sum(axis=0), 1)
        clean = np.where(known, values, 0)
        self.mean_ = (clean.sum(axis=0, dtype=np.float64) / count).astype(np.float32)
        centred = np.where(known, values - self.mean_, 0)
        deviation = np.sqrt((centred**2).sum(axis=0, dtype=np.float64) / count)
        # A constant feature becomes 0 rather than magnified noise.
        factor = np.where(deviation > 1e-6, 1 / np.maximum(deviation, 1e-6), 0)
        self.factor_ = factor.astype(np.float32)
        return self

    def transform(self, features: Float32) -> Float32:
        """Return float32[pairs, features + gaps], all finite and within 6 deviations."""
        if kernels.COMPILED is not None and self.quantiles_ is None and features.T.flags.c_contiguous:
            found: Float32 = kernels.COMPILED.normalised_features(features.T, *self.loops)
            return found
        normal = np.empty((len(features), features.shape[1] + len(self.gaps_)), dtype=np.float32)
        for start in range(0, len(features), _ROWS):
            rows = slice(start, start + _ROWS)
            self._transform(features[rows], normal[rows])
        return normal

    def _transform(self, features: Float32, normal: Float32) -> None:
        """Fill the normalised values of some pairs: float32[pairs, features + gaps]."""
        clean = normal[:, : features.shape[1]]
        np.subtract(self._placed(features), self.mean_, out=clean)
        clean *= self.factor_
        np.nan_to_num(clean, copy=False, nan=0.0, posinf=_LIMIT, neginf=-_LIMIT)
        np.clip(clean, -_LIMIT, _LIMIT, out=clean)
        clean[:, self.buckets_] = features[:, self.buckets_]
        normal[:, features.shape[1] :] = ~np.isfinite(features[:, self.gaps_])

    @property
    def loops(self) -> tuple[Array, Array, Array, Array, float]:
        """What compiled loops need to normalise; they know no quantiles."""
        return self.mean_, self.factor_, self.gaps_, self.buckets_, _LIMIT

    def columns(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        """Return the columns that `transform` returns for these."""
        unknown = (columns[gap] for gap in self.gaps_)
        return (*columns, *(replace(one, name=f"{one.name}_unknown") for one in unknown))

    def spec(self) -> dict[str, Json]:
        """Return the parameters as JSON."""
        return {"scale": self.scale}

    def arrays(self) -> dict[str, Array]:
        """Return what was learned."""
        quantiles = {} if self.quantiles_ is None else {"quantiles": self.quantiles_}
        return {
            "mean": self.mean_,
            "factor": self.factor_,
            "gaps": self.gaps_,
            "buckets": self.buckets_,
            **quantiles,
        }

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Rebuild from what `spec` and `arrays` returned."""
        normaliser = cls(scale=spec["scale"])
        normaliser.mean_, normaliser.factor_ = arrays["mean"], arrays["factor"]
        normaliser.gaps_, normaliser.buckets_ = arrays["gaps"], arrays["buckets"]
        normaliser.quantiles_ = arrays.get("quantiles")
        return normaliser

    def _placed(self, features: Float32) -> Float32:
        """Return the values, or their quantiles in the training distribution; NaN stays."""
        if self.quantiles_ is None:
            return features
        places = np.linspace(0, 1, _QUANTILES)
        placed = np.empty_like(features)
        for column, points in enumerate(self.quantiles_):
            placed[:, column] = np.interp(features[:, column], points, places)
        return np.where(np.isnan(features), np.nan, placed).astype(np.float32)


def _quantiles(features: Float32) -> Float32:
    """Return the quantiles of each column: float32[features, points]; zeros without known values."""
    rows = features[:: max(len(features) // _DRAWN, 1)]
    known = np.where(np.isfinite(rows), rows, np.nan)
    known[:, np.isnan(known).all(axis=0)] = 0
    points = np.nanquantile(known, np.linspace(0, 1, _QUANTILES), axis=0)
    return np.ascontiguousarray(points.T, dtype=np.float32)
