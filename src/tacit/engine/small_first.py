"""One at a time, and whoever has little to do goes before those who have much."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LITTLE = 4
"""Texts: a single item, or a few that were put at the same moment."""


class SmallFirst:
    """A lock: of those who wait, the longest with little to do is next, else the longest with much.

    Who has much to do takes it in parts, so that others have their turn between two.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[tuple[bool, int]] = []
        self._tickets = 0
        self._held = False

    @contextmanager
    def hold(self, texts: int) -> Iterator[None]:
        """Hold it in a ``with`` block to encode so many texts."""
        with self._changed:
            self._tickets += 1
            own = (texts > _LITTLE, self._tickets)
            self._waiting.append(own)
            self._changed.wait_for(lambda: not self._held and own == min(self._waiting))
            self._waiting.remove(own)
            self._held = True
        try:
            yield
        finally:
            with self._changed:
                self._held = False
                self._changed.notify_all()
