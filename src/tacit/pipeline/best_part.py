"""Whether the blend is worse than the best of its own retrievers, on queries that it did not learn from.

The last fold is kept back (of a single fold every other query): the blend of the rest is compared there with
each retriever alone, on the same candidates. Where it is worse beyond noise the best retriever takes its
place: a blend must not cost what one of its parts gives. Queries of one user hang together, so the interval
is one over users.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tacit.core.executor import side_by_side
from tacit.core.types import Int32
from tacit.data.gain import ndcg_of_scores
from tacit.pipeline.blend import Blend, LabelledCandidates
from tacit.pipeline.firststage import Fold
from tacit.pipeline.weight_choice import Z95, paired_gain

LEAST_USERS = 100
"""Users below which a retriever does not take the place of the blend: the interval itself is uncertain."""

_HARDLY = 1e-6
"""Weight of the other retrievers then: they order what it does not score."""


@dataclass(frozen=True)
class BestPart:
    """The blend beside its best retriever.

    Attributes
    ----------
    retriever : str
        The one with the highest NDCG@10.
    alone, blend : float
        NDCG@10 of its lists and of those of the blend.
    low, high : float
        95 % interval of the paired difference, blend less retriever.
    queries, users : int
        What was compared.
    serves : bool
        Whether the retriever took the place of the blend.
    """

    retriever: str
    alone: float
    blend: float
    low: float
    high: float
    queries: int
    users: int
    serves: bool


def blend_or_part(folds: Sequence[Fold], names: Sequence[str]) -> tuple[Blend, BestPart | None]:
    """Return the blend learned from all folds, or its best retriever alone, and how the two compare.

    Parameters
    ----------
    folds : sequence of Fold
        The earliest first.
    names : sequence of r str
        The retrievers.

    Returns
    -------
    tuple of Blend and BestPart or None
        None where there is nothing to compare: one retriever, or no query.
    """
    every = [fold.labelled for fold in folds]
    learned, kept = _kept_back(folds)
    if len(names) < 2 or kept is None or not len(kept[1]):
        return Blend().fit(every, len(names)), None
    labelled, user = kept
    whole, of_rest = side_by_side(partial(Blend().fit, some, len(names)) for some in (every, learned))
    found = compared(of_rest, labelled, user, names)
    return (_alone(names.index(found.retriever), len(names)) if found.serves else whole), found


def compared(blend: Blend, labelled: LabelledCandidates, user: Int32, names: Sequence[str]) -> BestPart:
    """Return how a blend compares with the best of its retrievers.

    Parameters
    ----------
    blend : Blend
    labelled : LabelledCandidates
        n queries that it did not learn from.
    user : int32[n]
        Whose they are.
    names : sequence of r str
    """
    scores, labels, totals = labelled.candidates.scores, labelled.labels, labelled.totals
    # What a retriever has no score of is not in its list; as a tie it would be ranked by its code.
    parts = [
        ndcg_of_scores(scores[:, :, place], labels * np.isfinite(scores[:, :, place]), totals)
        for place in range(len(names))
    ]
    best = int(np.argmax([part.mean() for part in parts]))
    ours = ndcg_of_scores(blend.score(labelled.candidates), labels, totals)
    mean, error = paired_gain(ours, parts[best], user)
    half = Z95 * error
    users = len(np.unique(user))
    worse = mean + half < 0 and users >= LEAST_USERS
    return BestPart(
        names[best],
        float(parts[best].mean()),
        float(ours.mean()),
        mean - half,
        mean + half,
        len(user),
        users,
        worse,
    )


def _kept_back(
    folds: Sequence[Fold],
) -> tuple[list[LabelledCandidates], tuple[LabelledCandidates, Int32] | None]:
    """Return what a blend may learn from, and the queries that it is compared on with their users."""
    if not folds:
        return [], None
    last = folds[-1]
    if len(folds) > 1:
        return [fold.labelled for fold in folds[:-1]], (last.labelled, last.window.queries.user)
    user = last.window.queries.user
    even, odd = (np.flatnonzero(user % 2 == rest) for rest in (0, 1))
    return [last.labelled.take(even)], (last.labelled.take(odd), user[odd])


def _alone(place: int, r: int) -> Blend:
    """Return the blend of one retriever."""
    weights = [1.0 if other == place else _HARDLY for other in range(r)]
    none = [0.0] * r
    return Blend(weights, weights, none, none, weights)
