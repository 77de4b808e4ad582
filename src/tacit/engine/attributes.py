"""Attributes of items and users: names in normal form, values of bounded length."""

import json
import math
import re
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal

import numpy as np

from tacit.core.errors import DataError
from tacit.core.types import Json
from tacit.data import columns as col
from tacit.engine.checking import checked_id

MOST_ATTRIBUTES = 64
_PATTERN = re.compile(r"\*|\^.*\$", re.DOTALL)
"""Names that a frame takes for a pattern of names (polars), wherever one of its columns is asked for."""
_LONGEST = 8_192
_DEEPEST = 16
"""Levels of lists and mappings in a value."""


def checked_names(attributes: Mapping[str, Json], what: str, reserved: Collection[str]) -> dict[str, Json]:
    """Return attributes with their names in normal form.

    Parameters
    ----------
    attributes : mapping
    what : str
        The owner, for messages: "an item".
    reserved : collection of str
        Names that have a meaning of their own.

    Raises
    ------
    DataError
        If they cannot be used; the message says why.
    """
    if attributes == {}:
        return {}
    if not isinstance(attributes, Mapping):
        raise DataError(
            f"the attributes of {what} are of the type {type(attributes).__name__}; give a mapping of names "
            "to values"
        )
    if len(attributes) > MOST_ATTRIBUTES:
        raise DataError(f"{what} has {len(attributes)} attributes; at most {MOST_ATTRIBUTES}")
    checked: dict[str, Json] = {}
    for name, value in attributes.items():
        name_ = checked_id(name, "attribute name")
        if name_ in reserved:
            hint = "; write it as description, or rename it" if name_ == col.TEXT else "; rename it"
            raise DataError(f"an attribute cannot be called {name_!r}{hint}")
        if _PATTERN.fullmatch(name_):
            raise DataError(f"an attribute cannot be called {name_!r}; rename it")
        if name_ in checked:
            raise DataError(f"the attribute {name_!r} is given twice")
        checked[name_] = plain_value(value, name_)
        _check_length(name_, checked[name_])
    return checked


def plain_value(value: object, name: str, depth: int = 0) -> Json:
    """Return a value as JSON has it: of NumPy and pandas too, times as ISO 8601, NaN as missing.

    Raises
    ------
    DataError
        If it has no such form.
    """
    if value is None or isinstance(value, str | bool):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, date):  # and with it datetime and pandas.Timestamp, whose NaT differs from itself
        return value.isoformat() if value == value else None
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    if isinstance(value, np.generic | np.ndarray):
        return plain_value(value.tolist(), name, depth + 1)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float | Decimal):
        return _finite(float(value), name)
    if depth < _DEEPEST:
        if isinstance(value, list | tuple):
            return [plain_value(part, name, depth + 1) for part in value]
        if isinstance(value, Mapping):
            return {str(key): plain_value(part, name, depth + 1) for key, part in value.items()}
    raise DataError(
        f"the attribute {name!r} is or holds a {type(value).__name__}, which is too deep or no plain value: "
        "give texts, numbers, true or false, times, or lists of them"
    )


def _finite(number: float, name: str) -> float | None:
    if math.isinf(number):
        raise DataError(f"the attribute {name!r} is not a finite number")
    return None if math.isnan(number) else number


def checked_user(attributes: Mapping[str, Json]) -> dict[str, Json]:
    """Return attributes of a user that may be stored or used.

    Raises
    ------
    DataError
        If they cannot be used; the message says why.
    """
    return checked_names(attributes, "a user", (col.USER, col.LINE))


def cell(value: Json) -> str | None:
    """Return a value as the text of a cell."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)


def _check_length(name: str, value: Json) -> None:
    try:
        size = len((cell(value) or "").encode("utf-8"))
    except UnicodeEncodeError as error:
        raise DataError(f"the attribute {name!r} is not valid Unicode") from error
    if size > _LONGEST:
        raise DataError(f"the attribute {name!r} is longer than {_LONGEST:,} bytes")
