"""Why an item is in a list: an event of the history, or a reason that holds for all users.

A reason is given only if its retriever has some weight in the blend, the event holds a good share of that
retriever's score of the item, the score is lower without the event, and the user did not dislike its item.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from tacit.core import kernels
from tacit.core.types import Bool, Float32, Int32, Int64
from tacit.data.queries import Queries, gather_ranges
from tacit.data.ranking import Ranking
from tacit.models.decay import powers
from tacit.models.protocol import (
    Explains,
    ExplainsByParts,
    ExplainsByTables,
    ExplainsForAll,
    ExplainsInWords,
    ExplainsItemsForAll,
    ForEveryQuery,
    Recommender,
    batches,
)
from tacit.models.score_parts import CosineTables, ScoreParts, Sums, SumTables, weights_of
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
_ANY = np.iinfo(np.int32).max


class Reason(NamedTuple):
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
    """Return the reasons of each item of each list; see `Explainer`, which many lists can share."""
    return Explainer(retrievers, known, width).reasons(queries, ranking, weights, personal=personal)


class Explainer:
    """Gives the reasons of lists; what is the same for every list is computed once.

    Parameters
    ----------
    retrievers : sequence of r Recommender
    known, width : int, optional
        How many items there were at the fit and are now, where a catalogue has grown: a retriever that cannot
        take in items is not asked about the later ones.
    """

    def __init__(self, retrievers: Sequence[Recommender], known: int | None = None, width: int = 0) -> None:
        sources = [
            _Source(place, one, _ANY if known is None else reach(one, known, width))
            for place, one in enumerate(retrievers)
        ]
        self._count = len(sources)
        self._of_events = {one.place: one for one in sources if one.of_events}
        self._for_all = {one.place: one for one in sources if one.of_all}

    def reasons(
        self, queries: Queries, ranking: Ranking, weights: Float32 | None = None, *, personal: bool = True
    ) -> list[list[list[Reason]]]:
        """Return the reasons of each item of each list: n lists of k lists of `Reason` (empty on padding).

        Parameters
        ----------
        queries : Queries
        ranking : Ranking
        weights : float32[n, r], optional
            Weight of each retriever in the list of each query; the largest comes first. 1 by default.
        personal : bool
            Whether anything was learned from histories; if not, the reason of every item says so.
        """
        if weights is None:
            weights = np.ones((len(queries), self._count), dtype=np.float32)
        return [
            self._of_list(queries.slice(row, row + 1), items, weights[row], personal)
            for row, items in enumerate(ranking.items)
        ]

    def _of_list(self, query: Queries, items: Int32, weights: Float32, personal: bool) -> list[list[Reason]]:
        """Return the reasons of the items of one list."""
        found: list[list[Reason]] = [[] for _ in items]
        codes = items.tolist()
        listed = [place for place, code in enumerate(codes) if code >= 0]
        shares = weights.tolist()
        by_weight = sorted(
            (at for at, share in enumerate(shares) if share >= LEAST_WEIGHT), key=lambda at: -shares[at]
        )
        if personal:
            of_events = [self._of_events[at] for at in by_weight if at in self._of_events]
            _add_events(found, listed, items, query, of_events)
        else:
            for place in listed:
                found[place].append(Reason("blend", -1, NOT_PERSONAL))
        for_all = [self._for_all[at] for at in by_weight if at in self._for_all]
        _add_for_all(found, listed, codes, query, for_all)
        return found


class _Source:
    """A retriever that gives reasons, and how it can be asked.

    Attributes
    ----------
    place : int
    model : Recommender
    reach : int
        It is not asked about items from this code on.
    words : str
        Its words before the title of an event's item.
    """

    def __init__(self, place: int, model: Recommender, reach: int) -> None:
        self.place = place
        self.model = model
        self.reach = reach
        # An isinstance of a protocol takes 20 us: all are asked here, once.
        self.words = model.because if isinstance(model, ExplainsInWords) else ""
        self._explains = model if isinstance(model, Explains) else None
        by_parts = isinstance(model, ExplainsByParts) and _goes_with(model, "parts", "score", "explain")
        self._by_parts: ExplainsByParts | None = model if by_parts else None  # type: ignore[assignment]
        by_tables = by_parts and isinstance(model, ExplainsByTables) and _goes_with(model, "tables", "parts")
        self._by_tables: ExplainsByTables | None = model if by_tables else None  # type: ignore[assignment]
        self._for_all = model if isinstance(model, ExplainsForAll) else None
        self._of_items = model if isinstance(model, ExplainsItemsForAll) else None
        self._for_every_query = (
            isinstance(model, ForEveryQuery)
            and model.for_every_query
            and _goes_with(model, "for_every_query", "puts_forward")
        )

    @property
    def of_events(self) -> bool:
        """Whether it can name an event of the history."""
        return self._explains is not None

    @property
    def of_all(self) -> bool:
        """Whether it has a reason that holds for all users."""
        return self._for_all is not None

    @cached_property
    def tables(self) -> Any:
        """What compiled loops take its parts from; None if they cannot."""
        found = self._by_tables.tables() if self._by_tables is not None else None
        return None if found is None else _compiled_tables(found, self.reach)

    def strongest(self, query: Queries, allowed: Bool, items: Int32) -> Int32:
        """Return the item of the history that is the reason for each of ``items``, else -1: int32[m]."""
        inside = query.item < self.reach
        if not inside.all():
            query, allowed = query.keep(inside), allowed[inside]
        if not len(query.item):
            return np.full(len(items), -1, dtype=np.int32)
        if self._by_parts is not None:
            return _strongest_by_parts(self._by_parts.parts(query, items), query, allowed)
        assert self._explains is not None
        rows = np.zeros(len(items), dtype=np.int64)
        strongest = _strongest(self._explains, query, allowed, rows, items)
        named = np.flatnonzero(strongest >= 0)
        holds = _loses(self.model, query, rows[named], items[named], strongest[named])
        strongest[named[~holds]] = -1
        return strongest

    def for_all(self, query: Queries, codes: Sequence[int]) -> list[str]:
        """Return the reason for each item, "" where the model does not put it forward."""
        if self._for_every_query and self.reach < _ANY:
            return [self._put_forward.get(code, "") for code in codes]
        items = np.array([code for code in codes if code < self.reach], dtype=np.int32)
        own = query.take(np.zeros(len(items), dtype=np.int64))
        own = own.keep(own.item < self.reach)
        assert self._for_all is not None
        items = items[self._for_all.puts_forward(own, items)]
        words = dict(zip(items.tolist(), self._words_of(items), strict=True))
        return [words.get(code, "") for code in codes]

    @cached_property
    def _put_forward(self) -> dict[int, str]:
        """The items that the model puts forward, whoever asks, each with the reason."""
        assert self._for_all is not None
        items = np.arange(self.reach, dtype=np.int32)
        items = items[self._for_all.puts_forward(Queries.of([[]]), items)]
        return dict(zip(items.tolist(), self._words_of(items), strict=True))

    def _words_of(self, items: Int32) -> list[str]:
        if self._of_items is not None:
            return self._of_items.reasons_for_all(items)
        assert self._for_all is not None
        return [self._for_all.reason_for_all] * len(items)


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
    weight = queries.weight
    if not len(weight):
        return np.zeros(0, dtype=bool)
    if kernels.COMPILED is not None and len(queries) == 1:
        may: Bool = kernels.COMPILED.nameable(queries.item, queries.kind, weight, _ROUNDING).view(bool)
        return may
    if weight.min() == weight.max():  # nothing is liked less than anything else
        return weight > 0
    item, kind = queries.item.astype(np.int64), queries.kind.astype(np.int64) + 1
    kinds, width = int(kind.max()) + 1, int(item.max()) + 1
    on = queries.row * np.int64(width) + item
    pair = on * kinds + kind
    order = np.argsort(pair, kind="stable")
    first = np.flatnonzero(np.diff(pair[order], prepend=-1))
    best = np.maximum.reduceat(weight[order].astype(np.float64), first)
    whose, of_kind = np.divmod(pair[order[first]], kinds)
    group = whose // width * kinds + of_kind
    count = np.bincount(group)
    mean = np.divide(np.bincount(group, best), count, out=np.zeros(len(count)), where=count > 0)
    weak = np.empty(len(order), dtype=bool)
    weak[order] = np.repeat(best < mean[group] - _ROUNDING, np.diff(first, append=len(order)))
    return (weight > 0) & ~np.isin(on, on[weak | (weight < 0)])


def _add_events(
    found: list[list[Reason]],
    listed: Sequence[int],
    items: Int32,
    query: Queries,
    sources: Sequence[_Source],
) -> None:
    """Add the event with the largest share of each item's score, by the first retriever that names one."""
    if not len(query.item) or not sources:
        return
    allowed = nameable(query)[-MOST_EVENTS:]
    history = query if len(query.item) <= MOST_EVENTS else query.last(MOST_EVENTS)
    left = listed
    for by_tables, some in groupby(sources, _has_tables):
        group = list(some)
        if by_tables:
            left = _add_by_tables(found, left, items, history, allowed, group)
            continue
        for source in group:
            left = _add_by_source(found, left, items, history, allowed, source)


