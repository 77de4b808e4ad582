"""JSON of requests and responses, with the errors of bodies that are none."""

from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

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
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"the body is not valid JSON: {error}") from error


def first_error(error: ValidationError) -> str:
    """Return where the first error is and what it is."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))[:200]
    return f"{where}: {first['msg']}" if where else str(first["msg"])
