import numpy as np
import pytest

from tacit.pipeline.weight_choice import choose_weight, paired_gain

NOTHING = np.zeros(4)


def test_a_gain_is_paired_and_has_a_standard_error() -> None:
    # Differences .2, 0, 0, 0: mean .05, standard deviation .0866, halved by the root of four.
    after = np.array([0.5, 0.4, 0.1, 0.9])
    assert paired_gain(after, after - [0.2, 0, 0, 0]) == pytest.approx((0.05, 0.0433), abs=1e-4)


def test_what_is_sure_is_believed_before_what_is_not() -> None:
    # Both gain .05; the standard errors are .0433 and .0750.
    values = {0.0: NOTHING, 0.25: np.array([0.2, 0, 0, 0]), 0.5: np.array([0.3, -0.1, 0, 0])}
    assert choose_weight(values, standard_errors=0.5) == 0.25
    # With twice the standard error nothing is left of either.
    assert choose_weight(values, standard_errors=2.0) == 0


@pytest.mark.parametrize(("shift", "weight"), [(-0.015, 0.0), (-0.005, 0.5)])
def test_a_gain_counts_from_its_standard_errors_on(shift: float, weight: float) -> None:
    # A standard error of .0750 asks for .0375; what is gained is .05 and the shift.
    values = {0.0: NOTHING, 0.5: np.array([0.3, -0.1, 0, 0]) + shift}
    assert choose_weight(values, standard_errors=0.5) == weight


def test_without_standard_errors_the_mean_decides() -> None:
    assert choose_weight({0.0: NOTHING, 0.5: np.array([0.9, -0.8, 0, 0])}, standard_errors=0.0) == 0.5


def test_of_equals_the_least_is_believed() -> None:
    same = np.array([0.1, 0.2, 0.3, 0.4])
    assert choose_weight({0.0: same, 0.5: same}, standard_errors=0.5) == 0
    assert choose_weight({0.0: NOTHING, 0.75: same, 0.25: same}, standard_errors=0.5) == 0.25


def test_two_standard_errors_leave_noise_out() -> None:
    still = np.full(100, 0.3)
    noisy, sure = still + np.tile([0.3, -0.28], 50), still + np.tile([0.05, 0.0], 50)
    assert choose_weight({0.0: still, 0.1: noisy, 0.25: still - 0.1}, standard_errors=2.0) == 0
    assert choose_weight({0.0: still, 0.1: noisy, 0.25: sure, 0.5: sure - 0.01}, standard_errors=2.0) == 0.25
