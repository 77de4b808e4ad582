"""Exposures: the shown lists, stored in groups by a thread of their own."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from tacit.engine.requests import Request, Response
from tacit.store.events import EventStore, StorageError

_PAUSE = 1.0
_GROUP = 1_000
_MOST_WAITING = 50_000
"""Beyond this the oldest are dropped: recording must never slow or fail a request."""

_log = logging.getLogger(__name__)


class _Shown(NamedTuple):
    """A list that was shown; its items are ids that the catalogue holds anyway."""

    recommendation_id: str
    user_id: str | None
    session_id: str | None
    model: str
    items: list[str]
    propensities: list[float | None] | None
    at: float

    def row(self) -> dict[str, Any]:
        """Return it as a row of the store."""
        return {
            "recommendation_id": self.recommendation_id,
            "subject": "session" if self.user_id is None else "user",
            "subject_id": self.user_id or self.session_id,
            "model": self.model,
            "items": orjson.dumps(self.items).decode(),
            "propensities": self.propensities and orjson.dumps(self.propensities).decode(),
            "at": self.at,
        }


class Exposures:
    """A recorder with a thread of its own.

    Parameters
    ----------
    store : EventStore

    Attributes
    ----------
    on_dropped : callable
        Called with the number of lists that are not stored: too many waited, or the store refused.
    """

    def __init__(self, store: EventStore) -> None:
        self.on_dropped: Callable[[int], None] = lambda _: None
        self._store = store
        self._waiting: deque[_Shown] = deque(maxlen=_MOST_WAITING)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tacit-exposures", daemon=True)
        self._thread.start()

    def add(self, request: Request, answer: Response, at: float) -> None:
        """Record an answer; it is stored within about a second."""
        ids = [item.item_id for item in answer.items]
        chances = [item.propensity for item in answer.items]
        if len(self._waiting) == _MOST_WAITING:
            self.on_dropped(1)
        self._waiting.append(
            _Shown(
                answer.recommendation_id,
                request.user_id,
                request.session_id,
                answer.model,
                ids,
                chances if any(chances) else None,
                at,
            )
        )

    def close(self) -> None:
        """Store what is waiting, if the store takes it, and stop."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(_PAUSE):
            self._store_waiting()
        self._store_waiting()

    def _store_waiting(self) -> None:
        while shown := [self._waiting.popleft() for _ in range(min(len(self._waiting), _GROUP))]:
            try:
                self._store.put_exposures([one.row() for one in shown])
            except StorageError as error:
                self._keep(shown, error)
                return

    def _keep(self, shown: list[_Shown], error: StorageError) -> None:
        """Keep what could not be stored for the next try, if there is one and room.

        What a store refuses that takes other writes would be refused again.
        """
        again = not self._closing.is_set() and self._store.writing != "ok"
        room = _MOST_WAITING - len(self._waiting) if again else 0
        kept = shown[max(len(shown) - room, 0) :]
        self._waiting.extendleft(reversed(kept))
        lost = len(shown) - len(kept)
        if self._closing.is_set():
            lost += len(self._waiting)
        if lost:
            self.on_dropped(lost)
            _log.warning("%d exposures were not stored: %s", lost, error)
