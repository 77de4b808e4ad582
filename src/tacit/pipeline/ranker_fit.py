"""Fits a ranker on ranking examples, and measures its gain on lists that it was not trained on.

Tacit's rankers of several networks are cross-fitted: each network leaves out a share of the lists and alone
scores them, above a blend that has not learned from them either; together they serve. So every list is
measured, and none by what learned from it. With a cut in time the shares are stretches of time: what a
network learns of one stretch has to hold in another. Else they are shares of the users. Any other ranker has
one fit and a part of the users held out, above a blend of the others
(docs/decisions/003-how-much-the-ranker-counts.md).

The weight of the ranker's addition to the blend is chosen on these lists; 0 is one of the choices.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TypeGuard

import numpy as np

from tacit.core.errors import ConfigError
from tacit.core.executor import side_by_side
from tacit.core.progress import Progress
from tacit.core.types import Array, Bool, Float32, Float64, Int32, Int64
from tacit.data.gain import ndcg_of_scores
from tacit.data.splits import Protocol
from tacit.features.normaliser import Normaliser
from tacit.models.checks import is_ours
from tacit.pipeline.blend import Blend, LabelledCandidates, log_softmax
from tacit.pipeline.examples import RankingExamples, drawn_of, pairs
from tacit.pipeline.firststage import TEST, TRAIN, VALID
from tacit.pipeline.retrieval import normalised
from tacit.pipeline.secondstage import pair_scores, weighted_scores
from tacit.pipeline.weight_choice import Z95, choose_weight, cross_chosen, paired_gain
from tacit.rankers import ranker_metrics
from tacit.rankers.calibration import Bin, Calibration, calibration_error, reliability
from tacit.rankers.importance import Importance, importance
from tacit.rankers.neural import NeuralRanker
from tacit.rankers.ranker import OnEpoch, Pairs, Ranker

_RANKER_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
_LARGEST_WEIGHT: dict[Protocol, float] = {"time": 0.75, "leave-one-out": 1.0, "random": 1.0}
"""A ranker trained on one stretch of time is overconfident in the next: with a time cut weight 1 is reported
and never chosen (docs/decisions/003-how-much-the-ranker-counts.md)."""
_STANDARD_ERRORS = 0.5
"""Standard errors of a gain that are subtracted from it before weights are compared
(docs/decisions/003-how-much-the-ranker-counts.md)."""
_SHARES = 4
"""Shares of the users of a ranker that is not cross-fitted: each is measured at the weight that the others
choose."""

Refit = Callable[[Sequence[LabelledCandidates]], Blend]
"""Returns the blend that learns from some lists of each fold."""


@dataclass(frozen=True)
class FittedRanker:
    """A fitted ranker with its scores, its figures and its weight.

    Attributes
    ----------
    both_scores : list of (float32[n, c], float32[n, c])
        Scores of the blend and of the ranker for the candidates of each fold, neither learned from their
        list; for lists that are not measured both are those of the blend.
    values : mapping of weight to float64[lists]
        NDCG@10 of each list that is measured.
    user, share : int32[lists], int64[lists]
        The user of each of them, and the share that it is in.
    """

    normaliser: Normaliser
    ranker: Ranker
    both_scores: list[tuple[Float32, Float32]]
    values: dict[float, Float64]
    user: Int32
    share: Int64
    test: dict[str, float]
    calibration: dict[str, float]
    reliability: list[Bin]
    importance: list[Importance]
    most: float

    @property
    def ranker_weight(self) -> float:
        """Factor of the ranker's addition to the blend, at most `most`."""
        return choose_weight(self._allowed, self.user, standard_errors=_STANDARD_ERRORS)

    @property
    def scores(self) -> list[Float32]:
        """Scores of the second stage at this weight; see `learn`."""
        return [weighted_scores(base, ranked, self.ranker_weight) for base, ranked in self.both_scores]

    @property
    def gain(self) -> dict[str, float]:
        """Gain of a ranker whose weight each share of the lists leaves to the others; see `TrainingReport`.

        Nothing where the weight is 0 in the end.
        """
        after = before = self.values[0.0]
        if self.ranker_weight > 0:
            after = cross_chosen(self._allowed, self.user, self.share, standard_errors=_STANDARD_ERRORS)
        mean, error = paired_gain(after, before, self.user)
        low, high = mean - Z95 * error, mean + Z95 * error
        level = float(before.mean())
        return {"before": level, "after": level + mean, "low": low, "high": high}

    @property
    def _allowed(self) -> dict[float, Float64]:
        return {weight: values for weight, values in self.values.items() if weight <= self.most}