def _has_tables(source: _Source) -> bool:
    return kernels.COMPILED is not None and source.tables is not None


def _add_by_source(
    found: list[list[Reason]],
    left: Sequence[int],
    items: Int32,
    history: Queries,
    allowed: Bool,
    source: _Source,
) -> list[int]:
    """Add the events that one retriever names; return the places of items that have no reason yet."""
    wanted = [place for place in left if items[place] < source.reach]
    if wanted:
        codes = source.strongest(history, allowed, items[wanted]).tolist()
        for place, code in zip(wanted, codes, strict=True):
            if code >= 0:
                found[place].append(Reason(source.model.name, code, source.words))
    return [place for place in left if not found[place]]


def _add_by_tables(
    found: list[list[Reason]],
    left: Sequence[int],
    items: Int32,
    history: Queries,
    allowed: Bool,
    sources: Sequence[_Source],
) -> list[int]:
    """Do the same for several retrievers, by compiled loops."""
    counted = history.weight if history.ordered else weights_of(history)
    wanted = items if len(left) == len(items) else items[left]
    codes, places = (
        kernels.loops()
        .strongest_events(
            [source.tables for source in sources],
            wanted,
            history.item,
            history.weight,
            counted,
            allowed,
            history.ordered,
            LEAST_SHARE,
            _ROUNDING,
        )
        .tolist()
    )
    rest = []
    for place, code, at in zip(left, codes, places, strict=True):
        if code >= 0:
            found[place].append(Reason(sources[at].model.name, code, sources[at].words))
        else:
            rest.append(place)
    return rest


