"""Work off the event loop: a few threads, a bounded queue, and no work for callers that gave up."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

from tacit.server.problems import OverloadedError

T = TypeVar("T")


class Lane:
    """A bounded thread pool that refuses work at once if it could not do it in time.

    Parameters
    ----------
    name : str
    threads : int
    waiting : int
        Largest number of pieces of work that wait for a thread.
    patience : float
        Seconds after which waiting work is refused: its sender has given up.
    """

    def __init__(self, name: str, *, threads: int, waiting: int, patience: float) -> None:
        # One BLAS thread for each request: a second one costs more than it saves.
        self._pool = ThreadPoolExecutor(
            threads, f"tacit-{name}", initializer=threadpool_limits, initargs=(1,)
        )
        self._most = threads + waiting
        self._patience = patience
        self._inside = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Run the work and return its result.

        Raises
        ------
        OverloadedError
        """
        if self._inside >= self._most:
            raise OverloadedError("too many requests are waiting; come back in a second")
        self._inside += 1
        queued = time.monotonic()

        def in_time() -> T:
            if time.monotonic() - queued > self._patience:
                raise OverloadedError("the request waited too long; come back in a second")
            return work()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, in_time)
        finally:
            self._inside -= 1

    def close(self) -> None:
        """Finish running work and stop."""
        self._pool.shutdown(wait=True)
