"""How the threads of numerical libraries wait for each other, and work side by side in threads of our own."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def wait_briefly() -> None:
    """Let OpenMP's threads (GCC's, which PyTorch brings on Linux) spin for a moment only, then sleep.

    The library reads the setting when it is loaded, so call this before `torch` is imported. By default the
    threads spin for some milliseconds: on a busy machine `tacit demo` took twice as long and twice the
    processor time, on an idle one the same (CHANGELOG.md has the figures). Settings in the caller's
    environment are kept.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def side_by_side(tasks: Iterable[Callable[[], T]]) -> list[T]:
    """Return the results of tasks in their order, run in as many threads as there are processors.

    For tasks that spend their time in NumPy, SciPy or compiled loops, which leave the interpreter to others.
    The first that fails raises its error here.
    """
    given = list(tasks)
    threads = min(len(given), os.cpu_count() or 1)
    if threads < 2:
        return [task() for task in given]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda task: task(), given))
