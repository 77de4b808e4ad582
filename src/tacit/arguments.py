"""Checks of the arguments of the Python API that are not data."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

from tacit.core.errors import ConfigError
from tacit.evaluation.model_checks import checked_model

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
        If it is neither a text nor a path.
    """
    if isinstance(value, str | Path):
        return Path(value)
    raise ConfigError(f"the {name} is of the type {type(value).__name__}; give a path as str or Path")


def names(values: object, name: str) -> list[str] | None:
    """Return several names, or None.

    Raises
    ------
    ConfigError
        If it is one text, or nothing that holds names.
    """
    if values is None:
        return None
    if isinstance(values, str):
        raise ConfigError(f"{name} is one text; give a list of names: {name}=[{values!r}]")
    if not isinstance(values, Iterable):
        raise ConfigError(f"{name} is of the type {type(values).__name__}; give a list of names")
    return list(values)


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
    return {str(role): str(column) for role, column in mapping.items()}


def check_number(value: object, name: str, *, positive: bool = False) -> None:
    """Refuse a value that is no number, or not positive if it must be.

    Raises
    ------
    ConfigError
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ConfigError(f"{name} is {value!r}; it must be a number")
    if positive and not float(value) > 0:
        raise ConfigError(f"{name} is {value!r}; it must be above 0")


def makers(own: object) -> dict[str, Callable[[], Any]] | None:
    """Return builders of the caller's models; each model is checked when it is built.

    Raises
    ------
    ConfigError
        If it does not map names to callables.
    """
    if own is None:
        return None
    if not isinstance(own, Mapping):
        raise ConfigError(
            f"own is of the type {type(own).__name__}; give names and what makes the models, for example "
            'own={"mine": Mine}'
        )
    for name, make in own.items():
        if not callable(make):
            raise ConfigError(
                f"own: {name!r} is of the type {type(make).__name__}, which cannot be called; give what "
                f"makes the model, for example own={{{name!r}: lambda: {type(make).__name__}()}}"
            )
    return {str(name): partial(checked_model, str(name), make) for name, make in own.items()}
