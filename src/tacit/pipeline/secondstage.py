"""The second stage: candidates to final scores, by the blend and the ranker together."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tacit.core.types import Array, Float32, Json
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.encoders.projection import Projection
from tacit.features.candidates import Candidates
from tacit.features.maker import FeatureMaker
from tacit.features.normaliser import Normaliser
from tacit.pipeline.blend import Blend
from tacit.rankers.mlp import MLP

_DIMENSION = 32
"""Width of the language-model crosses: enough to tell shelves apart, few enough to learn from one log."""


@dataclass(frozen=True)
class SecondStage:
    """Scores candidates.

    Attributes
    ----------
    blend : Blend
    maker : FeatureMaker
    normaliser, ranker : optional
        None where no ranker was trained.
    trust : float
        Weight of the ranker beside the blend, in [0, 1].
    """

    blend: Blend
    maker: FeatureMaker
    normaliser: Normaliser | None = None
    ranker: MLP | None = None
    trust: float = 0.0

    def fitted(self, interactions: Interactions, catalogue: Catalogue) -> "SecondStage":
        """Return the same stage with the statistics of its features taken from a (longer) log."""
        maker = FeatureMaker(projection=self.maker.projection).fit(interactions, catalogue)
        return replace(self, maker=maker, blend=self.blend.within(len(catalogue)))

    def extended(self, catalogue: Catalogue) -> "SecondStage":
        """Return the stage for a catalogue that has grown."""
        return replace(self, maker=self.maker.extended(catalogue))

    def score(self, queries: Queries, candidates: Candidates) -> Float32:
        """Return the final score of each candidate: float32[n, c], ``-inf`` on padding."""
        blended = self.blend.score(candidates)
        if self.ranker is None or self.normaliser is None or self.trust == 0:
            return blended
        features = self.normaliser.transform(self.maker.transform(queries, candidates))
        ranked = np.full(candidates.items.shape, -np.inf, dtype=np.float32)
        ranked[candidates.items >= 0] = self.ranker.score(features)
        return mixed(blended, ranked, self.trust)

    def spec(self) -> dict[str, Json]:
        """Return everything but the arrays as JSON."""
        return {
            "blend": self.blend.spec(),
            "trust": self.trust,
            "maker": self.maker.spec(),
            "normaliser": self.normaliser.spec() if self.normaliser else None,
            "ranker": self.ranker.spec() if self.ranker else None,
        }

    def arrays(self) -> dict[str, Array]:
        """Return the learned arrays by ``part:name``."""
        parts = {"maker": self.maker, "normaliser": self.normaliser, "ranker": self.ranker}
        return {
            f"{part}:{name}": array
            for part, value in parts.items()
            if value is not None
            for name, array in value.arrays().items()
        }

    @classmethod
    def restore(
        cls, spec: Mapping[str, Any], arrays: Mapping[str, Array], catalogue: Catalogue
    ) -> "SecondStage":
        """Rebuild from what `spec` and `arrays` returned."""

        def part(name: str) -> dict[str, Array]:
            return {key.partition(":")[2]: a for key, a in arrays.items() if key.partition(":")[0] == name}

        return cls(
            blend=Blend.restore(spec["blend"]),
            maker=FeatureMaker.restore(spec["maker"], part("maker"), catalogue),
            # A spec may be empty and still be one: only None says that there is nothing to restore.
            normaliser=None
            if spec["normaliser"] is None
            else Normaliser.restore(spec["normaliser"], part("normaliser")),
            ranker=None if spec["ranker"] is None else MLP.restore(spec["ranker"], part("ranker")),
            trust=spec["trust"],
        )


def mixed(blended: Float32, ranked: Float32, trust: float) -> Float32:
    """Return the weighted sum of two scores after each is stretched to [0, 1] within its list.

    Parameters
    ----------
    blended, ranked : float32[n, c]
        ``-inf`` on padding.
    trust : float
        Weight of ``ranked``.
    """
    mean = (1 - trust) * _stretched(blended) + trust * _stretched(ranked)
    return np.where(np.isfinite(blended), mean, -np.inf).astype(np.float32)


def _stretched(scores: Float32) -> Float32:
    finite = np.isfinite(scores)
    low = np.min(scores, axis=1, keepdims=True, where=finite, initial=np.inf)
    high = np.max(scores, axis=1, keepdims=True, where=finite, initial=-np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        stretched = (scores - low) / (high - low)
    return np.where(finite & (high > low), stretched, 0.5).astype(np.float32)


def fit_projection(interactions: Interactions, catalogue: Catalogue) -> Projection | None:
    """Return the low-dimensional view of the language-model vectors, fitted on items with events."""
    if catalogue.vectors is None or not len(interactions):
        return None
    seen = np.unique(interactions.item)
    dimension = min(_DIMENSION, catalogue.vectors.shape[1], len(seen))
    return Projection(dimension=dimension, mode="pca").fit(catalogue.vectors[seen])
