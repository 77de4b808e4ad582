"""Models by name on one cut or several, rankers on one first stage, and an ablation, as one report."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from tacit.core.errors import ConfigError, UnsupportedError
from tacit.core.executor import LOCAL, Executor
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Json
from tacit.evaluation.evaluate import Outcome, evaluate_all, first_stage, protocol_of
from tacit.evaluation.leaderboard import leaderboard
from tacit.evaluation.origins_report import Origin, origin_of, origins_report
from tacit.evaluation.split import Split
from tacit.models.protocol import Recommender
from tacit.pipeline import comparable, register
from tacit.pipeline.config import Config, check_ranker_name, families_of, ranker_choices


def compare(
    split: Split,
    config: Config,
    *,
    models: Sequence[str] | None = None,
    rankers: Sequence[str] | None = None,
    own: Mapping[str, Callable[[], Recommender]] | None = None,
    ablation: bool = False,
    against: str | None = None,
    progress: Progress = SILENT,
    executor: Executor = LOCAL,
) -> dict[str, Json]:
    """Return the report of models fitted on one side of a cut and evaluated on the other.

    Parameters
    ----------
    split : Split
        Its catalogue has vectors if models use texts.
    config : Config
        Of ``blend``, ``tacit`` and the first stage of the rankers.
    models : sequence of str, optional
        See `model_names`; those that need texts are left out by default where there are none.
    rankers : sequence of str, optional
        See `ranker_names`; ``tacit-NAME`` in the report.
    own : mapping of name to callable, optional
        Builders of models of the caller.
    ablation : bool
        Also the configured ranker without each family of features: ``tacit-without-FAMILY``.
    against : str, optional
        Model that differences are taken against; the best simple one by default.
    progress : Progress
    executor : Executor
        Where models are fitted; see `tacit.evaluation.evaluate.evaluate_all`.

    Returns
    -------
    dict
        See `tacit.evaluation.leaderboard.leaderboard`.

    Raises
    ------
    ConfigError
        If a name is unknown or taken, or the configuration has no ranker to take features from.
    UnsupportedError
        If a named model needs texts and there are none.
    """
    outcomes, simple = _outcomes(
        split,
        config,
        models=models,
        rankers=rankers,
        own=own,
        ablation=ablation,
        against=against,
        progress=progress,
        executor=executor,
    )
    return leaderboard(outcomes, split, simple=simple, against=against, seed=config.seed)


def compare_origins(
    splits: Iterable[Split],
    config: Config,
    *,
    models: Sequence[str] | None = None,
    rankers: Sequence[str] | None = None,
    own: Mapping[str, Callable[[], Recommender]] | None = None,
    ablation: bool = False,
    against: str | None = None,
    progress: Progress = SILENT,
    executor: Executor = LOCAL,
) -> dict[str, Json]:
    """Return the report of models fitted anew on each of several cuts in time, the earliest first.

    Parameters and errors as in `compare`; for the report see `tacit.evaluation.origins_report`.
    """
    origins: list[Origin] = []
    simple: set[str] = set()
    for split in splits:
        outcomes, names = _outcomes(
            split,
            config,
            models=models,
            rankers=rankers,
            own=own,
            ablation=ablation,
            against=against,
            progress=progress,
            executor=executor,
        )
        origins.append(origin_of(outcomes, split))
        simple |= names
    return origins_report(origins, simple=simple, against=against, seed=config.seed)


def _outcomes(
    split: Split,
    config: Config,
    *,
    models: Sequence[str] | None,
    rankers: Sequence[str] | None,
    own: Mapping[str, Callable[[], Recommender]] | None,
    ablation: bool,
    against: str | None,
    progress: Progress,
    executor: Executor,
) -> tuple[Sequence[Outcome], set[str]]:
    """Return what every compared model does on a split, and the names of the models of one idea each."""
    protocol = protocol_of(split)
    names = model_names(models, config)
    if split.catalogue.vectors is None:
        names = _without_text(names, named=models is not None)
    compared = dict(comparable.models(config, names, protocol=protocol))
    if rankers is not None or ablation:
        first = first_stage(config, split, progress=progress, executor=executor)
        compared |= comparable.ranked(config, first, ranker_names(rankers), protocol=protocol)
        compared |= comparable.ablated(config, first, protocol=protocol) if ablation else {}
    for name, make in (own or {}).items():
        _check_free(name, compared, config)
        compared[name] = make
    if against is not None and against not in compared:
        raise ConfigError(f"against: {against!r} is not compared; there are {', '.join(compared)}")
    outcomes = evaluate_all(compared, split, seed=config.seed, progress=progress, executor=executor)
    return outcomes, set(names) - set(comparable.WHOLE)


def check_names(
    config: Config,
    *,
    models: Sequence[str] | None = None,
    rankers: Sequence[str] | None = None,
    own: Collection[str] | None = None,
    ablation: bool = False,
    against: str | None = None,
) -> None:
    """Refuse what `compare` would refuse whatever the log holds.

    Raises
    ------
    ConfigError
        If a name is unknown or taken, or the configuration has no ranker to take features from.
    """
    names = model_names(models, config)
    ranked = [f"tacit-{name}" for name in ranker_names(rankers)]
    if ablation and config.ranker is None:
        raise ConfigError("the configuration has no ranker whose features could be left out")
    without = families_of(config.ranker) if ablation and config.ranker is not None else ()
    compared = [*names, *ranked, *(f"tacit-without-{family}" for family in without)]
    for name in own or ():
        _check_free(name, compared, config)
    if against is not None and against not in (known := [*compared, *(own or ())]):
        raise ConfigError(f"against: {against!r} is not compared; there are {', '.join(known)}")


def model_names(wanted: Sequence[str] | None, config: Config) -> list[str]:
    """Return the names of models that can be compared, each once; all but slow ones by default.

    Raises
    ------
    ConfigError
        If one is unknown or none is named.
    """
    known = [*comparable.single_models(config.repeats), *comparable.WHOLE]
    if wanted is None:
        slow = comparable.slow_models()
        return [name for name in known if name not in slow]
    if not wanted:
        raise ConfigError(f"no model is named; known: {', '.join(known)}")
    for name in wanted:
        if not _is_model(name, config):
            there = [
                one for one in [*register.names("retriever"), *comparable.WHOLE] if _is_model(one, config)
            ]
            raise ConfigError(f"there is no model {name!r}; known: {', '.join(there)}")
    return list(dict.fromkeys(wanted))


def _check_free(name: str, compared: Collection[str], config: Config) -> None:
    if name in compared or _is_model(name, config):
        raise ConfigError(f"there is a model {name!r} already; give yours another name")


def _is_model(name: str, config: Config) -> bool:
    """Return whether a name is that of a model that can be compared: of the configuration or the register."""
    if name in comparable.WHOLE or any(one.name == name for one in config.retrievers):
        return True
    if not register.is_known("retriever", name):
        return False
    needs = register.find("retriever", name).needs
    return "rules" not in needs and (config.repeats or "repeats" not in needs)


def ranker_names(wanted: Sequence[str] | None) -> list[str]:
    """Return the names of rankers, each once; none by default.

    Raises
    ------
    ConfigError
        If one is unknown or none is named.
    """
    if wanted is None:
        return []
    if not wanted:
        raise ConfigError(f"no ranker is named; known: {', '.join(ranker_choices())}")
    for name in wanted:
        check_ranker_name(name)
    return list(dict.fromkeys(wanted))


def _without_text(names: list[str], *, named: bool) -> list[str]:
    textual = [name for name in names if name in comparable.models_that_need("text")]
    if textual and named:
        raise UnsupportedError(
            f"the model {textual[0]!r} is not possible: no item has a text or no encoder was wanted "
            "(give items with texts)"
        )
    return [name for name in names if name not in textual]
