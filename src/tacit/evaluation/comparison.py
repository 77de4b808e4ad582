"""Models by name on one cut, rankers on one first stage and the ablation beside them, as one report."""

from collections.abc import Callable, Collection, Mapping, Sequence

from tacit.core.errors import ConfigError, UnsupportedError
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Json
from tacit.evaluation.evaluate import evaluate_all, first_stage
from tacit.evaluation.leaderboard import leaderboard
from tacit.evaluation.split import Split
from tacit.models.protocol import Recommender
from tacit.pipeline import zoo
from tacit.pipeline.config import Config

NEED_TEXT = ("content", "tuned-content")
"""Models that say nothing without item vectors."""


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
) -> dict[str, Json]:
    """Return the report of models that were fitted on one side of a cut and asked about the other.

    Parameters
    ----------
    split : Split
        Its catalogue with vectors, if models are to read texts.
    config : Config
        Of ``blend``, ``tacit`` and the first stage of the rankers.
    models : sequence of str, optional
        See `model_names`; those that need texts are left out by default where there are none.
    rankers : sequence of str, optional
        See `ranker_names`; ``tacit-NAME`` in the report.
    own : mapping of name to callable, optional
        What makes models of the caller's own.
    ablation : bool
        The configured ranker without each family of features as well: ``tacit-without-FAMILY``.
    against : str, optional
        Model that differences are taken against; the best simple one by default.
    progress : Progress

    Returns
    -------
    dict
        See `tacit.evaluation.leaderboard.leaderboard`.

    Raises
    ------
    ConfigError
        If a name is unknown or taken, or the configuration has no ranker to take features from.
    UnsupportedError
        If a model that was asked for needs texts and there are none.
    """
    names, makers = model_names(models, config), zoo.models(config)
    if split.catalogue.vectors is None:
        names = _without_text(names, asked=models is not None)
    asked: dict[str, zoo.Maker] = {name: makers[name] for name in names}
    if rankers is not None or ablation:
        first = first_stage(config, split, progress=progress)
        asked |= zoo.ranked(config, first, ranker_names(rankers))
        asked |= zoo.ablated(config, first) if ablation else {}
    for name, make in (own or {}).items():
        if name in makers or name in asked:
            raise ConfigError(f"there is a model {name!r} already; give yours another name")
        asked[name] = make
    if against is not None and against not in asked:
        raise ConfigError(f"against: {against!r} is not compared; there are {', '.join(asked)}")
    outcomes = evaluate_all(asked, split, seed=config.seed, progress=progress)
    return leaderboard(outcomes, split, simple=zoo.SIMPLE, against=against, seed=config.seed)


def model_names(asked: Sequence[str] | None, config: Config) -> list[str]:
    """Return the names of models that can be compared, each once; all but slow ones by default.

    Raises
    ------
    ConfigError
        If one is unknown or none is named.
    """
    known = zoo.models(config)
    if asked is None:
        return [name for name in known if name not in zoo.SLOW]
    return _known(asked, known, "model")


def ranker_names(asked: Sequence[str] | None) -> list[str]:
    """Return the names of rankers, each once; none by default.

    Raises
    ------
    ConfigError
        If one is unknown or none is named.
    """
    return [] if asked is None else _known(asked, zoo.RANKERS, "ranker")


def _known(asked: Sequence[str], known: Collection[str], what: str) -> list[str]:
    if not asked:
        raise ConfigError(f"no {what} is named; known: {', '.join(known)}")
    for name in asked:
        if name not in known:
            raise ConfigError(f"there is no {what} {name!r}; known: {', '.join(known)}")
    return list(dict.fromkeys(asked))


def _without_text(names: list[str], *, asked: bool) -> list[str]:
    silent = [name for name in names if name in NEED_TEXT]
    if silent and asked:
        raise UnsupportedError(
            f"the model {silent[0]!r} is not possible: no item has a text or no encoder was wanted "
            "(give items with texts)"
        )
    return [name for name in names if name not in silent]
