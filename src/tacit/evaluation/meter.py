"""Cost of a step: seconds, and the largest growth of the memory of the process."""

import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_EVERY = 0.01
_STATM = Path("/proc/self/statm")


@dataclass
class Cost:
    """Filled when the step ends.

    Attributes
    ----------
    seconds : float
        Wall clock.
    peak_mb : float
        Largest resident memory during the step less that before it, in 10^6 bytes, sampled every 10 ms (on
        systems without /proc: growth of the process's peak). Reuse of memory that was freed but not returned
        to the system does not show, so a small figure is a lower bound.
    """

    seconds: float = 0.0
    peak_mb: float = 0.0


@contextmanager
def metered() -> Iterator[Cost]:
    """Measure the block."""
    cost = Cost()
    before = peak = _resident_mb()
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(_EVERY):
            peak = max(peak, _resident_mb())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    start = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - start
        done.set()
        watcher.join()
        cost.peak_mb = max(peak, _resident_mb()) - before


def _resident_mb() -> float:
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * resource.getpagesize() / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
