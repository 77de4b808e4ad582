"""A weighted sum of what the retrievers say, with weights from validation windows.

The weights are half of what the search finds and half equal ones: on MovieLens windows later than those that
were searched, the mean of the two beats either alone (NDCG@10 of ml-1m .2629, searched .2608, equal .2610).

That a retriever says nothing of a candidate (of a new item, all but the content model do) could mean that it
is bad or that nobody knows. What silence counts for is learned from the same windows: on amazon-2023-mini,
where two thirds of what people choose is new, NDCG@10 of the last window is .0150 where silence counts as the
worst and .0202 with what the windows before it teach; on ml-100k, where little is new, they teach the worst.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from tacit.core.types import Array, Float32, Float64, Json
from tacit.features.candidates import Candidates
from tacit.pipeline.retrieval import normalised

_STEPS = (0.0, 0.5, 0.8, 1.25, 2.0, 4.0)
_LENIENCIES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
_ROUNDS = 4


@dataclass(frozen=True)
class Judged:
    """Candidates of one window with what the users went on to choose.

    Attributes
    ----------
    scores : float32[n, c, 2r]
        Retriever scores made comparable by `normalised`.
    labels : float32[n, c]
        1 where a candidate was chosen, else 0.
    totals : int64[n]
        How many items each user chose, candidates or not.
    padding : bool[n, c]
    """

    scores: Float32
    labels: Float32
    totals: Array
    padding: Array

    def that_hit(self) -> "Judged":
        """Return the users who chose a candidate: no order of candidates changes what the others count."""
        hit = self.labels.any(axis=1)
        return Judged(self.scores[hit], self.labels[hit], self.totals[hit], self.padding[hit])


class Blend:
    """A weight for each retriever, found by coordinate ascent on NDCG@10 of the validation windows.

    Parameters
    ----------
    weights : sequence of float
    leniency : float
        What silence counts for: 0 for the worst candidate of the retriever, 1 for its mean one.
    """

    def __init__(self, weights: Sequence[float] = (), leniency: float = 0.0) -> None:
        self.weights_: Float32 = np.asarray(weights, dtype=np.float32)
        self.leniency_ = leniency

    def fit(self, judged: Sequence[Judged], n_retrievers: int) -> Self:
        """Find the weights and the leniency; equal weights where there is nothing to learn from.

        The search is deterministic: each weight in turn is multiplied by a few factors, then a few leniencies
        are tried, and the first of the best values is kept, until a round changes nothing.
        """
        judged = [one.that_hit() for one in judged]
        best, leniency = np.full(n_retrievers, 1.0), 0.0
        value = _quality(judged, best, leniency)
        for _ in range(_ROUNDS):
            before = value
            for place in range(n_retrievers):
                best, value = _climb(judged, best, leniency, value, place)
            leniency, value = _soften(judged, best, leniency, value)
            if value <= before:
                break
        self.weights_ = (best / best.sum() / 2 + 1 / (2 * n_retrievers)).astype(np.float32)
        self.leniency_ = leniency
        return self

    def score(self, candidates: Candidates) -> Float32:
        """Return float32[n, c]; ``-inf`` on padding."""
        blended = normalised(candidates.scores) @ _columns(self.weights_, self.leniency_)
        return np.where(candidates.items < 0, -np.inf, blended).astype(np.float32)

    def spec(self) -> dict[str, Json]:
        """Return what was learned as JSON."""
        return {"weights": [float(w) for w in self.weights_], "leniency": self.leniency_}

    @classmethod
    def restore(cls, spec: Mapping[str, Json]) -> Self:
        """Rebuild from what `spec` returned."""
        return cls(spec["weights"], spec["leniency"])  # type: ignore[arg-type]


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
    row, column = np.nonzero(labels)
    # Chosen items are few: counting what stands before each is many times faster than sorting every list.
    lists, own = scores[row], scores[row, column][:, None]
    before = (lists > own) | ((lists == own) & (np.arange(scores.shape[1]) < column[:, None]))
    place = before.sum(axis=1)
    discount = 1 / np.log2(np.arange(2, k + 2))
    gained = np.where(place < k, discount[np.minimum(place, k - 1)], 0)
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(totals, k)]
    total = np.bincount(row, gained, minlength=len(scores))
    return np.asarray(total / np.maximum(ideal, 1e-12), dtype=np.float64)


def _climb(
    judged: Sequence[Judged], weights: Float64, leniency: float, value: float, place: int
) -> tuple[Float64, float]:
    best = weights
    for step in _STEPS:
        tried = weights.copy()
        tried[place] *= step
        if tried.sum() > 0 and (quality := _quality(judged, tried, leniency)) > value + 1e-9:
            best, value = tried, quality
    return best, value


def _soften(judged: Sequence[Judged], weights: Float64, leniency: float, value: float) -> tuple[float, float]:
    for tried in _LENIENCIES:
        if (quality := _quality(judged, weights, tried)) > value + 1e-9:
            leniency, value = tried, quality
    return leniency, value


def _quality(judged: Sequence[Judged], weights: Float64, leniency: float) -> float:
    columns = _columns(weights, leniency)
    values = [ndcg(np.where(j.padding, -np.inf, j.scores @ columns), j.labels, j.totals) for j in judged]
    return float(np.concatenate(values).mean()) if any(map(len, values)) else 0.0


def _columns(weights: Float32 | Float64, leniency: float) -> Float32:
    """Return the weights of the columns that `normalised` makes: float32[2r]."""
    return np.concatenate([weights, (1 - leniency) * weights]).astype(np.float32)