@dataclass(frozen=True)
class _Measured:
    """A fitted ranker and what measures it.

    Attributes
    ----------
    normaliser, ranker
    both_scores, share
        As in `FittedRanker`, the share of each query of each fold.
    lists : list of bool[n]
        The queries of each fold that are measured.
    calibrates, tests : Pairs and float32[pairs]
        Pairs of some lists that the scores (float32[pairs]) have not learned from, and of others.
    probe : callable
        Returns what the importance of the features is measured with and on: a ranker, and pairs that it has
        not learned from.
    """

    normaliser: Normaliser
    ranker: Ranker
    both_scores: list[tuple[Float32, Float32]]
    share: list[Int64]
    lists: list[Bool]
    calibrates: tuple[Pairs, Float32]
    tests: tuple[Pairs, Float32]
    probe: Callable[[], tuple[Ranker, Pairs]]


def is_cross_fitted(ranker: Ranker) -> TypeGuard[NeuralRanker]:
    """Return whether a ranker has networks that can leave out a share of the lists each.

    Not one that somebody derived from Tacit's: it may learn or score in its own way.
    """
    return is_ours(ranker) and isinstance(ranker, NeuralRanker) and ranker.members > 1


def fit_ranker(
    ranker: Ranker,
    examples: Sequence[RankingExamples],
    refit: Refit,
    protocol: Protocol,
    *,
    rng: np.random.Generator,
    progress: Progress,
    on_epoch: OnEpoch | None,
    with_importance: bool = False,
) -> FittedRanker | None:
    """Return the fitted ranker, with its weight for a kind of cut.

    None if the lists to learn from or those to stop by lack positives or negatives, or there are no features.
    ``refit`` returns the blend of some of the lists. The importance of the features is measured on demand:
    it takes one more score of the pairs for each of them.
    """
    if not examples or not all(one.columns for one in examples):
        return None
    from scipy.special import expit  # 80 ms, which only a fit needs

    if is_cross_fitted(ranker):
        share = _shares(examples, ranker.members, protocol, rng)
        found = _cross_fitted(ranker, examples, share, refit, rng=rng, progress=progress, on_epoch=on_epoch)
    else:
        found = _held_out(ranker, examples, refit, rng=rng, progress=progress, on_epoch=on_epoch)
    if found is None:
        return None
    (first, first_scores), (second, second_scores) = found.calibrates, found.tests
    calibration = Calibration.fit(first_scores, first.acted, first.weight)
    calibrated = calibration.log_odds(second_scores)
    bins = reliability(expit(calibrated), second.acted, second.weight)
    columns = found.normaliser.columns(examples[0].columns)
    return FittedRanker(
        normaliser=found.normaliser,
        ranker=found.ranker,
        both_scores=found.both_scores,
        values=_by_ranker_weight(examples, found),
        user=np.concatenate([one.user[kept] for one, kept in zip(examples, found.lists, strict=True)]),
        share=np.concatenate([one[kept] for one, kept in zip(found.share, found.lists, strict=True)]),
        test=ranker_metrics.evaluate(calibrated, second) if len(second) else {},
        calibration={**asdict(calibration), "error": calibration_error(bins)},
        reliability=bins,
        importance=importance(*found.probe(), columns, rng=rng) if with_importance else [],
        most=_LARGEST_WEIGHT[protocol],
    )


