"""Every model by name: what ``tacit evaluate --models`` may ask for."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from tacit.models.content import Content
from tacit.models.covisitation import CoVisitation
from tacit.models.ease import EASE
from tacit.models.ials import IALS
from tacit.models.itemknn import ItemKNN
from tacit.models.protocol import Recommender
from tacit.models.repeats import Repeats
from tacit.models.sequential import Sequential
from tacit.models.sessionknn import SessionKNN
from tacit.models.textprior import TextPrior
from tacit.models.transformer import Transformer
from tacit.models.trending import Trending
from tacit.models.userknn import UserKNN
from tacit.pipeline.config import Config
from tacit.pipeline.twostage import TwoStage

Maker = Callable[[], Recommender | TwoStage]

SIMPLE_MODELS: dict[str, Maker] = {
    "popular": lambda: Trending(half_life=float("inf"), name="popular"),
    "trending": Trending,
    "itemknn": ItemKNN,
    "itemknn-bm25": lambda: ItemKNN(weighting="bm25", name="itemknn-bm25"),
    "itemknn-tfidf": lambda: ItemKNN(weighting="tfidf", name="itemknn-tfidf"),
    "userknn": UserKNN,
    "ease": EASE,
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


MODELS = models()
"""All models with their defaults."""
