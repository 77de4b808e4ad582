"""Scores that name the items a model has evidence for, and leave out all others.

A history of fifty events meets a few thousand of a hundred thousand items. A model that can list those
(`tacit.models.protocol.Sparse`) need not fill a row of the whole catalogue for each query.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

import numpy as np

from tacit.core import kernels
from tacit.core.types import Array, Bool, Float32, Int32, Int64
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.models.accumulate import best_of

_NONE, _NOBODY, _ALL = np.empty(0, np.float32), np.empty(0, np.int32), np.empty(0, bool)


Exact = Callable[[Int64, Int32], Float32]
"""Scores of pairs of a query and an item."""


@dataclass(frozen=True)
class Baseline:
    """The score of every item that is not listed for a query: the same for all queries.

    Attributes
    ----------
    scores : float32[items]
        ``-inf`` where an item that is not listed has no score.
    """

    scores: Float32

    @classmethod
    def zero(cls, known: Bool) -> "Baseline | None":
        """Return 0 for the items of the mask (bool[items]) and no score for others; None if all have none."""
        return cls(np.where(known, 0, -np.inf).astype(np.float32)) if known.any() else None

    @cached_property
    def order(self) -> Int32:
        """The items with a score, best first, of equals the lower code first: int32[scored]."""
        scored = np.flatnonzero(self.scores > -np.inf)
        return scored[np.argsort(-self.scores[scored], kind="stable")].astype(np.int32)

    def extended(self, n_items: int) -> Self:
        """Return the same baseline for a larger catalogue: later items have no score."""
        larger = replace(self, scores=_padded(self.scores, n_items))
        if "order" in vars(self):  # sorting again would give the same
            vars(larger)["order"] = self.order
        return larger


@dataclass(frozen=True)
class SparseScores:
    """The scores of n queries.

    Attributes
    ----------
    offsets : int64[n + 1]
        What is listed for query q is at ``offsets[q]:offsets[q + 1]``.
    items : int32[m]
        Listed items: distinct within a query, ascending.
    scores : float32[m]
        Their scores, finite.
    baseline : Baseline or None
        The scores of all other items; None where they have none (``-inf``).
    scored : bool[n] or None
        The queries that the model has scores for; the others have no score of any item, and nothing listed.
        None where it has for all.
    exact : callable or None
        Where the listed scores are estimates that choose candidates, and items that are not listed have
        scores too: ``exact(row, items)`` gives the scores of ``items[p]`` for query ``row[p]`` (int64[p],
        ascending; int32[p]) as float32[p].
    among : callable or None
        Where the listed items are the best of those that were allowed, and may be none of the best of others:
        ``among(allowed, k)`` lists the k best of other items (bool[items]).
    """

    offsets: Int64
    items: Int32
    scores: Float32
    baseline: Baseline | None = None
    scored: Bool | None = None
    exact: Exact | None = None
    among: "Callable[[Bool, int], SparseScores] | None" = None

    @classmethod
    def constant(cls, n: int, baseline: Baseline) -> Self:
        """Return the same scores for each of n queries."""
        return cls(np.zeros(n + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32), baseline)

    @classmethod
    def joined(cls, parts: Sequence[tuple[Int32, Float32]], *, exact: Exact | None = None) -> Self:
        """Return the scores of queries that list these items and scores."""
        if len(parts) == 1:  # one query: nothing is copied
            items, scores = parts[0]
            ends = np.array([0, len(items)], dtype=np.int64)
            return cls(
                ends, items.astype(np.int32, copy=False), scores.astype(np.float32, copy=False), exact=exact
            )
        lengths = [len(items) for items, _ in parts]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        items = np.concatenate([np.empty(0, np.int32), *(items for items, _ in parts)]).astype(np.int32)
        scores = np.concatenate([np.empty(0, np.float32), *(scores for _, scores in parts)])
        return cls(offsets, items, scores.astype(np.float32), exact=exact)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def listed(self, query: int) -> tuple[Int32, Float32]:
        """Return the items listed for a query and their scores."""
        start, stop = self.offsets[query], self.offsets[query + 1]
        return self.items[start:stop], self.scores[start:stop]

    def has_baseline(self, query: int) -> bool:
        """Return whether items that are not listed for a query have the score of the baseline."""
        return self.baseline is not None and (self.scored is None or bool(self.scored[query]))

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The arrays of the scores and of their baseline, empty where there is none."""
        baseline = (_NONE, _NOBODY) if self.baseline is None else (self.baseline.scores, self.baseline.order)
        return self.offsets, self.items, self.scores, *baseline, _ALL if self.scored is None else self.scored

    def dense(self, n_items: int) -> Float32:
        """Return the scores of all items: float32[n, n_items], ``-inf`` where there is none."""
        full = np.full((len(self), n_items), -np.inf, dtype=np.float32)
        for query in range(len(self)):
            if self.baseline is not None and self.has_baseline(query):
                full[query, : len(self.baseline.scores)] = self.baseline.scores
            items, scores = self.listed(query)
            full[query, items] = scores
        return full


def best_allowed(sparse: SparseScores, queries: Queries, allowed: Bool, k: int) -> Ranking:
    """Return the k best items of each query that are allowed (bool[items]) and not excluded."""
    if kernels.COMPILED is not None:
        excluded = queries.exclude_offsets, queries.exclude
        return Ranking(*kernels.COMPILED.best_allowed(sparse.arrays, *excluded, allowed, k))
    items = np.full((len(queries), k), -1, dtype=np.int32)
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    for query, open_ in enumerate(_open(queries, allowed)):
        found, own = _best_listed(sparse, query, k, open_)
        order = np.argsort(-own, kind="stable")
        items[query, : len(found)], scores[query, : len(found)] = found[order], own[order]
    return Ranking(items, scores)


