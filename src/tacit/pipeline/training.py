"""How the second stage learns: rehearsals become a blend, lessons a ranker and trust in it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from tacit.core.errors import ConfigError
from tacit.core.progress import Progress
from tacit.core.types import Array, Float32, Float64, Json
from tacit.data.catalogue import Catalogue
from tacit.data.gain import ndcg_of_scores
from tacit.data.splits import Protocol
from tacit.features.families import USUAL
from tacit.features.maker import FeatureMaker
from tacit.features.normaliser import Normaliser
from tacit.pipeline.blend import Blend, log_softmax
from tacit.pipeline.config import Config, made
from tacit.pipeline.examples import RankingExamples, pairs, ranking_examples
from tacit.pipeline.firststage import TEST, TRAIN, VALID, FirstStage
from tacit.pipeline.secondstage import SecondStage, weighted_scores
from tacit.pipeline.weight_choice import choose_weight, paired_gain
from tacit.rankers import ranker_metrics
from tacit.rankers.calibration import Bin, Calibration, calibration_error, reliability
from tacit.rankers.importance import Importance, importance
from tacit.rankers.ranker import Epoch, OnEpoch, Pairs, Ranker
from tacit.rankers.zoo import RANKERS

_RANKER_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
_MOST: dict[Protocol, float] = {"time": 0.75, "leave-one-out": 1.0, "random": 1.0}
"""What is learned from one stretch of time is too sure of the next: the whole is told in the report and never
chosen there (docs/decisions/003-how-much-the-ranker-counts.md)."""
_STANDARD_ERRORS = 0.5
"""Standard errors of a gain that are taken off it before it is believed
(docs/decisions/003-how-much-the-ranker-counts.md)."""
_SURE = 1.96
"""Standard errors on either side of a 95 % interval."""


@dataclass(frozen=True)
class TrainingReport:
    """What was learned and how well it does on users that it was not trained on.

    Attributes
    ----------
    weights : mapping of retriever to its weight in the blend
    epochs : list of Epoch
    test : mapping or None
        Loss (binary cross entropy), accuracy and AUC of the calibrated ranker on held-out users.
    trust : float
        How much of what the ranker adds to the blend is believed.
    valid_ndcg : mapping of trust to NDCG@10 on the users that the ranker was not trained on
    calibration : mapping or None
        ``temperature`` and ``bias`` that make probabilities of the ranker's scores, fitted on the users that
        stopped its training, and the expected calibration ``error`` on the test users.
    reliability : list of Bin
        What was foretold of the test users beside what came.
    importance : list of Importance
        What the validation loss and NDCG@10 lose without each family and each column of the features.
    gain : mapping or None
        ``before`` and ``after``: that NDCG@10 of the blend and of the ranked lists, with the 95 % interval of
        the paired difference, ``low`` to ``high`` (normal approximation).
    queries, pairs : int
        Users and user/item pairs that were learned from.
    """

    weights: dict[str, float]
    epochs: list[Epoch]
    test: dict[str, float] | None
    ranker_weight: float
    valid_ndcg: dict[str, float]
    gain: dict[str, float] | None
    calibration: dict[str, float] | None
    reliability: list[Bin]
    importance: list[Importance]
    queries: int
    pairs: int

    def to_json(self) -> dict[str, Json]:
        """Return the report as JSON; null where a measure is not defined (JSON knows no NaN)."""
        values: dict[str, Json] = defined(asdict(self))
        return values


def defined(value: Any) -> Any:
    """Return plain data with null in place of NaN, which JSON does not know."""
    if isinstance(value, dict):
        return {name: defined(part) for name, part in value.items()}
    if isinstance(value, list):
        return [defined(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


@dataclass(frozen=True)
class _FittedRanker:
    """A ranker that has learned, and what it is worth."""

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
        """How much of what the ranker adds is believed, at most `most`."""
        allowed = {
            ranker_weight: values
            for ranker_weight, values in self.values.items()
            if ranker_weight <= self.most
        }
        return choose_weight(allowed, standard_errors=_STANDARD_ERRORS)

    @property
    def scores(self) -> list[Float32]:
        """What the second stage gives at this trust; see `learn`."""
        return [weighted_scores(base, ranked, self.ranker_weight) for base, ranked in self.both_scores]

    @property
    def gain(self) -> dict[str, float]:
        """What the ranker changes at this trust; see `TrainingReport`."""
        mean, error = paired_gain(self.values[self.ranker_weight], self.values[0.0])
        before = float(self.values[0.0].mean())
        low, high = mean - _SURE * error, mean + _SURE * error
        return {"before": before, "after": before + mean, "low": low, "high": high}


def learn(
    first: FirstStage,
    catalogue: Catalogue,
    config: Config,
    *,
    rng: np.random.Generator,
    progress: Progress,
    on_epoch: OnEpoch | None,
) -> tuple[SecondStage, TrainingReport, list[Float32]]:
    """Return the second stage, what it learned, and what it gives in the rehearsals.

    Its features are not yet fitted on the whole log. What it gives is float32[n, c] for each rehearsal; to
    users that the ranker was trained on, what the blend gives.
    """
    blend = Blend().fit([one.labelled for one in first.folds], len(config.retrievers))
    fitted_ranker, examples, families = None, [], USUAL
    if config.ranker is not None:
        ranker, families = new_ranker(config.ranker), families_of(config.ranker)
        examples = [
            ranking_examples(
                one, catalogue, first.projection, families, tuple(ranker.tasks), rng, config.shown_not_chosen
            )
            for one in first.folds
        ]
        most = _MOST[first.protocol]
        fitted_ranker = fit_ranker(
            ranker, examples, blend, most, rng=rng, progress=progress, on_epoch=on_epoch
        )
    maker = FeatureMaker(projection=first.projection, families=families)
    queries = sum(len(one.part) for one in first.folds)
    stage, report = finished(blend, fitted_ranker, examples, config, maker, queries)
    if fitted_ranker is not None:
        return stage, report, fitted_ranker.scores
    return stage, report, [log_softmax(blend.score(one.labelled.candidates)) for one in first.folds]


def fit_ranker(
    ranker: Ranker,
    examples: Sequence[RankingExamples],
    blend: Blend,
    most: float,
    *,
    rng: np.random.Generator,
    progress: Progress,
    on_epoch: OnEpoch | None,
) -> _FittedRanker | None:
    """Return the ranker, fitted; None where the lessons have nothing to tell apart or to stop by.

    At most ``most`` of what it adds to the blend will be believed.
    """
    if not _can_fit(examples):
        return None
    learned_from = [one.features[(one.part[one.query] == TRAIN) & (one.weight > 0)] for one in examples]
    normaliser = Normaliser(scale=ranker.scale).fit(np.concatenate(learned_from), examples[0].columns)
    train, valid, test = (pairs(examples, part, blend, normaliser) for part in (TRAIN, VALID, TEST))
    columns = normaliser.columns(examples[0].columns)
    ranker.fit(train, valid, columns, test=test, rng=rng, progress=progress, on_epoch=on_epoch)
    calibration = Calibration.fit(_scored(ranker, valid), valid.acted, valid.weight)
    calibrated = calibration.log_odds(_scored(ranker, test))
    both_scores = _both_scores(examples, blend, normaliser, ranker)
    bins = reliability(expit(calibrated), test.acted, test.weight)
    return _FittedRanker(
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


def finished(
    blend: Blend,
    fitted_ranker: _FittedRanker | None,
    examples: Sequence[RankingExamples],
    config: Config,
    maker: FeatureMaker,
    queries: int,
) -> tuple[SecondStage, TrainingReport]:
    """Return the stage of what was learned, and the report of it."""
    stage = SecondStage(blend, maker)
    if fitted_ranker is not None:
        stage = SecondStage(
            blend, maker, fitted_ranker.normaliser, fitted_ranker.ranker, fitted_ranker.ranker_weight
        )
    report = TrainingReport(
        weights=dict(zip(config.retrievers, blend.weights_.tolist(), strict=True)),
        epochs=fitted_ranker.ranker.epochs_ if fitted_ranker else [],
        test=fitted_ranker.test if fitted_ranker else None,
        ranker_weight=stage.ranker_weight,
        valid_ndcg={str(ranker_weight): float(v.mean()) for ranker_weight, v in fitted_ranker.values.items()}
        if fitted_ranker
        else {},
        gain=fitted_ranker.gain if fitted_ranker else None,
        calibration=fitted_ranker.calibration if fitted_ranker else None,
        reliability=fitted_ranker.reliability if fitted_ranker else [],
        importance=fitted_ranker.importance if fitted_ranker else [],
        queries=queries,
        pairs=sum(len(one.pair) for one in examples),
    )
    return stage, report


def new_ranker(parameters: Mapping[str, Json]) -> Ranker:
    """Return an unfitted ranker of a configuration's ``ranker``.

    Raises
    ------
    ConfigError
        If the name or a parameter is unknown.
    """
    name = parameters.get("name")
    if name not in RANKERS:
        raise ConfigError(f"there is no ranker {name!r}; known: {', '.join(RANKERS)}, none")
    rest = {key: value for key, value in parameters.items() if key != "name"}
    return made(RANKERS[str(name)], rest, f"the ranker {name!r}")


def families_of(parameters: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the families of features that a configuration's ``ranker`` takes."""
    families = new_ranker(parameters).families
    return USUAL if families is None else tuple(families)