def _compiled_tables(tables: SumTables | CosineTables, reach: int) -> Any:
    """Return tables as compiled loops take them."""
    fading = powers(tables.decay, MOST_EVENTS), tables.decay, reach
    if isinstance(tables, SumTables):
        return kernels.loops().SumTables(tables.offsets, tables.columns, tables.values, *fading)
    return kernels.loops().CosineTables(
        tables.vectors, tables.known, fading[0], tables.decay, tables.closest, tables.recent, reach
    )


def _strongest_by_parts(parts: ScoreParts, query: Queries, allowed: Bool) -> Int32:
    """Return the same as `_strongest` of one history, -1 where the item would not lose without the events."""
    if kernels.COMPILED is not None and type(parts) is Sums:
        return _strongest_by_loops(parts, query, allowed)
    order = np.argsort(query.item, kind="stable")
    first = np.flatnonzero(np.diff(query.item[order], prepend=-1))
    codes = query.item[order[first]]
    share = np.add.reduceat(parts.shares[order].astype(np.float64), first, axis=0)
    welcome = np.logical_or.reduceat(allowed[order], first)
    share[~welcome] = -1
    best = len(codes) - 1 - share[::-1].argmax(axis=0)  # of equal shares the last, as in a stable sort
    holds = share[best, np.arange(len(best))] >= max(LEAST_SHARE, 1 / len(codes)) - _ROUNDING
    named = codes[best]
    if holds.any():
        before = parts.scores()
        holds &= parts.scores(query.item[:, None] != named) < before - _ROUNDING * np.abs(before)
    return np.where(holds, named, -1).astype(np.int32)


def _strongest_by_loops(parts: Sums, query: Queries, allowed: Bool) -> Int32:
    """Return the same by compiled loops."""
    fading = powers(parts.decay, len(query.item)), parts.decay != 1
    history = query.item, allowed, LEAST_SHARE, _ROUNDING
    named: Int32 = kernels.loops().strongest_by_sums(parts.links, parts.weight, *fading, *history)
    return named


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
    listed: Sequence[int],
    codes: Sequence[int],
    query: Queries,
    sources: Sequence[_Source],
) -> None:
    """Add the reasons that hold for all users, in the order of the retrievers; each of them once."""
    for source in sources:
        places = [place for place in listed if len(found[place]) < _MOST_REASONS]
        for place, said in zip(
            places, source.for_all(query, [codes[place] for place in places]), strict=True
        ):
            own = found[place]
            if said and all(reason.words != said for reason in own):
                own.append(Reason(source.model.name, -1, said))


def _goes_with(model: object, name: str, *others: str) -> bool:
    """Return whether a class defines ``name`` at least as late as ``others``.

    A class derived from one of Tacit's own may replace ``score`` alone: what its base says of its own score
    no longer holds then.
    """
    order = type(model).__mro__
    depth = {
        what: next((at for at, one in enumerate(order) if what in vars(one)), len(order))
        for what in (name, *others)
    }
    return all(depth[name] <= depth[other] for other in others)
