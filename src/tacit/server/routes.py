"""The table of routes that the guard knows: who may call them, and handlers of those that are called most.

A route without an entry is FastAPI's, for the admin. A route with a handler is answered by it without
FastAPI, if the request has the usual form: for any other the handler returns None and FastAPI answers, so one
place says what is wrong with a request.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass

from tacit.server.access import ACCESS, Needed, needed
from tacit.server.lane import Lane

Reply = tuple[int, bytes, str] | tuple[int, bytes, str, int]
"""Status, body and media type; of a temporary refusal also the seconds after which to come again."""
Handler = Callable[[str, bytes, bytes], Awaitable[Reply] | None]
"""From the id (percent-encoded), the query string and the body to a reply; None leaves it to FastAPI."""
_ID_PLACE = 3
"""An id is the third part of a path: /v1/items/{id}."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route.

    Attributes
    ----------
    method, path : str
        The path as in the documents: ``{id}`` stands for one part of it.
    handle : callable, optional
        Answers without FastAPI, or returns None.
    lane : Lane, optional
        Where the answers are computed: while it is full, requests are refused before their body is read.
    streams : bool
        The body is read as it comes, by the route itself.
    """

    method: str
    path: str
    handle: Handler | None = None
    lane: Lane | None = None
    streams: bool = False

    @property
    def needed(self) -> Needed:
        """Who may call it."""
        return needed(self.method, self.path)


_UNKNOWN = Route("", "")
"""Of a path that is not in the table."""


class Routes:
    """Finds the route of a request: one of those that are given, or one without a handler.

    Iterating goes over those that are given.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._given = tuple(routes)
        self._by_key = {place: Route(*place) for place in ACCESS}
        self._by_key |= {("HEAD", path): Route("HEAD", path) for method, path in ACCESS if method == "GET"}
        self._by_key |= {(one.method, one.path): one for one in self._given}

    def __iter__(self) -> Iterator[Route]:
        return iter(self._given)

    def find(self, method: str, path: str) -> tuple[Route, str]:
        """Return the route of a percent-encoded path, and the id in the path."""
        route = self._by_key.get((method, path))
        if route is not None:
            return route, ""
        parts = path.split("/")
        if len(parts) <= _ID_PLACE:
            return _UNKNOWN, ""
        id_, parts[_ID_PLACE] = parts[_ID_PLACE], "{id}"
        return self._by_key.get((method, "/".join(parts)), _UNKNOWN), id_