def united(
    parts: Mapping[int, "SparseScores | Any"],
    lists: Int32,
    queries: Queries,
    allowed: Bool,
    k: int,
    proposing: tuple[int, Bool, int] | None = None,
) -> tuple[Int32, Float32, Ranking | None]:
    """Return the union of the k best items of each query by several models, and the scores of each item.

    Parameters
    ----------
    parts : mapping of r SparseScores or compiled scorers
        By the place of a model: what it says of each of n queries, or what can say it
        (`tacit.models.protocol.Compiles`, with compiled loops only).
    lists : int32[n, l]
        Further items of each query; -1 pads.
    queries : Queries
        Whose excluded items are no candidates.
    allowed : bool[items]
    k : int
    proposing : (int, bool[items], int), optional
        The place of a compiled scorer, other items that are allowed, and how many of the best of these it is
        to propose.

    Returns
    -------
    int32[n, c], float32[n, c, r], Ranking or None
        Items ascend and are padded with -1 to the longest row, of at least one; ``-inf`` where a model has no
        score. The scores are in the order of the mapping. Then what was proposed.
    """
    if kernels.COMPILED is not None:
        return _united_by_loops(parts, lists, queries, allowed, k, proposing)
    sparse: Sequence[SparseScores] = [*parts.values()]
    found = []
    for query, open_ in enumerate(_open(queries, allowed)):
        best = [_best_listed(one, query, k, open_)[0] for one in sparse]
        joined = np.unique(np.concatenate([lists[query], *best]))
        found.append(joined[joined >= 0])
    items = np.full((len(queries), max([1, *map(len, found)])), -1, dtype=np.int32)
    scores = np.full((*items.shape, len(sparse)), -np.inf, dtype=np.float32)
    for query, union in enumerate(found):
        items[query, : len(union)] = union
        for place, one in enumerate(sparse):
            scores[query, : len(union), place] = _scores_at(one, query, union)
    return items, scores, None


def _united_by_loops(
    parts: Mapping[int, "SparseScores | Any"],
    lists: Int32,
    queries: Queries,
    allowed: Bool,
    k: int,
    proposing: tuple[int, Bool, int] | None,
) -> tuple[Int32, Float32, Ranking | None]:
    """Return the same by one call of the compiled loops."""
    models = [one.arrays if isinstance(one, SparseScores) else one for one in parts.values()]
    text, unseen, proposed = (-1, _ALL, 0) if proposing is None else proposing
    place = text if proposing is None else [*parts].index(text)
    history = queries.offsets, queries.item, queries.weight, queries.user, queries.ordered
    excluded = queries.exclude_offsets, queries.exclude
    items, scores, *by_text = kernels.loops().united(
        models, lists, *history, *excluded, allowed, k, place, unseen, proposed
    )
    return items, scores, None if proposing is None else Ranking(*by_text)


def _open(queries: Queries, allowed: Bool) -> Iterator[Bool]:
    """Yield for each query the items that are allowed and not excluded: bool[items], valid until the next."""
    open_ = allowed.copy()
    for start, stop in pairwise(queries.exclude_offsets):
        excluded = queries.exclude[start:stop]
        excluded = excluded[excluded < len(open_)]
        open_[excluded] = False
        yield open_
        open_[excluded] = allowed[excluded]


def _scores_at(sparse: SparseScores, query: int, wanted: Int32) -> Float32:
    """Return the scores of some items (int32[m], ascending) for a query: float32[m]."""
    found = np.full(len(wanted), -np.inf, dtype=np.float32)
    if sparse.baseline is not None and sparse.has_baseline(query):
        inside = wanted < len(sparse.baseline.scores)
        found[inside] = sparse.baseline.scores[wanted[inside]]
    items, scores = sparse.listed(query)
    if len(items):
        place = np.minimum(np.searchsorted(items, wanted), len(items) - 1)
        listed = items[place] == wanted
        found[listed] = scores[place[listed]]
    return found


def _best_listed(sparse: SparseScores, query: int, k: int, allowed: Bool) -> tuple[Int32, Float32]:
    """Return the k best items of a query that are allowed, ascending by code, and their scores.

    Of equal scores the lower codes are taken, as by `tacit.data.ranking.top_k`.

    Parameters
    ----------
    sparse : SparseScores
    query : int
    k : int
    allowed : bool[items]
    """
    items, scores = sparse.listed(query)
    kept = allowed[items]
    mine, own = best_of(items[kept], scores[kept], k)
    if sparse.baseline is None or not sparse.has_baseline(query):
        return mine, own
    others = _first_unlisted(sparse.baseline, k, allowed, items)
    both = np.concatenate([mine, others])
    ascending = np.argsort(both)
    of_both = np.concatenate([own, sparse.baseline.scores[others]])
    return best_of(both[ascending], of_both[ascending], k)


def _first_unlisted(baseline: Baseline, k: int, allowed: Bool, listed: Int32) -> Int32:
    """Return the first k items of a baseline that are allowed and not listed: int32[at most k]."""
    open_ = allowed.copy()
    open_[listed] = False
    found, start, step = np.empty(0, np.int32), 0, 2 * k + 16
    while len(found) < k and start < len(baseline.order):
        chunk = baseline.order[start : start + step]
        found = np.concatenate([found, chunk[open_[chunk]]])
        start, step = start + step, 4 * step
    return found[:k]


def _padded(scores: Float32, n_items: int) -> Float32:
    return np.pad(scores, (0, n_items - len(scores)), constant_values=-np.inf)
