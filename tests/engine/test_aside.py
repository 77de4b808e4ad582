"""Reads that nobody waits for too long."""

import threading
import time
import weakref
from collections.abc import Iterator

import pytest
from tests.fleet import wait_until

from tacit.engine.aside import Aside, LateError


@pytest.fixture
def aside() -> Iterator[Aside]:
    opened = Aside("test-reads", 0.05)
    yield opened
    opened.close()


def soon(aside: Aside, value: int) -> bool:
    """Whether a read works within a while."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            return aside.read(lambda: value, aside.deadline()) == value
        except LateError:
            time.sleep(0.001)
    return False


def test_a_read_gives_what_it_finds_or_its_error(aside: Aside) -> None:
    until = time.monotonic() + 20
    assert [aside.read(lambda n=n: n, until) for n in range(100)] == [*range(100)]
    with pytest.raises(ZeroDivisionError):
        aside.read(lambda: 1 // 0, until)


@pytest.mark.promise("P29")
@pytest.mark.fault(10, 31)
def test_one_waits_in_vain_and_the_others_not_at_all_until_the_store_is_back(aside: Aside) -> None:
    gate, begun = threading.Event(), []
    with pytest.raises(LateError):
        aside.read(lambda: (begun.append(1), gate.wait(20)), aside.deadline())
    for _ in range(50):  # no thread waits, and none is begun
        with pytest.raises(LateError):
            aside.read(lambda: begun.append(2), time.monotonic() + 20)
    assert begun == [1]
    gate.set()
    assert soon(aside, 7)


class Held:
    """What a read holds: a model, say."""


def test_a_thread_that_waits_for_work_holds_nothing_of_its_last_read(aside: Aside) -> None:
    held, together = Held(), threading.Barrier(4)
    gone = weakref.ref(held)

    def read(held: Held = held) -> Held:
        together.wait(20)
        return held

    threads = [threading.Thread(target=aside.read, args=(read, _later())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    del held, read, threads, thread
    assert aside.read(lambda: 7, _later()) == 7  # one thread reads again, three wait
    wait_until(lambda: gone() is None, 5)


def test_several_threads_read_at_once(aside: Aside) -> None:
    together = threading.Barrier(4)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(aside.read(lambda: together.wait(20), _later())))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 1, 2, 3]


def _later() -> float:
    return time.monotonic() + 20


def test_a_thread_that_was_left_behind_ends_after_the_end(aside: Aside) -> None:
    gate = threading.Event()
    with pytest.raises(LateError):
        aside.read(lambda: gate.wait(20), aside.deadline())
    aside.close()
    gate.set()
    end = time.monotonic() + 20
    while time.monotonic() < end and [one for one in threading.enumerate() if one.name == "test-reads"]:
        time.sleep(0.01)
    assert not [one for one in threading.enumerate() if one.name == "test-reads"]
