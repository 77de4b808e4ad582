"""One seed, independent named streams."""

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from tacit.core.seeds import generator

names = st.lists(st.text(max_size=5), max_size=3)


def draws(seed: int, *parts: str) -> list[int]:
    return generator(seed, *parts).integers(2**62, size=4).tolist()


@given(st.integers(0, 2**40), names, names)
def test_seed_and_names_alone_say_what_is_drawn(seed: int, first: list[str], second: list[str]) -> None:
    assert draws(seed, *first) == draws(seed, *first)
    assert (draws(seed, *first) == draws(seed, *second)) == (first == second)


@given(st.integers(0, 2**40))
def test_another_seed_draws_other_numbers(seed: int) -> None:
    assert draws(seed, "ranker") != draws(seed + 1, "ranker")


def test_names_do_not_run_into_each_other() -> None:
    assert draws(7, "ab", "c") != draws(7, "a", "bc") != draws(7, "abc")


def test_another_process_draws_the_same_numbers() -> None:
    code = "from tacit.core.seeds import generator; print(generator(7, 'fit').integers(2**62))"
    reported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(reported.stdout) == draws(7, "fit")[0]
