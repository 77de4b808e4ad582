"""Output for people: progress on standard error, tables on standard output."""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

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

_EVERY = 10.0
"""Seconds between two lines on a step where standard error is no terminal."""


class _Bar:
    def __init__(self, bars: Progress, task: int) -> None:
        self._bars, self._task = bars, task

    def advance(self, amount: float = 1) -> None:
        self._bars.advance(self._task, amount)  # type: ignore[arg-type]


class Bars:
    """Progress bars on standard error; lines where that is no terminal: every 10 s, and when a step ends."""

    def __init__(self) -> None:
        self._bars: Progress | None = None

    def task(self, description: str, total: float | None = None) -> AbstractContextManager[Task]:
        """Show a step; steps opened within it show beneath it."""
        return self._bar(description, total) if err.is_terminal else _lines(description, total, _EVERY)

    @contextmanager
    def _bar(self, description: str, total: float | None) -> Iterator[Task]:
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


class _Counted:
    """How far a step is."""

    def __init__(self, description: str, total: float | None) -> None:
        self._description, self._total = description, total
        self._done, self._start = 0.0, time.monotonic()

    def advance(self, amount: float = 1) -> None:
        self._done += amount

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def line(self, *, ended: bool) -> str:
        seconds = f"{self.seconds:,.0f} s"
        if ended:
            return f"{self._description}: done in {seconds}"
        of = "" if self._total is None else f" of {self._total:,.0f}"
        far = f"{self._done:,.0f}{of}, " if self._done or of else ""
        return f"{self._description}: {far}{seconds}"


@contextmanager
def _lines(description: str, total: float | None, every: float) -> Iterator[Task]:
    """Print a line on a step every so many seconds, also while it reports nothing, and one when it ends."""
    task, ended = _Counted(description, total), threading.Event()

    def tell() -> None:
        while not ended.wait(every):
            err.print(task.line(ended=False))

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield task
        ended.set()
        teller.join()
        if task.seconds >= 1:
            err.print(task.line(ended=True))
    finally:
        ended.set()
