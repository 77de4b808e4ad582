"""Exploration: some places of a list go to items that few have touched, with the chance that they had.

A list can only be learned from where it was shown. With ``explore`` = 0.1 a list of ten gives one place to an
item with few events, drawn by how well its text fits the history, at a place drawn at random. The draw
depends on nothing but the request (who asks, the history, the length of the list), so the same request gets
the same list. Each such item is returned with its propensity, the chance that it was drawn for this request:
dividing by it makes up for the choice (Horvitz and Thompson, 1952).

Several items are drawn at once by systematic sampling (Madow, 1949): with the chances p of one draw, item i
of m is in the sample with the chance ``min(1, m p_i)``, and what is cut off is shared among the others.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from tacit.core.seeds import generator
from tacit.core.types import Bool, Float32, Float64, Int32
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking

FEW_KNOW_IT = "few know it yet"
"""The reason of an item that is listed to be explored and for no other reason."""


def explored(
    ranking: Ranking,
    queries: Queries,
    pool: Bool,
    text: Ranking | None,
    share: float,
    seed: int,
    requests: Sequence[str] = (),
) -> Ranking:
    """Return lists in which a share of the places, on average, went to items of a pool.

    Parameters
    ----------
    ranking : Ranking
        n lists of k.
    queries : Queries
    pool : bool[items]
        Items that may be explored.
    text : Ranking, optional
        The items of the pool that fit each history best, with the logarithm of their chances; where it has
        none, every item of the pool has the same chance.
    share : float
        In (0, 1).
    seed : int
    requests : sequence of n str, optional
        Who asks: with the history it tells one request from another.
    """
    items, scores = ranking.items.copy(), ranking.scores.copy()
    propensities = np.zeros(items.shape, dtype=np.float32)
    everything = np.flatnonzero(pool).astype(np.int32)
    for row in range(len(items)):
        codes, chances = _of_row(text, row)
        if not len(codes):
            codes, chances = everything, np.full(len(everything), 1.0)
        start, stop = queries.exclude_offsets[row : row + 2]
        fresh = ~np.isin(codes, np.concatenate([ranking.items[row], queries.exclude[start:stop]]))
        codes, chances = codes[fresh], chances[fresh]
        if len(codes):
            who = requests[row] if len(requests) else ""
            rng = generator(seed, "explore", _request_of(queries, row, items.shape[1], who))
            drawn, propensity = _drawn(codes, chances / chances.sum(), share * items.shape[1], rng)
            items[row], scores[row], propensities[row] = _placed(
                ranking.items[row], ranking.scores[row], drawn, propensity, rng
            )
    return Ranking(items, scores, propensities)


def inclusion(chances: Float64, count: int) -> Float64:
    """Return the chance of each item to be in a sample of ``count``: float64[n], their sum is the count.

    Parameters
    ----------
    chances : float64[n]
        Of one draw; their sum is 1, all are above 0.
    count : int
        At most n.
    """
    certain = np.zeros(len(chances), dtype=bool)
    while True:
        left = count - int(certain.sum())
        rest = chances[~certain].sum()
        found = np.where(certain, 1.0, left * chances / rest if rest > 0 else 0.0)
        over = ~certain & (found >= 1)
        if not over.any():
            return found
        certain |= over


def _drawn(codes: Int32, chances: Float64, places: float, rng: np.random.Generator) -> tuple[Int32, Float64]:
    """Return the items of a sample of ``places`` on average, and the propensity of each."""
    least = min(int(places), len(codes))
    most = min(int(places) + 1, len(codes))
    part = places - int(places)
    few, many = inclusion(chances, least), inclusion(chances, most)
    chosen = many if rng.random() < part else few
    order = rng.permutation(len(codes))
    upto = np.cumsum(chosen[order])
    marks = rng.random() + np.arange(round(float(chosen.sum())))
    picked = order[np.minimum(np.searchsorted(upto, marks, side="right"), len(codes) - 1)]
    return codes[picked], ((1 - part) * few + part * many)[picked]


def _placed(
    items: Int32, scores: Float32, drawn: Int32, propensity: Float64, rng: np.random.Generator
) -> tuple[Int32, Float32, Float32]:
    """Return the list with the drawn items at random places; its last items make room.

    A drawn item has the score of the item before it: the scores of a list do not rise.
    """
    k = len(items)
    places = np.sort(rng.choice(k, len(drawn), replace=False))
    others = np.setdiff1d(np.arange(k), places)
    listed, own = np.empty_like(items), np.empty_like(scores)
    listed[others], own[others] = items[: len(others)], scores[: len(others)]
    listed[places] = drawn
    for place in places:
        own[place] = own[place - 1] if place else scores[0]
    propensities = np.zeros(k, dtype=np.float32)
    propensities[places] = propensity
    return listed, own, propensities


def _of_row(text: Ranking | None, row: int) -> tuple[Int32, Float64]:
    """Return the items of a list and their chances, not scaled."""
    if text is None:
        return np.empty(0, np.int32), np.empty(0)
    known = text.items[row] >= 0
    logits = text.scores[row][known].astype(np.float64)
    return text.items[row][known], np.exp(logits - logits.max(initial=-np.inf)) if len(logits) else logits


def _request_of(queries: Queries, row: int, k: int, who: str) -> str:
    """Return what tells a request from others: its history, the length of its list and who asks."""
    start, stop = queries.offsets[row : row + 2]
    history = np.ascontiguousarray(queries.item[start:stop]).tobytes()
    name = who.encode("utf-8", "surrogatepass")
    return hashlib.sha256(history + k.to_bytes(4, "little") + name).hexdigest()
