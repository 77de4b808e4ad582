"""Reads of the store that nobody waits for too long: a thread makes them, and who asked goes on in time.

Neither a disk nor a server that does not answer can be told to give a read up, so the read is left behind. As
long as one that was left behind is under way no other is begun and nobody waits: it is the probe that tells
when the store answers again. The way to the thread and back takes 10 us.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from tacit.store.database import StorageError

T = TypeVar("T")

_LATE = 0.02
"""Who wakes so many seconds after the deadline is on a busy machine. That says nothing of the store, ..."""
_TURNS = 4
"""... which then gets its time again; so many times at most."""


class LateError(StorageError):
    """The store has not answered in time."""

    def __init__(self) -> None:
        super().__init__("the store has not answered in time")


class _Read:
    """A read, and what became of it."""

    def __init__(self, read: Callable[[], Any]) -> None:
        self.read = read
        self.begun = self.over = self.left = False
        self.found: Any = None
        self.error: Exception | None = None
        self.done = threading.Lock()
        """Held until the read is over."""
        self.done.acquire()


class Aside:
    """Threads that read the store, as many as are needed at once; safe to use from many threads.

    Parameters
    ----------
    name : str
        Of the threads.
    seconds : float
        How long those wait who ask.

    Attributes
    ----------
    seconds : float
    """

    def __init__(self, name: str, seconds: float) -> None:
        self._name = name
        self.seconds = seconds
        self._free: deque[SimpleQueue[_Read | None]] = deque()
        """An inbox of each thread that waits for work."""
        self._lock = threading.Lock()
        self._left = 0
        """Reads that were left behind and are under way."""
        self._closed = False

    def deadline(self) -> float:
        """Return when, on the monotonic clock, who asks from now on must go on."""
        return time.monotonic() + self.seconds

    def read(self, read: Callable[[], T], until: float) -> T:
        """Return what a function returns, or raise what it raises.

        Parameters
        ----------
        read : callable
        until : float
            Of `deadline`: several reads may share it.

        Raises
        ------
        LateError
            If it has not come back by then, or an earlier one has not come back yet.
        """
        if self._left:
            raise LateError
        one = _Read(read)
        self._inbox().put(one)
        self._wait(one, until)
        with self._lock:
            if not one.over:
                one.left = True
                self._left += 1
                raise LateError
        if one.error is not None:
            raise one.error
        found: T = one.found
        return found

    def close(self) -> None:
        """End the threads; one that is reading ends when it has read."""
        self._closed = True
        while self._free:
            self._free.pop().put(None)

    def _inbox(self) -> "SimpleQueue[_Read | None]":
        try:
            return self._free.pop()
        except IndexError:
            inbox: SimpleQueue[_Read | None] = SimpleQueue()
            threading.Thread(target=self._run, args=(inbox,), name=self._name, daemon=True).start()
            return inbox

    def _wait(self, one: _Read, until: float) -> None:
        for _ in range(_TURNS):
            if one.done.acquire(timeout=max(until - time.monotonic(), 0.0)):
                return
            now = time.monotonic()
            if one.begun and now - until < _LATE:
                return
            until = now + self.seconds

    def _run(self, inbox: "SimpleQueue[_Read | None]") -> None:
        while (one := inbox.get()) is not None:
            one.begun = True
            try:
                one.found = one.read()
            except Exception as error:
                one.error = error
            with self._lock:
                one.over = True
                self._left -= one.left
            if self._closed:
                inbox.put(None)
            else:
                self._free.append(inbox)
            one.done.release()
            del one  # a thread that is needed seldom would keep what it read for: a model that was replaced
