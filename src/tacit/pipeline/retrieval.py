"""The first stage: the union of the best items of all retrievers, with the score of each by every retriever.

A retriever that can list the items it has evidence for does so (`tacit.models.protocol.Sparse`); any other
scores the whole catalogue. The candidates are the same, but where a retriever lists estimates of its scores
(`tacit.models.content`).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, cast

import numpy as np

from tacit.core import kernels
from tacit.core.stages import stage
from tacit.core.types import Array, Bool, Float32, Int32
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking, top_k
from tacit.features.candidates import Candidates
from tacit.models.checks import checked_scores, checked_sparse_scores, is_ours
from tacit.models.protocol import (
    Compiles,
    FoldsIn,
    Recommender,
    ScoresByText,
    SharesSearch,
    Sparse,
    batches,
    can,
    is_sparse,
    mask_excluded,
)
from tacit.models.sparse_scores import Exact, SparseScores, best_allowed, united

WHOLE_ROWS = 20_000
"""Without compiled loops, NumPy scores catalogues of so many items sooner by whole rows."""
PROPOSED = 20
"""Items without events that are kept beside the candidates of a query: the closest by text."""


@dataclass(frozen=True)
class Prepared:
    """What is the same for all queries to some retrievers, so that it is found once and not in every request.

    Attributes
    ----------
    scorers : mapping of place to scorer
        The compiled forms of the retrievers that have one (`tacit.models.protocol.Compiles`); empty without
        compiled loops.
    text : int or None
        The place of the first retriever that scores items by their texts alone.
    names : tuple of r str
    held : int
        How many scores `candidates` holds for one query: see `held_at_once`.
    """

    scorers: Mapping[int, Any]
    text: int | None
    names: tuple[str, ...]
    held: int

    @classmethod
    def of(cls, retrievers: Sequence[Recommender], known: int, width: int) -> Self:
        """Return what is known of fitted retrievers of ``known`` items at the fit, ``width`` items now."""
        names = tuple(one.name for one in retrievers)
        scorers = compiled_scorers(retrievers, known, width)
        return cls(scorers, text_place(retrievers), names, held_at_once(retrievers, width))


def candidates(
    retrievers: Sequence[Recommender],
    queries: Queries,
    k: int,
    allowed: Bool,
    known: int | None = None,
    *,
    unseen: Bool | None = None,
    prepared: Prepared | None = None,
) -> Candidates:
    """Return the union of each retriever's k best allowed items, with every retriever's score of each.

    Parameters
    ----------
    retrievers : sequence of r fitted recommenders
    queries : Queries
        n histories, used without their exposures; the caller batches them (n x items x r scores are held at
        once where no retriever is `tacit.models.protocol.Sparse`).
    k : int
        How many items each retriever proposes.
    allowed : bool[items]
        Available items.
    known : int, optional
        How many items there were at the fit; later ones do not reach a retriever that cannot take them in.
    unseen : bool[items], optional
        Items without events, the best of which by text are returned too.
    prepared : Prepared, optional
        What is known of these retrievers; found here by default.

    Returns
    -------
    Candidates
        n x c with c as small as the largest union; items ascend by code.
    """
    queries = queries.acted()
    known = len(allowed) if known is None else known
    prepared = Prepared.of(retrievers, known, len(allowed)) if prepared is None else prepared
    scorers, text = prepared.scorers, prepared.text
    rest = {place: one for place, one in enumerate(retrievers) if place not in scorers}
    sparse, dense = _scores_of_all(rest, queries, k, allowed, known) if rest else ({}, {})
    lists = [np.empty((len(queries), 0), np.int32), *(top_k(full, k).items for full in dense.values())]
    proposing = None
    if unseen is not None and text is not None and text in scorers and unseen.any():
        proposing = text, unseen & allowed, PROPOSED
    parts = {**scorers, **sparse}
    further = np.concatenate(lists, axis=1) if dense else lists[0]
    with stage("union"):
        items, scores, by_text = united(parts, further, queries, allowed, k, proposing)
    if dense or list(parts) != sorted(parts):
        scores = _in_order(items, scores, parts, dense)
    for place, listed in sparse.items():
        if listed.exact is not None:
            within = items < reach(retrievers[place], known, len(allowed))
            row, column = np.nonzero((items >= 0) & within)
            scores[row, column, place] = listed.exact(row, items[row, column])
    if unseen is not None and text is not None and text not in scorers and unseen.any():
        by_text = _closest_unseen(sparse.get(text), dense.get(text), queries, allowed, unseen)
    return Candidates(items, scores, queries.lengths, queries.idle_time, prepared.names, by_text)


def compiled_scorers(retrievers: Sequence[Recommender], known: int, width: int) -> dict[int, Any]:
    """Return the compiled forms of the retrievers that have one, by place; none without compiled loops.

    Parameters
    ----------
    retrievers : sequence of fitted recommenders
    known, width : int
        How many items there were at the fit, and are now.
    """
    if kernels.COMPILED is None:
        return {}
    shared: dict[Hashable, Any] = {}
    found = {
        place: cast(Compiles, one).compiled(shared)
        for place, one in enumerate(retrievers)
        if is_ours(one) and can(one, Compiles) and is_sparse(one) and reach(one, known, width) == width
    }
    return {place: scorer for place, scorer in found.items() if scorer is not None}


def _closest_unseen(
    sparse: SparseScores | None, dense: Float32 | None, queries: Queries, allowed: Bool, unseen: Bool
) -> Ranking:
    """Return the best items without events by the scores of the retriever that reads texts."""
    if sparse is not None:
        listed = sparse if sparse.among is None else sparse.among(allowed & unseen, PROPOSED)
        return best_exact(replace(listed, exact=sparse.exact), queries, allowed & unseen, PROPOSED)
    assert dense is not None
    codes = np.flatnonzero(unseen).astype(np.int32)
    return top_k(dense[:, codes], PROPOSED, codes)


def best_exact(sparse: SparseScores, queries: Queries, allowed: Bool, k: int) -> Ranking:
    """Return the k best items of each query that are allowed (bool[items]), with their exact scores."""
    best = best_allowed(sparse, queries, allowed, k)
    return best if sparse.exact is None else _by_exact_scores(best, sparse.exact)


def _in_order(
    items: Int32, scores: Float32, parts: Mapping[int, object], dense: Mapping[int, Float32]
) -> Float32:
    """Return the scores of all retrievers, in their order: float32[n, c, r].

    Parameters
    ----------
    items : int32[n, c]
    scores : float32[n, c, s]
        Of the retrievers at the places ``parts``.
    parts : mapping
    dense : mapping of place to float32[n, items]
        What `_scores_of_all` returned.
    """
    ordered = np.full((*items.shape, len(parts) + len(dense)), -np.inf, dtype=np.float32)
    ordered[:, :, list(parts)] = scores
    for place, full in dense.items():
        ordered[:, :, place] = np.take_along_axis(full, np.maximum(items, 0), axis=1)
    ordered[items < 0] = -np.inf
    return ordered


def _scores_of_all(
    retrievers: Mapping[int, Recommender], queries: Queries, k: int, allowed: Bool, known: int
) -> tuple[dict[int, SparseScores], dict[int, Float32]]:
    """Return the sparse scores of the retrievers that have them, and those of all items of others, by place.

    The latter are float32[n, items], ``-inf`` where an item is not allowed or excluded.
    """
    sparse: dict[int, SparseScores] = {}
    dense: dict[int, Float32] = {}
    searches: dict[Hashable, Any] = {}
    for place, retriever in retrievers.items():
        listed = _sparse_scores(retriever, queries, k, allowed, known, searches)
        if listed is not None:
            sparse[place] = listed
            continue
        full = _full_scores(retriever, queries, len(allowed), known)
        full += np.where(allowed, 0, -np.inf).astype(np.float32)  # faster than masking
        mask_excluded(full, queries)
        dense[place] = full
    return sparse, dense


def _sparse_scores(
    retriever: Recommender,
    queries: Queries,
    k: int,
    allowed: Bool,
    known: int,
    searches: dict[Hashable, Any],
) -> SparseScores | None:
    """Return the sparse scores of a retriever; None where it has none.

    Parameters
    ----------
    retriever, queries, k, allowed, known
        As in `candidates`.
    searches : dict
        What retrievers found for these queries, by the key of their search; extended here.
    """
    if not is_sparse(retriever) or (kernels.COMPILED is None and len(allowed) <= WHOLE_ROWS):
        return None
    known = reach(retriever, known, len(allowed))
    if known < len(allowed):
        queries, allowed = queries.keep(queries.item < known), allowed[:known]
    elif can(retriever, SharesSearch) and is_ours(retriever):
        shares: SharesSearch[Any] = cast("Any", retriever)
        if shares.search_key not in searches:
            searches[shares.search_key] = shares.search(queries)
        return shares.scores_from(searches[shares.search_key])
    listed = cast(Sparse, retriever).sparse_scores(queries, k, allowed)
    if listed is None or is_ours(retriever):
        return listed
    return checked_sparse_scores(f"the retriever {retriever.name!r}", listed, len(queries), known)


def _by_exact_scores(ranking: Ranking, exact: Exact) -> Ranking:
    """Return the same items with their exact scores, best first."""
    scores = np.full(ranking.items.shape, -np.inf, dtype=np.float32)
    row, place = np.nonzero(ranking.items >= 0)
    scores[row, place] = exact(row, ranking.items[row, place])
    order = np.argsort(-scores, axis=1, kind="stable")
    rows = np.arange(len(order))[:, None]
    return Ranking(ranking.items[rows, order], scores[rows, order])


def text_place(retrievers: Sequence[Recommender]) -> int | None:
    """Return the place of the first retriever that scores items by their texts alone, if there is one."""
    places = (
        at for at, one in enumerate(retrievers) if can(one, ScoresByText) and cast(ScoresByText, one).by_text
    )
    return next(places, None)


def _full_scores(retriever: Recommender, queries: Queries, width: int, known: int) -> Float32:
    """Return a retriever's score of every item of a catalogue that may have grown: float32[n, width]."""
    known = reach(retriever, known, width)
    if known == width:
        return scores_of(retriever, queries, width)
    scores = scores_of(retriever, queries.keep(queries.item < known), known)
    return np.pad(scores, ((0, 0), (0, width - known)), constant_values=-np.inf)


