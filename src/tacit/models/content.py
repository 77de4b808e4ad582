"""Content: items whose texts are close in meaning to those of the history.

It scores an item before any user has clicked it. Raw language-model vectors all have nearly the same
direction (mean cosine above .8), so they are centred (or projected) first, on items of the training window
only. An item scores by its cosine to the decayed mean of the history and by its cosine to the closest of the
last few events, because the mean of two tastes is neither of them. With ``tuned`` the vectors first go
through a linear head that is learned from interactions (`tacit.encoders.head`).
"""

import copy
from collections.abc import Hashable, Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, Self

import numpy as np

from tacit.core import kernels
from tacit.core.growing_arrays import recomputed
from tacit.core.kernels import loops
from tacit.core.parameters import learned, parameter
from tacit.core.spaces import Choice, Float, Int
from tacit.core.types import Array, Bool, Float32, Int32, Int64
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking, top_k
from tacit.encoders.head import Head, fit_head
from tacit.encoders.projection import Mode, Projection
from tacit.models.accumulate import history_rows
from tacit.models.decay import decayed, decayed_rows, faded, powers
from tacit.models.itemitem import shares
from tacit.models.loops import baseline_of, powers_of
from tacit.models.near_texts import STEP, NearTexts, Sides, exact_scores
from tacit.models.projected import fitted, transformed
from tacit.models.protocol import batches
from tacit.models.retriever import Retriever
from tacit.models.score_parts import Cosines, CosineTables, weights_of
from tacit.models.shared_spaces import DECAY
from tacit.models.sparse_scores import SparseScores
from tacit.models.text_scan import TextScan

DENSE_ITEMS = 12_000
"""A catalogue of so many items is scored as a whole as fast as it is scanned."""
_ALIKE = 100_000_000
"""Cosines of items to all others held at once."""
_CELLS = 16_000_000
"""Similarities held at once while scoring."""


