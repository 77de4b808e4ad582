"""Where independent parts of a job are computed: one protocol, and the executor of this very process.

A job is a function of what all parts share and of one part. No function knows where it runs, and the results
come back in the order of the parts, so they do not depend on the executor. `tacit.scale` has executors of
several processes and machines.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

Shared = TypeVar("Shared")
Part = TypeVar("Part")
Result = TypeVar("Result")

_MOST_THREADS = 4
"""Each thread holds what its own part needs: memory grows with them."""


class Executor(Protocol):
    """Computes the parts of a job."""

    @property
    def workers(self) -> int:
        """How many parts are computed at once."""
        ...

    @property
    def in_process(self) -> bool:
        """Whether parts are computed in this process, so that nothing is copied and any callable will do."""
        ...

    def map(
        self,
        function: Callable[[Shared, Part], Result],
        parts: Sequence[Part],
        *,
        shared: Shared,
        gpu: bool = False,
    ) -> Iterator[Result]:
        """Yield ``function(shared, part)`` for each part, in the order of the parts.

        An error of a part is raised in the place of its result, and parts that have not begun are left out.

        Parameters
        ----------
        function : callable
            Of a module, so that another process finds it by its name.
        parts : sequence
            Small: each is sent to the worker that computes it.
        shared : object
            What all parts need: sent once, not with each part. It is never changed.
        gpu : bool
            Whether a part uses a GPU where there is one: the parts on a machine share those that it has.
        """
        ...


class LocalExecutor:
    """Computes parts in this process: one after the other, or side by side in threads.

    Threads share all data, and NumPy, SciPy and compiled loops compute without Python's lock. Side by side,
    each part has one thread of the linear algebra library, for two times all cores are slower than one.

    Parameters
    ----------
    workers : int
    """

    in_process = True

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers

    @property
    def workers(self) -> int:
        """How many parts are computed at once."""
        return self._workers

    def map(
        self,
        function: Callable[[Shared, Part], Result],
        parts: Sequence[Part],
        *,
        shared: Shared,
        gpu: bool = False,
    ) -> Iterator[Result]:
        """Yield the result of each part; see `Executor`."""
        if self._workers == 1:
            for part in parts:
                yield function(shared, part)
            return
        import scipy.linalg  # noqa: F401 - only what is loaded is limited, and SciPy has a library of its own
        from threadpoolctl import threadpool_limits

        # One part alone has one thread too: sums of several threads differ in the last bit.
        with (
            threadpool_limits(1, user_api="blas"),
            ThreadPoolExecutor(self._workers, "tacit-part") as pool,
        ):
            yield from in_order(pool.submit, pool.shutdown, function, parts, shared, self._workers)


def in_order(
    submit: Callable[..., "Future[Any]"],
    shutdown: Callable[..., None],
    function: Callable[[Shared, Part], Result],
    parts: Sequence[Part],
    shared: Shared,
    workers: int,
) -> Iterator[Result]:
    """Yield the results of a pool of `concurrent.futures` in the order of the parts.

    So many parts are waiting that no worker is idle, and no more: unread results are held in memory.
    """
    waiting: deque[Future[Result]] = deque()
    ahead = 2 * workers
    try:
        for part in parts:
            waiting.append(submit(function, shared, part))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BaseException:
        shutdown(wait=False, cancel_futures=True)
        raise


LOCAL = LocalExecutor()
"""Computes one part after the other in the calling thread."""


def in_threads() -> LocalExecutor:
    """Return the executor of this process with a thread for each core, four at most."""
    return LocalExecutor(min(cores(), _MOST_THREADS))


def cores() -> int:
    """Return how many cores this process may use; not every system says it of a process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
