"""Items set aside to see whether histories without them find them: what a tuned encoder is chosen by.

A change of the vectors that fits the items it has learned from says little; what it does for an item that
nobody has clicked is what it is for. So some items are taken out of the log with all their events.
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
"""Share of the items with events that are set aside."""

_USERS = 4_000
"""Histories asked at most."""

_K = 20
_CELLS = 16_000_000
"""Scores held at once."""


@dataclass(frozen=True)
class Quality:
    """Recall@20 and NDCG@20 of the items set aside, among all items with events: a mean over users."""

    recall: float
    ndcg: float


@dataclass(frozen=True)
class ColdItems:
    """A log without some of its items, and who chose them.

    Attributes
    ----------
    past : Interactions
        All events on other items: what may be learned from.
    queries : Queries
        The histories in it of users who chose an item set aside.
    candidates : int32[m]
        Items with events and a vector.
    wanted : csr_array bool[n, m]
        Which of the candidates set aside each of them chose.
    """

    past: Interactions
    queries: Queries
    candidates: Int32
    wanted: sparse.csr_array

    @classmethod
    def of(cls, interactions: Interactions, known: Bool, rng: np.random.Generator) -> "ColdItems":
        """Set aside the items that were first chosen last; random ones where the log has no times.

        Parameters
        ----------
        interactions : Interactions
        known : bool[items]
            Items with a vector; others are neither set aside nor asked for.
        rng : numpy.random.Generator
        """
        liked = interactions.select((interactions.weight > 0) & known[interactions.item])
        order = _newest_first(liked, rng)
        aside: Bool = np.zeros(interactions.n_items, dtype=bool)
        aside[order[: int(len(order) * SHARE)]] = True
        past = interactions.select(~aside[interactions.item])
        later = liked.select(aside[liked.item])
        users = np.intersect1d(later.user, liked.select(~aside[liked.item]).user)
        if len(users) > _USERS:
            users = np.sort(rng.choice(users, _USERS, replace=False))
        candidates = np.sort(order).astype(np.int32)
        wanted = later.matrix()[users][:, candidates].astype(bool)
        return cls(past, past.queries(users), candidates, wanted)

    def quality(self, vectors: Float32) -> Quality:
        """Return how well histories find the items set aside by the cosine of unit vectors.

        The vectors are float32[items, d]; 0 where nobody chose one of them.
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
    """Return the items with events, those that were first chosen last in front."""
    items = np.unique(liked.item).astype(np.int64)
    if liked.timing != "time":
        return rng.permutation(items)
    first = np.full(liked.n_items, np.inf)
    np.minimum.at(first, liked.item, liked.at)
    return items[np.argsort(-first[items], kind="stable")]
