"""JSON of requests and responses, with the errors of bodies that are none."""

import json
import re
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tacit.engine.attributes import MOST_ATTRIBUTES
from tacit.server.schemas import ID_SCHEMA

_PATTERNS = {"pattern": r"^(\*|\^[\s\S]*\$)$"}
"""Names that mean several columns."""
_KEY = re.compile(rb'"\s*:')
_NESTED = (dict, list)
Body = TypeVar("Body", bound=BaseModel)


def json_response(content: Any, status: int = 200) -> Response:
    """Return a response of JSON; dataclasses may be part of it."""
    return Response(orjson.dumps(content), status, media_type="application/json")


def parsed(body: bytes, kind: type[Body]) -> Body:
    """Return a body as its model.

    Raises
    ------
    HTTPException
        400 if it is no JSON, 422 with the first thing that is wrong.
    """
    try:
        return kind.model_validate(loaded(body))
    except ValidationError as error:
        raise HTTPException(422, first_error(error)) from error


def loaded(body: bytes) -> Any:
    """Return a body of JSON.

    Raises
    ------
    HTTPException
        400 if it is none.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"the body is not valid JSON: {error}") from error
    check_keys(body, document)
    return document


def check_keys(body: bytes, document: object) -> None:
    """Refuse a body that gives a key of an object twice: which value was meant cannot be known.

    Raises
    ------
    HTTPException
    """
    if len(_KEY.findall(body)) > _keys_in(document):  # or a text looks like a key
        try:
            json.loads(body, object_pairs_hook=_once)
        except RecursionError as error:
            raise HTTPException(422, "the body has too many levels") from error


def _keys_in(document: object) -> int:
    """Return the number of keys in a document, those of the objects in it included."""
    keys, rest = 0, [document]
    while rest:
        one = rest.pop()
        if type(one) is dict:
            keys += len(one)
            rest += [value for value in one.values() if type(value) in _NESTED]
        elif type(one) is list:
            rest += [value for value in one if type(value) in _NESTED]
    return keys


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise HTTPException(422, f"the key {twice[:64]!r} is given twice in one object")
    return keys


def first_error(error: ValidationError) -> str:
    """Return where the first error is and what it is."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))[:200]
    what = in_words(str(first["msg"]))
    return f"{where}: {what}" if where else what


def in_words(message: str) -> str:
    """Return a message of pydantic without the name of its kind of error."""
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")


def attributes_in(body: bytes) -> dict[str, Any]:
    """Return the attributes of a body.

    Raises
    ------
    HTTPException
        400 if it is no JSON, 422 if it is no object.
    """
    attributes = loaded(body)
    if not isinstance(attributes, dict):
        raise HTTPException(422, "the body must be a JSON object of attributes")
    return attributes


def attributes_like(example: dict[str, Any], *reserved: str, **known: Any) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body of attributes; the engine checks more.

    Parameters
    ----------
    example : dict
    *reserved : str
        Names that an attribute cannot have.
    **known : dict
        Schemas of attributes with a meaning of their own.
    """
    schema: dict[str, Any] = {
        "type": "object",
        "description": "Any attributes",
        "example": example,
        "maxProperties": MOST_ATTRIBUTES,
        "propertyNames": ID_SCHEMA | {"not": {"anyOf": [{"enum": list(reserved)}, _PATTERNS]}},
        "properties": known,
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