class Content(Retriever):
    """Cosine of the items' projected vectors to the history.

    Parameters
    ----------
    mode : {"centre", "pca", "whiten"}
        How the raw vectors are projected. Tuning leaves ``whiten`` out: it loses 13 to 79 % of the neighbours
        of the same kind.
    dimension : int, optional
        Dimensions kept by the projection; all by default.
    decay : float
        How much less each earlier event of a history counts, in (0, 1].
    recent : int
        How many of the last liked events are each compared with an item.
    closest : float
        Weight of the closest recent event beside the mean of the history, in [0, 1].
    tuned : bool
        Whether a head is learned from the log; it applies to items without events too.

    Attributes
    ----------
    projection_ : Projection or None
    head_ : Head or None
    vectors_ : float32[items, d]
        Projected vectors of length 1; zeros for items without text.
    known_ : bool[items]
        Items with a vector.
    near_ : NearTexts or None
        The items closest to each item that was there when they were listed.
    version_ : object
        Of the catalogue that the vectors are of.
    """

    name: str = "content"
    mode: Mode = parameter(default="centre", search=Choice(("centre", "pca")))
    dimension: int | None = parameter(default=None, low=1, high=65_536, search=Choice((None, 64, 128, 256)))
    decay: float = parameter(default=0.85, above=0, high=1, search=DECAY)
    recent: int = parameter(default=10, low=1, high=10_000, unit="events", search=Int(1, 30, log=True))
    closest: float = parameter(default=0.3, low=0, high=1, search=Float(0.0, 1.0))
    tuned: bool = parameter(default=False, search=Choice((False, True)))
    projection_: Projection | None = learned(default=None)
    head_: Head | None = learned(default=None)
    vectors_: Float32 = learned()
    known_: Bool = learned()
    near_: NearTexts | None = learned(default=None)
    version_: object = learned(default=None)

    because = "similar in text to"
    by_text = True

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        """Fit the projection on the items of the training window, then the head, and return self.

        Those are the items with events and the ones that were listed before the log ends. Without vectors
        in the catalogue every score is ``-inf``.
        """
        there = catalogue.created_at <= interactions.end
        there &= np.isfinite(catalogue.created_at)
        there[interactions.item] = True
        there &= catalogue.has_text
        if catalogue.vectors is not None and there.any():
            width = catalogue.vectors.shape[1]
            dimension = min(self.dimension or width, width, int(there.sum()))
            projection = Projection(dimension=dimension, mode=self.mode)
            self.projection_ = fitted(projection, catalogue.vectors, there, centred=catalogue.centred)
        self._project(catalogue)
        if self.tuned and self.projection_ is not None:
            known = self.vectors_ * self.known_[:, None]
            self.head_ = fit_head(interactions, known, rng=rng).head
            self._project(catalogue)
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        """Return float32[n, m]; ``-inf`` for items without text and for histories without a known text."""
        # All items in place: gathering them would copy every vector for every query.
        columns = slice(None) if items is None else items
        target, baseline = self.vectors_[columns].T, self._floor(items)
        liked = queries.keep(self._mask(queries))
        parts = [
            self._score(batch, target, baseline)
            for batch in batches(liked, len(baseline) * (self.recent + 1), _CELLS)
        ]
        return np.concatenate(parts) if parts else np.empty((0, len(baseline)), dtype=np.float32)

    def indexed(self) -> Self:
        """Return the same model with a list of the closest items of each item."""
        listed = copy.copy(self)
        listed.near_ = NearTexts.of(self.vectors_, self.known_)
        return listed

    def sparse_scores(self, queries: Queries, k: int, allowed: Bool) -> SparseScores | None:
        """Return the items in the lists of the last liked events, and all that lists say nothing of.

        Their scores are estimates: of the closest event only those with the item in their list are looked at.
        Where there are no lists, an event's item has none, or they hold too few items that are allowed, all
        items are scanned: the k best, and their scores, are exact. None where scores of all items are sooner.
        """
        if self.near_ is None and len(self.known_) <= DENSE_ITEMS:
            return None
        sides = self._sides(queries)
        parts, scanned = self._from_lists(sides, k + np.diff(queries.exclude_offsets), allowed)
        exact = partial(exact_scores, sides, self.vectors_, self.known_)
        if not scanned:
            return SparseScores.joined(parts, exact=exact)
        scan = TextScan.of(sides, np.array(scanned), self.vectors_, self.known_, queries)
        among = partial(scan.best_with, parts)
        return replace(among(allowed, k), exact=exact, among=among)

    def _from_lists(
        self, sides: Sides, room: Int64, allowed: Bool
    ) -> tuple[list[tuple[Int32, Float32]], list[int]]:
        """Return the items and estimates of each history, and the histories for which lists hold too few.

        Parameters
        ----------
        sides : Sides
        room : int64[n]
            How many allowed items are needed.
        allowed : bool[items]
        """
        parts = [(np.empty(0, np.int32), np.empty(0, np.float32))] * len(room)
        if self.near_ is None:
            return parts, list(range(len(room)))
        unlisted, scanned = self.near_.unlisted(self.known_), []
        for query, (start, stop) in enumerate(pairwise(sides.offsets)):
            parts[query] = self.near_.estimates(sides, query, self.vectors_, unlisted)
            if start < stop and int(allowed[parts[query][0]].sum()) < room[query]:
                scanned.append(query)
        return parts, scanned

    def compiled(self, shared: dict[Hashable, Any]) -> Any | None:
        """Return the compiled form of the sparse scores; None without lists of near texts."""
        near = self.near_
        if near is None:
            return None
        return loops().NearTexts(
            loops().Texts(self.vectors_, self.known_),
            near.items,
            near.cosines,
            near.coarse,
            near.steps,
            near.outdated,
            near.unlisted(self.known_),
            powers_of(self.decay),
            self.recent,
            self.closest,
            STEP,
            baseline_of(None),
        )

    def similar(self, items: Int32, k: int) -> Ranking:
        """Return the k items with text whose vectors are closest to each of ``items``."""
        step = max(_ALIKE // max(len(self.known_), 1), 1)
        parts = [self._alike(items[n : n + step], k) for n in range(0, max(len(items), 1), step)]
        return Ranking.joined(parts) if len(parts) != 1 else parts[0]

    def _alike(self, items: Int32, k: int) -> Ranking:
        """Return the k items closest to each of a few."""
        scores = self.vectors_[items] @ self.vectors_.T
        scores[:, ~self.known_] = -np.inf
        scores[~self.known_[items]] = -np.inf
        scores[np.arange(len(items)), items] = -np.inf
        return top_k(scores, k)

    def explain(self, queries: Queries, items: Int32) -> Float32:
        """Return the share of each history event in the score of ``items[q]``: float32[events].

        All are 0 for an item without text.
        """
        used = self._mask(queries) & self.known_[items[queries.row]]
        liked = queries.keep(used)
        cosine = np.einsum("ed,ed->e", self.vectors_[liked.item], self.vectors_[items[liked.row]])
        length = np.linalg.norm(self._means(liked), axis=1)[liked.row]
        parts = np.zeros(len(queries.item))
        mean = decayed(liked, self.decay) * cosine / np.maximum(length, 1e-12)
        parts[used] = (1 - self.closest) * mean + self.closest * self._closest(liked, cosine)
        return shares(queries, parts)

    def parts(self, query: Queries, items: Int32) -> Cosines:
        """Return what the events of one history add to the scores of some items."""
        mask = self._mask(query)
        liked = query.keep(mask)
        vectors = self.vectors_[liked.item]
        return Cosines(
            used=np.flatnonzero(mask),
            cosine=vectors @ self.vectors_[items].T,
            vectors=vectors,
            weight=weights_of(liked),
            known=self.known_[items],
            decay=self.decay if query.ordered else 1.0,
            closest=self.closest,
            recent=self.recent,
            n_events=len(query.item),
        )

    def tables(self) -> CosineTables:
        """Return what the parts of every history are taken from."""
        return CosineTables(self.vectors_, self.known_, self.decay, self.closest, self.recent)

    def extended(self, catalogue: Catalogue) -> Self:
        """Return a model that scores the items of the larger catalogue, new ones by their vectors."""
        larger = copy.copy(self)
        changed = catalogue.changed_since(self.version_)
        if changed is None or self.projection_ is None or catalogue.vectors is None:
            larger._project(catalogue)
            return larger._outdating(self.vectors_, np.arange(len(self.vectors_)))
        vectors = self._projected(self.projection_, catalogue.vectors[changed])
        larger.vectors_ = recomputed(self.vectors_, changed, vectors)
        known = catalogue.has_text[changed] & vectors.any(axis=1)
        larger.known_ = recomputed(self.known_, changed, known)
        larger.version_ = catalogue.version
        return larger._outdating(self.vectors_, changed[changed < len(self.vectors_)])

    def _outdating(self, before: Float32, changed: Int64) -> Self:
        """Return self, with lists that say nothing of changed items whose vector is another than before."""
        if self.near_ is not None:
            moved = (self.vectors_[changed] != before[changed]).any(axis=1)
            self.near_ = self.near_.without(changed[moved])
        return self

    def arrays(self) -> dict[str, Array]:
        """Return the projection, the head and the lists, and the projected vectors.

        The vectors could be computed again, but not shared by processes that map them.
        """
        parts = [part for part in (self.projection_, self.head_, self.near_) if part is not None]
        arrays = {name: array for part in parts for name, array in part.arrays().items()}
        if self.projection_ is None:
            return arrays
        return {**arrays, "vectors": self.vectors_, "known": self.known_}

    def _take(self, arrays: Mapping[str, Array], catalogue: Catalogue) -> None:
        if "mean" in arrays:
            self.projection_ = Projection.restore(arrays)
        if "head" in arrays:
            self.head_ = Head.restore(arrays)
        self._project(catalogue, arrays.get("vectors"), arrays.get("known"))
        if "near_items" in arrays:
            self.near_ = NearTexts.restore(arrays, self.vectors_)

    def _project(self, catalogue: Catalogue, kept: Float32 | None = None, known: Bool | None = None) -> None:
        """Take the projected vectors of a catalogue, those that were kept if they are of its items.

        ``known`` says which of these are not zeros: to see it again would read all that is mapped.
        """
        self.version_ = catalogue.version
        if kept is not None and len(kept) == len(catalogue):
            self.vectors_ = kept
            if known is not None:
                self.known_ = known
                return
        elif self.projection_ is None or catalogue.vectors is None:
            self.vectors_ = np.zeros((len(catalogue), 1), dtype=np.float32)
        else:
            self.vectors_ = self._projected(self.projection_, catalogue.vectors)
        self.known_ = catalogue.has_text & self.vectors_.any(axis=1)

    def _projected(self, projection: Projection, vectors: Float32) -> Float32:
        projected = transformed(projection, vectors)
        _make_unit(projected)
        return projected if self.head_ is None else self.head_.transform(projected)

    def _mask(self, queries: Queries) -> Bool:
        """Return which events are liked items with a vector: bool[events]."""
        inside = queries.item < len(self.known_)
        return (queries.weight > 0) & inside & self.known_[np.where(inside, queries.item, 0)]

    def _floor(self, items: Int32 | None) -> Float32:
        """Return 0, or ``-inf`` for an item without text: float32[items]."""
        known = self.known_ if items is None else self.known_[items]
        return np.where(known, np.float32(0), np.float32(-np.inf))

    def _sides(self, queries: Queries) -> Sides:
        """Return what items are compared with."""
        if kernels.COMPILED is not None:
            events = queries.offsets, queries.item, queries.weight
            table = powers(self.decay, len(queries.item))
            means, offsets, items, left_ = kernels.COMPILED.text_sides(
                *events, self.vectors_, self.known_, table, self.decay, queries.ordered, self.recent
            )
            return Sides(means, offsets, items, left_, self.closest)
        liked = queries.keep(self._mask(queries))
        rows, recent = history_rows(liked, self.decay, len(self.vectors_)), liked.last(self.recent)
        means = np.zeros((len(liked), self.vectors_.shape[1]), dtype=np.float32)
        for query, (start, stop) in enumerate(pairwise(rows.offsets)):
            means[query] = rows.values[start:stop] @ self.vectors_[rows.columns[start:stop]]
        left = faded(recent, self.decay).astype(np.float32)
        return Sides(_unit(means), recent.offsets, recent.item, left, self.closest)

    def _means(self, liked: Queries) -> Float32:
        return decayed_rows(liked, self.decay, len(self.vectors_)) @ self.vectors_

    def _score(self, liked: Queries, target: Float32, baseline: Float32) -> Float32:
        """Return float32[n, m] of histories of liked items with vectors.

        Parameters
        ----------
        liked : Queries
        target : float32[d, m]
        baseline : float32[m]
            0, or ``-inf`` for an item without text.
        """
        # (1 - closest) * cos(mean, item) + closest * (maximum over recent events of left * cos(event, item))
        recent = liked.last(self.recent)
        left = faded(recent, self.decay).astype(np.float32)
        means, events = _unit(self._means(liked)), self.vectors_[recent.item] * left[:, None]
        # One product for both, so that all vectors are read once only: [n + recent events, m].
        scores, near = np.split(np.concatenate([means, events]) @ target, [len(liked)])
        scores *= 1 - self.closest
        for row, (start, stop) in enumerate(pairwise(recent.offsets)):  # reduceat takes twenty times as long
            scores[row] += self.closest * near[start:stop].max(axis=0) if stop > start else -np.inf
        scores += baseline
        return scores

    def _closest(self, liked: Queries, cosine: Float32) -> Float32:
        """Return the cosine of each history's closest recent event, 0 for all others: float32[events]."""
        near = np.where(
            liked.position < self.recent, faded(liked, self.decay).astype(np.float32) * cosine, -np.inf
        )
        filled = liked.lengths > 0
        best = np.full(len(liked), np.inf)
        best[filled] = np.maximum.reduceat(near, liked.offsets[:-1][filled]) if filled.any() else []
        return np.where(near == best[liked.row], near, 0)


def _make_unit(vectors: Float32) -> None:
    """Give vectors length 1, in place and in blocks."""
    size = max(_CELLS // max(vectors.shape[1], 1), 1)
    for start in range(0, len(vectors), size):
        vectors[start : start + size] = _unit(vectors[start : start + size])


def _unit(vectors: Float32) -> Float32:
    """Return the vectors with length 1; a vector of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Float32 = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-9)
    return unit
