"""A weighted sum of the scores of the retrievers, with weights learned from validation windows.

A listwise logit: the chance that a candidate is chosen is the softmax of its blended score over the list
(Cao et al., "Learning to rank: from pairwise to listwise approach", ICML 2007, top-one). The cross entropy is
convex and uses every choice, not only those near the top. L2 keeps similar retrievers from getting large
weights of opposite sign where users are few; a search on NDCG@10 itself follows the noise of few users. The
reasons are in docs/decisions/006-blend.md, the experiments in docs/log/blend.md.

Each retriever has five numbers: its weight for users without a history; its weight after one event; the
change of that weight with the logarithm of the length of the history (popularity counts most for new users,
personal models for old ones) and with that of the time since the last event, both of any sign; and the weight
of its missing scores (a new item has a score from the content model only: whether that is a bad sign is
learned).
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tacit.core import kernels
from tacit.core.types import DAY, Bool, Float32, Float64, Int64, Json
from tacit.features.candidates import Candidates
from tacit.pipeline.retrieval import normalised

_L2 = 16.0
"""Precision of a normal prior around 0; the more users there are, the less it counts."""
_START = 0.1
_TOLERANCE = 1e-7
_CORRECTIONS = 40
"""Steps from which L-BFGS learns the curvature: with 10, SciPy's default, it takes a seventh more of them."""
_LEAST = 1e-3
"""No weight is 0: a retriever still orders the candidates that no other one scores."""

NEVER = -1e9
_ANY = np.iinfo(np.int32).max
LONG = 400
"""Length of a history beyond which more events change nothing."""
YEAR = 365
"""Days since the last event beyond which more days change nothing."""


@dataclass(frozen=True)
class LabelledCandidates:
    """Candidates of one window with the later choices of the users.

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

    def take(self, rows: Int64) -> "LabelledCandidates":
        """Return the given rows."""
        return LabelledCandidates(self.candidates.take(rows), self.labels[rows], self.totals[rows])


class Blend:
    """Weights of the retrievers, by cross entropy on the validation windows.

    Parameters
    ----------
    new_users, weights : sequence of r floats
        Weight of each retriever for users without a history, and for users with one event, just now.
    growth, idle_time : sequence of r floats
        Added to the latter at `LONG` events, and after a `YEAR` without an event.
    missing_penalty : sequence of r floats
        Weight of the missing scores of each retriever; see `tacit.pipeline.retrieval.normalised`.
    n_items : int
        How many items the retrievers were fitted on. Items added later have no missing penalty, because no
        retriever could score them.
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
        self._kept: tuple[tuple[object, ...], Any] | None = None

    def fit(
        self, labelled: Sequence[LabelledCandidates], n_retrievers: int, near: "Blend | None" = None
    ) -> Self:
        """Learn the weights and return self.

        The loss is convex: from ``near``, a blend of nearly the same lists, half of the steps lead to it.
        Without data all are equal, and a missing score counts as the worst one. Weights without a history and
        after one event are kept positive, so that a retriever's best items never count against themselves.
        """
        from scipy.optimize import minimize

        tasks, r = [_task(one) for one in labelled], n_retrievers
        found = np.concatenate([np.full(2 * r, 1 / r), np.zeros(2 * r), np.full(r, 1 / r)])
        if r > 1 and any(len(task.chosen) for task in tasks):
            bounds = [(_LEAST, None)] * (2 * r) + [(None, None)] * (3 * r)
            start = np.full(5 * r, _START) if near is None else near.flat
            found = minimize(
                _loss,
                start,
                (tasks,),
                jac=True,
                method="L-BFGS-B",
                bounds=bounds,
                options={"maxcor": _CORRECTIONS},
                tol=_TOLERANCE,
            ).x
        parts = np.split(found.astype(np.float32), 5)
        self.new_users_, self.weights_, self.growth_, self.idle_time_, self.missing_penalty_ = parts
        return self

    def score(self, candidates: Candidates, parts: tuple[Float32, Float32] | None = None) -> Float32:
        """Return float32[n, c]; ``-inf`` on padding.

        Parameters
        ----------
        candidates : Candidates
        parts : pair of float32[n, c, r], optional
            What `tacit.pipeline.retrieval.normalised` returns for their scores, if it is known already; loops
            need none.
        """
        if kernels.COMPILED is not None:
            of_histories = candidates.lengths, candidates.idle_times
            sums: Float32 = self.loops.score(candidates.items, candidates.scores, *of_histories)
            return sums
        standard, missing = normalised(candidates.scores) if parts is None else parts
        weights = self.weights_for(candidates.lengths, candidates.idle_times)
        blended = _weighed(standard, weights)
        penalty = np.where(candidates.items < self.n_items, missing @ self.missing_penalty_, 0)
        return np.where(candidates.items < 0, -np.inf, blended + penalty).astype(np.float32)

    def weights_for(self, lengths: Int64, idle_times: Float64) -> Float32:
        """Return the weight of each retriever for the lengths and idle times of histories: float32[n, r]."""
        if kernels.COMPILED is not None:
            found: Float32 = self.loops.weights(lengths, idle_times)
            return found
        return np.asarray(_conditions(lengths, idle_times) @ self._learned, dtype=np.float32)

    @property
    def loops(self) -> Any:
        """The same by compiled loops: made anew when anything that was learned is replaced."""
        of = *self._parts, self.missing_penalty_, self.n_items
        if self._kept is None or any(one is not other for one, other in zip(self._kept[0], of, strict=True)):
            learned = self._learned, self.missing_penalty_, self.n_items
            self._kept = of, kernels.loops().Blend(*learned, LONG, DAY, YEAR)
        return self._kept[1]

    @property
    def flat(self) -> Float64:
        """All that was learned, one after the other: float64[5 r]."""
        return np.concatenate([*self._parts, self.missing_penalty_]).astype(np.float64)

    @property
    def _parts(self) -> tuple[Float32, Float32, Float32, Float32]:
        return self.new_users_, self.weights_, self.growth_, self.idle_time_

    @property
    def _learned(self) -> Float32:
        return np.stack(self._parts)

    def within(self, n_items: int) -> "Blend":
        """Return the same blend for retrievers fitted on ``n_items`` items."""
        same = copy.copy(self)
        same.n_items = n_items
        return same

    def spec(self) -> dict[str, Json]:
        """Return the learned weights as JSON."""
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
    """Return the logarithm of the softmax of scores over each list: float32[n, c], ``-inf`` on padding.

    The softmax is the predicted chance of each candidate, which the weights were fitted to.
    """
    if kernels.COMPILED is not None:
        logs: Float32 = kernels.COMPILED.log_softmax(scores, NEVER)
        return logs
    finite = np.isfinite(scores)
    top = np.max(scores, axis=1, keepdims=True, where=finite, initial=NEVER)
    total = np.exp(np.where(finite, scores - top, -np.inf)).sum(axis=1, keepdims=True)
    return np.asarray(scores - top - np.log(np.maximum(total, 1)), dtype=np.float32)


