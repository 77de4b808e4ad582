"""Output for people: progress bars on standard error, tables on standard output."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tacit.core.progress import Task

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class _Bar:
    def __init__(self, bars: Progress, task: int) -> None:
        self._bars, self._task = bars, task

    def advance(self, amount: float = 1) -> None:
        self._bars.advance(self._task, amount)  # type: ignore[arg-type]


class Bars:
    """Progress bars on standard error; one line a step where standard error is not a terminal."""

    def __init__(self) -> None:
        self._bars: Progress | None = None

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Task]:
        """Show a bar for a step; steps opened within it show beneath it."""
        outermost = self._bars is None
        if self._bars is None:
            self._bars = Progress(
                TextColumn("{task.description:<34}"),
                BarColumn(bar_width=30),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=err,
            )
            self._bars.start()
        bars = self._bars
        bar = bars.add_task(description, total=total)
        try:
            yield _Bar(bars, bar)
            # A step may stop early, and one of unknown length has its total only now: it is complete.
            bars.update(bar, total=next(t.completed for t in bars.tasks if t.id == bar))
        finally:
            if outermost:
                bars.stop()
                self._bars = None
            else:
                bars.stop_task(bar)
