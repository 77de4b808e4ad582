"""Lists of the items closest in text to each item: a history meets their union, not all items.

A list holds the items with the largest cosine. Of a large catalogue it is chosen among projections on the
main directions of the vectors, which costs a third; the cosines are always those of the whole vectors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from tacit.core import kernels
from tacit.core.seeds import generator
from tacit.core.types import Array, Bool, Float32, Int8, Int16, Int32, Int64
from tacit.data.ranking import top_k

LENGTH, SHORT = 400, 200
"""Items of a list, and of one in a catalogue of more than `LARGE`: final lists are nearly those of a scan
(docs/decisions/023-near-texts.md)."""
LARGE = 20_000
SCANNED = 1_000
"""A catalogue of so many items is scanned as fast."""
WHOLE = 300_000
"""Largest catalogue whose items are compared with all others: that grows with its square. In a larger one
they are compared with those of the nearest clusters."""
BRIEF = 64
"""Items of a list then: 1.2 KB an item would be gigabytes."""
COARSE = 127
"""Whole numbers up to which the parts of a vector are kept to estimate scores."""
STEP = 1 / 32_767
"""Cosines are kept as whole numbers of these."""

_NARROW, _SPARE = 128, 56
"""Directions that choose the lists of a large catalogue, and how many items more than a list they choose."""
_CLUSTERS, _PROBED = 2.0, 24
"""Clusters for each root of the number of items, and the nearest of them that are looked at."""
_SAMPLE = 64
"""Items for each cluster that clusters are learned from."""
_SEED = 0
"""Seed of the clusters: the same vectors give the same lists."""
_CELLS = 16_000_000
"""Cosines held at once."""


@dataclass(frozen=True)
class Sides:
    """What items are compared with: of each of n histories its mean, and its last liked events.

    Attributes
    ----------
    means : float32[n, d]
        Of length 1; 0 for a history without a liked event.
    offsets : int64[n + 1]
        The events of history q are at ``offsets[q]:offsets[q + 1]``.
    items : int32[events]
    left : float32[events]
        By what the cosine of an event is multiplied.
    closest : float
        Weight of the closest event beside the mean.
    """

    means: Float32
    offsets: Int64
    items: Int32
    left: Float32
    closest: float


@dataclass(frozen=True)
class NearTexts:
    """The items closest to each item.

    Attributes
    ----------
    items : int32[n, l]
        Ordered by cosine; -1 pads. Row i is the list of item i.
    cosines : int16[n, l]
        In `STEP`; 0 on padding.
    coarse : int8[n, d]
        The vectors that the lists were made of, each in steps of its own: a quarter of the memory to read.
    steps : float32[n]
    outdated : int32[o]
        Items whose text was replaced since: where lists have them, and their own lists, say nothing now.
    """

    items: Int32
    cosines: Int16
    coarse: Int8
    steps: Float32
    outdated: Int32 = field(default_factory=lambda: np.empty(0, dtype=np.int32))

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def of(cls, vectors: Float32, known: Bool) -> "NearTexts | None":
        """Return the lists of all items with a vector; None where a scan is as good.

        Parameters
        ----------
        vectors : float32[n, d]
            Of length 1, or 0.
        known : bool[n]
            Items with a vector; the list of any other is empty, and it is in no list.
        """
        among = np.flatnonzero(known).astype(np.int32)
        if len(among) <= SCANNED:
            return None
        wanted = LENGTH if len(among) <= LARGE else SHORT if len(among) <= WHOLE else BRIEF
        length = min(wanted, len(among) - 1)
        items = np.full((len(vectors), length), -1, dtype=np.int32)
        cosines = np.zeros((len(vectors), length), dtype=np.int16)
        target = vectors if len(among) == len(vectors) else vectors[among]
        narrow = _narrowed(target)
        blocks = _all_blocks(len(among)) if len(among) <= WHOLE else _cluster_blocks(narrow, length)
        for block, others in blocks:
            found, values = _closest(target, narrow, block, others, length)
            items[among[block]], cosines[among[block]] = among[found], np.rint(values / STEP)
        return cls(items, cosines, *_coarse(vectors))

    def without(self, items: Int64) -> "NearTexts":
        """Return the same lists where the texts of some more items were replaced."""
        listed = items[items < len(self.items)].astype(np.int32)
        return replace(self, outdated=np.union1d(self.outdated, listed)) if len(listed) else self

    def unlisted(self, known: Bool) -> Int32:
        """Return the items with a vector (bool[m]) that came after the lists or were replaced since."""
        later = np.flatnonzero(known[len(self.items) :]) + len(self.items)
        return np.concatenate([self.outdated[known[self.outdated]], later]).astype(np.int32)

    def estimates(self, sides: Sides, query: int, vectors: Float32, unlisted: Int32) -> tuple[Int32, Float32]:
        """Return the recent events' items and those in their lists, ascending, and their estimated scores.

        Nothing where one of these has no list, or there is none.

        Parameters
        ----------
        sides : Sides
        query : int
        vectors : float32[items, d]
        unlisted : int32[m]
            See `unlisted`: these are returned too.
        """
        start, stop = sides.offsets[query], sides.offsets[query + 1]
        events, left = sides.items[start:stop], sides.left[start:stop]
        if start == stop or int(events.max()) >= len(self.items) or self._any_outdated(events):
            return np.empty(0, np.int32), np.empty(0, np.float32)
        mean = sides.means[query]
        near = self.items[events]
        listed = near >= 0
        closest = np.full(len(vectors), -np.inf, dtype=np.float32)
        values = self.cosines[events] * (np.float32(STEP) * left[:, None])
        np.maximum.at(closest, near[listed], values[listed])
        np.maximum.at(closest, events, left)  # no list holds the item itself, which may be chosen again
        of_unlisted = (vectors[unlisted] @ vectors[events].T * left).max(axis=1, initial=-np.inf)
        closest[unlisted] = np.maximum(closest[unlisted], of_unlisted)
        items = np.flatnonzero(closest > -np.inf).astype(np.int32)
        to_mean = np.empty(len(items), dtype=np.float32)
        exact = np.isin(items, unlisted)
        to_mean[exact] = vectors[items[exact]] @ mean
        others = items[~exact]
        to_mean[~exact] = self.steps[others] * (self.coarse[others].astype(np.float32) @ mean)
        return items, (1 - sides.closest) * to_mean + sides.closest * closest[items]

    def _any_outdated(self, items: Int32) -> bool:
        return len(self.outdated) > 0 and bool(np.isin(items, self.outdated).any())

    def arrays(self) -> dict[str, Array]:
        """Return the lists."""
        parts = {"items": self.items, "cosines": self.cosines, "coarse": self.coarse, "steps": self.steps}
        return {f"near_{name}": np.asarray(part) for name, part in parts.items()}

    @classmethod
    def restore(cls, arrays: Mapping[str, Array], vectors: Float32) -> Self:
        """Rebuild from what `arrays` returned, and the vectors of the items (older lists hold none)."""
        lists = arrays["near_items"], arrays["near_cosines"]
        if "near_coarse" in arrays:
            return cls(*lists, arrays["near_coarse"], arrays["near_steps"])
        return cls(*lists, *_coarse(vectors[: len(lists[0])]))


def exact_scores(sides: Sides, vectors: Float32, known: Bool, row: Int64, items: Int32) -> Float32:
    """Return the scores of pairs of a history and an item: float32[p].

    Parameters
    ----------
    sides : Sides
    vectors : float32[items, d]
    known : bool[items]
        Items with a vector; others have no score (``-inf``).
    row : int64[p]
        Ascending.
    items : int32[p]
    """
    if kernels.COMPILED is not None:
        events = sides.offsets, sides.items, sides.left
        scores: Float32 = kernels.COMPILED.text_scores(
            sides.means, *events, vectors, known, row, items, sides.closest
        )
        return scores
    scores = np.full(len(items), -np.inf, dtype=np.float32)
    for query in np.unique(row):
        start, stop = sides.offsets[query], sides.offsets[query + 1]
        pairs = np.flatnonzero((row == query) & known[items])
        if start == stop or not len(pairs):
            continue
        own = vectors[items[pairs]]
        near = (own @ vectors[sides.items[start:stop]].T * sides.left[start:stop]).max(axis=1)
        scores[pairs] = (1 - sides.closest) * (own @ sides.means[query]) + sides.closest * near
    return scores


def _coarse(vectors: Float32) -> tuple[Int8, Float32]:
    """Return the parts of each vector as whole numbers, and their step: int8[n, d], float32[n]."""
    coarse, steps = np.empty(vectors.shape, dtype=np.int8), np.empty(len(vectors), dtype=np.float32)
    size = max(_CELLS // max(vectors.shape[1], 1), 1)
    for start in range(0, len(vectors), size):
        rows = slice(start, start + size)
        steps[rows] = np.abs(vectors[rows]).max(axis=1, initial=0) / COARSE
        unit = np.where(steps[rows] > 0, steps[rows], 1)
        coarse[rows] = np.rint(vectors[rows] / unit[:, None])
    return coarse, steps


def _narrowed(vectors: Float32) -> Float32:
    """Return what lists are chosen by: the vectors, or of many wide ones their main directions."""
    if vectors.shape[1] <= 2 * _NARROW or len(vectors) <= LARGE:
        return vectors
    _, directions = np.linalg.eigh(vectors.T @ vectors)  # the largest eigenvalues come last
    return np.ascontiguousarray(vectors @ directions[:, -_NARROW:].astype(np.float32))


def _all_blocks(n: int) -> Iterator[tuple[Int64, Int64 | None]]:
    """Yield blocks of n items; each is compared with all (None)."""
    size = max(_CELLS // n, 1)
    for start in range(0, n, size):
        yield np.arange(start, min(start + size, n)), None


def _cluster_blocks(vectors: Float32, length: int) -> Iterator[tuple[Int64, Int64 | None]]:
    """Yield blocks of the items of a cluster, and the items of the clusters nearest to it, ascending.

    As in an inverted file (Jegou, Douze and Schmid, "Product quantization for nearest neighbor search", TPAMI
    2011), but all items of a cluster look at the same others, so that one product compares them.
    """
    centres, label = _clusters(vectors)
    order = np.argsort(label, kind="stable")
    starts = np.searchsorted(label[order], np.arange(len(centres) + 1))
    for cluster, centre in enumerate(centres):
        own = order[starts[cluster] : starts[cluster + 1]]
        if not len(own):
            continue
        nearest = np.argsort(-(centres @ centre), kind="stable")
        count = np.cumsum(np.diff(starts)[nearest])
        probed = max(_PROBED, int(np.searchsorted(count, length + _SPARE + 1)) + 1)
        others = np.concatenate([order[starts[one] : starts[one + 1]] for one in nearest[:probed]])
        others = np.sort(others)
        size = max(_CELLS // len(others), 1)
        for start in range(0, len(own), size):
            yield own[start : start + size], others


def _clusters(vectors: Float32) -> tuple[Float32, Int32]:
    """Return the centres of clusters, float32[clusters, d] of length 1, and the nearest of each vector."""
    from sklearn.cluster import KMeans  # the import takes a second, which only a fit of many items needs

    rng = generator(_SEED, "clusters of texts")
    count = max(int(_CLUSTERS * np.sqrt(len(vectors))), 1)
    drawn = rng.choice(len(vectors), min(_SAMPLE * count, len(vectors)), replace=False)
    means = KMeans(count, init="random", n_init=1, max_iter=10, random_state=_SEED).fit(vectors[drawn])
    centres = means.cluster_centers_.astype(np.float32)
    length = np.linalg.norm(centres, axis=1, keepdims=True)
    centres /= np.where(length > 0, length, 1)
    size = max(_CELLS // count, 1)
    parts = [
        (vectors[start : start + size] @ centres.T).argmax(axis=1) for start in range(0, len(vectors), size)
    ]
    return centres, np.concatenate(parts).astype(np.int32)


def _closest(
    vectors: Float32, narrow: Float32, block: Int64, others: Int64 | None, length: int
) -> tuple[Int32, Float32]:
    """Return the items closest to those of a block, and the cosines: int32 and float32[block, length].

    ``others`` (ascending, the block among them) are the items that are compared; all by default.
    """
    target = narrow if others is None else narrow[others]
    scores = narrow[block] @ target.T
    own = block if others is None else np.searchsorted(others, block)
    scores[np.arange(len(block)), own] = -np.inf
    if narrow is vectors:
        ranking = top_k(scores, length)
        return _codes(ranking.items, others), ranking.scores
    found = _codes(top_k(scores, min(length + _SPARE, scores.shape[1] - 1)).items, others)
    exact = np.empty(found.shape, dtype=np.float32)
    for row, item in enumerate(block):
        exact[row] = vectors[found[row]] @ vectors[item]
    best = np.argsort(-exact, axis=1, kind="stable")[:, :length]
    return np.take_along_axis(found, best, 1), np.take_along_axis(exact, best, 1)


def _codes(places: Int32, others: Int64 | None) -> Int32:
    return places if others is None else others[places].astype(np.int32)
