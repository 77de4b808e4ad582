"""Parts of a job in this process: one after the other, or in threads."""

import os
import subprocess
import sys
import threading
import time
from functools import partial
from threading import Barrier, get_ident

import pytest
from threadpoolctl import threadpool_info

from tacit.core import executor
from tacit.core.executor import LOCAL, LocalExecutor, cores, in_threads, side_by_side


def added(shared: int, part: int) -> int:
    time.sleep(0.01 * (part % 3))  # later parts end before earlier ones
    return shared + part


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_results_are_in_the_order_of_the_parts(workers: int, count: int) -> None:
    found = LocalExecutor(workers).map(added, range(count), shared=100)
    assert list(found) == [100 + part for part in range(count)]


def test_one_worker_computes_in_the_calling_thread_and_only_what_is_read() -> None:
    seen: list[threading.Thread] = []

    def note(_: None, part: int) -> int:
        seen.append(threading.current_thread())
        return part

    found = LOCAL.map(note, [1, 2, 3], shared=None)
    assert next(found) == 1
    assert seen == [threading.current_thread()]


def test_threads_compute_side_by_side_each_with_one_thread_of_the_linear_algebra() -> None:
    both = threading.Barrier(2, timeout=10)

    def meet(_: None, part: int) -> list[int]:
        both.wait()
        return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]

    for found in LocalExecutor(2).map(meet, [0, 1], shared=None):
        assert set(found) == {1}


def test_an_error_is_raised_in_its_place_and_later_parts_are_left_out() -> None:
    begun: list[int] = []

    def fail(_: None, part: int) -> int:
        begun.append(part)
        if part == 2:
            raise ValueError("part 2")
        time.sleep(0.01)
        return part

    found = LocalExecutor(2).map(fail, range(1_000), shared=None)
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(ValueError, match="part 2"):
        next(found)
    assert len(begun) < 20


def test_unread_results_do_not_pile_up() -> None:
    begun: list[int] = []
    found = LocalExecutor(2).map(lambda _, part: begun.append(part), range(1_000), shared=None)
    next(found)
    time.sleep(0.05)
    assert len(begun) < 10
    found.close()  # type: ignore[attr-defined]
    assert len(begun) < 10


def test_the_usual_executor_has_a_thread_for_each_core_four_at_most() -> None:
    assert in_threads().workers == min(cores(), 4)


def test_side_by_side_each_library_computes_on_one_thread_even_if_it_was_not_loaded_before() -> None:
    code = """
from threadpoolctl import threadpool_info
from tacit.core.executor import LocalExecutor

def threads(shared, part):
    import scipy.linalg
    return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]

(found,) = LocalExecutor(2).map(threads, [0], shared=None)
assert len(found) >= 2 and set(found) == {1}, found
"""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_tasks_side_by_side_give_their_results_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    met = Barrier(2, timeout=30)

    def task(number: int) -> int:
        met.wait()  # passed only by two tasks at a time
        return number

    monkeypatch.setattr(executor, "cores", lambda: 2)
    assert side_by_side(partial(task, number) for number in range(4)) == [0, 1, 2, 3]
    monkeypatch.setattr(executor, "cores", lambda: 1)
    assert side_by_side([get_ident]) == [get_ident()]
    assert side_by_side(iter([get_ident, get_ident])) == [get_ident()] * 2
    assert side_by_side([]) == []


@pytest.mark.parametrize("processors", [1, 2])
def test_the_error_of_a_task_is_raised(processors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "cores", lambda: processors)
    with pytest.raises(ZeroDivisionError):
        side_by_side([lambda: 1.0, lambda: 1 / 0])
