"""A weighted sum of what the retrievers say, with weights from validation windows.

The weights are half of what the search finds and half equal ones: on MovieLens windows later than those that
were searched, the mean of the two beats either alone (NDCG@10 of ml-1m .2629, searched .2608, equal .2610).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from tacit.core.types import Array, Float32, Float64, Json
from tacit.features.candidates import Candidates
from tacit.pipeline.retrieval import normalised

_STEPS = (0.0, 0.5, 0.8, 1.25, 2.0, 4.0)
_ROUNDS = 4


@dataclass(frozen=True)
class Judged:
    """Candidates of one window with what the users went on to choose.

    Attributes
    ----------
    scores : float32[n, c, r]
        Retriever scores made comparable by `normalised`.
    labels : float32[n, c]
        1 where a candidate was chosen.
    totals : int64[n]
        How many items each user chose, candidates or not.
    padding : bool[n, c]
    """

    scores: Float32
    labels: Float32
    totals: Array
    padding: Array


class Blend:
    """A weight for each retriever, found by coordinate ascent on NDCG@10 of the validation windows."""

    def __init__(self, weights: Sequence[float] = ()) -> None:
        self.weights_: Float32 = np.asarray(weights, dtype=np.float32)

    def fit(self, judged: Sequence[Judged], n_retrievers: int) -> Self:
        """Find the weights; equal ones where there is nothing to learn from.

        The search is deterministic: each weight in turn is multiplied by a few factors, and the first of the
        best values is kept, until a round changes nothing.
        """
        best = np.full(n_retrievers, 1.0)
        value = _quality(judged, best)
        for _ in range(_ROUNDS):
            before = value
            for place in range(n_retrievers):
                best, value = _climb(judged, best, value, place)
            if value <= before:
                break
        self.weights_ = (best / best.sum() / 2 + 1 / (2 * n_retrievers)).astype(np.float32)
        return self

    def score(self, candidates: Candidates) -> Float32:
        """Return float32[n, c]; ``-inf`` on padding."""
        blended = normalised(candidates.scores) @ self.weights_
        return np.where(candidates.items < 0, -np.inf, blended).astype(np.float32)

    def spec(self) -> dict[str, Json]:
        """Return the weights as JSON."""
        return {"weights": [float(w) for w in self.weights_]}

    @classmethod
    def restore(cls, spec: Mapping[str, Json]) -> Self:
        """Rebuild from what `spec` returned."""
        return cls(spec["weights"])  # type: ignore[arg-type]


def judge(candidates: Candidates, labels: Float32, totals: Array) -> Judged:
    """Return candidates with their labels, in the form that weights are learned from."""
    return Judged(normalised(candidates.scores), labels, totals, candidates.items < 0)


def ndcg(scores: Float32, labels: Float32, totals: Array, k: int = 10) -> Float64:
    """Return NDCG@k of each query: float64[n].

    Parameters
    ----------
    scores, labels : float32[n, c]
    totals : int64[n]
        Number of chosen items, so that those that are not among the candidates count as missed.
    """
    width = min(k, scores.shape[1])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :width]
    discount = 1 / np.log2(np.arange(2, k + 2))
    gain = np.take_along_axis(labels, order, axis=1) @ discount[:width]
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(totals, k)]
    return np.asarray(gain / np.maximum(ideal, 1e-12))


def _climb(judged: Sequence[Judged], weights: Float64, value: float, place: int) -> tuple[Float64, float]:
    best = weights
    for step in _STEPS:
        tried = weights.copy()
        tried[place] *= step
        if tried.sum() > 0 and (quality := _quality(judged, tried)) > value + 1e-9:
            best, value = tried, quality
    return best, value


def _quality(judged: Sequence[Judged], weights: Float64) -> float:
    values = [
        ndcg(np.where(j.padding, -np.inf, j.scores @ weights.astype(np.float32)), j.labels, j.totals)
        for j in judged
    ]
    return float(np.concatenate(values).mean()) if values else 0.0
