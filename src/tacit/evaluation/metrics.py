"""Ranking metrics, exact and vectorised: one value a query.

With ``hit[p]`` = 1 where place p (from 1) holds a target, and T targets (unknown items included):

- ``ndcg@k``: sum of hit[p] / log2(p + 1) over the first k / the same sum of a list of min(T, k) hits
- ``recall@k``: hits in the first k / T
- ``hitrate@k``: 1 if there is any hit in the first k
- ``mrr@k``: 1 / place of the first hit, 0 without one in the first k
- ``map@k``: sum over the hits in the first k of the precision at their place / T (as trec_eval's map_cut)

A list shorter than k counts as one without further hits.
"""

from collections.abc import Callable, Mapping

import numpy as np

from tacit.core.types import Bool, Float32, Float64, Int32, Int64
from tacit.data.gain import ndcg as ndcg
from tacit.data.ranking import Ranking

NAMES = ("ndcg@10", "recall@20", "hitrate@10", "mrr@10", "map@10")
LONGEST = 20
"""Longest list that any of the metrics uses."""

_LISTS = 2_048
"""Lists whose vectors are held at once: 60 MB of float64 at 384 dimensions."""


def hits(ranking: Ranking, target_offsets: Int64, targets: Int32) -> Bool:
    """Return whether each place holds a target of its query: bool[n, k]; never on padding.

    Parameters
    ----------
    ranking : Ranking
        n lists.
    target_offsets : int64[n + 1], targets : int32[...]
        Codes; -1 for a target that no list can hold.
    """
    width = np.int64(max(int(ranking.items.max(initial=0)), int(targets.max(initial=0))) + 1)
    row = np.repeat(np.arange(len(ranking), dtype=np.int64), np.diff(target_offsets))
    wanted = (row * width + targets)[targets >= 0]
    listed = np.arange(len(ranking), dtype=np.int64)[:, None] * width + ranking.items
    return np.asarray(np.isin(listed, wanted) & (ranking.items >= 0))


def per_query(hit: Bool, totals: Int64) -> dict[str, Float64]:
    """Return every metric of `NAMES` for each query: float64[n].

    Parameters
    ----------
    hit : bool[n, k]
        From `hits`, k at least 20 (or as long as the lists are).
    totals : int64[n]
        Number of targets of each query, at least 1.
    """
    functions: Mapping[str, Callable[[Bool, Int64, int], Float64]] = {
        "ndcg": ndcg,
        "recall": recall,
        "hitrate": hit_rate,
        "mrr": mrr,
        "map": average_precision,
    }
    values = {}
    for full in NAMES:
        name, _, k = full.partition("@")
        values[full] = functions[name](hit, totals, int(k))
    return values


def recall(hit: Bool, totals: Int64, k: int) -> Float64:
    """Return the share of the targets that the first k hold: float64[n]."""
    return np.asarray(hit[:, :k].sum(axis=1), dtype=np.float64) / totals


def hit_rate(hit: Bool, totals: Int64, k: int) -> Float64:
    """Return 1 where the first k hold any target: float64[n]."""
    return np.asarray(hit[:, :k].any(axis=1), dtype=np.float64)


def mrr(hit: Bool, totals: Int64, k: int) -> Float64:
    """Return the reciprocal place of the first hit within k: float64[n]."""
    first = hit[:, :k].argmax(axis=1)
    return np.asarray(np.where(hit[:, :k].any(axis=1), 1 / (first + 1), 0.0))


def average_precision(hit: Bool, totals: Int64, k: int) -> Float64:
    """Return average precision at k, over all targets: float64[n]."""
    kept = hit[:, :k]
    precision = np.cumsum(kept, axis=1) / np.arange(1, kept.shape[1] + 1)
    return np.asarray((precision * kept).sum(axis=1) / totals)


def coverage(ranking: Ranking, n_items: int, k: int = 10) -> float:
    """Return the share of the candidates that are in at least one list."""
    listed = ranking.items[:, :k]
    return len(np.unique(listed[listed >= 0])) / max(n_items, 1)


def novelty(ranking: Ranking, popularity: Int64, k: int = 10) -> float | None:
    """Return the mean self-information of the listed items, in bits; None where nothing is listed.

    An item with c of the C training events on m items has ``-log2((c + 1) / (C + m))`` bits: one event is
    added to each item, so that items without events have a figure too (Zhou et al., 2010).
    """
    listed = ranking.items[:, :k]
    share = (popularity + 1) / (popularity.sum() + len(popularity))
    bits = -np.log2(share)[listed[listed >= 0]]
    return float(bits.mean()) if len(bits) else None


def diversity(ranking: Ranking, vectors: Float32 | None, k: int = 10) -> float | None:
    """Return the mean of 1 - cosine over the pairs of a list, averaged over lists (Ziegler et al., 2005).

    Parameters
    ----------
    ranking : Ranking
    vectors : float32[items, d] or None
        Raw item vectors.
    k : int

    Returns
    -------
    float or None
        None without vectors or without a list of two items.
    """
    if vectors is None:
        return None
    listed = ranking.items[:, :k]
    listed = listed[(listed >= 0).sum(axis=1) > 1]
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    parts = [_spread(listed[start : start + _LISTS], unit) for start in range(0, len(listed), _LISTS)]
    return float(np.concatenate(parts).mean()) if parts else None


def _spread(listed: Int32, unit: Float32) -> Float64:
    """Return the mean of 1 - cosine over the pairs of each list (int32[n, k], two items at least)."""
    real = listed >= 0
    picked = np.where(real[:, :, None], unit[listed], 0).astype(np.float64)  # n, k, d
    # The squared length of a sum of vectors contains every pair twice, and every vector with itself.
    twice = (picked.sum(axis=1) ** 2).sum(axis=1) - (picked**2).sum(axis=(1, 2))
    count = real.sum(axis=1)
    return np.asarray(1 - twice / (count * (count - 1)))
