"""What a component of somebody else's returns is refused in one sentence where it breaks its protocol."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tacit.core.errors import ConfigError
from tacit.models.checks import call_fault, checked_pair_scores, checked_scores, is_ours
from tacit.models.ease import EASE

GOOD = np.array([[1, 2, 3], [4, -np.inf, 6]], dtype=np.float32)


class Mine(EASE):
    pass


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "nothing": (lambda: None, "returns a NoneType as scores; return a NumPy array of float32"),
    "list": (lambda: GOOD.tolist(), "returns a list as scores"),
    "matrix": (lambda: np.asmatrix(GOOD), "returns a matrix as scores"),
    "mask": (lambda: np.ma.masked_less(GOOD, 2), "returns a MaskedArray as scores"),
    "flat": (lambda: GOOD[0], r"of the shape \(3,\); it must be \(2, 3\): queries x items"),
    "transposed": (lambda: GOOD.T, r"of the shape \(3, 2\)"),
    "whole numbers": (lambda: np.ones((2, 3), int), "of the type int64; it must be float32"),
    "truth": (lambda: GOOD > 0, "of the type bool"),
    "objects": (lambda: GOOD.astype(object), "of the type object"),
    "complex": (lambda: GOOD.astype(complex), "of the type complex128"),
    "NaN": (lambda: np.where(GOOD == 6, np.nan, GOOD), "with NaN; give -inf"),
    "infinity": (lambda: np.where(GOOD == 6, np.inf, GOOD), r"with \+inf; give numbers"),
    "too large": (lambda: np.full((2, 3), 1e300), r"with \+inf"),
    "read-only": (lambda: np.broadcast_to(GOOD[0], (2, 3)), "cannot be written to; return a copy"),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("case", WRONG)
@pytest.mark.fault(33)
def test_wrong_scores_are_refused(case: str) -> None:
    make, message = WRONG[case]
    with pytest.raises(ConfigError, match=f"the retriever 'x' returns scores .*{message}|{message}") as error:
        checked_scores("the retriever 'x'", make(), (2, 3))
    assert str(error.value).startswith("the retriever 'x' returns")
    assert "\n" not in str(error.value)


def test_good_scores_come_back_as_float32() -> None:
    assert checked_scores("it", GOOD, (2, 3)) is GOOD
    assert checked_scores("it", GOOD.astype(np.float64), (2, 3)).dtype == np.float32
    assert checked_scores("it", np.empty((0, 3), np.float32), (0, 3)).shape == (0, 3)


@pytest.mark.fault(33)
def test_scores_of_pairs_are_finite_and_one_for_each() -> None:
    assert checked_pair_scores("it", np.ones(3), 3).dtype == np.float32
    wrong: list[tuple[Any, str]] = [
        (np.ones((3, 1)), "of the shape"), ([1.0] * 3, "a list"), (GOOD[1], "NaN or infinity"),
        ("abc", "a str"), (np.array(["a", "b", "c"]), "of the type"),
    ]  # fmt: skip
    for scores, message in wrong:
        with pytest.raises(ConfigError, match=message):
            checked_pair_scores("the ranker 'x'", scores, 3)


def test_only_classes_of_tacit_are_trusted() -> None:
    assert is_ours(EASE())
    assert not is_ours(Mine())


def test_a_call_is_tried_without_being_made() -> None:
    assert call_fault(EASE().fit, 2, {"rng"}) == ""
    assert "missing a required argument" in call_fault(lambda queries, items: None, 1)
    assert call_fault(dict, 0) == ""
