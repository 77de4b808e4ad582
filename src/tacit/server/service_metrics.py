"""What a service counts, in the page of all its workers; `tacit.server.exposition` writes it down.

Counting is some additions to memory: half a microsecond a request (decision 41). What a request counts is
counted in the event loop; what other threads count too, under a lock.
"""

import threading
import time
import weakref
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from zlib import crc32

import numpy as np

from tacit.engine.measuring import Figures, Meter
from tacit.engine.snapshot import Snapshot
from tacit.server.shared_page import BUCKETS, NUMBERS, Page, open_page

REQUEST_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0)
WRITE_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""Upper bounds of the classes of times, in seconds; the last class has none."""
CLASSES = ("2xx", "3xx", "4xx", "5xx")
STORE_STATES = ("none", "ok", "full", "failing")
_REASONS = {
    400: "bad_request",
    401: "no_key",
    403: "forbidden",
    404: "not_found",
    405: "method",
    408: "slow",
    409: "conflict",
    413: "too_large",
    415: "media_type",
    422: "invalid",
    429: "rate",
    431: "too_large",
    500: "fault",
    503: "unavailable",
    507: "store_full",
}
REASONS = (*dict.fromkeys(_REASONS.values()), "overloaded", "store", "encoder", "other")
_PLACES = {reason: place for place, reason in enumerate(REASONS)}
OTHER = "other"
"""The route of a path that is none of ours, and the method of a word that is none."""
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_ID_PLACE = 3
"""An id is the third part of a path: /v1/items/{id}."""
_MOST_POPULAR = 1_000
_FEWEST_POPULAR = 10
_MIX, _SHIFT = 0x9E3779B1, 33 - BUCKETS.bit_length()
_MINUTES = 60
"""Items count as shown for so many minutes."""


class _Cells:
    """Gives out places among the numbers of a worker."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self, count: int = 1) -> int:
        start, self.taken = self.taken, self.taken + count
        assert self.taken <= NUMBERS
        return start


_cells = _Cells()
PID = _cells.take()
STARTS = _cells.take()
IN_FLIGHT = _cells.take()
REFUSED = _cells.take(len(REASONS))
ACCEPTED, REJECTED = _cells.take(), _cells.take()
DROPPED = _cells.take()
WRITES = _cells.take(len(WRITE_BOUNDS) + 2)
"""Transactions by class of time, then their seconds."""
FAILED_WRITES = _cells.take()
LISTS, EMPTY, FALLBACK, DEGRADED, PLACES, POPULAR = (_cells.take() for _ in range(6))
ITEMS, USERS, NEWEST, STORE, BEHIND = (_cells.take() for _ in range(5))
_ROUTES = _cells.taken
"""Where the routes begin: of each the answers by class of status, by class of time, and their seconds."""
ROUTE_SIZE = len(CLASSES) + len(REQUEST_BOUNDS) + 2
_MOST_ROUTES = (NUMBERS - _ROUTES) // ROUTE_SIZE


