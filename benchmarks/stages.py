"""What stages of a program take by some clocks, each without the stages within it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest import mock

Named = str | Callable[..., str]
"""Name of a stage, or what makes it of the arguments of a call."""

Stage = tuple[Any, str, Named]
"""Owner, attribute and name of a function that is a stage."""


class Stages:
    """What was spent by stage; a stage of one thread is not within one of another.

    Parameters
    ----------
    *clocks : callable
        Each returns the seconds up to now.

    Attributes
    ----------
    spent : mapping of stage to list of float
        Seconds by each clock, of all calls.
    """

    def __init__(self, *clocks: Callable[[], float]) -> None:
        self.spent: dict[str, list[float]] = {}
        self._clocks = clocks
        self._of_thread = threading.local()

    @contextmanager
    def stage(self, name: str) -> Iterator[list[float]]:
        """Time what is done within; at its end the list that it gives holds its seconds, all of them."""
        whole: list[float] = []
        self._begin()
        try:
            yield whole
        finally:
            whole += self._end(name)

    def timed(self, function: Callable[..., Any], name: Named) -> Callable[..., Any]:
        """Return a function whose calls are a stage."""

        # Without ``stage``: a stage of an answer takes microseconds.
        @wraps(function)
        def timed(*arguments: Any, **keywords: Any) -> Any:
            self._begin()
            try:
                return function(*arguments, **keywords)
            finally:
                self._end(name if isinstance(name, str) else name(*arguments))

        return timed

    @contextmanager
    def measuring(self, stages: Sequence[Stage]) -> Iterator[None]:
        """Time all stages that are run within; one that is not there is part of the stage around it."""
        with replaced(stages, self.timed):
            yield

    def _begin(self) -> None:
        if not hasattr(self._of_thread, "open"):
            self._of_thread.open = []
        self._of_thread.open.append(([0.0] * len(self._clocks), [clock() for clock in self._clocks]))

    def _end(self, name: str) -> list[float]:
        now = [clock() for clock in self._clocks]
        within, start = self._of_thread.open.pop()
        whole = [end - begin for end, begin in zip(now, start, strict=True)]
        _add(
            self.spent.setdefault(name, [0.0] * len(whole)),
            [a - b for a, b in zip(whole, within, strict=True)],
        )
        if self._of_thread.open:
            _add(self._of_thread.open[-1][0], whole)
        return whole


def _add(total: list[float], more: Sequence[float]) -> None:
    for place, value in enumerate(more):
        total[place] += value


@contextmanager
def replaced(
    stages: Sequence[Stage], by: Callable[[Callable[..., Any], Named], Callable[..., Any]]
) -> Iterator[None]:
    """Put other functions in the place of those of stages, made of function and name, as long as it lasts."""
    with ExitStack() as stack:
        for owner, attribute, name in stages:
            if hasattr(owner, attribute):
                other = by(getattr(owner, attribute), name)
                stack.enter_context(mock.patch.object(owner, attribute, other))
        yield
