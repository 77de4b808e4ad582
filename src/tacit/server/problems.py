"""Errors as RFC 9457 documents."""

from http import HTTPStatus

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tacit.core.errors import DataError, TacitError, UnsupportedError
from tacit.engine.checking import UnknownItemError
from tacit.engine.known_users import UnknownUserError
from tacit.engine.remote_encoder import EncoderUnavailableError
from tacit.store.events import StorageError, StorageFullError

MEDIA_TYPE = "application/problem+json"
TEMPORARY = (503, 507)
"""Statuses with a Retry-After header: the same request may succeed later."""


class OverloadedError(TacitError):
    """There are more requests than can be answered in time: retry after a second."""

    def __init__(self, reason: str = "too many requests are waiting; come back in a second") -> None:
        super().__init__(reason)


class RefusedError(TacitError):
    """A request that is refused before any route sees it.

    Parameters
    ----------
    status : int
    detail : str
    retry_after : float, optional
        Seconds after which it may be sent again.
    """

    def __init__(self, status: int, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.retry_after = status, detail, retry_after


OURS = (HTTPException, DataError, UnsupportedError, OverloadedError, StorageError, EncoderUnavailableError)
"""Errors that `status_of` knows; any other is a fault of the service."""


def status_of(error: Exception) -> tuple[int, str]:
    """Return the status and the detail of one of `OURS`."""
    if isinstance(error, HTTPException):
        return error.status_code, str(error.detail)
    if isinstance(error, OverloadedError):
        return 503, str(error)
    if isinstance(error, EncoderUnavailableError):
        return 503, f"{error}; nothing of this was stored, send it again"
    if isinstance(error, StorageError):
        # The message of the database is for the log: it may name hosts and files.
        full = isinstance(error, StorageFullError)
        reason = "there is no room in the store" if full else "the store does not answer"
        return 507 if full else 503, f"{reason}; nothing of this was stored, send it again"
    return 404 if isinstance(error, UnknownItemError | UnknownUserError) else 422, str(error)


def problem(status: int, detail: str) -> bytes:
    """Return an error as a problem document; lone surrogates of the input are replaced."""
    readable = detail.encode("utf-8", "replace").decode()
    title = HTTPStatus(status).phrase
    return orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": readable})


def problem_response(status: int, detail: str) -> Response:
    """Return an error as a response; a temporary one has a Retry-After header."""
    headers = {"retry-after": "1"} if status in TEMPORARY else None
    return Response(problem(status, detail), status, headers, MEDIA_TYPE)
