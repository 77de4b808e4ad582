"""Arrays of several parts are told apart by what stands before the first mark."""

import numpy as np

from tacit.core.parts import part_of

ARRAYS = {"a/x": np.zeros(1), "a/x/y": np.zeros(2), "ab/x": np.zeros(3), "a": np.zeros(4)}


def test_a_part_has_its_own_names() -> None:
    found = part_of(ARRAYS, "a", "/")
    assert {name: len(array) for name, array in found.items() if name} == {"x": 1, "x/y": 2}


def test_a_part_that_is_not_there_is_empty() -> None:
    assert part_of(ARRAYS, "b", "/") == {}