def _cross_fitted(
    ranker: NeuralRanker,
    examples: Sequence[RankingExamples],
    share: list[Int64],
    refit: Refit,
    *,
    rng: np.random.Generator,
    progress: Progress,
    on_epoch: OnEpoch | None,
) -> _Measured | None:
    """Fit each network, and a blend for it, on all lists but those of a share, which measure both.

    The shares are numbered, ``share`` is int64[n] for each fold.
    """
    count = 1 + max(int(one.max(initial=0)) for one in share)
    if not all(_both_labels(examples, [one != place for one in share]) for place in range(count)):
        return None
    blends = side_by_side(
        partial(_refitted, refit, examples, [one != place for one in share]) for place in range(count)
    )
    bases = side_by_side(partial(_bases, blends, one) for one in examples)
    own = [base[part, np.arange(len(part))] for base, part in zip(bases, share, strict=True)]
    every = [np.ones(len(part), dtype=bool) for part in share]
    normaliser = _normaliser(ranker, examples, every)
    train = pairs(examples, every, own, normaliser, training=True)
    drawn = [drawn_of(one, kept) for one, kept in zip(examples, every, strict=True)]
    of_pair = np.concatenate(
        [part[one.query[kept]] for one, part, kept in zip(examples, share, drawn, strict=True)]
    )
    of_blends = np.concatenate(
        [
            base.reshape(count, -1)[:, one.pair[kept]]
            for one, base, kept in zip(examples, bases, drawn, strict=True)
        ],
        axis=1,
    )
    columns = normaliser.columns(examples[0].columns)
    ranker.cross_fit(
        train,
        of_pair,
        np.ascontiguousarray(of_blends.T),
        columns,
        rng=rng,
        progress=progress,
        on_epoch=on_epoch,
    )
    plain = pairs(examples, every, own, normaliser, training=False)
    scores = ranker.score_out_of_fold(plain.features, plain.base, of_pair)
    ranked = side_by_side(
        partial(_ranked, one, base, one.whole, normaliser, _scorer(ranker, part))
        for one, base, part in zip(examples, own, share, strict=True)
    )
    even, odd = of_pair % 2 == 0, of_pair % 2 == 1
    return _Measured(
        normaliser,
        ranker,
        [*zip(own, ranked, strict=True)],
        share,
        [one.whole for one in examples],
        (plain.select(even), scores[even]),
        (plain.select(odd), scores[odd]),
        lambda: (ranker.alone(0), plain.select(of_pair == 0)),
    )


def _held_out(
    ranker: Ranker,
    examples: Sequence[RankingExamples],
    refit: Refit,
    *,
    rng: np.random.Generator,
    progress: Progress,
    on_epoch: OnEpoch | None,
) -> _Measured | None:
    """Fit a ranker, and a blend for it, on a part of the users; the others stop it and measure both."""
    train_of, valid_of, test_of = ([one.part == part for one in examples] for part in (TRAIN, VALID, TEST))
    if not (_both_labels(examples, train_of) and _both_labels(examples, valid_of)):
        return None
    blend = _refitted(refit, examples, train_of)
    bases = [_bases([blend], one)[0] for one in examples]
    normaliser = _normaliser(ranker, examples, train_of)
    train, valid, test = (
        pairs(examples, queries, bases, normaliser, training=training)
        for queries, training in ((train_of, True), (valid_of, False), (test_of, False))
    )
    columns = normaliser.columns(examples[0].columns)
    fitted = ranker.fit(train, valid, columns, test=test, rng=rng, progress=progress, on_epoch=on_epoch)
    if not hasattr(fitted, "score"):
        raise ConfigError(
            f"the fit of the ranker {ranker.name!r} returned a {type(fitted).__name__}; it must return self"
        )

    def score(features: Float32, base: Float32) -> Float32:
        return pair_scores(fitted, features, base)

    lists = [part != TRAIN for part in (one.part for one in examples)]
    return _Measured(
        normaliser,
        fitted,
        [
            (base, _ranked(one, base, kept, normaliser, lambda features, base, _: score(features, base)))
            for one, base, kept in zip(examples, bases, lists, strict=True)
        ],
        _shares_of_users(examples, _SHARES, rng),
        lists,
        (valid, score(valid.features, valid.base)),
        (test, score(test.features, test.base)),
        lambda: (fitted, valid),
    )


