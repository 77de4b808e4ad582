"""Permutation importance: how much worse the scores of a ranker get when a column carries no information.

Breiman, "Random forests", 2001: the values of a column, or of all columns of a family together, are permuted
among the pairs. Correlated columns replace each other, so a family can matter where none of its columns does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tacit.core.types import Float32, Float64
from tacit.data.gain import ndcg_of_pairs
from tacit.features.feature_columns import Column
from tacit.rankers.ranker import Pairs, Ranker
from tacit.rankers.ranker_metrics import cross_entropy

_MAX_COLUMNS = 60
"""A family of more columns holds the dimensions of vectors: none of them means anything alone, and measuring
each would take a score of all pairs."""


@dataclass(frozen=True)
class Importance:
    """What the scores lose without a column or a family.

    Attributes
    ----------
    kind : {"family", "column"}
    name : str
    loss : float
        Increase of the cross entropy.
    ndcg : float
        Decrease of NDCG@10.
    """

    kind: str
    name: str
    loss: float
    ndcg: float


def importance(
    ranker: Ranker,
    pairs: Pairs,
    columns: Sequence[Column],
    *,
    rng: np.random.Generator,
    repeats: int = 1,
    most: int = 20_000,
) -> list[Importance]:
    """Return the importance of each family, then of each column, each by decreasing loss.

    Families with more than `_MAX_COLUMNS` columns are measured as a whole only.

    Parameters
    ----------
    ranker : Ranker
    pairs : Pairs
        Pairs that the ranker was not trained on.
    columns : sequence of f Column
    rng : numpy.random.Generator
    repeats : int
        Number of permutations that are averaged.
    most : int
        About how many pairs it is measured on: of more, a random sample of lists. Each column takes a score
        of all of them.
    """
    pairs = _sampled(pairs, most, rng)
    whole = _quality(ranker, pairs, pairs.features)
    shuffled = pairs.features.copy()
    rows = []
    for (kind, name), places in _parts(columns).items():
        permuted = []
        for _ in range(repeats):
            shuffled[:, places] = pairs.features[:, places][rng.permutation(len(pairs))]
            permuted.append(_quality(ranker, pairs, shuffled))
        shuffled[:, places] = pairs.features[:, places]
        loss, gain = np.mean(permuted, axis=0) - whole
        rows.append(Importance(kind, name, float(loss), float(-gain)))
    return sorted(rows, key=lambda row: (row.kind != "family", -row.loss))


def _sampled(pairs: Pairs, most: int, rng: np.random.Generator) -> Pairs:
    if len(pairs) <= most:
        return pairs
    _, query = np.unique(pairs.group, return_inverse=True)
    return pairs.select((rng.random(query.max() + 1) < most / len(pairs))[query])


def _parts(columns: Sequence[Column]) -> Mapping[tuple[str, str], list[int]]:
    """Return the places of the columns to permute together, by kind and name."""
    families: dict[str, list[int]] = {}
    for place, column in enumerate(columns):
        families.setdefault(column.family, []).append(place)
    parts = {("family", name): places for name, places in families.items()}
    readable = [place for places in families.values() if len(places) <= _MAX_COLUMNS for place in places]
    return parts | {("column", columns[place].name): [place] for place in readable}


def _quality(ranker: Ranker, pairs: Pairs, features: Float32) -> Float64:
    """Return the cross entropy and NDCG@10 of the pairs with other features: float64[2]."""
    score = ranker.score(features, pairs.base)
    gain = ndcg_of_pairs(score, pairs.acted, pairs.group)
    return np.array([cross_entropy(score, pairs.acted, pairs.weight), gain.mean() if len(gain) else 0.0])