def _circumstances(candidates: Candidates) -> Float32:
    """Return the factor of each row of weights for each query: float32[n, 4].

    Whether there is no history; whether there is one; the logarithm of its length (0 for one event, 1 from
    `LONG` on); and that of the idle time (0 for none, 1 from a `YEAR` on; in a log without times it is a
    number of places, which is next to no time).
    """
    return _conditions(candidates.lengths, candidates.idle_times)


def _conditions(lengths: Int64, idle_times: Float64) -> Float32:
    met = lengths > 0
    length = np.log(np.clip(lengths, 1, LONG)) / np.log(LONG)
    idle_time = np.log1p(np.minimum(idle_times / DAY, YEAR)) / np.log1p(YEAR)
    return np.stack([~met, met, length, idle_time], axis=1).astype(np.float32)


def _weighed(parts: Float32, weights: Float32) -> Float32:
    """Return the sum over r of float32[n, c, r], weighted for each query by float32[n, r]: float32[n, c]."""
    return np.asarray((parts @ weights[:, :, None])[:, :, 0], dtype=np.float32)


@dataclass(frozen=True)
class _Task:
    """Lists in the form that weights are learned from.

    Attributes
    ----------
    parts : float32[n, c, 2r]
        Both outputs of `tacit.pipeline.retrieval.normalised`: standardised and missing scores.
    circumstances : float32[n, 4]
    padding : bool[n, c]
    chosen : float32[n, c]
        Choices of each user, scaled to sum to the weight of the user.
    weight : float32[n, 1]
        The root of the number of choices: a compromise between equal users and equal choices.
    """

    parts: Float32
    circumstances: Float32
    padding: Bool
    chosen: Float32
    weight: Float32


def _task(one: LabelledCandidates) -> _Task:
    # A list without a chosen candidate says nothing about the order.
    hit = np.flatnonzero(one.labels.any(axis=1))
    found, labels = one.candidates.take(hit), one.labels[hit]
    weight = np.sqrt(labels.sum(axis=1, keepdims=True))
    parts = np.concatenate(normalised(found.scores), axis=2)
    return _Task(parts, _circumstances(found), ~found.real, labels / weight, weight)


def _loss(weights: Float64, tasks: Sequence[_Task]) -> tuple[float, Float64]:
    """Return the cross entropy of the choices with L2, as a mean over users, and its gradient."""
    users = sum(float(task.weight.sum()) for task in tasks)
    parts = [_cross_entropy(weights.astype(np.float32).reshape(5, -1), task) for task in tasks]
    loss = sum(part[0] for part in parts) + _L2 * float(weights @ weights)
    return loss / users, (sum(part[1] for part in parts) + 2 * _L2 * weights) / users


# With P the parts of a list (c x 2r), s its circumstances (4) and W the weights (5 x r):
#
#     v = [s W[:4], W[4]]                          weights of this list: of scores, of missing scores
#     z = P v                                      logits of its candidates
#     L = -sum chosen * log softmax(z)             summed over the lists; `_loss` adds l2 |W|^2
#
# The entries of `chosen` sum to `weight`, so
#
#     dL/dz = weight * softmax(z) - chosen
#     dL/dv = P' dL/dz
#     dL/dW[:4] = s (x) (first half of dL/dv),  dL/dW[4] = second half,  summed over the lists
def _cross_entropy(weights: Float32, task: _Task) -> tuple[float, Float64]:
    """Return the cross entropy of the choices for weights float32[5, r], and its gradient float64[5 r]."""
    of_scores = task.circumstances @ weights[:4]
    own = np.concatenate([of_scores, np.tile(weights[4], (len(of_scores), 1))], axis=1)
    logits = np.where(task.padding, NEVER, _weighed(task.parts, own))
    logits -= logits.max(axis=1, keepdims=True)
    chance = np.exp(logits)
    total = chance.sum(axis=1, keepdims=True)
    surprise = task.chosen * (np.log(total) - logits)
    error = task.weight * chance / total - task.chosen
    slope = (error[:, None] @ task.parts)[:, 0]
    by_score, by_missing = np.split(slope, 2, axis=1)
    gradient = np.append(task.circumstances.T @ by_score, by_missing.sum(axis=0))
    return float(surprise.sum(dtype=np.float64)), gradient.astype(np.float64)
