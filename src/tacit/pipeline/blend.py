"""A weighted sum of what the retrievers say, with weights learned from validation windows.

A listwise logit: the chance that a candidate is chosen is the softmax of its blended score over the list
(Cao et al., "Learning to rank: from pairwise to listwise approach", ICML 2007, top-one). The cross entropy is
convex, uses every choice and not only those near the top, and L2 keeps many alike retrievers from being
played against each other where few users teach; a search on NDCG@10 itself follows the noise of few users.
The reasons are in docs/decisions/006-blend.md, the experiments in docs/log/blend.md.

Each retriever has five numbers: its weight for newcomers; its weight after a first event; how that changes
with the logarithm of the length of the history (popularity leads those who are new, their own taste those
who have been here long) and with that of the time since the last event (what somebody is in the middle of
leads now, what everybody wants after a year), both of any sign, as in any regression on scores that are
alike; and what its silence costs (of a new item all but the content model are silent: is that bad, or does
nobody know?).
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tacit.core.types import DAY, Bool, Float32, Float64, Int64, Json
from tacit.features.candidates import Candidates
from tacit.pipeline.retrieval import normalised

_L2 = 16.0
"""Of a normal prior around 0, whose share in what is learned fades with the number of users that teach."""
_START = 0.1
_TOLERANCE = 1e-7
_LEAST = 1e-3
"""No weight is 0: where all others are silent, somebody's order still counts."""

_NEVER = -1e9
_ANY = np.iinfo(np.int32).max
LONG = 400
"""Length of a history from which on more events change nothing."""
YEAR = 365
"""Days away from which on more of them change nothing."""


