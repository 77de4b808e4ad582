"""A configuration with better parameters: each retriever tuned alone, then all of them compared together.

Each is better alone; all together may be none the better for it. So the blend of the tuned ones is compared
with that of the ones before on the same validation cut, and they are kept where it gains more than its
standard error.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tacit.core.errors import ConfigError
from tacit.core.executor import LOCAL, Executor
from tacit.core.parameters import space_of
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Float64
from tacit.evaluation import tuning
from tacit.evaluation.evaluate import protocol_of
from tacit.evaluation.split import Split
from tacit.evaluation.tuning import Tuned, surely_better, varied
from tacit.models.protocol import Recommender
from tacit.pipeline import register
from tacit.pipeline.config import Config
from tacit.pipeline.twostage import TwoStage


@dataclass(frozen=True)
class TunedConfig:
    """Result of a search over the retrievers of a configuration.

    Attributes
    ----------
    config : Config
        With the kept parameters.
    found : list of Tuned
        Every retriever that was tuned.
    lines : list of str
        Sentences on the result.
    protocol : str
        Protocol of the validation cut.
    """

    config: Config
    found: list[Tuned]
    lines: list[str]
    protocol: str


def tune_config(
    config: Config,
    split: Split,
    *,
    names: Sequence[str] | None = None,
    trials: int = 20,
    seconds: float = 300.0,
    storage: str | None = None,
    progress: Progress = SILENT,
    executor: Executor = LOCAL,
) -> TunedConfig:
    """Search better parameters for retrievers of a configuration.

    Parameters
    ----------
    config : Config
        Where the search starts.
    split : Split
        A validation cut; its catalogue has vectors if models use texts.
    names : sequence of str, optional
        See `retrievers_to_tune`. A retriever that needs texts is skipped if there are none.
    trials, seconds : int, float
        Budget of each retriever; see `tacit.evaluation.tuning.tune`.
    storage : str, optional
        URL of a database that keeps the trials.
    progress : Progress
    executor : Executor
        In this process, one retriever is tuned after the other; elsewhere the search of each is a part.

    Raises
    ------
    ConfigError
        If a name is unknown or there is nothing to tune, or trials are to be kept and are those of several
        processes.
    """
    chosen = retrievers_to_tune(names, config)
    skipped = [one.name for one in chosen if split.catalogue.vectors is None and _needs_text(one)]
    chosen = [one for one in chosen if one.name not in skipped]
    if not chosen:
        raise ConfigError("there is nothing to tune; name retrievers (models, --models)")
    if storage is not None and not executor.in_process:
        raise ConfigError(
            "trials are kept only where all run in one process: leave out the study (--study) or the "
            "executor (--executor)"
        )
    searches = _Searches(tuple(chosen), split, trials, seconds, config.seed, storage)
    found: list[Tuned] = []
    with progress.task("tuning", total=len(chosen)) as task:
        for one in searches.all(executor, progress):
            found.append(one)
            task.advance()
            if one.interrupted:
                break
    lines = [f"not tuned, because no item has a text or an encoder: {', '.join(skipped)}"] if skipped else []
    kept, verdict = _kept(config, chosen, found, split, progress, executor)
    return TunedConfig(kept, found, [*lines, *verdict], split.protocol)


@dataclass(frozen=True)
class _Searches:
    """A search for each of some retrievers; see `tacit.evaluation.tuning.tune`."""

    retrievers: tuple[Recommender, ...]
    split: Split
    trials: int
    seconds: float
    seed: int
    storage: str | None

    def all(self, executor: Executor, progress: Progress) -> Iterator[Tuned]:
        """Yield the result of each search, in the order of the retrievers."""
        places = range(len(self.retrievers))
        if executor.in_process:
            yield from (self.one(place, progress) for place in places)
        else:
            yield from executor.map(_Searches.one, places, shared=self)

    def one(self, place: int, progress: Progress = SILENT) -> Tuned:
        """Return the result of the search of one retriever."""
        return tuning.tune(
            self.retrievers[place],
            self.split,
            trials=self.trials,
            seconds=self.seconds,
            seed=self.seed,
            storage=self.storage,
            progress=progress,
        )


def retrievers_to_tune(names: Sequence[str] | None, config: Config) -> list[Recommender]:
    """Return the retrievers to tune: those of the configuration, or of the names that are given.

    By default the first of each class that has something to tune and is not slow: two of the same class would
    find the same. A name that is not in the configuration is looked up in the register.

    Raises
    ------
    ConfigError
        If a name is unknown, or there is nothing to tune in it.
    """
    own = {one.name: one for one in config.retrievers}
    if names is None:
        first = {type(one): one for one in reversed(config.retrievers)}
        return [one for one in config.retrievers if first[type(one)] is one and _is_tunable(one)]
    chosen = [
        own[name] if name in own else register.create("retriever", name) for name in dict.fromkeys(names)
    ]
    for one in chosen:
        if not space_of(type(one)):
            known = ", ".join(register.tunable("retriever"))
            raise ConfigError(f"nothing to tune in {one.name!r}; known: {known}")
    return chosen


def _is_tunable(one: Recommender) -> bool:
    entry = register.entry_of("retriever", one)
    return bool(space_of(type(one))) and not (entry is not None and entry.slow)


def _needs_text(one: Recommender) -> bool:
    entry = register.entry_of("retriever", one)
    return entry is not None and "text" in entry.needs


def _kept(
    config: Config,
    chosen: Sequence[Recommender],
    found: Sequence[Tuned],
    split: Split,
    progress: Progress,
    executor: Executor,
) -> tuple[Config, list[str]]:
    """Return the configuration to keep, and sentences on the search."""
    lines = [
        f"{one.name}: {one.start.value:.4f} before, {one.best.value:.4f} after {len(one.trials)} trials"
        for one in found
    ]
    better = {
        model.name: model if one.best is one.start else varied(model, one.best.parameters)
        for model, one in zip(chosen, found, strict=False)
    }
    kept = tuple(better.pop(one.name, one) for one in config.retrievers)
    tuned = replace(config, retrievers=(*kept, *better.values()))
    if any(one.interrupted for one in found):
        return tuned, [*lines, "interrupted: the blend of all was not compared"]
    before, after = (_blended(one, split, progress, executor) for one in (config, tuned))
    gains = surely_better(after, before)
    verdict = "the tuned ones are kept" if gains else "within noise, so the ones before are kept"
    lines.append(f"blend of all: {before.mean():.4f} before, {after.mean():.4f} after: {verdict}")
    return tuned if gains else config, lines


def _blended(config: Config, split: Split, progress: Progress, executor: Executor) -> Float64:
    model = TwoStage(
        replace(config, ranker=None, rerank=None),
        protocol=protocol_of(split),
        name="blend",
        executor=None if executor.in_process else executor,
    )
    return tuning.quality(model, split, seed=config.seed, progress=progress)
