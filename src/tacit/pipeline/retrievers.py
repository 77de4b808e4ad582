"""Retrievers by name: what a configuration may ask for and a snapshot may hold.

A configuration may hold one model twice, with other parameters and under a name of its own::

    [retrievers.ease]
    decay = 1.0

    [retrievers.ease-recent]
    model = "ease"
    decay = 0.8
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tacit.core.errors import ConfigError
from tacit.core.types import Array
from tacit.data.catalogue import Catalogue
from tacit.models.content import Content
from tacit.models.covisitation import CoVisitation
from tacit.models.ease import EASE
from tacit.models.ials import IALS
from tacit.models.itemknn import ItemKNN
from tacit.models.protocol import Recommender
from tacit.models.repeats import Repeats
from tacit.models.rulebased import RuleBased
from tacit.models.sequential import Sequential
from tacit.models.sessionknn import SessionKNN
from tacit.models.slim import SLIM
from tacit.models.textprior import TextPrior
from tacit.models.transformer import Transformer
from tacit.models.trending import Trending
from tacit.models.userknn import UserKNN
from tacit.pipeline.config import made

RETRIEVERS: dict[str, Callable[..., Recommender]] = {
    "trending": Trending,
    "itemknn": ItemKNN,
    "userknn": UserKNN,
    "ease": EASE,
    "slim": SLIM,
    "textprior": TextPrior,
    "sequential": Sequential,
    "sessionknn": SessionKNN,
    "covisitation": CoVisitation,
    "ials": IALS,
    "transformer": Transformer,
    "content": Content,
    "repeats": Repeats,
    "rules": RuleBased,
}


def retriever(name: str, parameters: Mapping[str, Any]) -> Recommender:
    """Return an unfitted retriever.

    Parameters
    ----------
    name : str
    parameters : mapping
        Its parameters, and ``model`` where the name is not that of a model.

    Raises
    ------
    ConfigError
        If the model or a parameter is unknown.
    """
    model = model_of(name, parameters)
    if model not in RETRIEVERS:
        raise ConfigError(f"there is no retriever {model!r}; known: {', '.join(RETRIEVERS)}")
    own = {key: value for key, value in parameters.items() if key != "model"}
    return made(partial(RETRIEVERS[model], name=name), own, f"the retriever {name!r}")


def model_of(name: str, parameters: Mapping[str, Any]) -> str:
    """Return which model a retriever of a configuration is: its ``model``, or else its name."""
    return str(parameters.get("model", name))


def restore(
    model: str, spec: Mapping[str, Any], arrays: Mapping[str, Array], catalogue: Catalogue
) -> Recommender:
    """Return a fitted retriever from a snapshot's parts."""
    return RETRIEVERS[model].restore(spec, arrays, catalogue)  # type: ignore[attr-defined, no-any-return]
