"""Errors as RFC 9457 documents."""

from http import HTTPStatus

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tacit.core.errors import DataError, TacitError, UnsupportedError
from tacit.engine.checking import UnknownItemError
from tacit.engine.known_users import UnknownUserError
from tacit.engine.remote_encoder import EncoderUnavailableError
from tacit.server.exchange import current, note_reason
from tacit.store.database import StorageError, StorageFullError, StorageUnsureError

MEDIA_TYPE = "application/problem+json"
TEMPORARY = (503, 507)
"""Statuses with a Retry-After header: the same request may succeed later."""


class OverloadedError(TacitError):
    """There are more requests than can be answered in time.

    Parameters
    ----------
    seconds : int
        When to send the request again, by an estimate.
    reason : str
    """

    def __init__(self, seconds: int = 1, reason: str = "too many requests are waiting") -> None:
        super().__init__(f"{reason}; come back in {seconds} second{'s' * (seconds > 1)}")
        self.seconds = seconds


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
        note_reason("overloaded")
        return 503, str(error)
    if isinstance(error, EncoderUnavailableError):
        note_reason("encoder")
        return 503, f"{error}; nothing of this was stored, send it again"
    if isinstance(error, StorageUnsureError):
        note_reason("store")
        said = "the store did not answer in time, and it is not known whether it stored this"
        return 503, f"{said}; send it again, events with the same event_id"
    if isinstance(error, StorageError):
        # The message of the database is for the log: it may name hosts and files.
        full = isinstance(error, StorageFullError)
        note_reason("store_full" if full else "store")
        reason = "there is no room in the store" if full else "the store does not answer"
        return 507 if full else 503, f"{reason}; nothing of this was stored, send it again"
    return 404 if isinstance(error, UnknownItemError | UnknownUserError) else 422, str(error)


def problem(status: int, detail: str) -> bytes:
    """Return an error as a problem document with the id of the request.

    Lone surrogates of the input are replaced.
    """
    readable = detail.encode("utf-8", "replace").decode()
    title = HTTPStatus(status).phrase
    document = {"type": "about:blank", "title": title, "status": status, "detail": readable}
    exchange = current.get()
    return orjson.dumps(document | {"request_id": exchange.request_id} if exchange else document)


def retry_after(error: Exception) -> int:
    """Return the seconds after which a request that had an error may be sent again, if that is of use."""
    return error.seconds if isinstance(error, OverloadedError) else 1


def response_of(status: int, body: bytes, media_type: str, seconds: int = 1) -> Response:
    """Return a response; a temporary refusal has a Retry-After header of so many seconds."""
    headers = {"retry-after": str(seconds)} if status in TEMPORARY else None
    return Response(body, status, headers, media_type)


def problem_response(status: int, detail: str, seconds: int = 1) -> Response:
    """Return an error as a response; see `response_of`."""
    return response_of(status, problem(status, detail), MEDIA_TYPE, seconds)
