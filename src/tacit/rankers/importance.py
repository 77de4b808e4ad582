"""What a ranker's scores rest on: how much worse they get when a column means nothing any more.

Permutation importance (Breiman, "Random forests", 2001): the values of a column, or of a whole family
together, are handed to other pairs. Columns that say the same stand in for each other, so a family can matter
where none of its columns does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tacit.core.types import Float32, Float64
from tacit.data.gain import ndcg_of_pairs
from tacit.features.feature_columns import Column
from tacit.rankers.ranker import Pairs, Ranker
from tacit.rankers.ranker_metrics import cross_entropy

_READ = 60
"""A family of more columns holds the dimensions of vectors: none of them means anything alone, and each would
cost a score of all pairs."""


@dataclass(frozen=True)
class Importance:
    """What is lost without a column or a family.

    Attributes
    ----------
    kind : {"family", "column"}
    name : str
    loss : float
        Growth of the cross entropy.
    ndcg : float
        Loss of NDCG@10.
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
    """Return what each family and each column is worth: families first, of a kind the greatest loss first.

    Of families with more than `_READ` columns, what they are worth as a whole.

    Parameters
    ----------
    ranker : Ranker
    pairs : Pairs
        Not learned from.
    columns : sequence of f Column
    rng : numpy.random.Generator
    repeats : int
        Permutations that are averaged.
    most : int
        Pairs that it is measured on, about: of more, lists drawn at random. Each column costs a score of all.
    """
    pairs = _drawn(pairs, most, rng)
    whole = _quality(ranker, pairs, pairs.features)
    shuffled = pairs.features.copy()
    rows = []
    for (kind, name), places in _parts(columns).items():
        worse = []
        for _ in range(repeats):
            shuffled[:, places] = pairs.features[:, places][rng.permutation(len(pairs))]
            worse.append(_quality(ranker, pairs, shuffled))
        shuffled[:, places] = pairs.features[:, places]
        loss, gain = np.mean(worse, axis=0) - whole
        rows.append(Importance(kind, name, float(loss), float(-gain)))
    return sorted(rows, key=lambda row: (row.kind != "family", -row.loss))


def _drawn(pairs: Pairs, most: int, rng: np.random.Generator) -> Pairs:
    if len(pairs) <= most:
        return pairs
    _, query = np.unique(pairs.group, return_inverse=True)
    return pairs.select((rng.random(query.max() + 1) < most / len(pairs))[query])


def _parts(columns: Sequence[Column]) -> Mapping[tuple[str, str], list[int]]:
    families: dict[str, list[int]] = {}
    for place, column in enumerate(columns):
        families.setdefault(column.family, []).append(place)
    parts = {("family", name): places for name, places in families.items()}
    readable = [place for places in families.values() if len(places) <= _READ for place in places]
    return parts | {("column", columns[place].name): [place] for place in readable}


def _quality(ranker: Ranker, pairs: Pairs, features: Float32) -> Float64:
    score = ranker.score(features, pairs.base)
    gain = ndcg_of_pairs(score, pairs.acted, pairs.group)
    return np.array([cross_entropy(score, pairs.acted, pairs.weight), gain.mean() if len(gain) else 0.0])
