"""From what a configuration is given to unfitted components: objects, names, or tables as in a TOML file.

A component without the methods that a pipeline needs is refused here, before any file is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any, get_args

from tacit.core.errors import ConfigError
from tacit.core.parameters import Parameterised, shown
from tacit.features.families import FAMILIES
from tacit.features.normaliser import Scale
from tacit.models.checks import call_fault
from tacit.models.protocol import Recommender
from tacit.pipeline import register
from tacit.rankers.pair import PairClassifier
from tacit.rankers.ranker import Ranker

NOBODY = "none"
"""The name of no ranker and of no re-ranker."""


def retrievers_of(given: Any) -> tuple[Recommender, ...]:
    """Return the retrievers of a list of objects and names, or of a table of parameters by name.

    Raises
    ------
    ConfigError
        If there is no such component, or it lacks what a pipeline needs.
    """
    if isinstance(given, Mapping):
        found = tuple(_retriever(name, value) for name, value in given.items())
    elif isinstance(given, Sequence) and not isinstance(given, str):
        found = tuple(_recommender(one) for one in given)
    else:
        raise ConfigError(
            f"retrievers is {shown(given)}, of the wrong type; give a list of retrievers or a table of their "
            'parameters, for example {"ease": {"l2": 3.0}}'
        )
    if not found:
        raise ConfigError("the configuration names no retriever; give at least [retrievers.trending]")
    titles = [one.name for one in found]
    for title in titles:
        if titles.count(title) > 1:
            raise ConfigError(f"two retrievers have the name {title!r}; give one of them another name")
    return found


def _check_name(kind: str, name: object) -> None:
    """Refuse what cannot be the name of a component: in files, keys of a snapshot and lines of a report."""
    if not isinstance(name, str):
        fault = f"it is {shown(name)}, not text"
    elif not name.strip():
        fault = "it is empty"
    elif "/" in name:
        fault = "it holds a '/'"
    elif not name.isprintable():
        fault = "it holds a character that cannot be printed, such as a line break"
    elif name == NOBODY and kind != "retriever":
        fault = f"{NOBODY!r} stands for no {kind}"
    else:
        return
    raise ConfigError(f"a {kind} cannot have the name {shown(name)}: {fault}; give it another name")


def _retriever(name: object, value: object) -> Recommender:
    """Return the retriever of an entry in a mapping."""
    if not isinstance(name, str):
        raise ConfigError(f"retrievers has the key {shown(name)}; the name of a retriever is text")
    _check_name("retriever", name)
    if isinstance(value, Recommender):
        named = _recommender(value)
        if named.name == name:
            return named
        if isinstance(named, Parameterised):
            return replace(named, name=name)  # type: ignore[type-var]
        raise ConfigError(f"the retriever {name!r} calls itself {named.name!r}; use that name as its key")
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"the retriever {name!r} is {shown(value)}, of the wrong type; give a table of parameters"
        )
    own = {str(key): one for key, one in value.items()}
    model = own.pop("model", name)
    if not isinstance(model, str):
        raise ConfigError(
            f"the retriever {name!r}: model is {shown(model)}; it must be the name of a retriever"
        )
    return _recommender(register.create("retriever", model, own, title=name))


def _recommender(one: object) -> Recommender:
    """Return a retriever that was given as an object or a name.

    Raises
    ------
    ConfigError
    """
    if isinstance(one, str):
        one = register.create("retriever", one)
    form = "name, fit(interactions, catalogue, *, rng) and score(queries, items=None)"
    _check_methods(one, "retriever", ("name", "fit", "score"), form)
    _check_call(one, "fit", 2, {"rng"}, "retriever", form)
    _check_call(one, "score", 1, set(), "retriever", form)
    _check_call(one, "score", 2, set(), "retriever", form)
    if not one.name:  # type: ignore[attr-defined]
        raise ConfigError(f"the retriever {shown(one)} has no name; set name to a text")
    _check_name("retriever", one.name)  # type: ignore[attr-defined]
    return one  # type: ignore[return-value]


def ranker_of(given: Any) -> Ranker | None:
    """Return the ranker of an object, a name or a table; None for "none".

    Raises
    ------
    ConfigError
        If there is no such component, or it lacks what a pipeline needs.
    """
    if given is None or (isinstance(given, str) and given == NOBODY):
        return None
    if isinstance(given, str | Mapping):
        name, own = _named("ranker", given)
        if name == NOBODY:
            return None
        if register.is_known("reranker", name):
            raise ConfigError(f"{name!r} is a re-ranker and no ranker; write rerank = {{name = {name!r}}}")
        given = register.create("ranker", name, own)
    form = (
        "name, families, tasks, scale, epochs_, fit(train, valid, columns, ...), score(features, base), "
        "spec, arrays and restore"
    )
    _check_methods(given, "ranker", ("name", "families", "tasks", "scale", "fit", "score"), form)
    _check_call(given, "score", 2, set(), "ranker", form)
    keywords = {"test", "rng", "progress", "on_epoch"}
    _check_call(given, "fit", 3, keywords, "ranker", form)
    _check_methods(given, "ranker", ("epochs_", "spec", "arrays", "restore"), form)
    _check_name("ranker", given.name)
    _check_families(given)
    _check_tasks(given)
    if given.scale not in get_args(Scale):
        raise ConfigError(
            f"the ranker {given.name!r} has the scale {shown(given.scale)}; give one of "
            f"{', '.join(get_args(Scale))}"
        )
    return given  # type: ignore[no-any-return]


def _check_families(ranker: Any) -> None:
    families = ranker.families
    if families is not None and (isinstance(families, str) or not isinstance(families, Sequence)):
        raise ConfigError(
            f"the ranker {ranker.name!r} has the families {shown(families)}, of the wrong type; give a list "
            "of names, or None"
        )
    for family in families or ():
        if not isinstance(family, str) or family not in FAMILIES:
            raise ConfigError(
                f"the ranker has no feature family {shown(family)}; known: {', '.join(FAMILIES)}"
            )


def _check_tasks(ranker: Any) -> None:
    tasks, what = ranker.tasks, f"the ranker {ranker.name!r} has the tasks {shown(ranker.tasks)}"
    if not isinstance(tasks, Mapping):
        raise ConfigError(f"{what}, of the wrong type; give weights by event type, or {{}} for any event")
    for name, weight in tasks.items():
        if not isinstance(name, str) or isinstance(weight, bool) or not isinstance(weight, int | float):
            raise ConfigError(f"{what}; give each event type, a text, a number as its weight")
        if not 0 <= weight < inf:
            raise ConfigError(f"{what}; a weight must be at least 0 and finite")
    if tasks and not any(tasks.values()):
        raise ConfigError(f"{what}; at least one weight must be more than 0")


def reranker_of(given: Any) -> PairClassifier | None:
    """Return the re-ranker of an object, a name or a table; None for "none".

    Raises
    ------
    ConfigError
        If there is no such component, or it lacks what a pipeline needs.
    """
    if given is None or (isinstance(given, str) and given == NOBODY):
        return None
    if isinstance(given, str | Mapping):
        name, own = _named("reranker", given)
        if name == NOBODY:
            return None
        given = register.create("reranker", name, own)
    if not isinstance(given, PairClassifier):
        raise ConfigError(f"rerank is {shown(given)}, of the wrong type; give PairClassifier(...) or a table")
    return given


def _named(kind: Any, given: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name and the parameters of a ranker or re-ranker of plain data."""
    key = "rerank" if kind == "reranker" else kind
    if isinstance(given, str):
        return given, {}
    own = {str(name): value for name, value in given.items()}
    if "name" not in own:
        known = ", ".join(register.names(kind))
        raise ConfigError(f"{key} has no name; add name, one of {known}")
    name = own.pop("name")
    if not isinstance(name, str):
        raise ConfigError(f"{key}: name is {shown(name)}; it must be text")
    return name, own


def _check_methods(one: object, kind: str, needed: Sequence[str], form: str) -> None:
    if isinstance(one, type):
        raise ConfigError(f"{one.__name__} is a class and no {kind}; write {one.__name__}()")
    if missing := [name for name in needed if not hasattr(one, name)]:
        raise ConfigError(f"{type(one).__name__} is no {kind}: it has no {missing[0]!r}; a {kind} has {form}")


def _check_call(one: object, name: str, count: int, keywords: set[str], kind: str, form: str) -> None:
    """Refuse a method that cannot be called as a pipeline calls it."""
    if fault := call_fault(getattr(one, name), count, keywords):
        raise ConfigError(
            f"{type(one).__name__} is no {kind}: its {name} cannot be called ({fault}); a {kind} has {form}"
        )
