"""What the lists of related items weigh: learned from what was chosen next to an item.

On the folds of a fit, the context is the last item that a user had chosen, and the choices are what the user
chose afterwards. With v(p) for the worth of the place p of a list (reciprocal rank fusion, see
`tacit.pipeline.similar`), the score of an item j is

    s(j) = sum over lists l of w_l v(place of j in l),    w_l >= 0,

and the chance that it is chosen is the softmax of s over the items of all lists. The cross entropy of the
choices is convex in w. A normal prior draws the weights to their own mean: equal weights, as without data. A
gain is counted on users that the weights were not learned from; where it is within noise, equal weights stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit.core.types import Bool, Float32, Float64, Int32, Int64
from tacit.data.gain import ndcg_of_scores
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.pipeline.firststage import Fold
from tacit.pipeline.similar import KINDS, SimilarKind, lists_of, place_values
from tacit.pipeline.weight_choice import paired_gain

_DEPTH = 100
"""So many places of each list are read."""
_MOST = 2_000
"""Number of contexts, drawn at random: there are a few weights to learn."""
_L2 = 1.0
"""Precision of the prior around equal weights; the more choices there are, the less it counts."""
_LEAST = 0.05
"""Smallest weight, as a share of the largest: a new item may be in one list only."""
_START = 5.0


@dataclass(frozen=True)
class SimilarReport:
    """What the lists of one kind of related items weigh.

    Attributes
    ----------
    weights : mapping of retriever to weight, the largest 1
    contexts : int
        Choices of an item with later choices of the same user.
    equal, learned : float
        NDCG@10 of the later choices with equal weights, and with weights that were learned from other users.
    """

    weights: dict[str, float]
    contexts: int
    equal: float
    learned: float


@dataclass(frozen=True)
class _Lists:
    """Lists of related items of one context each, put together.

    Attributes
    ----------
    values : float32[n, c, l]
        What the place of each item in each list is worth; 0 where it is not listed.
    real : bool[n, c]
    labels : float32[n, c]
        1 where an item was chosen later.
    totals : int64[n]
        How many items were chosen later, listed or not.
    user : int32[n]
    """

    values: Float32
    real: Bool
    labels: Float32
    totals: Int64
    user: Int32

    def take(self, rows: Int64) -> "_Lists":
        return _Lists(
            self.values[rows], self.real[rows], self.labels[rows], self.totals[rows], self.user[rows]
        )

    def ndcg(self, weights: Float64) -> Float64:
        scores = np.where(self.real, self.values @ weights, -np.inf).astype(np.float32)
        return ndcg_of_scores(scores, self.labels, self.totals)


def fit_similar(
    folds: Sequence[Fold], available: Bool, rng: np.random.Generator
) -> dict[SimilarKind, SimilarReport]:
    """Return what the lists of each kind weigh; a kind that has fewer than two lists needs no weights.

    Parameters
    ----------
    folds : sequence of Fold
    available : bool[items]
    rng : numpy.random.Generator
        Draws contexts and halves of the users.
    """
    found: dict[SimilarKind, SimilarReport] = {}
    for kind in KINDS:
        names = list(lists_of(folds[0].retrievers, kind, len(available), len(available))) if folds else []
        if len(names) > 1:
            lists = [_lists(fold, kind, available, _MOST // len(folds), rng) for fold in folds]
            found[kind] = _report([one for one in lists if one is not None], names, rng)
    return found


def _report(lists: Sequence[_Lists], names: Sequence[str], rng: np.random.Generator) -> SimilarReport:
    """Return learned weights if they are better than equal ones on users they were not learned from."""
    if not lists:
        return SimilarReport(dict.fromkeys(names, 1.0), 0, 0.0, 0.0)
    people = np.unique(np.concatenate([one.user for one in lists]))
    first = people[rng.random(len(people)) < 0.5]
    equal, learned, user = [], [], []
    for half in (True, False):
        own = [one.take(np.flatnonzero(np.isin(one.user, first) == half)) for one in lists]
        rest = [one.take(np.flatnonzero(np.isin(one.user, first) != half)) for one in lists]
        weights = _fitted(rest, len(names))
        equal += [one.ndcg(np.ones(len(names))) for one in own]
        learned += [one.ndcg(weights) for one in own]
        user += [one.user for one in own]
    before, after = np.concatenate(equal), np.concatenate(learned)
    gain, error = paired_gain(after, before, np.concatenate(user))
    weights = _fitted(lists, len(names)) if gain > error else np.ones(len(names))
    return SimilarReport(
        dict(zip(names, np.maximum(weights / weights.max(), _LEAST).round(4).tolist(), strict=True)),
        len(after),
        float(before.mean()),
        float(after.mean()),
    )


def _lists(
    fold: Fold, kind: SimilarKind, available: Bool, most: int, rng: np.random.Generator
) -> _Lists | None:
    """Return the lists of the last choices of a fold's users, with what they chose afterwards, if any."""
    window = fold.window
    rows, items = _contexts(window.queries)
    if not len(rows):
        return None
    if len(rows) > most:
        chosen = np.sort(rng.choice(len(rows), most, replace=False))
        rows, items = rows[chosen], items[chosen]
    width = len(available)
    sources = lists_of(fold.retrievers, kind, width, width).values()
    listed, values = _united([list_of(items, _DEPTH) for list_of in sources], items, available)
    own = window.take(rows)
    return _Lists(values, listed >= 0, own.labels(listed), np.diff(own.target_offsets), own.queries.user)


