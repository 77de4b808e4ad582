"""An executor of several processes of this machine.

The processes are fresh interpreters (docs/decisions/024-processes.md says why nothing is forked). What all
parts share is sent to each process once, and each holds its own copy; use names of files where it is large.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from threading import Thread
from typing import Any

from tacit.core.errors import TacitError
from tacit.core.executor import Part, Result, Shared, cores, in_order

_LOOK = 1.0
"""Seconds between two looks of a worker at whether its parent is there."""
TRIES = 3
"""So often a process may end without a result, with no other result in between."""

_kept: dict[str, Any] = {}
"""In a worker: what its parts share."""


class ProcessExecutor:
    """Computes parts in processes of this machine, one a core by default.

    The processes live as long as one call of `map`. One that is killed takes nothing with it: what it had not
    finished is computed again.

    Parameters
    ----------
    workers : int, optional
    """

    in_process = False

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or cores()

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
        """Yield the result of each part; see `tacit.core.executor.Executor`.

        Raises
        ------
        TacitError
            If processes end again and again.
        """
        done, tries = 0, 0
        while done < len(parts):
            try:
                for result in self._results(function, parts[done:], shared):
                    done, tries = done + 1, 0
                    yield result
            except BrokenProcessPool as error:
                tries += 1
                if tries == TRIES:
                    raise TacitError(
                        f"a worker process ended {TRIES} times at part {done + 1} of {len(parts)}: was it "
                        "killed because memory ran out? Use smaller parts or --executor local"
                    ) from error

    def _results(
        self, function: Callable[[Shared, Part], Result], parts: Sequence[Part], shared: Shared
    ) -> Iterator[Result]:
        workers = min(self._workers, len(parts))
        pool = ProcessPoolExecutor(
            workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(shared,)
        )

        def submit(function: Callable[..., Result], _: Shared, part: Part) -> "Future[Result]":
            return pool.submit(_work, function, part)

        with pool:
            yield from in_order(submit, pool.shutdown, function, parts, shared, workers)


def _begin(shared: object) -> None:
    """Keep what the parts share, and compute on one thread: each core has a process of its own."""
    from threadpoolctl import threadpool_limits

    os.environ["OMP_NUM_THREADS"] = "1"  # for libraries that are loaded later
    threadpool_limits(1)
    _kept["shared"] = shared
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when its parent is gone: one that is killed cannot say so."""
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)


def _work(function: Callable[[Any, Part], Result], part: Part) -> Result:
    return function(_kept["shared"], part)
