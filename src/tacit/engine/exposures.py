"""Exposures: the shown lists, stored in groups by a thread of their own."""

import json
import logging
import threading
from collections import deque
from typing import Any

from tacit.engine.requests import Request, Response
from tacit.store.events import EventStore, StorageError

_PAUSE = 1.0
_GROUP = 1_000
_MOST_WAITING = 50_000
"""Beyond this the oldest are dropped: recording must never slow or fail a request."""

_log = logging.getLogger(__name__)


class Exposures:
    """A recorder with a thread of its own.

    Parameters
    ----------
    store : EventStore
    """

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._waiting: deque[dict[str, Any]] = deque(maxlen=_MOST_WAITING)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tacit-exposures", daemon=True)
        self._thread.start()

    def add(self, request: Request, answer: Response, at: float) -> None:
        """Record an answer; it is stored within about a second."""
        self._waiting.append(
            {
                "recommendation_id": answer.recommendation_id,
                "subject": "session" if request.user_id is None else "user",
                "subject_id": request.user_id or request.session_id,
                "model": answer.model,
                "items": json.dumps([item.item_id for item in answer.items]),
                "at": at,
            }
        )

    def close(self) -> None:
        """Store what is waiting and stop."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(_PAUSE):
            self._store_waiting()
        self._store_waiting()

    def _store_waiting(self) -> None:
        while rows := [self._waiting.popleft() for _ in range(min(len(self._waiting), _GROUP))]:
            try:
                self._store.put_exposures(rows)
            except StorageError as error:
                _log.warning("%d exposures were not stored: %s", len(rows), error)
