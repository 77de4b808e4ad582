"""Where independent parts of a job are computed: one protocol, and the executor of this very process.

A job is a function of what all parts share and of one part. No function knows where it runs, and the results
come back in the order of the parts, so they do not depend on the executor. `tacit.scale` has executors of
several processes and machines.
"""

import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Shared = TypeVar("Shared")
Part = TypeVar("Part")
Result = TypeVar("Result")

_MOST_THREADS = 4
"""Each thread holds what its own part needs: memory grows with them."""


@dataclass(frozen=True)
class Job(Generic[Shared, Part, Result]):
    """What an executor is to compute: ``function(shared, part)`` for each part.

    Attributes
    ----------
    function : callable
    parts : sequence
    shared : object
    gpu : bool
    """

    function: Callable[[Shared, Part], Result]
    parts: Sequence[Part]
    shared: Shared
    gpu: bool = False


class Executor(ABC):
    """Computes the parts of jobs.

    Attributes
    ----------
    in_process : bool
        Whether parts are computed in this process, so that nothing is copied and any callable will do.
    """

    in_process: bool

    @property
    @abstractmethod
    def workers(self) -> int:
        """How many parts are computed at once."""

    @abstractmethod
    def _results(self, job: Job[Any, Any, Result]) -> Iterator[Result]:
        """Yield the result of each part of a job, in the order of the parts."""

    def map(
        self,
        function: Callable[[Shared, Part], Result],
        parts: Sequence[Part],
        *,
        shared: Shared,
        gpu: bool = False,
    ) -> Iterator[Result]:
        """Return ``function(shared, part)`` of each part, in the order of the parts.

        An error of a part is raised in the place of its result, and parts that have not begun are left out.

        Parameters
        ----------
        function : callable
            Of a module, so that another process finds it by its name.
        parts : sequence
            Small: each is sent to the worker that computes it.
        shared : object
            What all parts need: sent once, not with each part, if it is large. It is never changed.
        gpu : bool
            Whether a part uses a GPU where there is one: the parts on a machine share those that it has.
        """
        return self._results(Job(function, parts, shared, gpu))


class LocalExecutor(Executor):
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

    def _results(self, job: Job[Any, Any, Result]) -> Iterator[Result]:
        if self._workers == 1:
            for part in job.parts:
                yield job.function(job.shared, part)
            return
        import scipy.linalg  # noqa: F401 - only what is loaded is limited, and SciPy has a library of its own
        from threadpoolctl import threadpool_limits

        # One part alone has one thread too: sums of several threads differ in the last bit.
        with (
            threadpool_limits(1, user_api="blas"),
            ThreadPoolExecutor(self._workers, "tacit-part") as pool,
        ):
            submitted = (pool.submit(job.function, job.shared, part) for part in job.parts)
            yield from in_order(submitted, self._workers)


def in_order(futures: Iterable["Future[Result]"], workers: int) -> Iterator[Result]:
    """Yield the results of futures in their order; each is made when it is its turn to be submitted.

    So many are waiting that no worker is idle, and no more: unread results are held in memory.
    """
    waiting: deque[Future[Result]] = deque()
    ahead = 2 * workers
    try:
        for future in futures:
            waiting.append(future)
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


LOCAL = LocalExecutor()
"""Computes one part after the other in the calling thread."""


def in_threads() -> LocalExecutor:
    """Return the executor of this process with a thread for each core, four at most."""
    return LocalExecutor(min(cores(), _MOST_THREADS))


def side_by_side(tasks: Iterable[Callable[[], Result]]) -> list[Result]:
    """Return the results of tasks in their order, computed in the threads of `in_threads`.

    For tasks that spend their time in NumPy, SciPy or compiled loops. The first that fails raises its error
    here.
    """
    return list(in_threads().map(_called, list(tasks), shared=None))


def _called(_: None, task: Callable[[], Result]) -> Result:
    return task()


def cores() -> int:
    """Return how many cores this process may use; not every system says it of a process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def elsewhere(executor: Executor | None) -> Executor:
    """Return an executor of other processes; `LOCAL` in place of one of this process, or of none."""
    return LOCAL if executor is None or executor.in_process else executor