def reach(retriever: Recommender, known: int, width: int) -> int:
    """Return how many items of a catalogue of ``width`` a retriever can be asked about.

    One that cannot take in items knows those that there were at the fit (``known``).
    """
    return width if can(retriever, FoldsIn) else min(known, width)


def scores_of(retriever: Recommender, queries: Queries, width: int, items: Int32 | None = None) -> Float32:
    """Return a retriever's score of ``width`` items (all of them, or ``items``): float32[n, width].

    Raises
    ------
    ConfigError
        If a retriever that is not Tacit's own returns anything else.
    """
    scores = retriever.score(queries) if items is None else retriever.score(queries, items)
    if is_ours(retriever):
        return scores
    return checked_scores(f"the retriever {retriever.name!r}", scores, (len(queries), width))


def union(items: Int32) -> Int32:
    """Return the distinct items of each row, ascending, padded with -1 to the longest row: int32[n, c]."""
    last = np.iinfo(np.int32).max
    ordered = np.sort(np.where(items < 0, last, items), axis=1)
    ordered[:, 1:][ordered[:, 1:] == ordered[:, :-1]] = last
    ordered.sort(axis=1)
    width = max(int((ordered < last).sum(axis=1).max(initial=0)), 1)
    kept = ordered[:, :width]
    return np.where(kept == last, -1, kept).astype(np.int32)


