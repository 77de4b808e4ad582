"""Progress as an argument: long steps report it, the caller decides where it is shown."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One long step."""

    def advance(self, amount: float = 1) -> None:
        """Report that ``amount`` more of the total is done."""
        ...


class Progress(Protocol):
    """Shows the progress of long steps."""

    def task(self, description: str, total: float | None = None) -> AbstractContextManager[Task]:
        """Open a step; ``total`` is None if it is not known in advance."""
        ...


class _SilentTask:
    def advance(self, amount: float = 1) -> None:
        pass


class Silent:
    """Shows nothing: the default wherever progress is an argument."""

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Task]:
        """Open a step that shows nothing."""
        yield _SilentTask()


SILENT = Silent()
