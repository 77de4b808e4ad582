"""Why an item is in a list: an event of the history, or a reason that holds for all users.

A reason is given only if its retriever has some weight in the blend, the event holds a good share of that
retriever's score of the item, the score is lower without the event, and the user did not dislike its item.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit.core.types import Bool, Float32, Int32, Int64
from tacit.data.queries import Queries, gather_ranges
from tacit.data.ranking import Ranking
from tacit.models.protocol import (
    Explains,
    ExplainsForAll,
    ExplainsInWords,
    ExplainsItemsForAll,
    Recommender,
    batches,
)
from tacit.pipeline.retrieval import reach, scores_of

MOST_EVENTS = 100
"""Last events of a history that may be reasons: a bound on the cost."""
LEAST_WEIGHT = 0.01
"""Smallest weight in the blend (it learns none below a tenth of this) of a retriever that gives reasons."""
LEAST_SHARE = 0.1
"""Smallest share of a retriever's score that makes an item of the history a reason."""
PERSONAL = 0.15
"""Smallest sum of the weights of the retrievers that use the history if a blend is personal: a log of random
choices gives up to 0.14."""
NOT_PERSONAL = "not personal: nothing in this log tells who wants what"
_MOST_REASONS = 2
_AT_ONCE = 16
"""Histories scored at once while reasons are checked."""
_ROUNDING = 1e-5


@dataclass(frozen=True)
class Reason:
    """Why an item was recommended.

    Attributes
    ----------
    source : str
        Name of the retriever whose evidence it is.
    because : int
        Code of the item of the history that is the reason; -1 if the reason is not about the history.
    words : str
        The retriever's words: before the title of that item, or the whole reason if there is none; "" if the
        engine names what the user did to the item.
    """

    source: str
    because: int
    words: str = ""


def reasons(
    retrievers: Sequence[Recommender],
    queries: Queries,
    ranking: Ranking,
    weights: Float32 | None = None,
    *,
    personal: bool = True,
    known: int | None = None,
    width: int = 0,
) -> list[list[list[Reason]]]:
    """Return the reasons of each item of each list: n lists of k lists of `Reason` (empty on padding).

    Parameters
    ----------
    retrievers : sequence of r Recommender
    queries : Queries
    ranking : Ranking
    weights : float32[n, r], optional
        Weight of each retriever in the list of each query; the largest comes first. 1 by default.
    personal : bool
        Whether anything was learned from histories; if not, the reason of every item says so.
    known, width : int, optional
        How many items there were at the fit and are now, where a catalogue has grown: a retriever that cannot
        take in items is not asked about the later ones.
    """
    n, k = ranking.items.shape
    flat = ranking.items.ravel()
    weights = np.ones((n, len(retrievers)), dtype=np.float32) if weights is None else weights
    found: list[list[Reason]] = [[] for _ in flat]
    listed = np.flatnonzero(flat >= 0).astype(np.int64)
    last = np.iinfo(np.int32).max
    reaches = [last if known is None else reach(one, known, width) for one in retrievers]
    if personal:
        _add_events(found, listed, k, flat, retrievers, queries, weights, reaches)
    else:
        for pair in listed.tolist():
            found[pair].append(Reason("blend", -1, NOT_PERSONAL))
    _add_for_all(found, listed, k, flat, retrievers, queries, weights, reaches)
    return [[found[row * k + place][:_MOST_REASONS] for place in range(k)] for row in range(n)]


def is_personal(retrievers: Sequence[Recommender], weights: Float32) -> bool:
    """Return whether a blend learned anything from histories, or has no retriever that uses them.

    Parameters
    ----------
    retrievers : sequence of r Recommender
    weights : float32[n, r]
        Weights for histories of several lengths.
    """
    own = [place for place, one in enumerate(retrievers) if not isinstance(one, ExplainsForAll)]
    return not own or bool((np.maximum(weights[:, own], 0).sum(axis=1) >= PERSONAL).any())


def nameable(queries: Queries) -> Bool:
    """Return which events may be named as a reason: bool[events].

    Excluded are events on an item that the user refused, or liked less than usual: the strongest event of a
    kind on the item weighs less than the user's mean over items (a rating below the mean of their ratings).
    """
    if not len(queries.item):
        return np.zeros(0, dtype=bool)
    row, item = queries.row.astype(np.int64), queries.item.astype(np.int64)
    on = row * (item.max() + 1) + item
    kinds = int(queries.kind.max()) + 2
    pairs, pair = np.unique(on * kinds + queries.kind + 1, return_inverse=True)
    best = np.full(len(pairs), -np.inf)
    np.maximum.at(best, pair, queries.weight)
    whose = pairs // kinds // (item.max() + 1) * kinds + pairs % kinds
    group = np.unique(whose, return_inverse=True)[1]
    mean = np.bincount(group, best) / np.bincount(group)
    weak = best < mean[group] - _ROUNDING
    unwelcome = np.unique(on[weak[pair] | (queries.weight < 0)])
    return (queries.weight > 0) & ~np.isin(on, unwelcome)


