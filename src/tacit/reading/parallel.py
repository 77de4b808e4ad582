"""Blocks of a file worked on side by side: Polars splits texts on one core, without Python's lock."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from tacit.core.executor import Executor

In = TypeVar("In")
Out = TypeVar("Out")

_MOST_THREADS = 4
"""Each works on a block of its own, which takes several times its size of memory."""


def in_order(work: Callable[[In], Out], parts: Iterable[In], threads: int | None = None) -> Iterator[Out]:
    """Yield what a function makes of each part, in the order of the parts.

    The next parts are taken and worked on while the caller uses the last result: only as many as there are
    threads, so that a large file is not in memory as a whole. By default there is one a core.
    """
    threads = min(threads or os.cpu_count() or 1, _MOST_THREADS)
    if threads == 1:
        yield from map(work, parts)
        return
    parts = iter(parts)
    ahead = deque(islice(parts, 2))
    if len(ahead) == 1:  # a thread, and what Polars prepares anew in each, cost more than a small file
        yield work(ahead.popleft())
        return
    waiting: deque[Future[Out]] = deque()
    with ThreadPoolExecutor(threads, "tacit-reading") as pool:
        for part in _one_by_one(ahead, parts):
            waiting.append(pool.submit(work, part))
            del part  # only the work holds it, and frees it when it is done
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _one_by_one(ahead: deque[In], parts: Iterator[In]) -> Iterator[In]:
    while ahead:
        yield ahead.popleft()
    yield from parts


def threads_of(executor: Executor, parts: int) -> int | None:
    """Return how many threads work on the blocks of a part; None for one a core.

    Parts that are computed side by side have one each.
    """
    return None if executor.in_process and (parts == 1 or executor.workers == 1) else 1
