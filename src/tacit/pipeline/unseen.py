"""Items that nobody has touched: listed where their texts say that they fit.

Most retrievers have no score of such an item, and the blend and the ranker learn from items with events. So
it gets a second estimate, from its text alone, on the scale of the list that it joins: with S the scores of
the list, the score of the item is

    log sum exp(S) + w . [1, waiting, z, similarity]

where ``similarity`` is the score of the retriever that reads texts, ``z`` the same in standard deviations of
that list, and ``waiting`` is 1 for an item that was there at the fit and had no events, 0 for one that came
later. The item keeps the better of its two estimates.

The weights are learned on the folds. Items that are first chosen in a fold are few; they alone decide the
weight of ``waiting``. What a text says is learned from them and from a tenth of the items with events,
treated as if nobody had touched them: their choices are known. Then the weight of
``waiting`` is lowered until the choices of items with events lose nothing beyond noise in the folds; that may
leave no place at all. The measurements are in docs/decisions/018-unseen-items.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from tacit.core import kernels
from tacit.core.types import Bool, Float32, Float64, Int32, Int64
from tacit.data.gain import ndcg_of_scores
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking, top_k
from tacit.features.candidates import Candidates
from tacit.models.protocol import Recommender, Sparse, batches, is_sparse, recommend
from tacit.models.share_logit import Stretch, fit_weights
from tacit.models.sparse_scores import SparseScores
from tacit.pipeline.firststage import Fold
from tacit.pipeline.retrieval import PROPOSED, best_exact, text_place
from tacit.pipeline.weight_choice import Z95, paired_gain

BY_TEXT = "similar in text to what was chosen"
"""The reason of an item without events, where no single event of the history is it."""
LENGTH = 10
"""Of so many places one is kept for an item that came after the fit."""
_CLOSEST = 10
"""Such an item must be among so many closest ones of the whole catalogue."""
_STEP = 2e-5
"""More than the rounding of scores."""
_SCANNED = 0.2
"""Share of the items from which a scan, which compares all of them with means, is sooner."""
_TREATED = 0.1
"""Share of the items with events that are treated as if nobody had touched them."""
_CELLS, _LEAST = 400_000_000, 500
"""Pairs of a list and a text that are read in a fold, about, and the least lists: it is four weights."""
_L2 = 2.0
"""Precision of a normal prior around `_prior`."""
_MARGINS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0)
"""What may be taken off the weight of ``waiting``."""
_SLOPE = 0.5
"""Weight of a standard deviation of the text score before anything is learned."""


@dataclass(frozen=True)
class TextFit:
    """The scale of text scores.

    Attributes
    ----------
    place : int
        Which retriever reads texts.
    weights : tuple of 4 floats
        See the head of this module.
    """

    place: int
    weights: tuple[float, ...]

    def best(
        self,
        retrievers: Sequence[Recommender],
        queries: Queries,
        candidates: Candidates,
        items: Int32,
        events: Int64,
        k: int,
    ) -> Ranking:
        """Return the k best of some items for each query by text, with their scores on the learned scale."""
        found = closest(retrievers[self.place], queries, items, k)
        scores = self._scores(found, candidates, events)
        return Ranking(found.items, np.where(found.items < 0, -np.inf, scores).astype(np.float32))

    def _scores(self, found: Ranking, candidates: Candidates, events: Int64) -> Float64:
        features = text_features(found, candidates, self.place, events)
        return np.asarray(features @ np.asarray(self.weights), dtype=np.float64)

    def joined(self, candidates: Candidates, scores: Float32, events: Int64) -> tuple[Candidates, Float32]:
        """Return the candidates with the items without events that were kept beside them, and all scores.

        Parameters
        ----------
        candidates : Candidates
        scores : float32[n, c]
            Of the second stage, ``-inf`` on padding.
        events : int64[items]
            Events of each item at the fit; -1 for an item that came later.
        """
        found = candidates.by_text
        if found is None:
            return candidates, scores
        if kernels.COMPILED is not None:
            lists = candidates.items, candidates.scores, scores
            items, by_retriever, joined = kernels.COMPILED.with_unseen(
                *lists, found.items, found.scores, self.place, events, np.array(self.weights)
            )
            return replace(candidates, items=items, scores=by_retriever), joined
        own = self._scores(found, candidates, events) + log_total(scores, candidates.real)[:, None]
        own[found.items < 0] = -np.inf
        return _merged(candidates, scores, found, own.astype(np.float32), self.place)

    def listed(
        self, candidates: Candidates, scores: Float32, events: Int64, known: int, k: int, unit: int
    ) -> Ranking:
        """Return the k best of the candidates and of the items without events kept beside them.

        By compiled loops: what `joined`, `with_new_item` and the choice of the best give, by one call.

        Parameters
        ----------
        candidates : Candidates
            With ``by_text``.
        scores, events
            As in `joined`.
        known : int
            As in `with_new_item`.
        k : int
        unit : int
            Scores are rounded to a part of 1 over this.
        """
        found = candidates.by_text
        assert found is not None
        lists = candidates.items, candidates.scores, scores, found.items, found.scores
        fit = self.place, events, np.array(self.weights)
        new_items = known, _CLOSEST, LENGTH, _STEP
        return Ranking(*kernels.loops().best_with_unseen(*lists, *fit, *new_items, k, unit))


def with_new_item(candidates: Candidates, scores: Float32, place: int, known: int) -> Float32:
    """Return scores in which the closest new item by text is among the first `LENGTH`, if it is close at all.

    Nobody could choose an item that came after the fit, so nothing that is learned speaks for it. It is close
    if few items of the whole catalogue are closer to the history; there is one such place in a list.

    Parameters
    ----------
    candidates : Candidates
    scores : float32[n, c]
        ``-inf`` on padding.
    place : int
        Which retriever reads texts; its own candidates are among ``candidates``.
    known : int
        How many items there were at the fit; later codes came after it.
    """
    late = candidates.items >= known
    if scores.shape[1] <= LENGTH or not late.any():
        return scores
    text = np.where(candidates.real, candidates.scores[:, :, place], -np.inf)
    bar = np.partition(text, -_CLOSEST, axis=1)[:, -_CLOSEST]
    own = np.where(late, text, -np.inf)
    best = own.argmax(axis=1)
    rows = np.flatnonzero((own.max(axis=1) >= bar) & np.isfinite(own.max(axis=1)))
    # The last of the first places, as they are without this item; one that has fewer others needs no help.
    others = scores[rows].copy()
    others[np.arange(len(rows)), best[rows]] = -np.inf
    last = np.partition(others, -LENGTH, axis=1)[:, -LENGTH]
    rows, last = rows[np.isfinite(last)], last[np.isfinite(last)]
    raised = scores.copy()
    raised[rows, best[rows]] = np.maximum(
        scores[rows, best[rows]], last + _STEP * np.maximum(np.abs(last), 1)
    )
    return raised


@dataclass(frozen=True)
class UnseenReport:
    """What items without events get in the folds.

    Attributes
    ----------
    items : int
        Available items without events in the last fold.
    queries : int
    places, hits : int
        Places among the first ten that went to such items, and how many of these were chosen.
    """

    items: int
    queries: int
    places: int
    hits: int


def text_features(found: Ranking, candidates: Candidates, place: int, events: Int64) -> Float64:
    """Return the features of items without events: float64[n, k, 4]; see the head of this module.

    Parameters
    ----------
    found : Ranking
        Items with their scores by the retriever at ``place``.
    candidates : Candidates
        Those with events give the mean and the standard deviation.
    place : int
    events : int64[items]
        Events of each item at the fit; -1 for an item that came later.
    """
    known = found.items >= 0
    similarity = np.where(known, found.scores, 0).astype(np.float64)
    listed = candidates.scores[:, :, place]
    scored = np.isfinite(listed) & candidates.real & (events[np.maximum(candidates.items, 0)] > 0)
    count = np.maximum(scored.sum(axis=1, keepdims=True), 1)
    mean = np.where(scored, listed, 0).sum(axis=1, keepdims=True) / count
    away = np.where(scored, listed - mean, 0)
    deviation = np.sqrt((away**2).sum(axis=1, keepdims=True) / count)
    z = np.where(deviation > 0, (similarity - mean) / np.maximum(deviation, 1e-6), 0)
    features = np.stack([np.ones_like(z), events[np.maximum(found.items, 0)] == 0, z, similarity], axis=2)
    return np.where(known[:, :, None], features, 0)


def log_total(scores: Float32, kept: Bool) -> Float64:
    """Return the logarithm of the summed exponentials of the kept scores of each list: float64[n]."""
    top = np.max(scores, axis=1, where=kept, initial=np.finfo(np.float32).min).astype(np.float64)
    total = np.exp(np.where(kept, scores - top[:, None], -np.inf)).sum(axis=1)
    return np.asarray(top + np.log(np.maximum(total, 1e-12)), dtype=np.float64)


def _merged(
    candidates: Candidates, scores: Float32, found: Ranking, own: Float32, place: int
) -> tuple[Candidates, Float32]:
    """Return candidates and scores with the items found; one that is a candidate keeps its best score."""
    width = np.int64(max(int(candidates.items.max(initial=0)), int(found.items.max(initial=0))) + 1)
    rows = np.arange(len(own), dtype=np.int64)[:, None] * width
    here = np.where(candidates.real, rows + candidates.items, -1)
    new = np.where(found.items >= 0, rows + found.items, -2)
    order = np.argsort(new, axis=None)
    keys, values = new.ravel()[order], own.ravel()[order]
    at = np.minimum(np.searchsorted(keys, here), keys.size - 1)
    listed = keys[at] == here
    better = np.where(listed, np.maximum(scores, values[at]), scores)
    new_places = (found.items >= 0).ravel()
    new_places[order[at[listed]]] = False
    fresh = new_places.reshape(found.items.shape)
    by_retriever = np.full((*found.items.shape, candidates.scores.shape[2]), -np.inf, dtype=np.float32)
    by_retriever[:, :, place] = np.where(fresh, found.scores, -np.inf)
    whole = replace(
        candidates,
        items=np.concatenate([candidates.items, np.where(fresh, found.items, -1)], axis=1),
        scores=np.concatenate([candidates.scores, by_retriever], axis=1),
    )
    return whole, np.concatenate([better, np.where(fresh, own, -np.inf)], axis=1).astype(np.float32)


def fit_text_fit(
    folds: Sequence[Fold], scores: Sequence[Float32], available: Bool, rng: np.random.Generator
) -> tuple[TextFit, UnseenReport] | None:
    """Return the scale of text scores learned on folds, and what it gives; None where nothing reads texts.

    Parameters
    ----------
    folds : sequence of Fold
    scores : sequence of float32[n, c]
        Scores of the candidates of each fold by the second stage.
    available : bool[items]
    rng : numpy.random.Generator
        Draws the items that are treated as if nobody had touched them.
    """
    place = text_place(folds[0].retrievers) if folds else None
    if place is None:
        return None
    treated: Bool = rng.random(len(available)) < _TREATED
    known = [events_of(fold.window.train, len(available)) > 0 for fold in folds]
    few = [_few(*both, int(available.sum()), rng) for both in zip(folds, scores, strict=True)]
    folds, scores = [fold for fold, _ in few], [own for _, own in few]
    waiting = [
        _scanned(fold.retrievers[place], fold.window.queries, available & ~seen)
        for fold, seen in zip(folds, known, strict=True)
    ]
    lists = [
        _lists(fold, own, place, available & treated, seen, found)
        for fold, own, seen, found in zip(folds, scores, known, waiting, strict=True)
    ]
    prior = _prior(max(int(seen.sum()) for seen in known))
    free = TextFit(place, tuple(fit_weights(lists, prior, _L2).tolist()))
    beside = [
        replace(fold.labelled.candidates, by_text=found if (available & ~seen).any() else None)
        for fold, found, seen in zip(folds, waiting, known, strict=True)
    ]
    for margin in _MARGINS:
        fit = replace(free, weights=(free.weights[0], free.weights[1] - margin, *free.weights[2:]))
        found = [
            _outcome(fit, fold, listed, own, seen)
            for fold, listed, own, seen in zip(folds, beside, scores, known, strict=True)
        ]
        if _lose_nothing(found):
            break
    return fit, UnseenReport(
        items=int((available & ~known[-1]).sum()),
        queries=sum(one.queries for one in found),
        places=sum(one.places for one in found),
        hits=sum(one.hits for one in found),
    )


def _few(fold: Fold, scores: Float32, items: int, rng: np.random.Generator) -> tuple[Fold, Float32]:
    """Return a fold and its scores; for a large catalogue, whose texts are all read, those of some lists."""
    most = max(_CELLS // max(items, 1), _LEAST)
    if len(scores) <= most:
        return fold, scores
    rows = np.sort(rng.choice(len(scores), most, replace=False)).astype(np.int64)
    window, labelled = fold.window.take(rows), fold.labelled.take(rows)
    return replace(fold, window=window, labelled=labelled, part=fold.part[rows]), scores[rows]


@dataclass(frozen=True)
class _Outcome:
    """What a scale of text scores makes of the lists of a fold.

    Attributes
    ----------
    after, before : float64[m]
        NDCG@10 on choices of items with events, with and without the scale.
    user : int32[m]
    queries, places, hits : int
        As in `UnseenReport`.
    """

    after: Float64
    before: Float64
    user: Int32
    queries: int
    places: int
    hits: int


def _outcome(fit: TextFit, fold: Fold, listed: Candidates, scores: Float32, seen: Bool) -> _Outcome:
    window = fold.window
    upto = np.concatenate([[0], np.cumsum(seen[window.targets])])
    totals = np.diff(upto[window.target_offsets])
    whole, after = fit.joined(listed, scores, seen.astype(np.int64))
    labels, of_seen = window.labels(whole.items), seen[np.maximum(whole.items, 0)]
    before = labels[:, : scores.shape[1]] * of_seen[:, : scores.shape[1]]
    first = top_k(after, LENGTH).items
    given = (first >= 0) & ~np.take_along_axis(of_seen, np.maximum(first, 0), axis=1)
    chosen = given & (np.take_along_axis(labels, np.maximum(first, 0), axis=1) > 0)
    rows = totals > 0
    return _Outcome(
        ndcg_of_scores(after, labels * of_seen, totals)[rows],
        ndcg_of_scores(scores, before, totals)[rows],
        window.queries.user[rows],
        len(first),
        int(given.sum()),
        int(chosen.sum()),
    )


def _lose_nothing(outcomes: Sequence[_Outcome]) -> bool:
    """Return whether the choices of items with events lose nothing beyond noise."""
    after = np.concatenate([one.after for one in outcomes])
    if not len(after):
        return True
    before = np.concatenate([one.before for one in outcomes])
    gain, error = paired_gain(after, before, np.concatenate([one.user for one in outcomes]))
    return gain + Z95 * error >= 0


def events_of(interactions: Interactions, n_items: int) -> Int64:
    """Return how many events each item has; to be shown is not one: int64[items]."""
    acted = interactions.item[interactions.weight != 0]
    return np.bincount(acted, minlength=n_items).astype(np.int64)


def _prior(n_seen: int) -> Float64:
    """Return the weights before anything is learned: an item of average text is one of ``n_seen``."""
    return np.array([-np.log(max(n_seen, 1)), 0.0, _SLOPE, 0.0])


def _lists(fold: Fold, scores: Float32, place: int, treated: Bool, seen: Bool, waiting: Ranking) -> Stretch:
    """Return what was chosen of the items found for each query, and of all others as one more item.

    Those are ``waiting``, and the closest of the available items with events that are ``treated`` as if they
    had none.
    """
    window, candidates = fold.window, fold.labelled.candidates
    known = _scanned(fold.retrievers[place], window.queries, seen & treated)
    found = _beside([known, waiting])
    features = text_features(found, candidates, place, seen.astype(np.int64))
    others = candidates.real & (seen & ~treated)[np.maximum(candidates.items, 0)]
    left = log_total(scores, others) - log_total(scores, candidates.real)
    chosen = window.labels(found.items)
    beside = (fold.labelled.labels * others).sum(axis=1, keepdims=True)
    total = np.concatenate([chosen, beside], axis=1).astype(np.float64)
    # The root of the number of choices: a compromise between equal users and equal choices.
    total /= np.sqrt(np.maximum(total.sum(axis=1, keepdims=True), 1))
    return Stretch(
        np.concatenate([features, np.zeros((len(features), 1, features.shape[2]))], axis=1),
        total,
        np.concatenate([np.where(found.items >= 0, 0, -np.inf), left[:, None]], axis=1),
    )


def closest(retriever: Recommender, queries: Queries, items: Int32, k: int = PROPOSED) -> Ranking:
    """Return the k best of some items for each query by the retriever that reads texts."""
    return recommend(retriever, queries.acted(), k, items=items)


def _scanned(retriever: Recommender, queries: Queries, allowed: Bool) -> Ranking:
    """Return the same of the items of a mask, by a scan where that is sooner and the retriever has one."""
    if allowed.mean() < _SCANNED:
        return closest(retriever, queries, np.flatnonzero(allowed).astype(np.int32))
    parts = []
    for batch in batches(queries, len(allowed)):
        scan = _scan(retriever, batch.acted(), allowed)
        if scan is None:
            return closest(retriever, queries, np.flatnonzero(allowed).astype(np.int32))
        parts.append(best_exact(scan, batch, allowed, PROPOSED))
    return Ranking(
        np.concatenate([np.empty((0, PROPOSED), np.int32), *(one.items for one in parts)]),
        np.concatenate([np.empty((0, PROPOSED), np.float32), *(one.scores for one in parts)]),
    )


def _scan(retriever: Recommender, queries: Queries, allowed: Bool) -> SparseScores | None:
    if kernels.COMPILED is None or not is_sparse(retriever):
        return None
    return cast(Sparse, retriever).sparse_scores(queries, PROPOSED, allowed)


def _beside(rankings: Sequence[Ranking]) -> Ranking:
    return Ranking(
        np.concatenate([one.items for one in rankings], axis=1),
        np.concatenate([one.scores for one in rankings], axis=1),
    )
