"""How the workers of a service come to another version: first each loads it, then all change at once.

One worker loads it before the others: a version that ends the process which reads it then costs one worker
and not all. When every worker that answers requests has loaded it, all are to serve it: they change within
milliseconds of each other, however long it took to load.
"""

import time
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from tacit.server.watching import Release

Worker = TypeVar("Worker", bound=Hashable)

_MOST_LOST = 2
"""A version is refused if so many workers ended while they loaded it: one may have been killed by chance."""
_LONGEST = 3_600.0
"""Seconds until it is refused otherwise; texts of many stored items may have to be encoded for it."""


class Renewal(Generic[Worker]):
    """The way of one version into the workers.

    Parameters
    ----------
    release : Release
    """

    def __init__(self, release: Release) -> None:
        self.release = release
        self._loading: set[Worker] = set()
        self._loaded: set[Worker] = set()
        self._lost = 0
        self._end = time.monotonic() + _LONGEST

    def next_to_load(self, ready: Sequence[Worker]) -> list[Worker]:
        """Return the workers, of those that answer requests, that are to load it now."""
        new = [one for one in ready if one not in self._loading and one not in self._loaded]
        if not self._loaded:
            new = [] if self._loading else new[:1]
        self._loading.update(new)
        return new

    def note_loaded(self, worker: Worker) -> None:
        """Note that a worker has loaded it."""
        self._loading.discard(worker)
        self._loaded.add(worker)

    def note_ended(self, worker: Worker) -> None:
        """Note that a worker ended."""
        self._lost += worker in self._loading
        self._loading.discard(worker)
        self._loaded.discard(worker)

    def has_loaded(self, worker: Worker) -> bool:
        """Return whether a worker has loaded it."""
        return worker in self._loaded

    def is_complete(self, ready: Sequence[Worker]) -> bool:
        """Return whether all workers that answer requests have loaded it."""
        return bool(self._loaded) and self._loaded.issuperset(ready)

    def problem(self) -> str:
        """Return why it is given up; "" while there is hope."""
        if self._lost >= _MOST_LOST:
            return f"{self._lost} workers ended while they loaded it"
        return f"it was not loaded within {_LONGEST:,.0f} s" if time.monotonic() > self._end else ""