def _contexts(queries: Queries) -> tuple[Int64, Int32]:
    """Return the queries with a choice in their history, and the item of the last: int64[n], int32[n]."""
    row = np.repeat(np.arange(len(queries)), queries.lengths)
    liked = np.flatnonzero(queries.weight > 0)
    last = np.full(len(queries), -1, dtype=np.int64)
    last[row[liked]] = liked  # the order of a history is that of time: the last one stays
    rows = np.flatnonzero(last >= 0)
    return rows, queries.item[last[rows]]


def _united(rankings: Sequence[Ranking], items: Int32, available: Bool) -> tuple[Int32, Float32]:
    """Return the items of several lists of each context, and what their places are worth there.

    int32[n, c], padded with -1, and float32[n, c, lists]. The context itself is not among them.
    """
    n, width = len(items), np.int64(max(len(available), 1))
    cells, worth = [], []
    for ranking in rankings:
        real = ranking.items >= 0
        kept = real & (ranking.items != items[:, None]) & available[np.maximum(ranking.items, 0)]
        cells.append((np.arange(n, dtype=np.int64)[:, None] * width + ranking.items)[kept])
        worth.append(np.broadcast_to(place_values(ranking.items.shape[1]), kept.shape)[kept])
    pairs, place = np.unique(np.concatenate(cells), return_inverse=True)
    row = pairs // width
    count = np.bincount(row, minlength=n)
    column = np.arange(len(pairs)) - np.repeat(np.cumsum(count) - count, count)
    most = int(count.max(initial=0))
    listed = np.full((n, most), -1, dtype=np.int32)
    listed[row, column] = pairs % width
    values = np.zeros((n, most, len(rankings)), dtype=np.float32)
    number = np.repeat(np.arange(len(rankings)), [len(cell) for cell in cells])
    values[row[place], column[place], number] = np.concatenate(worth)
    return listed, values


def _fitted(lists: Sequence[_Lists], n_lists: int) -> Float64:
    """Return the weights of the lists: float64[lists], equal where nothing was chosen of them."""
    from scipy.optimize import minimize

    hits = [one.take(np.flatnonzero(one.labels.any(axis=1))) for one in lists]
    if not any(len(one.user) for one in hits):
        return np.ones(n_lists)
    start = np.full(n_lists, _START)
    found = minimize(_loss, start, (hits,), jac=True, method="L-BFGS-B", bounds=[(0, None)] * n_lists).x
    return np.asarray(found if found.max() > 0 else np.ones(n_lists), dtype=np.float64)


# With V the places of a list (c x l), w the weights and y the choices, which sum to 1 for each context:
#
#     L = -sum y * log softmax(V w) + l2 |w - mean(w)|^2
#     dL/dw = V' (softmax(V w) - y) + 2 l2 (w - mean(w))
def _loss(weights: Float64, lists: Sequence[_Lists]) -> tuple[float, Float64]:
    away = weights - weights.mean()
    loss, slope = _L2 * float(away @ away), 2 * _L2 * away
    for one in lists:
        logits = np.where(one.real, one.values @ weights, -np.inf)
        logits -= logits.max(axis=1, keepdims=True)
        chance = np.exp(logits)
        total = chance.sum(axis=1, keepdims=True)
        share = one.labels / one.labels.sum(axis=1, keepdims=True)
        loss -= float(np.sum(share * np.where(one.real, logits - np.log(total), 0)))
        slope = slope + np.einsum("nc,ncl->l", chance / total - share, one.values)
    return loss, slope
