"""Fits a ranker on ranking examples, and measures its gain on users that it was not trained on.

The weight of the ranker's addition to the blend is chosen on these users; 0 is one of the choices.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy.special import expit

from tacit.core.errors import ConfigError
from tacit.core.progress import Progress
from tacit.core.types import Array, Float32, Float64
from tacit.data.gain import ndcg_of_scores
from tacit.data.splits import Protocol
from tacit.features.normaliser import Normaliser
from tacit.pipeline.blend import Blend, log_softmax
from tacit.pipeline.examples import RankingExamples, pairs
from tacit.pipeline.firststage import TEST, TRAIN, VALID
from tacit.pipeline.secondstage import pair_scores, weighted_scores
from tacit.pipeline.weight_choice import choose_weight, paired_gain
from tacit.rankers import ranker_metrics
from tacit.rankers.calibration import Bin, Calibration, calibration_error, reliability
from tacit.rankers.importance import Importance, importance
from tacit.rankers.ranker import OnEpoch, Pairs, Ranker

_RANKER_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
LARGEST_WEIGHT: dict[Protocol, float] = {"time": 0.75, "leave-one-out": 1.0, "random": 1.0}
"""A ranker trained on one stretch of time is overconfident in the next: with a time cut weight 1 is reported
and never chosen (docs/decisions/003-how-much-the-ranker-counts.md)."""
_STANDARD_ERRORS = 0.5
"""Standard errors of a gain that are subtracted from it before weights are compared
(docs/decisions/003-how-much-the-ranker-counts.md)."""
_Z95 = 1.96
"""Standard errors on either side of a 95 % interval."""


@dataclass(frozen=True)
class FittedRanker:
    """A fitted ranker with its scores, its figures and its weight."""

    normaliser: Normaliser
    ranker: Ranker
    both_scores: list[tuple[Float32, Float32]]
    values: dict[float, Float64]
    test: dict[str, float]
    calibration: dict[str, float]
    reliability: list[Bin]
    importance: list[Importance]
    most: float

    @property
    def ranker_weight(self) -> float:
        """Factor of the ranker's addition to the blend, at most `most`."""
        allowed = {
            ranker_weight: values
            for ranker_weight, values in self.values.items()
            if ranker_weight <= self.most
        }
        return choose_weight(allowed, standard_errors=_STANDARD_ERRORS)

    @property
    def scores(self) -> list[Float32]:
        """Scores of the second stage at this weight; see `learn`."""
        return [weighted_scores(base, ranked, self.ranker_weight) for base, ranked in self.both_scores]

    @property
    def gain(self) -> dict[str, float]:
        """Gain of the ranker at this weight; see `TrainingReport`."""
        mean, error = paired_gain(self.values[self.ranker_weight], self.values[0.0])
        before = float(self.values[0.0].mean())
        low, high = mean - _Z95 * error, mean + _Z95 * error
        return {"before": before, "after": before + mean, "low": low, "high": high}


def fit_ranker(
    ranker: Ranker,
    examples: Sequence[RankingExamples],
    blend: Blend,
    most: float,
    *,
    rng: np.random.Generator,
    progress: Progress,
    on_epoch: OnEpoch | None,
) -> FittedRanker | None:
    """Return the fitted ranker with a weight of at most ``most``.

    None if the training or the validation examples lack positives or negatives, or there are no features.
    """
    if not _can_fit(examples):
        return None
    learned_from = [one.features[(one.part[one.query] == TRAIN) & (one.weight > 0)] for one in examples]
    normaliser = Normaliser(scale=ranker.scale).fit(np.concatenate(learned_from), examples[0].columns)
    train, valid, test = (pairs(examples, part, blend, normaliser) for part in (TRAIN, VALID, TEST))
    columns = normaliser.columns(examples[0].columns)
    learned = ranker.fit(train, valid, columns, test=test, rng=rng, progress=progress, on_epoch=on_epoch)
    if not hasattr(learned, "score"):
        raise ConfigError(
            f"the fit of the ranker {ranker.name!r} returned a {type(learned).__name__}; it must return self"
        )
    ranker = learned
    calibration = Calibration.fit(_scored(ranker, valid), valid.acted, valid.weight)
    calibrated = calibration.log_odds(_scored(ranker, test))
    both_scores = _both_scores(examples, blend, normaliser, ranker)
    bins = reliability(expit(calibrated), test.acted, test.weight)
    return FittedRanker(
        normaliser=normaliser,
        ranker=ranker,
        both_scores=both_scores,
        values=_by_ranker_weight(examples, both_scores),
        test=ranker_metrics.evaluate(calibrated, test) if len(test) else {},
        calibration={**asdict(calibration), "error": calibration_error(bins)},
        reliability=bins,
        importance=importance(ranker, valid, columns, rng=rng),
        most=most,
    )


def _scored(ranker: Ranker, pairs: Pairs) -> Float32:
    return pair_scores(ranker, pairs.features, pairs.base)


def _both_scores(
    examples: Sequence[RankingExamples], blend: Blend, normaliser: Normaliser, ranker: Ranker
) -> list[tuple[Float32, Float32]]:
    """Return the scores of the blend and of the ranker for the candidates of each fold: float32[n, c] each.

    For users that the ranker was trained on, both are those of the blend.
    """
    both_scores = []
    for one in examples:
        base = log_softmax(blend.score(one.labelled.candidates))
        held = one.part[one.query] != TRAIN
        ranked, place = base.copy(), one.pair[held]
        ranked.ravel()[place] = pair_scores(
            ranker, normaliser.transform(one.features[held]), base.ravel()[place]
        )
        both_scores.append((base, ranked))
    return both_scores


def _by_ranker_weight(
    examples: Sequence[RankingExamples], both_scores: Sequence[tuple[Float32, Float32]]
) -> dict[float, Float64]:
    """Return NDCG@10 of each query that was not trained on, for each ranker weight."""
    values: dict[float, list[Array]] = {ranker_weight: [] for ranker_weight in _RANKER_WEIGHTS}
    for one, (base, ranked) in zip(examples, both_scores, strict=True):
        rows = np.flatnonzero(one.part != TRAIN)
        labels, totals = one.labelled.labels[rows], one.labelled.totals[rows]
        for ranker_weight in values:
            values[ranker_weight].append(
                ndcg_of_scores(weighted_scores(base[rows], ranked[rows], ranker_weight), labels, totals)
            )
    return {ranker_weight: np.concatenate(parts) for ranker_weight, parts in values.items()}


def _can_fit(examples: Sequence[RankingExamples]) -> bool:
    # A ranker needs features, and both labels among the training and the validation examples.
    labels = [
        np.concatenate([one.label[one.part[one.query] == part].max(axis=1) for one in examples] or [[]])
        for part in (TRAIN, VALID)
    ]
    return all(one.columns for one in examples) and all(0 < part.sum() < len(part) for part in labels)