@dataclass(frozen=True)
class LabelledCandidates:
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
    newcomers, weights : sequence of r floats
        Weight of each retriever for who has no history, and for who has one event, just now.
    growth, absence : sequence of r floats
        What is added to the latter at `LONG` events, and after a `YEAR` away.
    silence : sequence of r floats
        Weight of what the silence of each retriever could cost.
    n_items : int
        How many items the retrievers could know. Of an item that was added later nobody could speak: that
        costs nothing, however much people avoid what has been there for long and is not spoken of.
    """

    def __init__(
        self,
        new_users: Sequence[float] = (),
        weights: Sequence[float] = (),
        growth: Sequence[float] = (),
        idle_time: Sequence[float] = (),
        missing_penalty: Sequence[float] = (),
        n_items: int = _ANY,
    ) -> None:
        self.new_users_: Float32 = np.asarray(new_users, dtype=np.float32)
        self.weights_: Float32 = np.asarray(weights, dtype=np.float32)
        self.growth_: Float32 = np.asarray(growth, dtype=np.float32)
        self.idle_time_: Float32 = np.asarray(idle_time, dtype=np.float32)
        self.missing_penalty_: Float32 = np.asarray(missing_penalty, dtype=np.float32)
        self.n_items = n_items

    def fit(self, labelled: Sequence[LabelledCandidates], n_retrievers: int) -> Self:
        """Find the weights: equal ones, silence as bad as the worst, where there is nothing to learn.

        Weights of newcomers and after one event are positive: they are not to be shown what nobody wants.
        """
        from scipy.optimize import minimize

        tasks, r = [_task(one) for one in labelled], n_retrievers
        found = np.concatenate([np.full(2 * r, 1 / r), np.zeros(2 * r), np.full(r, 1 / r)])
        if r > 1 and any(len(task.chosen) for task in tasks):
            bounds = [(_LEAST, None)] * (2 * r) + [(None, None)] * (3 * r)
            start = np.full(5 * r, _START)
            found = minimize(
                _loss, start, (tasks,), jac=True, method="L-BFGS-B", bounds=bounds, tol=_TOLERANCE
            ).x
        parts = np.split(found.astype(np.float32), 5)
        self.new_users_, self.weights_, self.growth_, self.idle_time_, self.missing_penalty_ = parts
        return self

    def score(self, candidates: Candidates) -> Float32:
        """Return float32[n, c]; ``-inf`` on padding."""
        spoken, silent = normalised(candidates.scores)
        learned = np.stack([self.new_users_, self.weights_, self.growth_, self.idle_time_])
        said = _weighed(spoken, _circumstances(candidates) @ learned)
        cost = np.where(candidates.items < self.n_items, silent @ self.missing_penalty_, 0)
        return np.where(candidates.items < 0, -np.inf, said + cost).astype(np.float32)

    def weights_for(self, lengths: Int64, idle_times: Float64) -> Float32:
        """Return what each retriever counts for a history of a length and of a time away: float32[n, r]."""
        learned = np.stack([self.new_users_, self.weights_, self.growth_, self.idle_time_])
        return np.asarray(_conditions(lengths, idle_times) @ learned, dtype=np.float32)

    def within(self, n_items: int) -> "Blend":
        """Return the same blend of retrievers that know ``n_items`` items."""
        same = copy.copy(self)
        same.n_items = n_items
        return same

    def spec(self) -> dict[str, Json]:
        """Return what was learned as JSON."""
        return {
            "new_users": self.new_users_.tolist(),
            "weights": self.weights_.tolist(),
            "growth": self.growth_.tolist(),
            "idle_time": self.idle_time_.tolist(),
            "missing_penalty": self.missing_penalty_.tolist(),
            "n_items": self.n_items,
        }

    @classmethod
    def restore(cls, spec: Mapping[str, Any]) -> Self:
        """Rebuild from what `spec` returned; a part that is missing is a KeyError (an older blend)."""
        parts = ("new_users", "weights", "growth", "idle_time", "missing_penalty", "n_items")
        return cls(**{part: spec[part] for part in parts})


def log_softmax(scores: Float32) -> Float32:
    """Return the logarithm of what each candidate has of its list, a softmax of scores: float32[n, c].

    ``-inf`` on padding, as in the scores. It is what the weights were learned to foretell.
    """
    finite = np.isfinite(scores)
    top = np.max(scores, axis=1, keepdims=True, where=finite, initial=_NEVER)
    total = np.exp(np.where(finite, scores - top, -np.inf)).sum(axis=1, keepdims=True)
    return np.asarray(scores - top - np.log(np.maximum(total, 1)), dtype=np.float32)


def _circumstances(candidates: Candidates) -> Float32:
    """Return how much each row of weights counts for each query: float32[n, 4].

    Whether there is no history; whether there is one; the logarithm of its length (0 for one event, 1 from
    `LONG` on); and that of the time away (0 for none, 1 from a `YEAR` on; a log without times counts places,
    which are next to no time).
    """
    return _conditions(candidates.lengths, candidates.idle_times)


def _conditions(lengths: Int64, idle_times: Float64) -> Float32:
    met = lengths > 0
    length = np.log(np.clip(lengths, 1, LONG)) / np.log(LONG)
    idle_time = np.log1p(np.minimum(idle_times / DAY, YEAR)) / np.log1p(YEAR)
    return np.stack([~met, met, length, idle_time], axis=1).astype(np.float32)


def _weighed(parts: Float32, weights: Float32) -> Float32:
    """Return the sum over r of float32[n, c, r], weighed for each query by float32[n, r]: float32[n, c]."""
    return np.asarray((parts @ weights[:, :, None])[:, :, 0], dtype=np.float32)


@dataclass(frozen=True)
class _Task:
    """Lists in the form that weights are learned from.

    Attributes
    ----------
    parts : float32[n, c, 2r]
        What each retriever says of each candidate, and what its silence could cost.
    circumstances : float32[n, 4]
    padding : bool[n, c]
    chosen : float32[n, c]
        What each user chose, as shares that sum to the weight of the user.
    weight : float32[n, 1]
        The root of how much a user chose: between every user alike and every choice alike.
    """

    parts: Float32
    circumstances: Float32
    padding: Bool
    chosen: Float32
    weight: Float32


def _task(one: LabelledCandidates) -> _Task:
    # Of who chose no candidate, nothing can be learned about their order.
    hit = np.flatnonzero(one.labels.any(axis=1))
    found, labels = one.candidates.take(hit), one.labels[hit]
    weight = np.sqrt(labels.sum(axis=1, keepdims=True))
    parts = np.concatenate(normalised(found.scores), axis=2)
    return _Task(parts, _circumstances(found), ~found.real, labels / weight, weight)


def _loss(weights: Float64, tasks: Sequence[_Task]) -> tuple[float, Float64]:
    """Return the cross entropy of what the lists' users chose, with L2, for each user, and its gradient."""
    users = sum(float(task.weight.sum()) for task in tasks)
    parts = [_cross_entropy(weights.astype(np.float32).reshape(5, -1), task) for task in tasks]
    loss = sum(part[0] for part in parts) + _L2 * float(weights @ weights)
    return loss / users, (sum(part[1] for part in parts) + 2 * _L2 * weights) / users


def _cross_entropy(weights: Float32, task: _Task) -> tuple[float, Float64]:
    spoken = task.circumstances @ weights[:4]
    own = np.concatenate([spoken, np.tile(weights[4], (len(spoken), 1))], axis=1)
    logits = np.where(task.padding, _NEVER, _weighed(task.parts, own))
    logits -= logits.max(axis=1, keepdims=True)
    chance = np.exp(logits)
    total = chance.sum(axis=1, keepdims=True)
    surprise = task.chosen * (np.log(total) - logits)
    error = task.weight * chance / total - task.chosen
    pull = (error[:, None] @ task.parts)[:, 0]
    said, silent = np.split(pull, 2, axis=1)
    gradient = np.append(task.circumstances.T @ said, silent.sum(axis=0))
    return float(surprise.sum(dtype=np.float64)), gradient.astype(np.float64)
