"""The second stage: from candidates to final scores, by the blend and the ranker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from tacit.core import kernels
from tacit.core.parts import part_of
from tacit.core.stages import stage
from tacit.core.types import Array, Bool, Float32, Json
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.later import Later
from tacit.data.queries import Queries
from tacit.encoders.projection import Projection
from tacit.features import compiled
from tacit.features.candidates import Candidates
from tacit.features.maker import FeatureMaker
from tacit.features.normaliser import Normaliser
from tacit.models import projected
from tacit.models.checks import checked_pair_scores, is_ours
from tacit.models.protocol import Recommender
from tacit.pipeline.blend import NEVER, Blend, log_softmax
from tacit.pipeline.component_specs import named_arrays, named_spec, restored
from tacit.pipeline.retrieval import normalised
from tacit.rankers.mlp import MLP
from tacit.rankers.ranker import Ranker

_DIMENSION = 32
"""Width of the language-model crosses: enough to separate categories, few enough to learn from one log."""
_DIGITS = 5
_STEP = 1e-4
"""More than the rounding of scores, so that what follows the ranked candidates is no tie of theirs."""


@dataclass(frozen=True)
class SecondStage:
    """Scores candidates.

    Attributes
    ----------
    blend : Blend
    maker : FeatureMaker
    normaliser, ranker : optional
        None if no ranker was trained.
    ranker_weight : float
        Factor in [0, 1] of the ranker's addition to the blend.
    knows_new_users : bool
        Whether the ranker learned from queries without a history; if not, the blend alone answers those of
        users of whom nothing is known.
    """

    blend: Blend
    maker: FeatureMaker
    normaliser: Normaliser | None = None
    ranker: Ranker | None = None
    ranker_weight: float = 0.0
    knows_new_users: bool = True

    def fitted(
        self, interactions: Interactions, catalogue: Catalogue, retrievers: Sequence[Recommender]
    ) -> "SecondStage":
        """Return the same stage with its feature statistics from a (longer) log."""
        maker = FeatureMaker(projection=self.maker.projection, families=self.maker.families)
        maker.fit(interactions, catalogue, retrievers)
        return replace(self, maker=maker, blend=self.blend.within(len(catalogue)))

    def updated(self, later: Later) -> "SecondStage":
        """Return the stage with features that know later events."""
        return replace(self, maker=self.maker.updated(later))

    def extended(self, catalogue: Catalogue) -> "SecondStage":
        """Return the stage for a catalogue that has grown."""
        return replace(self, maker=self.maker.extended(catalogue))

    def score(self, queries: Queries, candidates: Candidates, ranked: int | None = None) -> Float32:
        """Return the log-probability of each candidate in its list: float32[n, c], ``-inf`` on padding.

        Parameters
        ----------
        queries : Queries
        candidates : Candidates
        ranked : int, optional
            So many candidates of each list, the best by the blend, are scored by the ranker; the others
            follow them in the order of the blend. All by default.
        """
        loops = self._loops if kernels.COMPILED is not None else None
        if loops is not None:
            history = compiled.histories(queries.acted(), self.maker.state_)
            listed = candidates.items, candidates.scores, candidates.lengths, candidates.idle_times
            most = candidates.items.shape[1] if ranked is None else ranked
            found: Float32 = loops.score(history, queries.traits, *listed, most)
            return found
        parts = None if kernels.COMPILED is not None else normalised(candidates.scores)
        base = log_softmax(self.blend.score(candidates, parts))
        if self.ranker is None or self.normaliser is None or self.ranker_weight == 0:
            return base
        chosen = candidates.real
        if not self.knows_new_users:
            known = (candidates.lengths > 0) | queries.traits.any(axis=1)
            chosen &= known[:, None]
        rest = None
        if ranked is not None and ranked < chosen.shape[1]:
            best = _best(base, ranked)
            rest = chosen & ~best
            chosen &= best
        if not chosen.any():
            return base
        with stage("features"):
            features = self.maker.transform(queries, candidates, chosen, None if parts is None else parts[0])
            features = self.normaliser.transform(features)
        own = base[chosen]
        own = weighted_scores(own, pair_scores(self.ranker, features, own), self.ranker_weight)
        return _scored(base, chosen, rest, own)

    @cached_property
    def _loops(self) -> Any | None:
        """All of `score` by one compiled call; None where a part of it has no such form."""
        if self.normaliser is None or self.normaliser.quantiles_ is not None or self.ranker_weight == 0:
            return None
        networks = self.ranker.stacked if isinstance(self.ranker, MLP) and is_ours(self.ranker) else None
        features = self.maker.loops
        if networks is None or features is None or networks.last[0].shape[1] > 1:
            return None
        loops = kernels.loops().SecondStage(self.blend.loops, NEVER, 10**_DIGITS, _STEP)
        last, bias = networks.last
        ranker = networks.layers, last[:, 0], float(bias[0]), self.ranker_weight, self.knows_new_users
        loops.rank(features, *self.normaliser.loops, *ranker)
        return loops

    def spec(self) -> dict[str, Json]:
        """Return everything but the arrays as JSON."""
        return {
            "blend": self.blend.spec(),
            "ranker_weight": self.ranker_weight,
            "knows_new_users": self.knows_new_users,
            "maker": self.maker.spec(),
            "normaliser": self.normaliser.spec() if self.normaliser else None,
            "ranker": named_spec("ranker", self.ranker) if self.ranker else None,
        }

    def arrays(self) -> dict[str, Array]:
        """Return the learned arrays by ``part:name``."""
        parts = {
            "maker": self.maker.arrays(),
            "normaliser": self.normaliser.arrays() if self.normaliser else {},
            "ranker": named_arrays("ranker", self.ranker) if self.ranker else {},
        }
        return {f"{part}:{name}": array for part, own in parts.items() for name, array in own.items()}

    @classmethod
    def restore(
        cls,
        spec: Mapping[str, Any],
        arrays: Mapping[str, Array],
        catalogue: Catalogue,
        retrievers: Sequence[Recommender],
    ) -> "SecondStage":
        """Rebuild from what `spec` and `arrays` returned, the catalogue and the fitted retrievers."""
        normaliser, ranker = spec["normaliser"], spec["ranker"]
        return cls(
            blend=Blend.restore(spec["blend"]),
            maker=FeatureMaker.restore(spec["maker"], part_of(arrays, "maker", ":"), catalogue, retrievers),
            # A spec may be an empty mapping: only None means that there is nothing to restore.
            normaliser=None
            if normaliser is None
            else Normaliser.restore(normaliser, part_of(arrays, "normaliser", ":")),
            ranker=None if ranker is None else restored("ranker", ranker, part_of(arrays, "ranker", ":")),
            ranker_weight=spec["ranker_weight"],
            knows_new_users=spec["knows_new_users"],
        )


def _best(base: Float32, count: int) -> Bool:
    """Return which candidates are the best ``count`` of their list: bool[n, c]; ties go to the lower code."""
    if kernels.COMPILED is not None:
        best: Bool = kernels.COMPILED.best_places(base, count, 10**_DIGITS).view(bool)
        return best
    # Rounded, because scores in a batch differ from scores alone in the seventh digit.
    rounded = np.round(base, _DIGITS)
    bar = np.partition(rounded, -count, axis=1)[:, -count, None]
    above, tied = rounded > bar, rounded == bar
    left = count - above.sum(axis=1, keepdims=True)
    return np.asarray(above | (tied & (np.cumsum(tied, axis=1) <= left)))


def _scored(base: Float32, chosen: Bool, rest: Bool | None, own: Float32) -> Float32:
    """Return ``base`` with the scores of the chosen candidates (float32[pairs]), and the rest below them."""
    if rest is not None and kernels.COMPILED is not None:
        found: Float32 = kernels.COMPILED.rest_below(base, chosen, rest, own, _STEP)
        return found
    scores = base.copy()
    scores[chosen] = own
    return scores if rest is None else _below(scores, chosen, rest)


def _below(scores: Float32, chosen: Bool, rest: Bool) -> Float32:
    """Return scores in which all of the rest come after the chosen ones of their list, in their own order."""
    lowest = np.min(scores, axis=1, where=chosen, initial=np.inf, keepdims=True)
    highest = np.max(scores, axis=1, where=rest, initial=-np.inf, keepdims=True)
    too_high = np.maximum(highest - lowest + _STEP, 0)
    return np.where(rest, scores - too_high, scores)


def pair_scores(ranker: Ranker, features: Float32, base: Float32) -> Float32:
    """Return the log-odds of pairs by a ranker: float32[pairs].

    Raises
    ------
    ConfigError
        If a ranker that is not Tacit's own returns anything else.
    """
    scores = ranker.score(features, base)
    return (
        scores if is_ours(ranker) else checked_pair_scores(f"the ranker {ranker.name!r}", scores, len(base))
    )


def weighted_scores(base: Float32, ranked: Float32, ranker_weight: float) -> Float32:
    """Return ``base + ranker_weight * (ranked - base)``: float32[n, c].

    Parameters
    ----------
    base, ranked : float32[n, c]
        ``-inf`` on padding.
    ranker_weight : float
        In [0, 1].
    """
    added = np.subtract(ranked, base, out=np.zeros_like(base), where=np.isfinite(base))
    return np.asarray(base + ranker_weight * added, dtype=np.float32)


def fit_projection(interactions: Interactions, catalogue: Catalogue) -> Projection | None:
    """Return the low-dimensional projection of the language-model vectors, fitted on items with events."""
    if catalogue.vectors is None or not len(interactions):
        return None
    seen = np.bincount(interactions.item, minlength=len(catalogue)) > 0
    dimension = min(_DIMENSION, catalogue.vectors.shape[1], int(seen.sum()))
    projection = Projection(dimension=dimension, mode="pca")
    return projected.fitted(projection, catalogue.vectors, seen, centred=catalogue.centred)
