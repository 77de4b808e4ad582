"""Retrievers by name: what a configuration may ask for and a snapshot may hold."""

from collections.abc import Callable, Mapping
from typing import Any

from tacit.core.errors import ConfigError
from tacit.core.types import Array
from tacit.data.catalogue import Catalogue
from tacit.models.content import Content
from tacit.models.ease import EASE
from tacit.models.itemknn import ItemKNN
from tacit.models.protocol import Recommender
from tacit.models.rulebased import RuleBased
from tacit.models.trending import Trending
from tacit.models.userknn import UserKNN
from tacit.pipeline.config import made

RETRIEVERS: dict[str, Callable[..., Recommender]] = {
    "trending": Trending,
    "itemknn": ItemKNN,
    "userknn": UserKNN,
    "ease": EASE,
    "content": Content,
    "rules": RuleBased,
}


def retriever(name: str, parameters: Mapping[str, Any]) -> Recommender:
    """Return an unfitted retriever.

    Raises
    ------
    ConfigError
        If the name or a parameter is unknown.
    """
    if name not in RETRIEVERS:
        raise ConfigError(f"there is no retriever {name!r}; known: {', '.join(RETRIEVERS)}")
    return made(RETRIEVERS[name], parameters, f"the retriever {name!r}")


def restore(
    name: str, spec: Mapping[str, Any], arrays: Mapping[str, Array], catalogue: Catalogue
) -> Recommender:
    """Return a fitted retriever from a snapshot's parts."""
    return RETRIEVERS[name].restore(spec, arrays, catalogue)  # type: ignore[attr-defined, no-any-return]
