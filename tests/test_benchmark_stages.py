"""The stages of a benchmark are timed without the stages within them."""

from threading import Thread

import pytest
from benchmarks.stages import Stages


class Work:
    """Stages that move two clocks by hand."""

    def __init__(self) -> None:
        self.wall = self.processor = 0.0

    def spend(self, wall: float, processor: float) -> None:
        self.wall += wall
        self.processor += processor

    def inner(self) -> None:
        self.spend(2, 4)

    def outer(self, times: int) -> int:
        self.spend(1, 1)
        for _ in range(times):
            self.inner()
        return times


def stages_of(work: Work) -> Stages:
    return Stages(lambda: work.wall, lambda: work.processor)


def test_a_stage_is_without_those_within_it_and_a_function_comes_back() -> None:
    work = Work()
    stages = stages_of(work)
    before = Work.__dict__["inner"], Work.__dict__["outer"]
    listed = [
        (Work, "inner", "inner"),
        (Work, "outer", lambda _, times: f"outer {times}"),
        (Work, "gone", ""),
    ]
    with stages.measuring(listed), stages.stage("all") as whole:
        assert work.outer(2) == 2
        work.outer(1)
        work.spend(0.5, 0)
    assert stages.spent == {"inner": [6, 12], "outer 2": [1, 1], "outer 1": [1, 1], "all": [0.5, 0]}
    assert whole == [8.5, 14]
    work.outer(5)
    assert stages.spent["inner"] == [6, 12]
    assert (Work.__dict__["inner"], Work.__dict__["outer"]) == before


def test_a_stage_that_fails_is_timed_too() -> None:
    work = Work()
    stages = stages_of(work)
    with pytest.raises(ValueError, match="no"), stages.stage("outer"), stages.stage("inner"):
        work.spend(1, 1)
        raise ValueError("no")
    assert stages.spent == {"inner": [1, 1], "outer": [0, 0]}


def test_a_stage_of_another_thread_is_not_within() -> None:
    work = Work()
    stages = stages_of(work)
    with stages.stage("outer"):
        thread = Thread(target=stages.timed(work.inner, "inner"))
        thread.start()
        thread.join()
    assert stages.spent == {"inner": [2, 4], "outer": [2, 4]}
