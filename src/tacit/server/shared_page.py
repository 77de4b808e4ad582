"""Memory that the processes of a service share: the numbers of each, and when items were shown.

It belongs to the parent, so a worker that ends leaves its counts behind and the next one goes on with them.
A worker writes its own numbers only. Each is written and read whole; nothing waits for anybody.
"""

import mmap
import os

NUMBERS = 4_064
"""Numbers of a worker (float64)."""
_TEXT = 256
_SLOT = NUMBERS * 8 + _TEXT
BUCKETS = 2**18
"""Buckets of items, each with the minute (uint32) in which one of them was last shown."""
_SHOWN = BUCKETS * 4


def open_page(workers: int) -> int:
    """Return the descriptor of a page for so many workers, all zero; untouched parts take no memory."""
    descriptor = os.memfd_create("tacit-metrics")
    os.ftruncate(descriptor, _SHOWN + workers * _SLOT)
    return descriptor


class Page:
    """The page as one worker sees it.

    Parameters
    ----------
    descriptor : int
        Of `open_page`.
    place : int
        Of this worker, from 0.

    Attributes
    ----------
    place : int
    own : memoryview of float64[NUMBERS]
        Numbers of this worker.
    shown : memoryview of uint32[BUCKETS]
        Minutes, written by all.
    """

    def __init__(self, descriptor: int, place: int) -> None:
        self.place = place
        self._all = memoryview(mmap.mmap(descriptor, 0))
        self.shown = self._all[:_SHOWN].cast("I")
        self.own = self._numbers(place)

    @property
    def workers(self) -> int:
        """How many workers have a place."""
        return (len(self._all) - _SHOWN) // _SLOT

    def of_all(self) -> list[bytes]:
        """Return a copy of the numbers of each worker."""
        return [bytes(self._numbers(place)) for place in range(self.workers)]

    def say(self, text: str) -> None:
        """Set the text of this worker."""
        start = self._text(self.place)
        self._all[start : start + _TEXT] = text.encode()[:_TEXT].ljust(_TEXT, b"\0")

    def said(self) -> list[str]:
        """Return the text of each worker."""
        starts = [self._text(place) for place in range(self.workers)]
        return [bytes(self._all[one : one + _TEXT]).rstrip(b"\0").decode(errors="replace") for one in starts]

    def _numbers(self, place: int) -> "memoryview[float]":
        start = _SHOWN + place * _SLOT
        return self._all[start : start + NUMBERS * 8].cast("d")

    def _text(self, place: int) -> int:
        return _SHOWN + place * _SLOT + NUMBERS * 8
