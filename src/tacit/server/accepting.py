"""Accepts connections from a socket that several processes share, so that each gets its share of them.

An event loop accepts everything that waits as soon as it wakes: of eight connections that arrive together one
process may take all, and as clients keep connections open, the others stay idle. Here a process accepts only
while no other has fewer open, and else leaves the first milliseconds to the others.
"""

import asyncio
import logging
import mmap
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

_HEAD_START = 0.004
"""Seconds in which a process with fewer connections may accept first, ..."""
_LOOK = 0.001
"""... and between two looks at whether it has done so."""
_AT_ONCE, _LATE = 16, 2
"""Most connections that are accepted in one turn of the loop, and those after a head start that nobody took:
a crowd must not wait for a process that is busy, and one that was only slow must not be left without any."""
_PAUSE = 0.5
"""Seconds without accepting after a failure: the process has no file descriptor left."""
_QUEUE = 2_048
ABSENT = 2**31 - 1
"""Number of connections of a process that does not accept any."""
_log = logging.getLogger(__name__)


def open_board(places: int) -> int:
    """Return the descriptor of memory that processes share; see `Board`."""
    descriptor = os.memfd_create("tacit-connections")
    os.write(descriptor, ABSENT.to_bytes(4, sys.byteorder) * places + bytes(4 * (places + 1)))
    return descriptor


class Board:
    """What processes that share a socket tell each other: how many connections they have, how they are.

    Of each a number of open connections, and whether it fails to write; and whether all are about to end. A
    number is written and read whole; one that is a moment old does no harm. That of a process that ended or
    was not yet there is `ABSENT`.

    Parameters
    ----------
    descriptor : int
        Of `open_board`.
    place : int
        Which of the numbers is that of this process.
    """

    def __init__(self, descriptor: int, place: int) -> None:
        whole = memoryview(mmap.mmap(descriptor, 0)).cast("i")
        places = len(whole) // 2
        self._numbers, self._failing, self._ending = whole[:places], whole[places:-1], whole[-1:]
        self._place = place

    def set(self, number: int) -> None:
        """Set the number of this process."""
        self._numbers[self._place] = number

    def add_one(self) -> None:
        """Count a connection more of this process."""
        self._numbers[self._place] += 1

    def number(self) -> int:
        """Return the number of this process."""
        return int(self._numbers[self._place])

    def any_accepts(self) -> bool:
        """Return whether some process accepts connections."""
        return any(number != ABSENT for number in self._numbers)

    def set_failing(self, failing: bool) -> None:
        """Set whether this process fails to write."""
        self._failing[self._place] = failing

    def any_failing(self) -> bool:
        """Return whether some process fails to write."""
        return any(self._failing)

    def set_ending(self) -> None:
        """Tell all processes that they are about to end."""
        self._ending[0] = 1

    def is_ending(self) -> bool:
        """Return whether all are about to end."""
        return bool(self._ending[0])

    def clear(self) -> None:
        """Note that this process ended."""
        self.set(ABSENT)
        self.set_failing(False)

    def is_behind(self) -> bool:
        """Return whether another process has clearly fewer connections than this one: less than 7/8.

        Of few connections none is too many; of many, processes need not wait for each other at every one.
        """
        return 8 * min(self._numbers) < 7 * self._numbers[self._place]


class Acceptor:
    """Accepts connections in the running event loop, until it is closed.

    Parameters
    ----------
    listener : socket.socket
        Bound; it may be listening.
    protocol : callable
        Returns the protocol of a new connection.
    is_behind : callable
        Returns whether another process should accept first.
    on_accepted : callable
        Called when a connection is there.
    """

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        is_behind: Callable[[], bool],
        on_accepted: Callable[[], None],
    ) -> None:
        self._listener = listener
        self._protocol = protocol
        self._is_behind = is_behind
        self._on_accepted = on_accepted
        self._loop = asyncio.get_running_loop()
        self._later: asyncio.TimerHandle | None = None
        self._connecting: set[asyncio.Task[None]] = set()
        listener.setblocking(False)
        listener.listen(_QUEUE)
        self._watch()

    def close(self) -> None:
        """Accept no more."""
        if self._later is not None:
            self._later.cancel()
        self._loop.remove_reader(self._listener)

    def _watch(self) -> None:
        self._later = None
        self._loop.add_reader(self._listener, self._may_accept)

    def _may_accept(self) -> None:
        for _ in range(_AT_ONCE):
            if self._is_behind():
                self._let_others(self._loop.time() + _HEAD_START)
                return
            if not self._accept():
                return

    def _let_others(self, end: float) -> None:
        """Wait until the others have caught up, or until a moment."""
        self._wait(_LOOK, lambda: self._look(end))

    def _look(self, end: float) -> None:
        if not self._is_behind():
            self._watch()
            self._may_accept()
        elif self._loop.time() < end:
            self._let_others(end)
        else:
            self._accept_late()

    def _accept_late(self) -> None:
        self._watch()
        for _ in range(_LATE):
            if not self._accept():
                return

    def _accept(self) -> bool:
        """Accept a connection and return whether there was one."""
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False  # another process was first, or the client is gone
        except OSError as error:
            _log.warning("no connection can be accepted: %s", error)
            self._wait(_PAUSE, self._watch)
            return False
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._on_accepted()
        task = self._loop.create_task(self._connect(connection))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        return True

    async def _connect(self, connection: socket.socket) -> None:
        with suppress(OSError):  # the client is gone already
            await self._loop.connect_accepted_socket(self._protocol, connection)

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._loop.remove_reader(self._listener)
        self._later = self._loop.call_later(seconds, then)
