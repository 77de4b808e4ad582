"""Errors as RFC 9457 documents."""

from http import HTTPStatus

import orjson
from starlette.responses import Response

from tacit.core.errors import TacitError

MEDIA_TYPE = "application/problem+json"


class OverloadedError(TacitError):
    """There are more requests than can be answered in time: retry after a second."""


def problem(status: int, detail: str) -> bytes:
    """Return an error as a problem document; lone surrogates of the input are replaced."""
    readable = detail.encode("utf-8", "replace").decode()
    title = HTTPStatus(status).phrase
    return orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": readable})


def problem_response(status: int, detail: str) -> Response:
    """Return an error as a response; a temporary one has a Retry-After header."""
    headers = {"retry-after": "1"} if status in (503, 507) else None
    return Response(problem(status, detail), status, headers, MEDIA_TYPE)
