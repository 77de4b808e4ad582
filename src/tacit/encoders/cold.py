"""Held-out items: how well histories without them find them decides which tuned encoder is best.

Better vectors for the items that an encoder learned from say little; its purpose is items that nobody has
clicked. So some items are held out of the log with all their events.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from tacit.core.types import Bool, Float32, Float64, Int32, Int64
from tacit.data.gain import ndcg
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.ranking import top_k
from tacit.encoders.profile import profile_vectors

SHARE = 0.2
"""Share of the items with events that is held out."""

_USERS = 4_000
"""Largest number of histories that are scored."""

_K = 20
_CELLS = 16_000_000
"""Scores held at once."""


@dataclass(frozen=True)
class Quality:
    """Recall@20 and NDCG@20 of the held-out items, among all items with events: a mean over users."""

    recall: float
    ndcg: float


@dataclass(frozen=True)
class ColdItems:
    """A log without some of its items, and who chose them.

    Attributes
    ----------
    train : Interactions
        All events on other items: an encoder may learn from them.
    queries : Queries
        The histories in it of users who chose a held-out item.
    candidates : int32[m]
        Items with events and a vector.
    wanted : csr_array bool[n, m]
        Which of the held-out candidates each of them chose.
    """

    train: Interactions
    queries: Queries
    candidates: Int32
    wanted: sparse.csr_array

    @classmethod
    def of(cls, interactions: Interactions, known: Bool, rng: np.random.Generator) -> "ColdItems":
        """Hold out the items that were first chosen last; random ones if the log has no times.

        Parameters
        ----------
        interactions : Interactions
        known : bool[items]
            Items with a vector; others are neither held out nor candidates.
        rng : numpy.random.Generator
        """
        liked = interactions.select((interactions.weight > 0) & known[interactions.item])
        order = _newest_first(liked, rng)
        held: Bool = np.zeros(interactions.n_items, dtype=bool)
        held[order[: int(len(order) * SHARE)]] = True
        train = interactions.select(~held[interactions.item])
        later = liked.select(held[liked.item])
        users = np.intersect1d(later.user, liked.select(~held[liked.item]).user)
        if len(users) > _USERS:
            users = np.sort(rng.choice(users, _USERS, replace=False))
        candidates = np.sort(order).astype(np.int32)
        wanted = later.matrix()[users][:, candidates].astype(bool)
        return cls(train, train.queries(users), candidates, wanted)

    def quality(self, vectors: Float32) -> Quality:
        """Return how well histories find the held-out items by the cosine of unit vectors float32[items, d].

        0 if nobody chose a held-out item.
        """
        parts = [*self._gains(vectors)]
        if not parts:
            return Quality(0.0, 0.0)
        recall, ndcg = np.concatenate(parts).mean(axis=0)
        return Quality(float(recall), float(ndcg))

    def _gains(self, vectors: Float32) -> Iterator[Float64]:
        """Yield recall and NDCG of each query, batch by batch: float64[batch, 2]."""
        place: Int64 = np.full(len(vectors), -1, dtype=np.int64)
        place[self.candidates] = np.arange(len(self.candidates))
        target = vectors[self.candidates].T
        size = max(_CELLS // max(len(self.candidates), 1), 1)
        for start in range(0, len(self.queries), size):
            batch = self.queries.slice(start, min(start + size, len(self.queries)))
            scores = profile_vectors(batch, vectors, decay=1.0) @ target
            seen = place[batch.item]
            scores[batch.row[seen >= 0], seen[seen >= 0]] = -np.inf
            wanted = self.wanted[start : start + len(batch)].toarray()
            listed = top_k(scores, _K).items
            hit, totals = np.take_along_axis(wanted, listed, axis=1) & (listed >= 0), wanted.sum(axis=1)
            yield np.stack([hit.sum(axis=1) / totals, ndcg(hit, totals, _K)], axis=1)


def _newest_first(liked: Interactions, rng: np.random.Generator) -> Int64:
    """Return the items with events, the last to be chosen for the first time in front."""
    items = np.unique(liked.item).astype(np.int64)
    if liked.timing != "time":
        return rng.permutation(items)
    first = np.full(liked.n_items, np.inf)
    np.minimum.at(first, liked.item, liked.at)
    return items[np.argsort(-first[items], kind="stable")]
