"""How many requests a key may send: a bucket of tokens for each, in memory that all workers share.

A bucket is one number, the time at which it would be full again (the generic cell rate algorithm, ITU-T
I.371). It is read and written whole. Two workers that count at the same moment may count once, so a rate is
kept to within a few requests.
"""

import mmap
import os
import time
from collections.abc import Callable

from tacit.server.keys import MOST_KEYS

_PLACES = MOST_KEYS + 2
"""Keys of a file, and the two of options."""
_SLACK = 1e-6
"""Seconds: sums of floating-point numbers are not exact."""
_BURST = 1.0
"""A key may send at once what it may send in so many seconds."""


def open_page() -> int:
    """Return the descriptor of memory that processes share: full buckets."""
    descriptor = os.memfd_create("tacit-rates")
    os.ftruncate(descriptor, 8 * _PLACES)
    return descriptor


class Rates:
    """The buckets of all keys.

    Parameters
    ----------
    descriptor : int
        Of `open_page`.
    usual : float or None
        Requests a second of a key without a rate of its own; None for any number.
    clock : callable
        A monotonic clock, the same for all processes of a machine.
    """

    def __init__(
        self, descriptor: int, usual: float | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._full_at = memoryview(mmap.mmap(descriptor, 0)).cast("d")
        self._usual = usual
        self._clock = clock

    def admit(self, number: int, rate: float | None) -> float:
        """Take a token of a key; return 0, or the seconds after which there will be one."""
        rate = self._usual if rate is None else rate
        if rate is None:
            return 0.0
        now = self._clock()
        wait = self._full_at[number] - now - max(_BURST - 1.0 / rate, 0.0)
        if wait > _SLACK:
            return wait
        self._full_at[number] = max(self._full_at[number], now) + 1.0 / rate
        return 0.0

    def charge(self, number: int, rate: float | None, tokens: int) -> None:
        """Take more tokens of a request that was admitted, on credit if need be: later ones wait."""
        rate = self._usual if rate is None else rate
        if rate is not None:
            self._full_at[number] = max(self._full_at[number], self._clock()) + tokens / rate
