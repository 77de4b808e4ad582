"""Errors as RFC 9457 documents."""

from http import HTTPStatus

import orjson
from starlette.responses import Response

from tacit.core.errors import TacitError

MEDIA_TYPE = "application/problem+json"


class OverloadedError(TacitError):
    """More is asked than can be answered in time: come back in a second."""


def problem(status: int, detail: str) -> bytes:
    """Return an error as a problem document; half characters of the input are made harmless."""
    readable = detail.encode("utf-8", "replace").decode()
    title = HTTPStatus(status).phrase
    return orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": readable})


def problem_response(status: int, detail: str) -> Response:
    """Return an error as a response; a passing one says when to come back."""
    headers = {"retry-after": "1"} if status in (503, 507) else None
    return Response(problem(status, detail), status, headers, MEDIA_TYPE)
