"""Every model by name: what ``tacit evaluate --models`` may ask for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from tacit.core.errors import ConfigError
from tacit.models.content import Content
from tacit.models.covisitation import CoVisitation
from tacit.models.ease import EASE
from tacit.models.ials import IALS
from tacit.models.itemknn import ItemKNN
from tacit.models.protocol import Recommender
from tacit.models.repeats import Repeats
from tacit.models.sequential import Sequential
from tacit.models.sessionknn import SessionKNN
from tacit.models.slim import SLIM
from tacit.models.textprior import TextPrior
from tacit.models.transformer import Transformer
from tacit.models.trending import Trending
from tacit.models.userknn import UserKNN
from tacit.pipeline.config import Config
from tacit.pipeline.firststage import FirstStage
from tacit.pipeline.training import families_of
from tacit.pipeline.twostage import TwoStage
from tacit.rankers import zoo as rankers

Maker = Callable[[], Recommender | TwoStage]

SIMPLE_MODELS: dict[str, Maker] = {
    "popular": lambda: Trending(half_life=float("inf"), name="popular"),
    "trending": Trending,
    "itemknn": ItemKNN,
    "itemknn-bm25": lambda: ItemKNN(weighting="bm25", name="itemknn-bm25"),
    "itemknn-tfidf": lambda: ItemKNN(weighting="tfidf", name="itemknn-tfidf"),
    "userknn": UserKNN,
    "ease": EASE,
    "slim": SLIM,
    "textprior": TextPrior,
    "sequential": Sequential,
    "sessionknn": SessionKNN,
    "covisitation": CoVisitation,
    "ials": IALS,
    "content": Content,
    "tuned-content": lambda: Content(tuned=True, name="tuned-content"),
    "transformer": Transformer,
}

SLOW = ("transformer",)
"""Models that are fitted only when they are named: they take minutes to hours."""

_AGAIN: dict[str, Maker] = {"repeats": Repeats}
"""Says nothing where items of the history are left out."""

SIMPLE = (*SIMPLE_MODELS, *_AGAIN)
"""One idea each, with its defaults: what the blend and the ranker have to beat."""


_PAIR = "pair"

RANKERS = (*rankers.RANKERS, _PAIR, "none")
"""What a first stage can be followed by."""


def models(config: Config | None = None) -> Mapping[str, Maker]:
    """Return what makes each model, by name.

    Parameters
    ----------
    config : Config, optional
        Of the two-stage models: ``tacit`` is the whole of it, ``blend`` the same without its ranker. Where
        it lets items repeat, there is the model of that too.
    """
    whole = config or Config()
    return {
        **SIMPLE_MODELS,
        **(_AGAIN if whole.repeats else {}),
        "blend": lambda: TwoStage(replace(whole, ranker=None), name="blend"),
        "tacit": lambda: TwoStage(whole),
    }


def ranked(config: Config, first: FirstStage, names: Sequence[str]) -> Mapping[str, Maker]:
    """Return what makes ``tacit-NAME``: the same first stage under each of some rankers, "none" included.

    A ranker that the configuration has parameters for keeps them. ``pair`` is the re-ranker on the blend.
    """

    def whole(name: str) -> TwoStage:
        return TwoStage(under(config, name), first=first, name=f"tacit-{name}")

    return {f"tacit-{name}": partial(whole, name) for name in names}


def under(config: Config, name: str) -> Config:
    """Return the configuration with one of `RANKERS` alone; its parameters are kept where it has some.

    Raises
    ------
    ConfigError
        If there is no ranker of that name.
    """
    if name not in RANKERS:
        raise ConfigError(f"there is no ranker {name!r}; known: {', '.join(RANKERS)}")
    if name == _PAIR:
        return replace(config, ranker=None, rerank=config.rerank or {"name": _PAIR})
    own = config.ranker or {}
    ranker = own if own.get("name") == name else {"name": name}
    return replace(config, ranker=None if name == "none" else ranker, rerank=None)


def ablated(config: Config, first: FirstStage) -> Mapping[str, Maker]:
    """Return what makes ``tacit-without-FAMILY``: the configured ranker without each family of features."""
    if config.ranker is None:
        raise ConfigError("the configuration has no ranker whose features could be left out")
    families = families_of(config.ranker)

    def without(family: str) -> TwoStage:
        ranker = {**config.ranker, "families": [name for name in families if name != family]}  # type: ignore[dict-item]
        return TwoStage(replace(config, ranker=ranker), first=first, name=f"tacit-without-{family}")

    return {f"tacit-without-{family}": partial(without, family) for family in families}


MODELS = models()
"""All models with their defaults."""
