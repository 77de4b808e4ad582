"""The clock as an argument, so that a test can set it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Source of the current time."""

    def now(self) -> float:
        """Return the time in Unix seconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return time.time()


class FixedClock:
    """A clock that stands still until it is moved: for tests and for replays.

    Parameters
    ----------
    at : float
        The time it returns, in Unix seconds.
    """

    def __init__(self, at: float) -> None:
        self.at = at

    def now(self) -> float:
        """Return the time it was set to."""
        return self.at
