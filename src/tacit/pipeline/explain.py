"""Why an item is in a list: the event of the history that speaks loudest for it, or what everybody does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit.core.types import Float32, Int32, Int64
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.models.protocol import Explains, Recommender

_PREFERENCE = ("repeats", "ease", "itemknn", "sequential", "content")
"""Whose word is taken first: what somebody chose before, people who behaved alike, then likeness of text."""


@dataclass(frozen=True)
class Reason:
    """Why an item was recommended.

    Attributes
    ----------
    source : str
        Name of the retriever whose evidence it is.
    because : int
        Code of the item of the history that speaks for it; -1 where it is not about the history.
    """

    source: str
    because: int


def reasons(
    retrievers: Sequence[Recommender], queries: Queries, ranking: Ranking
) -> list[list[list[Reason]]]:
    """Return the reasons of each item of each list: n lists of k lists of `Reason` (empty on padding)."""
    n, k = ranking.items.shape
    flat = ranking.items.ravel()
    told: list[list[Reason]] = [[] for _ in flat]
    asked = np.flatnonzero(flat >= 0).astype(np.int64)
    by_name = {retriever.name: retriever for retriever in retrievers}
    repeated = queries.take(asked // k)
    for name in _PREFERENCE:
        model = by_name.get(name)
        if isinstance(model, Explains):
            _add_strongest(told, asked, name, model.explain(repeated, flat[asked]), repeated)
    _add_popular(told, asked, flat, by_name, queries, k)
    return [[told[row * k + place][:2] for place in range(k)] for row in range(n)]


def _add_strongest(
    told: list[list[Reason]], asked: Int64, name: str, shares: Float32, repeated: Queries
) -> None:
    """Add the event with the largest positive share, where nothing of the history speaks yet."""
    for place, pair in enumerate(asked):
        start, stop = repeated.offsets[place], repeated.offsets[place + 1]
        if start == stop or any(reason.because >= 0 for reason in told[pair]):
            continue
        strongest = start + int(np.argmax(shares[start:stop]))
        if shares[strongest] > 0:
            told[pair].append(Reason(name, int(repeated.item[strongest])))


def _add_popular(
    told: list[list[Reason]],
    asked: Int64,
    flat: Int32,
    by_name: dict[str, Recommender],
    queries: Queries,
    k: int,
) -> None:
    """Add "trending" to what is among the most popular, and "rules" to what a rule put forward."""
    for name in ("rules", "trending"):
        model = by_name.get(name)
        if model is None:
            continue
        scores = model.score(queries)
        bar = np.partition(scores, -min(50, scores.shape[1]), axis=1)[:, -min(50, scores.shape[1])]
        for pair in asked:
            score = scores[pair // k, flat[pair]]
            if np.isfinite(score) and score >= bar[pair // k]:
                told[pair].append(Reason(name, -1))