def _scored(ranker: Ranker, pairs: Pairs) -> Float32:
    return ranker.score(pairs.features, pairs.base)


def _both_scores(
    examples: Sequence[RankingExamples], blend: Blend, normaliser: Normaliser, ranker: Ranker
) -> list[tuple[Float32, Float32]]:
    """Return what the blend and the ranker say of each lesson's candidates: float32[n, c] each.

    Of users that it was trained on, the ranker says what the blend says.
    """
    both_scores = []
    for one in examples:
        base = log_softmax(blend.score(one.labelled.candidates))
        held = one.part[one.query] != TRAIN
        ranked, place = base.copy(), one.pair[held]
        ranked.ravel()[place] = ranker.score(normaliser.transform(one.features[held]), base.ravel()[place])
        both_scores.append((base, ranked))
    return both_scores


def _by_ranker_weight(
    examples: Sequence[RankingExamples], both_scores: Sequence[tuple[Float32, Float32]]
) -> dict[float, Float64]:
    """Return NDCG@10 of each query that was not trained on, for each trust."""
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
    # A ranker needs features, both labels on the training side and something to stop on.
    labels = [
        np.concatenate([one.label[one.part[one.query] == part].max(axis=1) for one in examples] or [[]])
        for part in (TRAIN, VALID)
    ]
    return all(one.columns for one in examples) and all(0 < part.sum() < len(part) for part in labels)
