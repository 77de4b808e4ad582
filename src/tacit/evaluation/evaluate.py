"""Fit a model on the training part, compute its lists for the test part, measure."""

import copy
import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast, get_args

import numpy as np
from threadpoolctl import threadpool_limits

from tacit.core.executor import LOCAL, Executor
from tacit.core.progress import SILENT, Progress
from tacit.core.seeds import Streams, generator
from tacit.core.types import Float64
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.data.splits import Protocol
from tacit.evaluation import metrics
from tacit.evaluation.meter import metered
from tacit.evaluation.model_checks import checked_lists
from tacit.evaluation.slices import Slice, slices
from tacit.evaluation.split import Split
from tacit.models.protocol import ShowsProgress, fitted, recommend
from tacit.pipeline.config import Config
from tacit.pipeline.firststage import FirstStage, fit_first_stage

_TIMED_QUERIES = 30
_CUTS = get_args(Protocol)
_FIT = "fit"


@dataclass(frozen=True)
class Costs:
    """Time and memory of a model.

    Attributes
    ----------
    fit_seconds : float
        Wall clock of the fit.
    ms_per_list : float
        Median milliseconds of a single list of ten, on one thread as in the service. The models take turns,
        so other load of the machine slows all of them.
    ms_per_list_batch : float
        Milliseconds a list when all test users are one batch, lists of 20.
    peak_mb : float
        Largest growth of the process's resident memory during the fit and the lists.
    """

    fit_seconds: float
    ms_per_list: float
    ms_per_list_batch: float
    peak_mb: float


@dataclass(frozen=True)
class Outcome:
    """One model on one split.

    Attributes
    ----------
    name : str
    values : mapping of slice to mapping of metric to float64[users of the slice]
    beyond : mapping of slice to mapping
        Coverage, novelty and diversity of the lists.
    costs : Costs
    model : the fitted model, or None
        None if it was fitted in another process, where its lists were timed too.
    """

    name: str
    values: dict[str, dict[str, Float64]]
    beyond: dict[str, dict[str, float | None]]
    costs: Costs
    model: Any


def evaluate_all(
    makers: Mapping[str, Callable[[], Any]],
    split: Split,
    *,
    seed: int = 7,
    progress: Progress = SILENT,
    executor: Executor = LOCAL,
) -> Sequence[Outcome]:
    """Fit models on the training part and measure their lists for every test user.

    Parameters
    ----------
    makers : mapping of name to callable
        Each returns an unfitted model; see `tacit.models.protocol`.
    split : Split
    seed : int
        The randomness of a model depends on it only, as in a fit for serving: two models with the same parts
        draw the same users.
    progress : Progress
        Shown by models that take one, where they are fitted in this process.
    executor : Executor
        Where models are fitted. In this process it is one after the other, for time and memory of each are
        measured; elsewhere each has a process, and its time depends on what else runs on the machine.
    """
    outcomes = []
    with progress.task("evaluating models", total=len(makers)) as task:
        for outcome in _outcomes(makers, split, seed, progress, executor):
            outcomes.append(outcome)
            task.advance()
    if not executor.in_process:
        return outcomes
    spent = _milliseconds([one.model for one in outcomes], split.queries)
    return [
        replace(one, costs=replace(one.costs, ms_per_list=taken))
        for one, taken in zip(outcomes, spent, strict=True)
    ]


def _outcomes(
    makers: Mapping[str, Callable[[], Any]], split: Split, seed: int, progress: Progress, executor: Executor
) -> Iterator[Outcome]:
    """Yield what each model does, in their order."""
    if executor.in_process:
        for name, make in makers.items():
            yield _outcome(name, make, split, seed=seed, progress=progress)
        return
    # What makes a model may be a function within a function, which no other process finds: the model is sent.
    comparison = _Comparison({name: make() for name, make in makers.items()}, split, seed)
    yield from executor.map(_Comparison.outcome, list(makers), shared=comparison)


@dataclass(frozen=True)
class _Comparison:
    """Models that are not fitted, by name, and what they are measured on."""

    models: Mapping[str, Any]
    split: Split
    seed: int

    def outcome(self, name: str) -> Outcome:
        """Return what one of the models does, without the model: its compiled forms stay in this process."""
        # A fitted model never changes, but a worker may compute a part again whose result was lost.
        make = partial(copy.copy, self.models[name])
        found = _outcome(name, make, self.split, seed=self.seed, progress=SILENT)
        [spent] = _milliseconds([found.model], self.split.queries)
        return replace(found, costs=replace(found.costs, ms_per_list=spent), model=None)


def _outcome(name: str, make: Callable[[], Any], split: Split, *, seed: int, progress: Progress) -> Outcome:
    """Fit a model and measure its lists for every test user; the time of one list is measured later."""
    model = make()
    gc.collect()  # what an earlier model left must not count
    with metered() as whole:
        with metered() as fit:
            model = fit_model(model, split, seed=seed, progress=progress)
        ranking = checked_lists(name, model, split.queries, metrics.LONGEST, len(split.catalogue))
    values, beyond = {}, {}
    popularity = np.bincount(split.train.item, minlength=len(split.catalogue))
    for part in slices(split):
        listed = Ranking(ranking.items[part.rows], ranking.scores[part.rows])
        values[part.name] = score(listed, part)
        beyond[part.name] = {
            "coverage@10": metrics.coverage(listed, len(split.catalogue)),
            "novelty@10": metrics.novelty(listed, popularity),
            "diversity@10": metrics.diversity(listed, split.catalogue.vectors),
        }
    costs = Costs(
        fit_seconds=fit.seconds,
        ms_per_list=float("nan"),
        ms_per_list_batch=(whole.seconds - fit.seconds) / len(split.queries) * 1e3,
        peak_mb=whole.peak_mb,
    )
    return Outcome(name, values, beyond, costs, model)


def score(ranking: Ranking, part: Slice) -> dict[str, Float64]:
    """Return every metric for each query of a slice."""
    hit = metrics.hits(ranking, part.target_offsets, part.targets)
    return metrics.per_query(hit, part.totals)


def fit_model(model: Any, split: Split, *, seed: int, progress: Progress) -> Any:
    """Return a model fitted on the training part, with progress if it shows any."""
    if isinstance(model, ShowsProgress):
        model = model.showing(progress)
    return fitted(model, split.train, split.catalogue, rng=generator(seed, _FIT))


def protocol_of(split: Split) -> Protocol | None:
    """Return the kind of cut that a two-stage model learns from: that of the split, if it is one."""
    return cast("Protocol", split.protocol) if split.protocol in _CUTS else None


def first_stage(
    config: Config, split: Split, *, progress: Progress = SILENT, executor: Executor | None = None
) -> FirstStage:
    """Return the first stage of a configuration, fitted on the training part of a split."""
    return fit_first_stage(
        config,
        split.train,
        split.catalogue,
        protocol=protocol_of(split),
        streams=Streams.of(generator(config.seed, _FIT)),
        progress=progress,
        executor=executor,
    )


def _milliseconds(models: Sequence[Any], queries: Queries) -> list[float]:
    places = np.unique(np.linspace(0, len(queries) - 1, min(_TIMED_QUERIES, len(queries))).astype(int))
    seconds: list[list[float]] = [[] for _ in models]
    with threadpool_limits(1):  # a second BLAS thread for one query costs more than it brings
        for place in places:
            one = queries.slice(int(place), int(place) + 1)
            for model, taken in zip(models, seconds, strict=True):
                start = time.perf_counter()
                recommend(model, one, 10)
                taken.append(time.perf_counter() - start)
    return [float(np.median(taken)) * 1e3 for taken in seconds]
