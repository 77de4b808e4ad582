"""Related items: items like an item, items that go together with it, items that come next.

The lists of all retrievers with such lists are fused by rank: scores of different models are on different
scales, places are not (Cormack et al., "Reciprocal rank fusion outperforms Condorcet and individual rank
learning methods", SIGIR 2009). What the lists weigh is learned by `tacit.pipeline.similar_fit`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from tacit.core.errors import UnsupportedError
from tacit.core.types import Bool, Float64, Int32
from tacit.data.ranking import Ranking
from tacit.models.checks import checked_ranking, is_ours
from tacit.models.protocol import ComesNext, GoesTogether, Recommender, SimilarItems
from tacit.pipeline.pair_counts import PairCounts
from tacit.pipeline.retrieval import reach

SimilarKind = Literal["alike", "together", "next"]
KINDS: tuple[SimilarKind, ...] = get_args(SimilarKind)

_K = 60
"""The constant of reciprocal rank fusion: the larger, the smaller the advantage of the first places."""
_DEPTH = 100
"""Smallest length of each list that is read."""
ListOf = Callable[[Int32, int], Ranking]
"""Returns the k items of the lists of some items (int32[n])."""


def checked_kind(kind: object) -> SimilarKind:
    """Return a known kind of related items.

    Raises
    ------
    UnsupportedError
    """
    for known in KINDS:
        if kind == known:
            return known
    raise UnsupportedError(f"kind is {kind!r}; give one of {', '.join(KINDS)}")


def similar_items(
    retrievers: Sequence[Recommender],
    items: Int32,
    k: int,
    *,
    kind: SimilarKind,
    available: Bool,
    weights: Mapping[str, float],
    counts: PairCounts | None,
    known: int | None = None,
) -> Ranking:
    """Return the k available items that are alike to, go with or follow each of ``items``.

    Parameters
    ----------
    retrievers : sequence of Recommender
    items : int32[n]
    k : int
    kind : {"alike", "together", "next"}
    available : bool[items]
    weights : mapping
        Weight of the list of a retriever, by its name; 1 by default.
    counts : PairCounts, optional
        Of the log: used for "together" and "next" if no retriever has such lists, and to find new items.
    known : int, optional
        How many items there were at the fit; by default all of them.

    Returns
    -------
    Ranking
        Scores in [0, 1]: 1 for an item that is first in all lists.

    Raises
    ------
    UnsupportedError
        If neither has such lists.
    """
    if kind == "next" and counts is not None:
        counts.check_order()
    width = len(available)
    lists = lists_of(retrievers, kind, width if known is None else known, width)
    sources = _weighed(lists, weights) or _log_answers(counts, kind)
    if not sources:
        raise UnsupportedError(_refusal(kind))
    unseen = counts.unseen(len(available)) if counts is not None else np.zeros_like(available)
    depth = max(3 * k, _DEPTH)
    while True:
        answers = [(ask(items, depth), weight) for ask, weight in sources]
        ranking = fused(answers, items, k, available=available, unseen=unseen)
        if depth >= len(available) or (ranking.items >= 0).all():
            return ranking
        depth = len(available)  # few are available: read the lists to their ends


def fused(
    answers: Sequence[tuple[Ranking, float]], items: Int32, k: int, *, available: Bool, unseen: Bool
) -> Ranking:
    """Return the best k of several lists of each item.

    Parameters
    ----------
    answers : sequence of (Ranking, weight)
        Lists of the same n items.
    items : int32[n]
        The item of each list, never in it.
    k : int
    available : bool[items]
    unseen : bool[items]
        Items without an event: only the lists that hold such an item count for it.
    """
    best = np.full((len(items), k), -1, dtype=np.int32)
    scores = np.full((len(items), k), -np.inf, dtype=np.float32)
    for row, item in enumerate(items.tolist()):
        codes, values = _row(answers, row, unseen)
        allowed = (codes != item) & available[codes]
        codes, values = codes[allowed], values[allowed]
        order = np.lexsort((codes, -values))[:k]
        best[row, : len(order)] = codes[order]
        scores[row, : len(order)] = values[order]
    return Ranking(best, scores)


def _row(answers: Sequence[tuple[Ranking, float]], row: int, unseen: Bool) -> tuple[Int32, Float64]:
    """Return the items of the lists of one row and their scores in [0, 1]."""
    codes, value, weight = [], [], []
    for ranking, own in answers:
        listed = ranking.items[row][ranking.items[row] >= 0]
        codes.append(listed)
        value.append(own * place_values(len(listed)))
        weight.append(np.full(len(listed), own))
    distinct, place = np.unique(np.concatenate(codes), return_inverse=True)
    total = np.bincount(place, np.concatenate(value), minlength=len(distinct))
    held = np.bincount(place, np.concatenate(weight), minlength=len(distinct))
    everybody = sum(own for (_, own), listed in zip(answers, codes, strict=True) if len(listed))
    return distinct, total / np.where(unseen[distinct], held, everybody or 1.0)


def lists_of(
    retrievers: Sequence[Recommender], kind: SimilarKind, known: int, width: int
) -> dict[str, ListOf]:
    """Return what gives the lists of a kind, by the name of its retriever.

    Parameters
    ----------
    retrievers : sequence of Recommender
    kind : {"alike", "together", "next"}
    known, width : int
        How many items there were at the fit, and how many there are.
    """
    found: dict[str, ListOf] = {}
    for one in retrievers:
        items = reach(one, known, width)
        if kind == "alike" and isinstance(one, SimilarItems):
            found[one.name] = _checked(one, "similar", items)
        elif kind == "together" and isinstance(one, GoesTogether):
            found[one.name] = _checked(one, "together", items)
        elif kind == "next" and isinstance(one, ComesNext):
            found[one.name] = _checked(one, "following", items)
    return found


def place_values(n: int) -> Float64:
    """Return what the first n places of a list are worth, 1 for the first: float64[n]."""
    return np.asarray((_K + 1) / (_K + 1 + np.arange(n)))


def _weighed(lists: Mapping[str, ListOf], weights: Mapping[str, float]) -> list[tuple[ListOf, float]]:
    """Return the lists that count, with their weights; 1 by default."""
    found = [(ask, weight) for name, ask in lists.items() if (weight := weights.get(name, 1.0)) > 0]
    heaviest = max((weight for _, weight in found), default=1.0)  # tiny ones would lose their digits
    return [(ask, weight / heaviest) for ask, weight in found]


def _checked(retriever: Recommender, method: str, n_items: int) -> ListOf:
    """Return the method of a retriever; of one that is not Tacit's own, its lists are checked.

    It is not called for items beyond the ``n_items`` that the retriever knows.
    """
    own: ListOf = getattr(retriever, method)
    if is_ours(retriever):
        return own

    def ask(items: Int32, k: int) -> Ranking:
        inside = np.flatnonzero(items < n_items)
        found = own(items[inside], k)
        width = min(k, found.items.shape[-1]) if isinstance(found, Ranking) else k  # a list may be shorter
        name, shape = f"the retriever {retriever.name!r}", (len(inside), width)
        checked = checked_ranking(name, method, found, shape, n_items)
        whole = np.full((len(items), width), -1, dtype=np.int32)
        scores = np.full(whole.shape, -np.inf, dtype=np.float32)
        whole[inside], scores[inside] = checked.items, checked.scores
        return Ranking(whole, scores)

    return ask


def _log_answers(counts: PairCounts | None, kind: SimilarKind) -> list[tuple[ListOf, float]]:
    if counts is None or kind == "alike":
        return []
    return [(counts.together if kind == "together" else counts.following, 1.0)]


def _refusal(kind: SimilarKind) -> str:
    what, such = {
        "alike": ("what is like an item", "itemknn, ease or content"),
        "together": ("what goes together with an item", "one with a method together"),
        "next": ("what comes after an item", "sequential or covisitation"),
    }[kind]
    return f"no part of this pipeline can say {what}; add a retriever such as {such}"
