"""Checks of the arguments of the Python API that are not data."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from glob import has_magic
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tacit.core.errors import ConfigError, DataError
from tacit.core.folders import is_address
from tacit.core.places import checked_path
from tacit.evaluation.model_checks import checked_model
from tacit.reading.choices import ROLES

Kind = TypeVar("Kind")


def optional(value: Kind | None, kind: type[Kind], name: str) -> Kind | None:
    """Return an argument that is None or an object of one of Tacit's types.

    Raises
    ------
    ConfigError
    """
    if value is None or isinstance(value, kind):
        return value
    found, wanted = type(value).__name__, f"tacit.{kind.__name__}"
    hint = f"{wanted}(**{name})" if isinstance(value, Mapping) else f"{wanted}(...)"
    raise ConfigError(f"{name} is of the type {found}; give a {wanted}, for example {name}={hint}")


def path(value: object, name: str) -> Path:
    """Return a path.

    Raises
    ------
    ConfigError
        If it is neither a text nor a path, or no file system takes it.
    """
    if isinstance(value, str | Path):
        return checked_path(value, name)
    raise ConfigError(f"the {name} is of the type {type(value).__name__}; give a path as str or Path")


def check_files(**named: object) -> None:
    """Refuse files that are not there, before the first of them is read; frames are let through.

    Raises
    ------
    ConfigError
        If a path is none that a file system takes.
    DataError
        If there is no such file.
    """
    for name, value in named.items():
        if isinstance(value, str | Path) and not checked_path(value, name).exists():
            raise DataError(f"cannot read {value}: No such file or directory")


def check_logs(**named: object) -> None:
    """Refuse logs that are not there, as `check_files` does; addresses and patterns are looked up later."""
    check_files(**{name: value for name, value in named.items() if not _is_of_several(value)})


def _is_of_several(value: object) -> bool:
    if not isinstance(value, str | Path):
        return False
    return is_address(str(value)) or has_magic(str(value))


def names(values: object, name: str) -> list[str] | None:
    """Return several names, or None.

    Raises
    ------
    ConfigError
        If it is one text, or nothing that holds names, or one of them is no text.
    """
    if values is None:
        return None
    if isinstance(values, str):
        raise ConfigError(f"{name} is one text; give a list of names: {name}=[{values!r}]")
    if not isinstance(values, Iterable):
        raise ConfigError(f"{name} is of the type {type(values).__name__}; give a list of names")
    found = list(values)
    for one in found:
        if not isinstance(one, str):
            raise ConfigError(f"{name} holds {one!r}; give a list of names as text")
    return found


def roles(mapping: object) -> Mapping[str, str] | None:
    """Return a mapping of role to column as text.

    Raises
    ------
    ConfigError
    """
    if mapping is None:
        return None
    if not isinstance(mapping, Mapping):
        raise ConfigError(
            f"mapping is of the type {type(mapping).__name__}; give role to column, for example "
            'mapping={"user": "visitor"}'
        )
    chosen = {str(role): str(column) for role, column in mapping.items()}
    for role, column in chosen.items():
        if role not in ROLES:
            raise ConfigError(f"there is no role {role!r}; known: {', '.join(ROLES)}")
        if twice := [other for other in chosen if other != role and chosen[other] == column]:
            raise ConfigError(
                f"mapping: the column {column!r} cannot be both {role} and {twice[0]}; name two"
            )
    return chosen


def check_number(value: object, name: str, *, positive: bool = False) -> None:
    """Refuse a value that is no number, or not positive if it must be.

    Raises
    ------
    ConfigError
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ConfigError(f"{name} is {value!r}; it must be a number")
    if positive and not 0 < float(value) < float("inf"):
        raise ConfigError(f"{name} is {value!r}; it must be above 0 and no infinity")


def check_share(share: object) -> None:
    """Refuse a share of events that is not between 0 and 1.

    Raises
    ------
    ConfigError
    """
    check_number(share, "share")
    if not 0 < float(share) < 1:  # type: ignore[arg-type]
        raise ConfigError(f"share is {share}; it must lie between 0 and 1")


def check_whole(value: object, name: str) -> None:
    """Refuse a value that is no whole number above 0.

    Raises
    ------
    ConfigError
    """
    check_number(value, name, positive=True)
    if not isinstance(value, Integral):
        raise ConfigError(f"{name} is {value!r}; it must be a whole number")


def check_choice(value: object, choices: Iterable[str], name: str) -> None:
    """Refuse a value that is none of the choices; None is let through.

    Raises
    ------
    ConfigError
    """
    known = list(choices)
    if value is not None and value not in known:
        raise ConfigError(f"{name}: {value!r} is none of {', '.join(known)}")


def check_flags(**flags: object) -> None:
    """Refuse values that are neither true nor false.

    Raises
    ------
    ConfigError
    """
    for name, value in flags.items():
        if not isinstance(value, bool | np.bool_):
            raise ConfigError(f"{name} is {value!r}; it must be True or False")


def makers(own: object) -> dict[str, Callable[[], Any]] | None:
    """Return builders of the caller's models; each model is checked when it is built.

    Raises
    ------
    ConfigError
        If it does not map texts to callables.
    """
    if own is None:
        return None
    if not isinstance(own, Mapping):
        raise ConfigError(
            f"own is of the type {type(own).__name__}; give names and what makes the models, for example "
            'own={"mine": Mine}'
        )
    for name, make in own.items():
        if not isinstance(name, str) or not name.strip():
            raise ConfigError(f"own: {name!r} is no name of a model; give a text that is not empty")
        if not callable(make):
            raise ConfigError(
                f"own: {name!r} is of the type {type(make).__name__}, which cannot be called; give what "
                f"makes the model, for example own={{{name!r}: lambda: {type(make).__name__}()}}"
            )
    return {name: partial(checked_model, name, make) for name, make in own.items()}
