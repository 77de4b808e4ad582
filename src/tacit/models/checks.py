"""Refuses what components of other people return where it breaks their protocols.

A list with an item twice counts one hit twice, scores of the wrong width belong to other items, and NaN looks
like a short list. Tacit's own components are known to keep their protocols, so a request does not pay for it.
"""

import inspect
from collections.abc import Callable, Collection
from functools import cache
from typing import Any, cast

import numpy as np

from tacit.core.errors import ConfigError
from tacit.core.types import Array, Bool, Float32, Int32
from tacit.data.ranking import Ranking
from tacit.models.sparse_scores import SparseScores

_OURS = "tacit"


def is_ours(component: object) -> bool:
    """Return whether the class of a component is Tacit's own; a class derived from it is not."""
    return _is_ours(cast("Any", type(component)))


@cache
def _is_ours(of: Any) -> bool:
    return str(of.__module__).partition(".")[0] == _OURS


def call_fault(method: Callable[..., Any], count: int, keywords: Collection[str] = ()) -> str:
    """Return why a method cannot be called with ``count`` values and these keywords; "" if it can."""
    try:
        inspect.signature(method).bind(*[None] * count, **dict.fromkeys(keywords))
    except TypeError as error:
        return str(error)
    except ValueError:  # some built-in functions have no signature
        return ""
    return ""


def checked_scores(owner: str, scores: object, shape: tuple[int, int]) -> Float32:
    """Return the scores of items for queries as float32.

    Parameters
    ----------
    owner : str
        Whose they are, for messages: "the model 'x'".
    scores : object
        What its ``score`` returned.
    shape : (int, int)
        Queries and items.

    Raises
    ------
    ConfigError
        If they are no array of numbers of that shape, hold NaN or infinity, or cannot be written to.
    """
    found = checked_array(owner, "scores", scores, np.floating, "float32", shape, "queries x items")
    with np.errstate(over="ignore"):
        found = found.astype(np.float32, copy=False)
    highest = found.max(initial=-np.inf)  # max propagates NaN and needs no second matrix
    if np.isnan(highest):
        raise ConfigError(f"{owner} returns scores with NaN; give -inf where it has no score of an item")
    if highest == np.inf:
        raise ConfigError(f"{owner} returns scores with +inf; give numbers that float32 can hold")
    if not found.flags.writeable:
        raise ConfigError(
            f"{owner} returns scores with an array that cannot be written to; return a copy of it"
        )
    return found


def checked_sparse_scores(owner: str, listed: object, n: int, n_items: int) -> SparseScores:
    """Return the sparse scores of n queries over ``n_items`` items.

    Raises
    ------
    ConfigError
        If they are none of so many queries, if the items of a query do not ascend, or a score is not finite.
    """
    if not isinstance(listed, SparseScores) or len(listed) != n:
        raise ConfigError(f"{owner} must return SparseScores of {n:,} queries from sparse_scores")
    row = np.repeat(np.arange(n), np.diff(listed.offsets))
    items, same = listed.items, row[1:] == row[:-1]
    whole = len(row) == len(items) == len(listed.scores)
    if not whole or (items < 0).any() or (items >= n_items).any() or (np.diff(items)[same] <= 0).any():
        raise ConfigError(
            f"{owner} returns sparse scores whose items are not codes below {n_items:,}, ascending in a query"
        )
    if not np.isfinite(listed.scores).all():
        raise ConfigError(
            f"{owner} returns sparse scores with NaN or infinity; leave out items without a score"
        )
    return listed


def checked_pair_scores(owner: str, scores: object, count: int) -> Float32:
    """Return the scores of a ranker for pairs as float32.

    Raises
    ------
    ConfigError
        If they are no array of ``count`` finite numbers.
    """
    found = checked_array(owner, "scores", scores, np.floating, "float32", (count,), "one for each pair")
    with np.errstate(over="ignore"):
        found = found.astype(np.float32, copy=False)
    if not np.isfinite(found).all():
        raise ConfigError(f"{owner} returns scores with NaN or infinity; give a finite number for each pair")
    return found


def checked_ranking(
    owner: str, method: str, ranking: object, shape: tuple[int, int], n_items: int
) -> Ranking:
    """Return lists of items.

    Parameters
    ----------
    owner : str
        Whose they are, for messages: "the model 'x'".
    method : str
        The method that returned them.
    ranking : object
        What it returned.
    shape : (int, int)
        Queries and length of the lists.
    n_items : int
        Number of items of the catalogue.

    Raises
    ------
    ConfigError
        If they are no `Ranking` of that shape, or hold an item that is none, an item twice or the score NaN.
    """
    if not isinstance(ranking, Ranking):
        raise ConfigError(
            f"{owner} returns a {type(ranking).__name__} from {method}; return a tacit.data.ranking.Ranking"
        )
    items = checked_array(
        owner, "the items of lists", ranking.items, np.integer, "int32", shape, "queries x k"
    )
    scores = checked_array(
        owner, "the scores of lists", ranking.scores, np.floating, "float32", shape, "queries x k"
    )
    outside = (items < -1) | (items >= n_items)
    if outside.any():
        raise ConfigError(
            f"{owner} lists the item {items[outside][0]}; items are codes from 0 to {n_items - 1:,}, and -1 "
            "where a list has no further one"
        )
    twice = _repeats(items)
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise ConfigError(
            f"{owner} lists an item twice in {int(twice.sum()):,} of {len(twice):,} lists (first for query "
            f"{row}); list each item once and fill with -1"
        )
    if np.isnan(scores).any():
        raise ConfigError(
            f"{owner} gives a listed item the score NaN; give numbers, and -inf beside the item -1"
        )
    return ranking


def checked_array(
    owner: str, what: str, found: object, kind: type, wanted: str, shape: tuple[int, ...], axes: str
) -> Array:
    """Return a plain array of a shape and a kind of numbers.

    Raises
    ------
    ConfigError
    """
    if type(found) is not np.ndarray:  # a matrix multiplies and indexes in its own way, a mask would be lost
        raise ConfigError(
            f"{owner} returns a {type(found).__name__} as {what}; return a NumPy array of {wanted}"
        )
    if found.shape != shape:
        raise ConfigError(f"{owner} returns {what} of the shape {found.shape}; it must be {shape}: {axes}")
    if not np.issubdtype(found.dtype, kind):
        raise ConfigError(f"{owner} returns {what} of the type {found.dtype}; it must be {wanted}")
    return found


def _repeats(items: Int32) -> Bool:
    """Return which lists (int32[n, k]) hold an item twice: bool[n]."""
    ordered = np.sort(items, axis=1)
    return np.asarray(((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any(axis=1))
