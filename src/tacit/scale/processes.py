"""An executor of several processes of this machine.

The processes are fresh interpreters (docs/decisions/024-processes.md says why nothing is forked). Where what
all parts share is large, it is written to a file once, and each process holds its own copy; use names of
files. It is not sent to a process that starts: one that is killed then would never read it, and the sender
would wait for ever.
"""

import mmap
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from threading import Thread
from typing import Any

from tacit.core.errors import TacitError
from tacit.core.executor import Executor, Job, Part, Result, cores, in_order
from tacit.core.unfinished import remove_temporary, temporary_folder

_LOOK = 1.0
"""Seconds between two looks of a worker at whether its parent is there."""
TRIES = 3
"""So often a process may end without a result, with no other result in between."""

_SMALL = 2**16
"""Bytes of what parts share up to which it goes with each part, to processes that are there already."""

_kept: dict[str, Any] = {}
"""In a worker of a pool of its own: what its parts share."""


class ProcessExecutor(Executor):
    """Computes parts in processes of this machine, one a core by default.

    Processes are kept from one job to the next until `close`, for a start takes a second of a core; a job
    whose parts share much has processes of its own. One that is killed takes nothing with it: what it had not
    finished is computed again. What killed ones left among the temporary files is removed.

    Parameters
    ----------
    workers : int, optional
    """

    in_process = False

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or cores()
        self._pool: ProcessPoolExecutor | None = None
        remove_temporary()

    @property
    def workers(self) -> int:
        """How many parts are computed at once."""
        return self._workers

    def close(self) -> None:
        """End the processes; a later job starts others."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _results(self, job: Job[Any, Any, Result]) -> Iterator[Result]:
        """Yield the results.

        Raises
        ------
        TacitError
            If processes end again and again.
        """
        done, tries, count = 0, 0, len(job.parts)
        once = self._by_kept if _is_small(job.shared) else self._by_own
        while done < count:
            try:
                for result in once(replace(job, parts=job.parts[done:])):
                    done, tries = done + 1, 0
                    yield result
            except BrokenProcessPool as error:
                self._pool = None
                tries += 1
                if tries == TRIES:
                    raise TacitError(
                        f"a worker process ended {TRIES} times at part {done + 1} of {count}: was it "
                        "killed because memory ran out? Use smaller parts or --executor local"
                    ) from error

    def _by_kept(self, job: Job[Any, Any, Result]) -> Iterator[Result]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._workers, mp_context=get_context("spawn"), initializer=_begin
            )
        pool = self._pool
        submitted = (_submitted(pool, job.function, job.shared, part) for part in job.parts)
        with _ended_with_this(pool):
            yield from in_order(submitted, self._workers)

    def _by_own(self, job: Job[Any, Any, Result]) -> Iterator[Result]:
        workers = min(self._workers, len(job.parts))
        with (
            _written(job.shared) as file,
            ProcessPoolExecutor(
                workers, mp_context=get_context("spawn"), initializer=_begin_with, initargs=(file,)
            ) as pool,
            _ended_with_this(pool),
        ):
            yield from in_order((_submitted(pool, _work, job.function, part) for part in job.parts), workers)


@contextmanager
def _written(shared: object) -> Iterator[Path]:
    """Give the file of what parts share; it is there until the end."""
    with temporary_folder() as folder:
        file = folder / "shared"
        with file.open("wb") as stream:
            ForkingPickler(stream, 5).dump(shared)
        yield file


def _submitted(pool: ProcessPoolExecutor, function: Callable[..., Result], *given: Any) -> "Future[Result]":
    """Submit a part. A process that this starts leaves Ctrl-C to the one that started it, which ends it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(function, *given)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _ended_with_this(pool: ProcessPoolExecutor) -> Iterator[None]:
    """End the processes of a pool where this process is told to end, for a part may take minutes.

    Likewise where one of them ended: a pool that finds it just while another starts waits for that one.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, BrokenProcessPool):
        for process in list((pool._processes or {}).values()):
            process.kill()
        raise


class _Limited:
    """A file that takes a few bytes."""

    def __init__(self, most: int) -> None:
        self._left = most

    def write(self, content: bytes | memoryview) -> int:
        self._left -= len(content)
        if self._left < 0:
            raise _FullError
        return len(content)


class _FullError(Exception):
    """More was written than a file takes."""


def _is_small(shared: object) -> bool:
    """Return whether something can be sent with each part; it is pickled up to there and no further."""
    try:
        ForkingPickler(_Limited(_SMALL)).dump(shared)
    except _FullError:
        return False
    return True


def _begin() -> None:
    """Compute on one thread, for each core has a process of its own, and end with the parent."""
    from threadpoolctl import threadpool_limits

    os.environ["OMP_NUM_THREADS"] = "1"  # for libraries that are loaded later
    threadpool_limits(1)
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _begin_with(file: Path) -> None:
    """Keep what the parts share."""
    _begin()
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        _kept["shared"] = ForkingPickler.loads(content)


def _end_with(parent: int) -> None:
    """End this process when its parent is gone: one that is killed cannot say so."""
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)


def _work(function: Callable[[Any, Part], Result], part: Part) -> Result:
    return function(_kept["shared"], part)
