"""A thread that follows the events of the store, so that models know them before the next fit.

Events are read by their numbers, in batches, and each batch makes a new state. Reading is cheap and is tried
once a second; a new state costs what the models cost, so the pause after it is a multiple of the processor
time that it took. So following takes a small share of a processor whatever the size of the models, and what
an update costs decides how soon the next one comes.

When users are deleted, models that followed their events are made anew, from the snapshot and all that is
stored still, beside those that lists use. They are used when they know all events: deletions that come one
after the other hold up nothing that trends.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from tacit.core.heap import give_back
from tacit.core.types import Json
from tacit.engine.current_state import CurrentState
from tacit.engine.history import history_of
from tacit.engine.state import State
from tacit.store.events import EventStore, StorageError

_PAUSE = 1.0
"""Seconds between two looks for new events."""
_BATCH = 10_000
"""Most events that are read at once."""
_SHARE, _SHARE_BEHIND = 0.03, 0.2
"""Share of a processor that following takes, and while a whole batch or more is waiting."""
_MOST = 1_000_000
"""Of so many events, the last ones of the store, those since the fit are followed: a start must end."""
_LATE = 30.0
"""Seconds for which a number that is not there is looked for: in PostgreSQL it may be committed late."""
_GAPS = 500
"""Most such numbers."""
_TRIES = 3
_PATIENCE = 5.0
"""Seconds that the end of a service waits for the thread: a database that hangs must not hold it up."""
_log = logging.getLogger(__name__)


class Follower:
    """Brings the models up to date with the events of the store.

    Parameters
    ----------
    current : CurrentState
    store : EventStore
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self, current: CurrentState, store: EventStore, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._current, self._store, self._clock = current, store, clock
        self._missing: dict[int, float] = {}
        """Numbers that were not there, and until when they are looked for."""
        self._last, self._level_at = 0, clock()
        self._tombstones = 0
        """Number of the tombstone up to which the models followed nobody who was deleted."""
        self._rebuild_at = clock()
        self._turning = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Follow from now on, in a thread."""
        self._thread = threading.Thread(target=self._run, name="tacit-updates", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following; a batch that is being followed is finished first."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def follow(self) -> bool:
        """Follow the next events of the store; return whether more may be waiting.

        Raises
        ------
        StorageError
            If the store cannot be read.
        """
        with self._turning:
            self._last = self._store.last_event()
            if self._is_rebuild_due():
                self._rebuild()
            for _ in range(_TRIES):
                done = self._tried()
                if done is not None:
                    return done
        return True

    def rebuild(self) -> None:
        """Make the models anew from the snapshot and what the store has still.

        Once this returns, no model knows what came since the fit from users and events that were deleted. The
        thread does it by itself when the state knows of another deleted user, as often as its share of the
        processor allows.

        Raises
        ------
        StorageError
            If the store cannot be read; the models stay as they are then.
        """
        with self._turning:
            self._last = self._store.last_event()
            self._rebuild()

    def behind(self) -> dict[str, Json]:
        """Return how many stored events the models do not know yet, and for how many seconds already."""
        followed, events = self._current.state.followed, self.events_behind()
        seconds = self._clock() - self._level_at if events else 0.0
        return {"events": events, "seconds": round(seconds, 1), "followed": followed.count if followed else 0}

    def events_behind(self) -> int:
        """Return how many stored events the models do not know yet."""
        followed = self._current.state.followed
        return max(self._last - (followed.number if followed else 0), 0) if self._last else 0

    def _tried(self) -> bool | None:
        """Follow a batch; None if the state was replaced meanwhile."""
        base = self._current.state
        followed = base.followed
        if followed is None:
            self._missing.clear()
            self._tombstones = self._current.tombstones
        number = max(followed.number if followed else 0, self._last - _MOST)
        rows = self._store.events_after(number, _BATCH)
        late = self._store.events_numbered(self._awaited())
        events = [event for _, event in (*late, *rows)]
        if rows or late:
            upto = rows[-1][0] if rows else number
            newer = base.following(events, upto)
            if newer.pipeline is not base.pipeline:
                _warmed(newer)
            if not self._current.replace(base, newer):
                return None
            self._note_missing(number, [row[0] for row in rows], [row[0] for row in late])
        more = len(rows) == _BATCH
        if not more:
            self._level_at = self._clock()
        return more

    def _is_rebuild_due(self) -> bool:
        """Return whether events that were followed are gone: with a user, or the last ones of the store."""
        followed = self._current.state.followed
        if followed is None:
            return False
        forgot = self._current.tombstones > self._tombstones and self._clock() >= self._rebuild_at
        return forgot or followed.number > self._last

    def _rebuild(self) -> None:
        begun = time.thread_time()
        snapshot = self._current.state.snapshot
        prepared = self._current.prepared(snapshot)
        state = self._followed_to_the_end(prepared.state)
        if state is not None and self._current.adopt(replace(prepared, state=state), over=snapshot):
            self._tombstones = prepared.seen_tombstones
        del prepared, state
        give_back()
        self._rebuild_at = self._clock() + (time.thread_time() - begun) / _SHARE

    def _followed_to_the_end(self, state: State) -> State | None:
        """Return a state that follows all that is stored; None if the service ends meanwhile."""
        number = max(0, self._last - _MOST)
        while rows := self._store.events_after(number, _BATCH):
            spent = time.thread_time()
            number = rows[-1][0]
            state = state.following([event for _, event in rows], number)
            for one, _ in rows:
                self._missing.pop(one, None)
            if threading.current_thread() is self._thread:
                pause = (time.thread_time() - spent) / _SHARE_BEHIND
                if self._closing.wait(pause):
                    return None
        self._last = max(self._last, number)
        _warmed(state)
        return state

    def _awaited(self) -> list[int]:
        now = self._clock()
        self._missing = {number: until for number, until in self._missing.items() if until > now}
        return [*self._missing]

    def _note_missing(self, before: int, found: Sequence[int], late: Sequence[int]) -> None:
        for number in late:
            self._missing.pop(number, None)
        if self._store.is_local or not before:
            return
        if found:
            missing = set(range(max(before + 1, found[-1] - _BATCH), found[-1])) - set(found)
            self._missing |= dict.fromkeys(sorted(missing)[-_GAPS:], self._clock() + _LATE)

    def _run(self) -> None:
        rest = 0.0
        while not self._closing.wait(_PAUSE):
            rest -= _PAUSE
            try:
                if rest > 0 and not self._is_rebuild_due():
                    self._last = self._store.last_event()
                    continue
                spent = time.thread_time()
                more = self.follow()
                spent = time.thread_time() - spent
                rest = spent / (_SHARE_BEHIND if more else _SHARE)
            except StorageError as error:
                _log.warning("new events are not followed: %s", error)
                rest = 10 * _PAUSE
            except Exception:  # it must follow for as long as the service runs
                _log.exception("new events could not be followed; trying again")
                rest = 60 * _PAUSE


def _warmed(state: State) -> None:
    """Make what the first requests to a new state would wait for."""
    state.pipeline.recommend(history_of(state, None, (), (), allow_seen=True).queries, 10)
    state.evidence.counts.lift(0, "together")
