"""Every model by name: what ``tacit evaluate --models`` may ask for."""

from collections.abc import Callable

from tacit.models.content import Content
from tacit.models.ease import EASE
from tacit.models.itemknn import ItemKNN
from tacit.models.protocol import Recommender
from tacit.models.trending import Trending
from tacit.models.userknn import UserKNN
from tacit.pipeline.config import Config
from tacit.pipeline.twostage import TwoStage

MODELS: dict[str, Callable[[], Recommender | TwoStage]] = {
    "popular": lambda: Trending(half_life=float("inf"), name="popular"),
    "trending": Trending,
    "itemknn": ItemKNN,
    "itemknn-bm25": lambda: ItemKNN(weighting="bm25", name="itemknn-bm25"),
    "itemknn-tfidf": lambda: ItemKNN(weighting="tfidf", name="itemknn-tfidf"),
    "userknn": UserKNN,
    "ease": EASE,
    "content": Content,
    "blend": lambda: TwoStage(Config(ranker=None), name="blend"),
    "tacit": TwoStage,
}

SIMPLE = ("popular", "trending", "itemknn", "itemknn-bm25", "itemknn-tfidf", "userknn", "ease", "content")
"""One idea each: what the blend and the ranker have to beat."""
