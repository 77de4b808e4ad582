"""Refuses models that break their protocol: their metrics would mean nothing.

A list with an item twice counts one hit twice (NDCG above 1), scores of the wrong width belong to other
items, and NaN looks like a short list.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tacit.core.errors import ConfigError
from tacit.core.types import Bool, Float32, Int32
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.models.protocol import MakesLists, Scorer, recommend


def checked_model(name: str, make: Callable[[], Any]) -> Any:
    """Return a model with the methods that an evaluation needs.

    Raises
    ------
    ConfigError
        If it has no ``fit``, or neither ``score`` nor ``recommend``.
    """
    model = make()
    if isinstance(model, type) or not callable(getattr(model, "fit", None)):
        raise _refusal(name, "has no method fit (see tacit.models.protocol.Recommender)")
    if not any(callable(getattr(model, method, None)) for method in ("score", "recommend")):
        raise _refusal(name, "has neither a method score nor a method recommend")
    return model


def checked_lists(name: str, model: Any, queries: Queries, k: int, n_items: int) -> Ranking:
    """Return a model's lists, by its own ``recommend`` or by its scores.

    Parameters
    ----------
    name : str
        Name of the model, for messages.
    model : fitted model
    queries : Queries
        n histories.
    k : int
    n_items : int
        Number of items of the catalogue.

    Raises
    ------
    ConfigError
        If the scores or the lists are not as `tacit.models.protocol` and `Ranking` require.
    """
    checked = model if isinstance(model, MakesLists) else _Checked(model, name, n_items)
    ranking = recommend(checked, queries, k)
    _check_ranking(name, ranking, (len(queries), k), n_items)
    return ranking


class _Checked:
    """A scorer whose scores are checked before they are used."""

    def __init__(self, model: Scorer, name: str, n_items: int) -> None:
        self._model = model
        self._name = name
        self._n_items = n_items

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        scores = self._model.score(queries, items)
        shape = (len(queries), self._n_items if items is None else len(items))
        _check_array(self._name, "scores", scores, np.floating, "float32", shape, "queries x items")
        if scores.size and np.isnan(scores.min()):  # min propagates NaN and needs no second matrix
            raise _refusal(self._name, "scores with NaN; give -inf where it has no score of an item")
        if not scores.flags.writeable:
            raise _refusal(self._name, "scores with an array that cannot be written to; return a copy of it")
        return scores


def _check_ranking(name: str, ranking: object, shape: tuple[int, int], n_items: int) -> None:
    if not isinstance(ranking, Ranking):
        raise _refusal(
            name, f"returns a {type(ranking).__name__} from recommend; return a tacit.data.ranking.Ranking"
        )
    _check_array(name, "the items of lists", ranking.items, np.integer, "int32", shape, "queries x k")
    _check_array(name, "the scores of lists", ranking.scores, np.floating, "float32", shape, "queries x k")
    outside = (ranking.items < -1) | (ranking.items >= n_items)
    if outside.any():
        raise _refusal(
            name,
            f"lists the item {ranking.items[outside][0]}; items are codes from 0 to {n_items - 1:,}, and -1 "
            "where a list has no further one",
        )
    twice = _repeats(ranking.items)
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise _refusal(
            name,
            f"lists an item twice in {int(twice.sum()):,} of {len(twice):,} lists (first for query {row}); "
            "list each item once and fill with -1",
        )
    if np.isnan(ranking.scores).any():
        raise _refusal(name, "gives a listed item the score NaN; give numbers, and -inf beside the item -1")


def _repeats(items: Int32) -> Bool:
    """Return which lists (int32[n, k]) hold an item twice: bool[n]."""
    ordered = np.sort(items, axis=1)
    return np.asarray(((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any(axis=1))


def _check_array(
    name: str, what: str, found: object, kind: type, wanted: str, shape: tuple[int, int], axes: str
) -> None:
    if not isinstance(found, np.ndarray):
        raise _refusal(name, f"returns a {type(found).__name__} as {what}; return a NumPy array of {wanted}")
    if found.shape != shape:
        raise _refusal(name, f"returns {what} of the shape {found.shape}; it must be {shape}: {axes}")
    if not np.issubdtype(found.dtype, kind):
        raise _refusal(name, f"returns {what} of the type {found.dtype}; it must be {wanted}")


def _refusal(name: str, what: str) -> ConfigError:
    return ConfigError(f"the model {name!r} {what}")
