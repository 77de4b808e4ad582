"""Refuses models that break their protocol before their metrics are computed; see `tacit.models.checks`."""

from collections.abc import Callable
from typing import Any

from tacit.core.errors import ConfigError
from tacit.core.types import Float32, Int32
from tacit.data.queries import Queries
from tacit.data.ranking import Ranking
from tacit.models.checks import call_fault, checked_ranking, checked_scores
from tacit.models.protocol import MakesLists, Scorer, recommend

_FIT = "fit(interactions, catalogue, *, rng)"
_SCORE = "score(queries, items=None)"


def checked_model(name: str, make: Callable[[], Any]) -> Any:
    """Return a model with the methods that an evaluation needs.

    Raises
    ------
    ConfigError
        If it has no ``fit``, or neither ``score`` nor ``recommend``, or they cannot be called.
    """
    fault = call_fault(make, 0)
    if fault:
        raise _refusal(name, f"cannot be made ({fault}); give a function without arguments that returns it")
    model = make()
    _check_methods(name, model)
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
    return checked_ranking(_owner(name), "recommend", ranking, (len(queries), k), n_items)


class _Checked:
    """A scorer whose scores are checked before they are used."""

    def __init__(self, model: Scorer, name: str, n_items: int) -> None:
        self._model = model
        self._name = name
        self._n_items = n_items

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        shape = (len(queries), self._n_items if items is None else len(items))
        return checked_scores(_owner(self._name), self._model.score(queries, items), shape)


def _check_methods(name: str, model: Any) -> None:
    """Refuse methods that cannot be called as an evaluation calls them."""
    if isinstance(model, type) or not callable(getattr(model, "fit", None)):
        raise _refusal(name, "has no method fit (see tacit.models.protocol.Recommender)")
    scores, lists = (callable(getattr(model, method, None)) for method in ("score", "recommend"))
    if not scores and not lists:
        raise _refusal(name, "has neither a method score nor a method recommend")
    fault = call_fault(model.fit, 2, {"rng"})
    if fault:
        raise _refusal(name, f"has a fit that cannot be called ({fault}); write {_FIT}")
    fault = "" if lists else call_fault(model.score, 2)
    if fault:
        raise _refusal(name, f"has a score that cannot be called ({fault}); write {_SCORE}")


def _owner(name: str) -> str:
    return f"the model {name!r}"


def _refusal(name: str, what: str) -> ConfigError:
    return ConfigError(f"{_owner(name)} {what}")
