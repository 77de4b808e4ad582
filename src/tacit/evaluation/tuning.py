"""Tuning: the parameters of a model that are best on a validation cut, found within a budget.

Optuna's TPE (Bergstra et al., "Algorithms for hyper-parameter optimization", NIPS 2011) proposes, and NDCG@10
of the users with a history decides. The first trial is the start of the search, so the result is never worse
on the cut. Each proposal depends only on the seed and on the earlier trials, and all are kept in a study: an
interrupted search continues from there and ends with the same result.

The result is the best of many on one cut, so its value is optimistic; only an unseen cut gives an honest one.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from tacit.core.parameters import build, space_of, values_of
from tacit.core.progress import SILENT, Progress
from tacit.core.seeds import generator
from tacit.core.spaces import Choice, Float, Int, Space, Value
from tacit.core.types import Float64
from tacit.core.version import __version__
from tacit.evaluation import metrics
from tacit.evaluation.evaluate import fit_model
from tacit.evaluation.model_checks import checked_lists
from tacit.evaluation.slices import slices
from tacit.evaluation.split import Split
from tacit.models.protocol import Recommender
from tacit.pipeline.weight_choice import paired_gain

Parameters = dict[str, Value]

_K = 10


@dataclass(frozen=True)
class Trial:
    """Value of some parameters on the validation cut, and the time that the trial took."""

    parameters: Parameters
    value: float
    seconds: float


@dataclass(frozen=True)
class Tuned:
    """Result of a search.

    Attributes
    ----------
    name : str
    trials : list of Trial
        All of them, in order; the first is the start of the search.
    interrupted : bool
        Whether it was interrupted before its budget was spent.
    """

    name: str
    trials: list[Trial]
    interrupted: bool = False

    @property
    def best(self) -> Trial:
        """The trial with the highest value; ties: the first."""
        return max(self.trials, key=lambda trial: trial.value)

    @property
    def start(self) -> Trial:
        """The trial that the search started from."""
        return self.trials[0]


def tune(
    model: Recommender,
    split: Split,
    *,
    space: Space | None = None,
    trials: int = 20,
    seconds: float = 300.0,
    seed: int = 7,
    storage: str | None = None,
    progress: Progress = SILENT,
) -> Tuned:
    """Search the parameters of a model.

    Parameters
    ----------
    model : Recommender
        Not fitted; its parameters are the start of the search.
    split : Split
        A validation cut: nothing of the test may be in it.
    space : mapping of parameter to Float, Int or Choice, optional
        That of its class by default.
    trials, seconds : int, float
        The budget: no trial begins after so many trials or so much time, those of earlier calls with the
        same storage included. A trial that has begun is finished.
    seed : int
    storage : str, optional
        URL of a database that keeps the trials, for example ``sqlite:///study.db``; in memory by default.
    progress : Progress

    Raises
    ------
    KeyboardInterrupt
        If it is interrupted before there is any result; a later interrupt ends the search.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space, start, name = space_of(type(model)) if space is None else space, values_of(model), model.name
    study = optuna.create_study(
        storage=storage,
        study_name=f"{name} {_fingerprint(split, __version__, space, start, seed)}",
        direction="maximize",
        load_if_exists=True,
    )

    def value_of(parameters: Parameters) -> float:
        return float(quality(varied(model, parameters), split, seed=seed).mean())

    search = _Search(study, space, {parameter: start[parameter] for parameter in space}, seed)
    done, interrupted = search.done(), False
    with progress.task(f"tuning {name}", total=trials) as task:
        task.advance(len(done))
        try:
            while len(done) < trials and sum(trial.seconds for trial in done) < seconds:
                search.step(value_of)
                done = search.done()
                task.advance()
        except KeyboardInterrupt:
            if not done:
                raise
            interrupted = True
    return Tuned(name, done, interrupted)


def varied(model: Recommender, parameters: Mapping[str, Value]) -> Recommender:
    """Return the same model, not fitted, with other values of some parameters."""
    values = {name: value for name, value in values_of(model).items() if name != "name"}
    return build(type(model), {**values, **parameters}, f"the retriever {model.name!r}", name=model.name)


def quality(model: Any, split: Split, *, seed: int, progress: Progress = SILENT) -> Float64:
    """Fit a model and return NDCG@10 of each user with a history, or of all users if none has one."""
    model = fit_model(model, split, seed=seed, progress=progress)
    parts = {part.name: part for part in slices(split)}
    part = parts.get("warm-user", parts["all"])
    name = str(getattr(model, "name", type(model).__name__))
    ranking = checked_lists(name, model, split.queries.take(part.rows), _K, len(split.catalogue))
    hit = metrics.hits(ranking, part.target_offsets, part.targets)
    return metrics.ndcg(hit, part.totals, _K)


def surely_better(after: Float64, before: Float64) -> bool:
    """Return whether the mean of paired values is higher by more than its standard error.

    Parameters
    ----------
    after, before : float64[users]
    """
    mean, error = paired_gain(after, before)
    return mean > error


class _Search:
    """A study that can be continued."""

    def __init__(self, study: optuna.Study, space: Space, start: Parameters, seed: int) -> None:
        self._study, self._start, self._seed = study, start, seed
        self._kinds = {
            name: _distribution(kind.holding(start[name]))  # type: ignore[arg-type]
            for name, kind in space.items()
        }

    def done(self) -> list[Trial]:
        """Return the finished trials, in order."""
        finished = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return [Trial(_written(trial.params), trial.values[0], _seconds(trial)) for trial in finished]

    def step(self, worth: Callable[[Parameters], float]) -> None:
        """Run one trial; its randomness depends on the number of finished trials, not on restarts."""
        place = len(self.done())
        if place == 0:
            self._study.enqueue_trial(self._start)
        own = generator(self._seed, "tune", self._study.study_name, str(place))
        self._study.sampler = optuna.samplers.TPESampler(seed=int(own.integers(2**31)))
        trial = self._study.ask(self._kinds)
        self._study.tell(trial, worth(_written(trial.params)))


def _seconds(trial: FrozenTrial) -> float:
    return 0.0 if trial.duration is None else trial.duration.total_seconds()


def _written(parameters: Mapping[str, Any]) -> Parameters:
    """Return the parameters rounded to three significant digits."""
    return {
        name: float(f"{value:.3g}") if isinstance(value, float) else value
        for name, value in parameters.items()
    }


def _distribution(kind: Float | Int | Choice) -> BaseDistribution:
    match kind:
        case Float(low, high, log):
            return FloatDistribution(low, high, log=log)
        case Int(low, high, log):
            return IntDistribution(low, high, log=log)
        case Choice(values):
            return CategoricalDistribution(values)


def _fingerprint(split: Split, *more: object) -> str:
    """Return a digest of everything that a value depends on: trials on other data are not mixed in."""
    digest = hashlib.sha256(repr(more).encode())
    log, queries, vectors = split.train, split.queries, split.catalogue.vectors
    arrays = [log.user, log.item, log.weight, log.at, queries.offsets, queries.item, split.targets]
    for array in arrays if vectors is None else [*arrays, vectors]:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]