def _shares(
    examples: Sequence[RankingExamples], most: int, protocol: Protocol, rng: np.random.Generator
) -> list[Int64]:
    """Return the share of each query of each fold, of 2 to ``most``: stretches of time, or users."""
    if protocol != "time" or len(examples) == 1:
        return _shares_of_users(examples, most, rng)
    count = min(most, len(examples))
    return [
        np.full(len(one.user), place * count // len(examples), dtype=np.int64)
        for place, one in enumerate(examples)
    ]


def _shares_of_users(
    examples: Sequence[RankingExamples], count: int, rng: np.random.Generator
) -> list[Int64]:
    """Return the share of the user of each query of each fold: equally many users in each of ``count``."""
    users = np.unique(np.concatenate([one.user for one in examples]))
    share = rng.permutation(len(users)) % count
    return [share[np.searchsorted(users, one.user)] for one in examples]


def _refitted(refit: Refit, examples: Sequence[RankingExamples], queries: Sequence[Bool]) -> Blend:
    return refit(
        [one.labelled.take(np.flatnonzero(kept)) for one, kept in zip(examples, queries, strict=True)]
    )


def _bases(blends: Sequence[Blend], one: RankingExamples) -> Float32:
    """Return what the ranker adds to, by each blend: float32[blends, n, c]."""
    found = one.labelled.candidates
    parts = normalised(found.scores)
    return np.stack([log_softmax(blend.score(found, parts)) for blend in blends])


def _normaliser(ranker: Ranker, examples: Sequence[RankingExamples], queries: Sequence[Bool]) -> Normaliser:
    features = [one.features[drawn_of(one, kept)] for one, kept in zip(examples, queries, strict=True)]
    return Normaliser(scale=ranker.scale).fit(np.concatenate(features), examples[0].columns)


def _ranked(
    one: RankingExamples,
    base: Float32,
    lists: Bool,
    normaliser: Normaliser,
    score: Callable[[Float32, Float32, Int64], Float32],
) -> Float32:
    """Return the ranker's scores of some lists of a fold, the base in the others: float32[n, c].

    ``score`` takes features, base and query of pairs.
    """
    kept = lists[one.query]
    ranked, place = base.copy(), one.pair[kept]
    features = normaliser.transform(one.features[kept])
    ranked.ravel()[place] = score(features, base.ravel()[place], one.query[kept])
    return ranked


def _scorer(ranker: NeuralRanker, share: Int64) -> Callable[[Float32, Float32, Int64], Float32]:
    """Return the scores of a ranker out of fold, for queries of these shares."""
    return lambda features, base, query: ranker.score_out_of_fold(features, base, share[query])


def _by_ranker_weight(examples: Sequence[RankingExamples], found: _Measured) -> dict[float, Float64]:
    """Return NDCG@10 of each list that is measured, for each ranker weight."""
    values: dict[float, list[Array]] = {ranker_weight: [] for ranker_weight in _RANKER_WEIGHTS}
    for one, (base, ranked), kept in zip(examples, found.both_scores, found.lists, strict=True):
        labels, totals = one.labelled.labels[kept], one.labelled.totals[kept]
        for ranker_weight in values:
            values[ranker_weight].append(
                ndcg_of_scores(weighted_scores(base[kept], ranked[kept], ranker_weight), labels, totals)
            )
    return {ranker_weight: np.concatenate(parts) for ranker_weight, parts in values.items()}


def _both_labels(examples: Sequence[RankingExamples], queries: Sequence[Bool]) -> bool:
    """Return whether the pairs of some queries hold positives and negatives."""
    labels = [one.label[kept[one.query]].max(axis=1) for one, kept in zip(examples, queries, strict=True)]
    acted = np.concatenate(labels)
    return bool(0 < acted.sum() < len(acted))
