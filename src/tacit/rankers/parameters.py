"""The parameters of a ranker as JSON: the fields that its constructor takes."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from tacit.core.types import Json

Made = TypeVar("Made")


def parameters_of(ranker: Any) -> dict[str, Json]:
    """Return the name and the parameters of a ranker that is a dataclass."""
    values = {each.name: getattr(ranker, each.name) for each in fields(ranker) if each.init}
    return {"name": ranker.name} | {key: _plain(value) for key, value in values.items()}


def made_of(kind: type[Made], spec: Mapping[str, Any]) -> Made:
    """Return an unfitted ranker with the parameters that `parameters_of` returned."""
    return kind(**{key: value for key, value in spec.items() if key != "name"})


def _plain(value: Any) -> Json:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, list | tuple) else value
