"""Attributes of items and users: names in normal form, values of bounded length."""

import json
from collections.abc import Collection, Mapping

from tacit.core.errors import DataError
from tacit.core.types import Json
from tacit.data import columns as col
from tacit.engine.checking import checked_id

_MOST = 64
_LONGEST = 8_192


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
    if not isinstance(attributes, Mapping):
        raise DataError(
            f"the attributes of {what} are of the type {type(attributes).__name__}; give a mapping of names "
            "to values"
        )
    if len(attributes) > _MOST:
        raise DataError(f"{what} has {len(attributes)} attributes; at most {_MOST}")
    checked: dict[str, Json] = {}
    for name, value in attributes.items():
        name_ = checked_id(name, "attribute name")
        if name_ in reserved:
            hint = "; write it as description, or rename it" if name_ == col.TEXT else "; rename it"
            raise DataError(f"an attribute cannot be called {name_!r}{hint}")
        _check_length(name_, value)
        if name_ in checked:
            raise DataError(f"the attribute {name_!r} is given twice")
        checked[name_] = value
    return checked


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
