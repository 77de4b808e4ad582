"""How threads wait, and work side by side."""

import os
from functools import partial
from threading import Barrier, get_ident

import pytest

from tacit.core.threads import side_by_side, wait_briefly


@pytest.mark.parametrize(
    ("reported", "spins"),
    [
        ({}, "10000"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "PASSIVE"}, None),
    ],
)
def test_threads_spin_briefly_unless_the_environment_says_otherwise(
    reported: dict[str, str], spins: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in reported.items():
        monkeypatch.setenv(name, value)
    wait_briefly()
    assert os.environ.get("GOMP_SPINCOUNT") == spins


def test_tasks_side_by_side_give_their_results_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    met = Barrier(2, timeout=30)

    def task(number: int) -> int:
        met.wait()  # passed only by two tasks at a time
        return number

    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert side_by_side(partial(task, number) for number in range(4)) == [0, 1, 2, 3]
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert side_by_side([get_ident]) == [get_ident()]
    assert side_by_side(iter([get_ident, get_ident])) == [get_ident()] * 2
    assert side_by_side([]) == []


@pytest.mark.parametrize("processors", [1, 2])
def test_the_error_of_a_task_is_raised(processors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    with pytest.raises(ZeroDivisionError):
        side_by_side([lambda: 1.0, lambda: 1 / 0])
