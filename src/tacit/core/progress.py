"""Progress as an argument: rooms say how far they are, the caller decides who sees it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One long step that is under way."""

    def advance(self, amount: float = 1) -> None:
        """Report that ``amount`` more of the total is done."""
        ...


class Progress(Protocol):
    """Shows how far long steps are."""

    def task(self, description: str, total: float | None = None) -> AbstractContextManager[Task]:
        """Open a step; ``total`` is None where it is not known beforehand."""
        ...


class _SilentTask:
    def advance(self, amount: float = 1) -> None:
        pass


class Silent:
    """Shows nothing: the default of every function that takes a progress."""

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Task]:
        """Open a step that nobody watches."""
        yield _SilentTask()


SILENT = Silent()
