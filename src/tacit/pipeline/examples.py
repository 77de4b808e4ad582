"""Ranking examples: folds with the features of their pairs, ready for a ranker."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit.core.errors import ConfigError
from tacit.core.types import Array, Bool, Float32, Int32, Int64
from tacit.data.catalogue import Catalogue
from tacit.encoders.projection import Projection
from tacit.features.candidates import Candidates
from tacit.features.feature_columns import Column
from tacit.features.maker import FeatureMaker
from tacit.features.normaliser import Normaliser
from tacit.models.protocol import batches
from tacit.pipeline.blend import LabelledCandidates
from tacit.pipeline.firststage import Fold
from tacit.rankers.ranker import Pairs

_NEGATIVES = 60
"""Negatives drawn per query for the losses. Ranking metrics are computed on all candidates."""


@dataclass(frozen=True)
class RankingExamples:
    """One fold with features.

    Attributes
    ----------
    labelled : LabelledCandidates
    user : int32[n]
        The user of each query.
    part : int[n]
        TRAIN, VALID or TEST of each query.
    whole : bool[n]
        Queries that keep all their pairs, so that complete lists can be ranked.
    columns : tuple of Column
        The columns of the features.
    features : float32[pairs, f]
        Of the kept pairs, not normalised.
    label : float32[pairs, tasks]
        1 where the user did that with the candidate.
    pair : int64[pairs]
        Place of each kept pair in the flattened n x c candidates.
    weight : float32[pairs]
        How many candidates a pair represents in the losses; 0 for pairs that losses leave out.
    train_weight : float32[pairs]
        The same in training, where what was shown and not chosen can count more.
    """

    labelled: LabelledCandidates
    user: Int32
    part: Array
    whole: Bool
    columns: tuple[Column, ...]
    features: Float32
    label: Float32
    pair: Int64
    weight: Float32
    train_weight: Float32

    @property
    def query(self) -> Int64:
        """Query of each kept pair."""
        return np.floor_divide(self.pair, self.labelled.candidates.items.shape[1])


def ranking_examples(
    fold: Fold,
    catalogue: Catalogue,
    projection: Projection | None,
    families: Sequence[str],
    tasks: Sequence[str],
    whole: Bool,
    rng: np.random.Generator,
    shown_not_chosen: float = 1.0,
) -> RankingExamples:
    """Return a fold with features of the families and labels of the tasks (event types; empty: any).

    ``whole`` is bool[n]: the queries that keep all their pairs. ``shown_not_chosen`` is the weight, in
    training, of a candidate that was shown and not chosen, or refused.

    Raises
    ------
    ConfigError
        If the log has no events of a type that is a task.
    """
    window, labelled = fold.window, fold.labelled
    found = labelled.candidates
    unchosen = window.unchosen(found.items)
    drawn, weight = _drawn(found, labelled.labels > 0, unchosen, rng)
    weight = np.where(drawn, weight, 0).astype(np.float32)
    train_weight = np.where(unchosen, shown_not_chosen * weight, weight).astype(np.float32)
    kept = np.flatnonzero(drawn | (found.real & whole[:, None]))
    maker = FeatureMaker(projection=projection, families=families)
    maker.fit(window.train, catalogue, fold.retrievers)
    known = window.train.kinds
    if missing := [task for task in tasks if task not in known]:
        raise ConfigError(f"the ranker has a task {missing[0]!r}, but the log knows only {', '.join(known)}")
    labels = [window.labels(found.items, known.index(task)) for task in tasks] or [labelled.labels]
    return RankingExamples(
        labelled=labelled,
        user=window.queries.user,
        part=fold.part,
        whole=whole,
        columns=maker.columns(found.retrievers),
        features=_features(maker, fold, kept),
        label=np.stack([one.ravel()[kept] for one in labels], axis=1),
        pair=kept,
        weight=weight.ravel()[kept],
        train_weight=train_weight.ravel()[kept],
    )


def pairs(
    examples: Sequence[RankingExamples],
    queries: Sequence[Bool],
    bases: Sequence[Float32],
    normaliser: Normaliser,
    *,
    training: bool,
) -> Pairs:
    """Return the drawn pairs of some queries, of all folds together.

    Parameters
    ----------
    examples : sequence of RankingExamples
    queries : sequence of bool[n]
        Which queries of each fold.
    bases : sequence of float32[n, c]
        Log-odds of the candidates of each fold by the first stage.
    normaliser : Normaliser
    training : bool
        Whether pairs have their weights in training.
    """
    parts, first = [], 0
    for one, kept, base in zip(examples, queries, bases, strict=True):
        chosen = drawn_of(one, kept)
        weight = one.train_weight if training else one.weight
        parts.append(
            (
                one.features[chosen],
                one.label[chosen],
                one.query[chosen] + first,
                base.ravel()[one.pair[chosen]],
                weight[chosen],
            )
        )
        first += len(one.part)
    features, label, group, base, weight = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Pairs(normaliser.transform(features), label, group, base, weight)


def drawn_of(one: RankingExamples, queries: Bool) -> Bool:
    """Return which of the kept pairs are those of some queries (bool[n]) and drawn for the losses."""
    return np.asarray(queries[one.query] & (one.weight > 0))


def _drawn(found: Candidates, chosen: Bool, unchosen: Bool, rng: np.random.Generator) -> tuple[Bool, Float32]:
    """Return which pairs are drawn, and how many candidates each represents: [n, c].

    All that were chosen, refused, or shown and not chosen, and about `_NEGATIVES` others for each query.
    """
    certain = chosen | unchosen
    share = np.minimum(_NEGATIVES / np.maximum(found.real.sum(axis=1, keepdims=True), 1), 1)
    drawn: Bool = found.real & ((rng.random(found.items.shape) < share) | certain)
    return drawn, np.where(certain, 1, 1 / share).astype(np.float32)


def _features(maker: FeatureMaker, fold: Fold, kept: Int64) -> Float32:
    """Return the features of the kept pairs, computed batch by batch: those of all pairs are never held."""
    found = fold.labelled.candidates
    chosen = np.zeros(found.items.shape, dtype=bool)
    chosen.ravel()[kept] = True
    parts, start = [], 0
    width = found.items.shape[1] * max(len(maker.columns(found.retrievers)), 1)
    for batch in batches(fold.window.queries, width):
        stop = start + len(batch)
        part = found.take(slice(start, stop))
        parts.append(maker.transform(batch, part)[chosen[start:stop][part.real]])
        start = stop
    return np.concatenate(parts)
