"""Where work is done, and how much of it is admitted: the event loop or a few threads, and a bounded wait.

Work is admitted by the wait that it would have: the mean time of the work before it (by kind), divided by
the threads. Beyond a limit it is refused at once, which costs far less than to queue it, to answer too late,
and to be sent the same again. The limit is that of a controlled queue (Nichols and Jacobson, "Controlling
queue delay", ACM Queue 2012; in the form of Maurer, "Fail at scale", ACM Queue 2015): a burst may wait
`_BURST` seconds, but a queue that has not been empty for `_LASTING` seconds is an overload, and the wait is
held down to `_STANDING`. So it is from when more are refused than admitted, and a queue that is empty for a
moment then ends no overload: what comes next is no burst but the rest of the crowd.

Short work is done in the event loop, a millisecond of it a turn, so that between two turns the loop reads,
refuses and answers probes: a thread costs a hand-over and competes for the interpreter. Long work goes to
threads, so that the loop never stops for it. See decision 25.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil, exp
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from tacit.core.stages import carried
from tacit.server.problems import OverloadedError

T = TypeVar("T")

_BURST = 0.2
_LASTING = 0.5
_STANDING = 0.02
_PACE_OVER = 0.05
"""Seconds without a free place over which it is measured how much longer the work takes than is expected:
between two pieces the crowd is read and refused."""
_MOST_PACE = 4.0
"""Work of a new kind is expected to take no time: that it takes some says nothing of the others."""
_PIECES = 8
"""A wait for so many pieces of work is no overload, however long they take ..."""
_LONGEST_STANDING = 0.5
"""... up to so many seconds."""
_IN_CROWD = 0.5
"""Share of these waits while more are refused than admitted: there is always somebody to take a place."""
_SHORT = 0.008
"""Work whose processor time is below this moves to the event loop ..."""
_LONG = 0.016
"""... and out of it when that is above this ..."""
_BLOCKED = 0.050
"""... or when it takes longer than this: it waits for something. It stays out for `_PENALTY` seconds."""
_PENALTY = 60.0
_TURN = 0.001
"""Work is done for so long before the loop has its turn, which is a system call at least."""
_BREAK = 0.0005
"""A turn that brought a new connection is followed by another one: uvloop accepts one a turn, so that else a
crowd of new clients would wait for seconds to be refused. After so many seconds of processor time work goes
on, whatever comes."""
_LONGEST_RETRY = 30
"""Most seconds after which a refused request is to come again: nobody knows what will be then."""
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
        self.connections = 0
        """How many connections were accepted so far; `tacit.server.run` counts them."""
        self._reserved = 0
        self._closed = False

    @property
    def is_full(self) -> bool:
        """Whether work of the usual kinds is refused at this moment: short work, if any kind is short."""
        return self._usual_queue.is_full(time.monotonic())

    def retry_after(self) -> int:
        """Count a refused request of the usual kinds; return the seconds after which to send it again."""
        return self._usual_queue.retry_after(time.monotonic())

    def reserve(self) -> bool:
        """Keep a place until the next turn of the loop, for a request about to be parsed; False if full.

        All requests that arrive within a turn are read before the work of any of them is counted.
        """
        if self._usual_queue.is_full(time.monotonic(), self._reserved):
            return False
        if not self._reserved:
            asyncio.get_running_loop().call_soon(self._forget_reserved)
        self._reserved += 1
        return True

    def _forget_reserved(self) -> None:
        self._reserved = 0

    @property
    def _usual_queue(self) -> "_Queue":
        short = any(kind.in_loop for kind in self._kinds.values())
        return self._loop_queue if short else self._thread_queue

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
        if self._closed:  # a connection that is still open at the end of the service
            raise OverloadedError(reason="the service is ending")
        known = self._kinds.get(kind)
        if known is None:
            known = self._kinds[kind] = _Kind()
        queue = self._loop_queue if known.in_loop else self._thread_queue
        now = time.monotonic()
        if queue.inside >= self._threads + self._waiting or queue.is_full(now):
            raise OverloadedError(queue.retry_after(now))
        expected = known.mean
        queue.enter(expected, now)
        try:
            work = carried(work)
            return await (self._later(work, known) if known.in_loop else self._off_loop(work, known, queue))
        finally:
            queue.leave(expected, time.monotonic())

    def close(self) -> None:
        """Finish running work and stop: later work is refused."""
        self._closed = True
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
        """Do one piece of work, or as many as take a millisecond; then the loop has its turns."""
        begun = now = time.monotonic()
        processor = time.thread_time()
        while self._pieces and now - begun < _TURN:
            piece = self._pieces.popleft()
            if not piece.done.cancelled():
                _do(piece)
                before, now = now, time.monotonic()
                spent, processor = processor, time.thread_time()
                piece.kind.add_in_loop(now - before, processor - spent, now)
        if self._pieces:
            # uvloop counts a connection one turn after it accepted it.
            loop.call_soon(loop.call_soon, self._pause, loop, self.connections, processor + _BREAK)

    def _pause(self, loop: asyncio.AbstractEventLoop, connections: int, end: float) -> None:
        """Let the loop have turns for as long as each brings a new connection, then go on."""
        if self.connections > connections and time.thread_time() < end:
            loop.call_soon(self._pause, loop, self.connections, end)
        else:
            self._step(loop)

    async def _off_loop(self, work: Callable[[], T], kind: "_Kind", queue: "_Queue") -> T:
        queued = time.monotonic()
        took = [0.0, 0.0]

        def in_time() -> T:
            begun, processor = time.monotonic(), time.thread_time()
            if begun - queued > self._patience:
                raise OverloadedError(queue.retry_after(begun), "the request waited too long")
            try:
                return work()
            finally:
                took[:] = time.monotonic() - begun, time.thread_time() - processor

        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, in_time)
        finally:
            if took[0]:
                kind.add_in_thread(took[0], took[1], time.monotonic() if self._in_loop else None)


@dataclass(slots=True)
class _Piece:
    work: Callable[[], Any]
    kind: "_Kind"
    done: "asyncio.Future[Any]"


def _do(piece: _Piece) -> None:
    try:
        piece.done.set_result(piece.work())
    except Exception as error:
        piece.done.set_exception(error)


class _Kind:
    """Running means of the time of one kind of work, and where it is done.

    The time decides how long others wait. Where it is done the processor time decides: threads that compute,
    and other processes, slow each other down.
    """

    __slots__ = ("banned_until", "in_loop", "mean", "processor")

    def __init__(self) -> None:
        self.mean = self.processor = 0.0
        self.in_loop = False
        self.banned_until = 0.0

    def add_in_loop(self, seconds: float, processor: float, now: float) -> None:
        self._add(seconds, processor)
        if self.processor > _LONG or self.mean > _BLOCKED:
            self.in_loop, self.banned_until = False, now + _PENALTY

    def add_in_thread(self, seconds: float, processor: float, now: float | None) -> None:
        """Add a time; with ``now``, the kind may move to the event loop."""
        if not self.mean:
            self.mean, self.processor = seconds, max(processor, _SHORT)  # the first one loads what is needed
            return
        self._add(seconds, processor)
        if now is not None and self.processor < _SHORT and now > self.banned_until:
            self.in_loop, self.mean = True, self.processor

    def _add(self, seconds: float, processor: float) -> None:
        """Add to the means; one piece that a pause of the machine hit counts as four usual ones at most."""
        self.mean += _SHARE * (min(seconds, 4 * self.mean + _TURN) - self.mean)
        self.processor += _SHARE * (min(processor, 4 * self.processor + _TURN) - self.processor)


class _Queue:
    """What is inside, in expected seconds, and whether that is too much."""

    __slots__ = (
        "_admitted",
        "_admitted_at",
        "_backlog",
        "_done",
        "_emptied",
        "_latest",
        "_pace",
        "_places",
        "_refused",
        "_refused_at",
        "_since",
        "_turn",
        "_wait",
        "inside",
    )

    def __init__(self, places: int, wait: float | None) -> None:
        self._places, self._wait = places, wait
        self._backlog = 0.0
        self._emptied = 0.0
        self._latest = 0.0
        self._refused = self._refused_at = self._turn = 0.0
        self._admitted = self._admitted_at = 0.0
        self._pace = 1.0
        self._since = self._done = 0.0
        self.inside = 0

    def is_full(self, now: float, more: int = 0) -> bool:
        """Return whether a piece after these, and some more, would wait longer than the limit."""
        if self.inside < self._places:
            self._note_empty(now)
            if self.inside + more < self._places:
                return False
        each = self._each()
        expected = (self.inside + more) * each / self._places
        if self._wait is not None:
            return expected > self._wait
        limit = max(min(_PIECES * each, _LONGEST_STANDING), _STANDING)
        if self._is_crowded(now):
            limit *= _IN_CROWD
        elif now - self._emptied < _LASTING:
            limit = max(limit, _BURST)
        # No shorter than one piece: a re-ranker of 300 ms may have one request wait for a thread.
        limit = max(limit, each)
        return expected > limit

    def retry_after(self, now: float) -> int:
        """Count a refused piece of work; return the whole seconds after which there may be room for it.

        If all that were refused within the last second came again at once, most would be refused again. So
        they get turns: each its own place behind those that wait here and those that were refused before it.
        """
        self._refused = _faded(self._refused, now - self._refused_at) + 1
        self._refused_at = now
        each = self._each() / self._places
        self._turn += each
        if self._turn > self._refused * each:  # that is how long all of them would take
            self._turn = 0.0
        return min(max(ceil(self.inside * each + self._turn), 1), _LONGEST_RETRY)

    def enter(self, expected: float, now: float) -> None:
        if self.inside < self._places:
            self._since, self._done = now, 0.0
        self.inside += 1
        self._backlog += expected
        self._latest = expected
        self._admitted = _faded(self._admitted, now - self._admitted_at) + 1
        self._admitted_at = now

    def leave(self, expected: float, now: float) -> None:
        self.inside -= 1
        self._backlog = max(self._backlog - expected, 0.0) if self.inside else 0.0
        self._done += expected
        self._measure_pace(now)
        if self.inside < self._places:
            self._note_empty(now)

    def _each(self) -> float:
        """Return how long a piece of work takes here."""
        return self._pace * (self._backlog / self.inside if self.inside else self._latest)

    def _measure_pace(self, now: float) -> None:
        """Note how many times as long as expected the work takes, while no place is free."""
        seconds = now - self._since
        if seconds >= _PACE_OVER and self._done > 0:
            here = min(max(self._places * seconds / self._done, 1.0), _MOST_PACE)
            self._pace += (here - self._pace) / 2
            self._since, self._done = now, 0.0

    def _note_empty(self, now: float) -> None:
        if not self._is_crowded(now):
            self._emptied, self._pace = now, 1.0

    def _is_crowded(self, now: float) -> bool:
        """Return whether more are refused than admitted."""
        admitted = _faded(self._admitted, now - self._admitted_at)
        return _faded(self._refused, now - self._refused_at) > max(admitted, 1.0)


def _faded(count: float, seconds: float) -> float:
    """Return what is left of a count after some seconds: about that of the last second."""
    return count * exp(-seconds)
