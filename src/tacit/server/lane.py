"""Where work is done, and how much of it is admitted: the event loop or a few threads, and a bounded wait.

Work is admitted by the wait that it would have: the mean time of the work before it (by kind), divided by
the threads. Beyond a limit it is refused at once, which costs far less than to queue it, to answer too late,
and to be sent the same again. The limit is that of a controlled queue (Nichols and Jacobson, "Controlling
queue delay", ACM Queue 2012; in the form of Maurer, "Fail at scale", ACM Queue 2015): a burst may wait
`_BURST` seconds, but a queue that has not been empty for so long is an overload, and the wait is held down to
`_STANDING`.

Short work is done in the event loop, one piece a turn, so that between two pieces the loop reads, refuses
and answers probes: a thread costs a hand-over and competes for the interpreter. Long work goes to threads, so
that the loop never stops for it. See decision 25.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from tacit.server.problems import OverloadedError

T = TypeVar("T")

_BURST = 0.1
_STANDING = 0.02
_PIECES = 8
"""A wait for so many pieces of work is no overload, however long they take ..."""
_LONGEST_STANDING = 0.2
"""... up to so many seconds."""
_SHORT = 0.005
"""Work whose processor time is below this moves to the event loop ..."""
_LONG = 0.010
"""... and out of it when it takes longer than this, for `_PENALTY` seconds at least."""
_PENALTY = 60.0
_SHARE = 0.1
"""Share of the latest piece in a running mean."""


class Lane:
    """A place for work that refuses at once what it could not begin in time.

    Parameters
    ----------
    name : str
    threads : int
    waiting : int
        Largest number of pieces of work that wait, whatever their expected time: a bound on memory.
    patience : float
        Seconds after which work that waits for a thread is refused: its sender has given up.
    wait : float, optional
        Longest expected wait, in seconds, in place of the limits above.
    in_loop : bool
        Whether short work may be done in the event loop: only work that waits for nothing, such as a
        database elsewhere.
    """

    def __init__(
        self,
        name: str,
        *,
        threads: int,
        waiting: int,
        patience: float,
        wait: float | None = None,
        in_loop: bool = False,
    ) -> None:
        # One BLAS thread for each request: a second one costs more than it saves.
        self._pool = ThreadPoolExecutor(
            threads, f"tacit-{name}", initializer=threadpool_limits, initargs=(1,)
        )
        self._threads = threads
        self._waiting = waiting
        self._patience = patience
        self._in_loop = in_loop
        self._kinds: dict[Hashable, _Kind] = {}
        self._loop_queue = _Queue(1, wait)
        self._thread_queue = _Queue(threads, wait)
        self._pieces: deque[_Piece] = deque()

    @property
    def is_full(self) -> bool:
        """Whether short work, that of the event loop, is refused at this moment."""
        return self._loop_queue.inside > 0 and self._loop_queue.is_full(time.monotonic())

    async def run(self, work: Callable[[], T], kind: Hashable = "") -> T:
        """Run the work and return its result.

        Parameters
        ----------
        work : callable
        kind : hashable
            Work of one kind takes about the same time. There are few kinds.

        Raises
        ------
        OverloadedError
        """
        known = self._kinds.get(kind)
        if known is None:
            known = self._kinds[kind] = _Kind()
        queue = self._loop_queue if known.in_loop else self._thread_queue
        if queue.inside >= self._threads + self._waiting or queue.is_full(time.monotonic()):
            raise OverloadedError
        expected = known.mean
        queue.enter(expected)
        try:
            return await (self._later(work, known) if known.in_loop else self._off_loop(work, known))
        finally:
            queue.leave(expected, time.monotonic())

    def close(self) -> None:
        """Finish running work and stop."""
        self._pool.shutdown(wait=True)

    def _later(self, work: Callable[[], T], kind: "_Kind") -> "asyncio.Future[T]":
        """Queue work for the event loop."""
        loop = asyncio.get_running_loop()
        piece = _Piece(work, kind, loop.create_future())
        if not self._pieces:
            loop.call_soon(self._step, loop)
        self._pieces.append(piece)
        return piece.done

    def _step(self, loop: asyncio.AbstractEventLoop) -> None:
        """Do one piece of work; the loop has its turn before the next one."""
        piece = self._pieces.popleft()
        if self._pieces:
            loop.call_soon(self._step, loop)
        if piece.done.cancelled():
            return
        begun = time.monotonic()
        try:
            piece.done.set_result(piece.work())
        except Exception as error:
            piece.done.set_exception(error)
        piece.kind.add_in_loop(time.monotonic() - begun, begun)

    async def _off_loop(self, work: Callable[[], T], kind: "_Kind") -> T:
        queued = time.monotonic()
        took = [0.0, 0.0]

        def in_time() -> T:
            begun, processor = time.monotonic(), time.thread_time()
            if begun - queued > self._patience:
                raise OverloadedError("the request waited too long; come back in a second")
            try:
                return work()
            finally:
                took[:] = time.monotonic() - begun, time.thread_time() - processor

        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, in_time)
        finally:
            if took[0]:
                kind.add_in_thread(*took, time.monotonic() if self._in_loop else None)


@dataclass(slots=True)
class _Piece:
    work: Callable[[], Any]
    kind: "_Kind"
    done: "asyncio.Future[Any]"


class _Kind:
    """Running means of the time of one kind of work, and where it is done."""

    __slots__ = ("banned_until", "in_loop", "mean", "processor")

    def __init__(self) -> None:
        self.mean = self.processor = 0.0
        self.in_loop = False
        self.banned_until = 0.0

    def add_in_loop(self, seconds: float, now: float) -> None:
        self.mean += _SHARE * (seconds - self.mean)
        if self.mean > _LONG:
            self.in_loop, self.processor, self.banned_until = False, self.mean, now + _PENALTY

    def add_in_thread(self, seconds: float, processor: float, now: float | None) -> None:
        """Add a time; with ``now``, the kind may move to the event loop.

        The time decides how long others wait. Two threads that compute slow each other down, so it is the
        processor time that decides where it is done.
        """
        if not self.mean:
            self.mean, self.processor = seconds, max(processor, _SHORT)  # the first one loads what is needed
            return
        self.mean += _SHARE * (seconds - self.mean)
        self.processor += _SHARE * (processor - self.processor)
        if now is not None and self.processor < _SHORT and now > self.banned_until:
            self.in_loop, self.mean = True, self.processor


class _Queue:
    """What is inside, in expected seconds, and whether that is too much."""

    __slots__ = ("_backlog", "_emptied", "_places", "_wait", "inside")

    def __init__(self, places: int, wait: float | None) -> None:
        self._places, self._wait = places, wait
        self._backlog = 0.0
        self._emptied = 0.0
        self.inside = 0

    def is_full(self, now: float) -> bool:
        """Return whether a piece more would wait longer than the limit."""
        if self.inside < self._places:
            self._emptied = now
            return False
        expected = self._backlog / self._places
        if self._wait is not None:
            return expected > self._wait
        each = self._backlog / self.inside
        # No shorter than one piece: a re-ranker of 300 ms may have one request wait for a thread.
        limit = max(min(_PIECES * each, _LONGEST_STANDING), _STANDING, each)
        if now - self._emptied < _BURST:
            limit = max(limit, _BURST)
        return expected > limit

    def enter(self, expected: float) -> None:
        self.inside += 1
        self._backlog += expected

    def leave(self, expected: float, now: float) -> None:
        self.inside -= 1
        self._backlog = max(self._backlog - expected, 0.0) if self.inside else 0.0
        if self.inside < self._places:
            self._emptied = now
