"""Ids in paths: percent-encoded, so that one that holds a slash is one part of the path."""

from typing import Annotated
from urllib.parse import unquote

from fastapi import Path
from pydantic import BeforeValidator

from tacit.engine.checking import LONGEST_ID
from tacit.server.schemas import ID_SCHEMA


def _decoded(text: object) -> object:
    """Return an id of the path, whose part is percent-encoded (`tacit.server.guard`)."""
    if not isinstance(text, str):
        return text
    id_ = unquote(text, errors="strict")
    size = len(id_.encode())
    if size > LONGEST_ID:
        raise ValueError(f"it has {size:,} bytes; an id has at most {LONGEST_ID}")
    return id_


Id = Annotated[
    str,
    BeforeValidator(_decoded),
    Path(
        description=f"Percent-encoded: a/b is a%2Fb; at most {LONGEST_ID} bytes", json_schema_extra=ID_SCHEMA
    ),
]