class Metrics(Meter):
    """Counts of one worker.

    Parameters
    ----------
    page : Page, optional
        Of a service; one of its own by default.
    """

    def __init__(self, page: Page | None = None) -> None:
        self.page = page or Page(open_page(1), 0)
        self._own = self.page.own
        self._lock = threading.Lock()
        self._routes: dict[tuple[str, str], int] = {}
        self.names: list[tuple[str, str]] = [(OTHER, OTHER)]
        # Weak: a process that lists nothing for a while must not hold the model before.
        self._snapshot: Callable[[], Snapshot | None] = lambda: None
        self._popular: frozenset[str] = frozenset()

    def begin(self, pid: int) -> None:
        """Take the place of a worker that may have ended amid requests."""
        self._own[PID], self._own[IN_FLIGHT] = pid, 0
        self._own[STARTS] += 1

    def know(self, routes: Iterable[tuple[str, str]]) -> None:
        """Take methods and templates of routes; all workers take the same ones."""
        for method, template in routes:
            key = method, _shape(template)
            if key not in self._routes and len(self.names) < _MOST_ROUTES:
                self._routes[key] = len(self.names)
                self.names.append((method, template))

    def route(self, method: str, path: str) -> int:
        """Return the number of the route of a percent-encoded path; 0 if it is none of ours.

        HEAD is answered by the route of GET.
        """
        method = "GET" if method == "HEAD" else method
        found = self._routes.get((method, path))
        return self._routes.get((method, _shape(path)), 0) if found is None else found

    def came(self) -> None:
        """Count a request that is being answered."""
        self._own[IN_FLIGHT] += 1

    def left(self, route: int, status: int, seconds: float, reason: str | None) -> None:
        """Count an answer."""
        self._own[IN_FLIGHT] -= 1
        self.answered(route, status, seconds, reason)

    def answered(self, route: int, status: int, seconds: float, reason: str | None) -> None:
        """Count an answer to a request that was not counted when it came.

        Parameters
        ----------
        route : int
            Of `route`.
        status : int
        seconds : float
        reason : str or None
            Why it was refused, one of `REASONS`; by its status where that is None.
        """
        own = self._own
        start = start_of(route)
        own[start + min(max(status // 100, 2), 5) - 2] += 1
        times = start + len(CLASSES)
        own[times + bisect_left(REQUEST_BOUNDS, seconds)] += 1
        own[times + len(REQUEST_BOUNDS) + 1] += seconds
        if status >= 400:
            own[REFUSED + _PLACES[reason or _REASONS.get(status, "other")]] += 1

    def listed(
        self, snapshot: Snapshot, ids: Sequence[str], *, has_history: bool, degraded: bool = False
    ) -> None:
        """Count a list, whether it is empty, and its popular items; note all of its items as shown."""
        if snapshot is not self._snapshot():
            self._popular, self._snapshot = most_popular(snapshot), weakref.ref(snapshot)
        popular = len(self._popular.intersection(ids))
        minute, shown = int(time.time() // 60), self.page.shown
        for id_ in ids:
            # Mixed, for ids that are numbered have remainders that are too even.
            shown[(crc32(id_.encode()) * _MIX & 0xFFFFFFFF) >> _SHIFT] = minute
        own = self._own
        with self._lock:
            own[LISTS] += 1
            own[EMPTY] += not ids
            own[FALLBACK] += not has_history
            own[DEGRADED] += degraded
            own[PLACES] += len(ids)
            own[POPULAR] += popular

    def observed(self, accepted: int, rejected: int) -> None:
        """Count events of a batch."""
        with self._lock:
            self._own[ACCEPTED] += accepted
            self._own[REJECTED] += rejected

    def dropped(self, exposures: int) -> None:
        """Count lists that were shown and are not recorded."""
        with self._lock:
            self._own[DROPPED] += exposures

    def wrote(self, seconds: float, *, failed: bool) -> None:
        """Count a transaction of the store."""
        own = self._own
        with self._lock:
            own[FAILED_WRITES] += failed
            own[WRITES + bisect_left(WRITE_BOUNDS, seconds)] += 1
            own[WRITES + len(WRITE_BOUNDS) + 1] += seconds

    def note(self, figures: Figures) -> None:
        """Set what the worker is at this moment."""
        own = self._own
        own[ITEMS], own[USERS], own[NEWEST] = figures.items, figures.users, figures.newest or 0
        own[BEHIND] = figures.behind
        own[STORE] = STORE_STATES.index(figures.store)
        self.page.say(figures.model)

    def items_shown(self) -> float:
        """Return how many items were in the lists of the last hour, by linear counting (Whang et al., 1990).

        It is within 1 % up to a million items.
        """
        minutes = np.frombuffer(self.page.shown, dtype=np.uint32)
        empty = int(np.count_nonzero(minutes < int(time.time() // 60) - _MINUTES + 1))
        return BUCKETS * float(np.log(BUCKETS / max(empty, 1)))


def start_of(route: int) -> int:
    """Return the place of the first number of a route."""
    return _ROUTES + route * ROUTE_SIZE


def usual_method(method: str) -> str:
    """Return a method, or a word for what is none: a client may write anything there."""
    return method if method in _METHODS else OTHER


def most_popular(snapshot: Snapshot) -> frozenset[str]:
    """Return the hundredth of the items with most events in the log: at least 10, at most 1,000."""
    counts = snapshot.pipeline.events_
    wanted = min(max(len(snapshot.catalogue) // 100, _FEWEST_POPULAR), _MOST_POPULAR, len(counts))
    if not wanted:
        return frozenset()
    codes = np.argpartition(counts, -wanted)[-wanted:]
    return frozenset(snapshot.catalogue.items.decode(codes[counts[codes] > 0].astype(np.int32)))


def _shape(path: str) -> str:
    """Return a path with a sign in place of its id: templates and paths of one route have one shape."""
    parts = path.split("/")
    if len(parts) > _ID_PLACE:
        parts[_ID_PLACE] = "{id}"
    return "/".join(parts)
