"""One at a time: who has little to do goes first, and each group in the order of arrival."""

import threading
import time

from tacit.engine.small_first import SmallFirst


def test_small_ones_go_before_large_ones_and_equals_in_their_order() -> None:
    turns = SmallFirst()
    done: list[int] = []
    gate, begun = threading.Event(), threading.Event()

    def hold() -> None:
        with turns.hold(1):
            begun.set()
            gate.wait(10)

    def take(texts: int) -> None:
        with turns.hold(texts):
            done.append(texts)

    holder = threading.Thread(target=hold)
    holder.start()
    assert begun.wait(10)
    takers = []
    for texts in (64, 1, 65, 2):
        takers.append(threading.Thread(target=take, args=(texts,)))
        takers[-1].start()
        end = time.monotonic() + 10
        while len(turns._waiting) < len(takers):
            assert time.monotonic() < end
            time.sleep(0.001)
    gate.set()
    for thread in (holder, *takers):
        thread.join(10)
    assert done == [1, 2, 64, 65]


def test_an_error_gives_the_turn_up() -> None:
    turns = SmallFirst()
    for _ in range(2):
        try:
            with turns.hold(1):
                raise ValueError
        except ValueError:
            continue