def _add_events(
    found: list[list[Reason]],
    listed: Int64,
    k: int,
    flat: Int32,
    retrievers: Sequence[Recommender],
    queries: Queries,
    weights: Float32,
    reaches: Sequence[int],
) -> None:
    """Add the event with the largest share of each item's score, by the retriever with the largest weight."""
    recent = queries.position < MOST_EVENTS
    allowed, histories = nameable(queries)[recent], queries.keep(recent)
    order = np.argsort(-weights, axis=1, kind="stable")
    left = listed
    for turn in range(len(retrievers)):
        whose = order[left // k, turn]
        for place in np.unique(whose).tolist():
            model = retrievers[place]
            wanted = (
                (whose == place) & (weights[left // k, place] >= LEAST_WEIGHT) & (flat[left] < reaches[place])
            )
            pairs, inside = left[wanted], histories.item < reaches[place]
            if not isinstance(model, Explains) or not len(pairs):
                continue
            words = model.because if isinstance(model, ExplainsInWords) else ""
            own = histories.keep(inside)
            strongest = _strongest(model, own, allowed[inside], pairs // k, flat[pairs])
            named = np.flatnonzero(strongest >= 0)
            holds = _loses(retrievers[place], own, pairs[named] // k, flat[pairs[named]], strongest[named])
            strongest[named[~holds]] = -1
            for pair, code in zip(pairs.tolist(), strongest.tolist(), strict=True):
                if code >= 0:
                    found[pair].append(Reason(retrievers[place].name, code, words))
        left = left[[not found[pair] for pair in left.tolist()]]


def _strongest(model: Explains, queries: Queries, allowed: Bool, rows: Int64, items: Int32) -> Int32:
    """Return the item of the history of ``rows[p]`` with the largest share in ``items[p]``: int32[p].

    -1 where none may be named, or none holds enough of the score.
    """
    repeated = queries.take(rows)
    shares = model.explain(repeated, items)
    events, _ = gather_ranges(queries.offsets, rows)
    size = int(queries.item.max(initial=0)) + 1
    keys, place = np.unique(repeated.row.astype(np.int64) * size + repeated.item, return_inverse=True)
    share = np.bincount(place, shares, minlength=len(keys))
    welcome = np.bincount(place, allowed[events], minlength=len(keys)) > 0
    pair = keys // size
    distinct = np.bincount(pair, minlength=len(rows))
    bar = np.maximum(LEAST_SHARE, 1 / np.maximum(distinct, 1)) - _ROUNDING
    good = np.flatnonzero(welcome & (share >= bar[pair]))
    good = good[np.lexsort((share[good], pair[good]))]  # the last of each pair is the strongest
    strongest = np.full(len(rows), -1, dtype=np.int32)
    strongest[pair[good]] = keys[good] % size
    return strongest


def _loses(model: Recommender, queries: Queries, rows: Int64, items: Int32, named: Int32) -> Bool:
    """Return whether a retriever scores ``items[p]`` lower without the events on ``named[p]``: bool[p].

    A share is what an event adds, not what would replace it: without the event, earlier ones count more and
    the mean of a history changes.
    """
    distinct, place = np.unique(items, return_inverse=True)
    repeated = queries.take(rows)
    without = repeated.keep(repeated.item != named[repeated.row])
    width = len(distinct)
    before = scores_of(model, queries, width, distinct)[rows, place]
    parts = [scores_of(model, part, width, distinct) for part in batches(without, 1, _AT_ONCE)]
    after = np.concatenate([np.empty((0, len(distinct)), np.float32), *parts])[np.arange(len(rows)), place]
    return np.asarray(after < before - _ROUNDING * np.abs(before))


def _add_for_all(
    found: list[list[Reason]],
    listed: Int64,
    k: int,
    flat: Int32,
    retrievers: Sequence[Recommender],
    queries: Queries,
    weights: Float32,
    reaches: Sequence[int],
) -> None:
    """Add the reasons that hold for all users, by the weights of their retrievers; each of them once."""
    general = [place for place, one in enumerate(retrievers) if isinstance(one, ExplainsForAll)]
    repeated = queries.take(listed // k)
    words = {
        place: _words_for_all(retrievers[place], repeated, flat[listed], reaches[place]) for place in general
    }
    for at, pair in enumerate(listed.tolist()):
        own = weights[pair // k]
        for place in sorted(general, key=lambda place: -own[place]):
            said = words[place][at]
            new = all(reason.words != said for reason in found[pair])
            if said and new and own[place] >= LEAST_WEIGHT:
                found[pair].append(Reason(retrievers[place].name, -1, said))


def _words_for_all(model: Recommender, queries: Queries, items: Int32, n_items: int) -> list[str]:
    """Return the reason for ``items[p]`` and query p, "" where a model does not put the item forward.

    None has a reason beyond ``n_items``.
    """
    assert isinstance(model, ExplainsForAll)
    inside = np.flatnonzero(items < n_items)
    known = queries.take(inside)
    holds = inside[model.puts_forward(known.keep(known.item < n_items), items[inside])]
    if isinstance(model, ExplainsItemsForAll):
        given = model.reasons_for_all(items[holds])
    else:
        given = [model.reason_for_all] * len(holds)
    words = [""] * len(items)
    for pair, said in zip(holds.tolist(), given, strict=True):
        words[pair] = said
    return words