def filled(ranking: Ranking, queries: Queries, allowed: Bool) -> Ranking:
    """Return the ranking with its free places filled by the remaining allowed items, by code.

    No retriever scores these items for the query (for example an item without events, for an unknown user),
    so they come last; but a list that is long enough holds every item.
    """
    short = np.flatnonzero(ranking.items.min(axis=1, initial=0) < 0)
    if not len(short):
        return ranking
    items, scores = ranking.items.copy(), ranking.scores.copy()
    for row in short:
        listed = items[row] >= 0
        left = allowed.copy()
        excluded = queries.exclude[queries.exclude_offsets[row] : queries.exclude_offsets[row + 1]]
        left[excluded[excluded < len(left)]] = False
        left[items[row, listed]] = False
        rest = np.flatnonzero(left)[: int((~listed).sum())]
        places = np.flatnonzero(~listed)[: len(rest)]
        items[row, places] = rest
        scores[row, places] = scores[row, listed].min() - 1 if listed.any() else 0
    return Ranking(items, scores)


def normalised(scores: Float32) -> tuple[Float32, Float32]:
    """Return scores that can be added across retrievers, and missing scores: each float32[n, c, r].

    The first are standardised within each list, 0 where a retriever has no score. The second are 0 where it
    has one, and elsewhere the standardised score of its worst candidate: what a missing score may mean.

    Parameters
    ----------
    scores : float32[n, c, r]
        ``-inf`` where a retriever has no score.
    """
    if kernels.COMPILED is not None:
        both: tuple[Float32, Float32] = kernels.COMPILED.standardised(scores)
        return both
    scored = np.isfinite(scores)
    count = np.maximum(scored.sum(axis=1, keepdims=True), 1)
    known = np.where(scored, scores, 0)
    centred = np.where(scored, scores - known.sum(axis=1, keepdims=True) / count, 0)
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
    standard = centred / np.maximum(deviation, 1e-12)
    worst = np.where(scored, 0, standard.min(axis=1, keepdims=True))
    return standard.astype(np.float32), worst.astype(np.float32)


def held_at_once(retrievers: Sequence[Recommender], n_items: int) -> int:
    """Return how many scores `candidates` holds for one query: rows of all items where scores are dense."""
    whole = kernels.COMPILED is None and n_items <= WHOLE_ROWS
    return n_items * max(sum(whole or not is_sparse(one) for one in retrievers), 1)


def collect(retrievers: Sequence[Recommender], queries: Queries, k: int, allowed: Bool) -> Candidates:
    """Return the candidates of many queries, batch by batch, padded to the widest union."""
    prepared = Prepared.of(retrievers, len(allowed), len(allowed))
    return joined_candidates(
        [
            candidates(retrievers, batch, k, allowed, prepared=prepared)
            for batch in batches(queries, prepared.held)
        ]
    )


def joined_candidates(parts: Sequence[Candidates]) -> Candidates:
    """Return the candidates of all queries of all parts, padded to the widest union."""
    width = max(part.items.shape[1] for part in parts)
    return Candidates(
        np.concatenate([_widened(part.items, width, -1) for part in parts]),
        np.concatenate([_widened(part.scores, width, -np.inf) for part in parts]),
        np.concatenate([part.lengths for part in parts]),
        np.concatenate([part.idle_times for part in parts]),
        parts[0].retrievers,
    )


def _widened(array: Array, width: int, fill: float) -> Array:
    missing = [(0, 0)] * array.ndim
    missing[1] = (0, width - array.shape[1])
    return np.pad(array, missing, constant_values=fill)
