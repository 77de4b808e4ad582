"""Fits the second stage: a blend from the folds, a ranker and its weight from ranking examples."""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tacit.core.executor import side_by_side
from tacit.core.progress import Progress
from tacit.core.seeds import Streams
from tacit.core.types import Bool, Float32
from tacit.data.catalogue import Catalogue
from tacit.features.maker import FeatureMaker
from tacit.pipeline.best_part import BestPart, blend_or_part
from tacit.pipeline.blend import Blend, log_softmax
from tacit.pipeline.config import Config, families_of
from tacit.pipeline.examples import RankingExamples, ranking_examples
from tacit.pipeline.firststage import TRAIN, FirstStage, Fold
from tacit.pipeline.ranker_fit import FittedRanker, fit_ranker, is_cross_fitted
from tacit.pipeline.secondstage import SecondStage
from tacit.pipeline.training_report import TrainingReport
from tacit.rankers.ranker import OnEpoch, Ranker

_WHOLE_LISTS = 1_500
"""The most lists of a fold that are measured, at random: features of all their candidates are held."""
_NEW_USERS = 20
"""Queries without a history from which a ranker is believed on others of these: what it has never seen it
gets wrong, and new users are to get what is popular."""


def learn(
    first: FirstStage,
    catalogue: Catalogue,
    config: Config,
    *,
    streams: Streams,
    progress: Progress,
    on_epoch: OnEpoch | None,
) -> tuple[SecondStage, TrainingReport, list[Float32]]:
    """Return the second stage, the training report, and the stage's scores in the folds.

    Its features are not yet fitted on the whole log. The scores are float32[n, c] for each fold; neither
    blend nor ranker learned from their list, and for lists that the ranker is not measured on they are those
    of the blend.
    """
    names = [one.name for one in config.retrievers]
    ranker = copy.copy(config.ranker)
    families = () if ranker is None else families_of(ranker)
    making = () if ranker is None else _making(ranker, families, first, catalogue, config, streams)
    tasks: list[Callable[[], Any]] = [partial(blend_or_part, first.folds, names), *making]
    (blend, part), *examples = side_by_side(tasks)
    fitted_ranker = None
    if ranker is not None:
        fitted_ranker = fit_ranker(
            ranker,
            examples,
            (lambda _: blend)
            if part is not None and part.serves
            else (lambda some: Blend().fit(some, len(names), blend)),
            first.protocol,
            rng=streams.stream("ranker", ranker.name),
            progress=progress,
            on_epoch=on_epoch,
            with_importance=config.importance,
        )
    maker = FeatureMaker(projection=first.projection if families else None, families=families)
    queries = sum(len(one.part) for one in first.folds)
    stage, report = finished(blend, fitted_ranker, examples, config, maker, queries, part)
    if fitted_ranker is not None:
        return stage, report, fitted_ranker.scores
    return stage, report, [log_softmax(blend.score(one.labelled.candidates)) for one in first.folds]


def _making(
    ranker: Ranker,
    families: Sequence[str],
    first: FirstStage,
    catalogue: Catalogue,
    config: Config,
    streams: Streams,
) -> list[Callable[[], RankingExamples]]:
    """Return what makes the examples of each fold."""
    return [
        partial(
            ranking_examples,
            one,
            catalogue,
            first.projection,
            families,
            tuple(ranker.tasks),
            _whole_lists(ranker, one, streams.stream("whole lists", f"fold {number}")),
            streams.stream("examples", f"fold {number}"),
            config.shown_not_chosen,
        )
        for number, one in enumerate(first.folds)
    ]


def _whole_lists(ranker: Ranker, fold: Fold, rng: np.random.Generator) -> Bool:
    """Return the queries of a fold whose lists the ranker will be measured on: bool[n]."""
    if not is_cross_fitted(ranker):
        return np.asarray(fold.part != TRAIN)
    return np.asarray(rng.permutation(len(fold.part)) < _WHOLE_LISTS)


def finished(
    blend: Blend,
    fitted_ranker: FittedRanker | None,
    examples: Sequence[RankingExamples],
    config: Config,
    maker: FeatureMaker,
    queries: int,
    part: BestPart | None = None,
) -> tuple[SecondStage, TrainingReport]:
    """Return the second stage and its training report."""
    stage = SecondStage(blend, maker)
    if fitted_ranker is not None:
        new_users = sum(int((one.labelled.candidates.lengths == 0).sum()) for one in examples)
        stage = SecondStage(
            blend,
            maker,
            fitted_ranker.normaliser,
            fitted_ranker.ranker,
            fitted_ranker.ranker_weight,
            knows_new_users=new_users >= _NEW_USERS,
        )
    report = TrainingReport(
        part=part,
        weights=dict(zip((one.name for one in config.retrievers), blend.weights_.tolist(), strict=True)),
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
