"""A weighted sum of what the retrievers say, with weights learned from validation windows.

A listwise logit: the chance that a candidate is chosen is the softmax of its blended score over the list
(Cao et al., "Learning to rank: from pairwise to listwise approach", ICML 2007, top-one). The cross entropy is
convex, uses every choice and not only those near the top, and a little L2 keeps many alike retrievers from
being played against each other; a search on NDCG@10 itself follows the noise of few users. What was measured,
and where it loses, is in docs/decisions/006-blend.md.

Each retriever has three numbers: its weight for newcomers; how that changes with the logarithm of the length
of the history (popularity leads newcomers, their own taste those who have been here long; it may turn
negative there, as in any regression on scores that are alike); and what its silence costs (of a new item all
but the content model are silent: is that bad, or does nobody know?).
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize

from tacit.core.types import Array, Bool, Float32, Float64, Int64, Json
from tacit.features.candidates import Candidates
from tacit.pipeline.retrieval import normalised

_L2 = 0.003
_START = 0.1
_LEAST = 1e-3
"""No weight is 0: where all others are silent, somebody's order still counts."""

_NEVER = -1e9
_ANY = np.iinfo(np.int32).max
LONG = 400
"""Length of a history from which on more events change nothing."""


@dataclass(frozen=True)
class Judged:
    """Candidates of one window with what the users went on to choose.

    Attributes
    ----------
    candidates : Candidates
    labels : float32[n, c]
        1 where a candidate was chosen, else 0.
    totals : int64[n]
        How many items each user chose, candidates or not.
    """

    candidates: Candidates
    labels: Float32
    totals: Int64


class Blend:
    """Weights of the retrievers, by cross entropy on the validation windows.

    Parameters
    ----------
    weights, growth : sequence of r floats
        Weight of each retriever for newcomers, and what is added to it at `LONG` events.
    silence : sequence of r floats
        Weight of what the silence of each retriever could cost.
    n_items : int
        How many items the retrievers could know. Of an item that was added later nobody could speak: that
        costs nothing, however much people avoid what has been there for long and is not spoken of.
    """

    def __init__(
        self,
        weights: Sequence[float] = (),
        growth: Sequence[float] = (),
        silence: Sequence[float] = (),
        n_items: int = _ANY,
    ) -> None:
        self.weights_: Float32 = np.asarray(weights, dtype=np.float32)
        self.growth_: Float32 = np.asarray(growth, dtype=np.float32)
        self.silence_: Float32 = np.asarray(silence, dtype=np.float32)
        self.n_items = n_items

    def fit(self, judged: Sequence[Judged], n_retrievers: int) -> Self:
        """Find the weights: equal ones, silence as bad as the worst, where there is nothing to learn.

        Weights of newcomers are positive: they are not to be shown what nobody wants.
        """
        tasks, r = [_task(one) for one in judged], n_retrievers
        found = np.concatenate([np.full(r, 1 / r), np.zeros(r), np.full(r, 1 / r)])
        if r > 1 and any(len(task.chosen) for task in tasks):
            bounds = [(_LEAST, None)] * r + [(None, None)] * (2 * r)
            start = np.full(3 * r, _START)
            found = minimize(_loss, start, (tasks,), jac=True, method="L-BFGS-B", bounds=bounds).x
        self.weights_, self.growth_, self.silence_ = np.split(found.astype(np.float32), 3)
        return self

    def score(self, candidates: Candidates) -> Float32:
        """Return float32[n, c]; ``-inf`` on padding."""
        parts, r = columns(candidates), len(self.silence_)
        spoken = parts[:, :, : 2 * r] @ np.concatenate([self.weights_, self.growth_])
        cost = np.where(candidates.items < self.n_items, parts[:, :, 2 * r :] @ self.silence_, 0)
        return np.where(candidates.items < 0, -np.inf, spoken + cost).astype(np.float32)

    def within(self, n_items: int) -> "Blend":
        """Return the same blend of retrievers that know ``n_items`` items."""
        same = copy.copy(self)
        same.n_items = n_items
        return same

    def spec(self) -> dict[str, Json]:
        """Return what was learned as JSON."""
        return {
            "weights": self.weights_.tolist(),
            "growth": self.growth_.tolist(),
            "silence": self.silence_.tolist(),
            "n_items": self.n_items,
        }

    @classmethod
    def restore(cls, spec: Mapping[str, Any]) -> Self:
        """Rebuild from what `spec` returned."""
        return cls(**spec)


def columns(candidates: Candidates) -> Float32:
    """Return what the weights are multiplied with: float32[n, c, 3r].

    The standardised score of each retriever, the same times the logarithm of the length of the history (0 for
    none, 1 from `LONG` events on), and the score that its silence could count for.
    """
    spoken, silent = normalised(candidates.scores)
    length = np.log1p(np.minimum(candidates.lengths, LONG)) / np.log1p(LONG)
    grown = spoken * length[:, None, None].astype(np.float32)
    return np.concatenate([spoken, grown, silent], axis=2)


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


@dataclass(frozen=True)
class _Task:
    """Lists in the form that weights are learned from.

    Attributes
    ----------
    columns : float32[n, c, 3r]
    padding : bool[n, c]
    chosen : float32[n, c]
        What each user chose, as shares that sum to the weight of the user.
    weight : float32[n, 1]
        The root of how much a user chose: between every user alike and every choice alike.
    """

    columns: Float32
    padding: Bool
    chosen: Float32
    weight: Float32


def _task(one: Judged) -> _Task:
    # Of who chose no candidate, nothing can be learned about their order.
    hit = np.flatnonzero(one.labels.any(axis=1))
    found, labels = one.candidates.take(hit), one.labels[hit]
    weight = np.sqrt(labels.sum(axis=1, keepdims=True))
    return _Task(columns(found), ~found.real, labels / weight, weight)


def _loss(weights: Float64, tasks: Sequence[_Task]) -> tuple[float, Float64]:
    """Return the mean cross entropy of what the lists' users chose, with L2, and its gradient."""
    users = sum(float(task.weight.sum()) for task in tasks)
    parts = [_cross_entropy(weights.astype(np.float32), task) for task in tasks]
    loss = sum(part[0] for part in parts) / users + _L2 * float(weights @ weights)
    return loss, sum(part[1] for part in parts) / users + 2 * _L2 * weights


def _cross_entropy(weights: Float32, task: _Task) -> tuple[float, Float64]:
    logits = np.where(task.padding, _NEVER, task.columns @ weights)
    logits -= logits.max(axis=1, keepdims=True)
    chance = np.exp(logits)
    total = chance.sum(axis=1, keepdims=True)
    surprise = task.chosen * (np.log(total) - logits)
    error = task.weight * chance / total - task.chosen
    return float(surprise.sum(dtype=np.float64)), np.tensordot(error, task.columns, 2).astype(np.float64)
