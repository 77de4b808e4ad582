import numpy as np
import pytest

from tacit.pipeline.weight_choice import choose_weight, clustered_error, cross_chosen, paired_gain

NOTHING = np.zeros(4)
EACH = np.arange(4, dtype=np.int32)


def test_a_gain_is_paired_and_has_a_standard_error() -> None:
    # Differences .2, 0, 0, 0: mean .05, standard deviation .0866, halved by the root of four.
    after = np.array([0.5, 0.4, 0.1, 0.9])
    assert paired_gain(after, after - [0.2, 0, 0, 0]) == pytest.approx((0.05, 0.0433), abs=1e-4)


def test_what_is_sure_is_believed_before_what_is_not() -> None:
    # Both gain .05; the standard errors are .0433 and .0750.
    values = {0.0: NOTHING, 0.25: np.array([0.2, 0, 0, 0]), 0.5: np.array([0.3, -0.1, 0, 0])}
    assert choose_weight(values, EACH, standard_errors=0.5) == 0.25
    # With twice the standard error nothing is left of either.
    assert choose_weight(values, EACH, standard_errors=2.0) == 0


@pytest.mark.parametrize(("shift", "weight"), [(-0.015, 0.0), (-0.005, 0.5)])
def test_a_gain_counts_from_its_standard_errors_on(shift: float, weight: float) -> None:
    # A standard error of .0750 asks for .0375; what is gained is .05 and the shift.
    values = {0.0: NOTHING, 0.5: np.array([0.3, -0.1, 0, 0]) + shift}
    assert choose_weight(values, EACH, standard_errors=0.5) == weight


def test_without_standard_errors_the_mean_decides() -> None:
    assert choose_weight({0.0: NOTHING, 0.5: np.array([0.9, -0.8, 0, 0])}, EACH, standard_errors=0.0) == 0.5


def test_of_equals_the_least_is_believed() -> None:
    same = np.array([0.1, 0.2, 0.3, 0.4])
    assert choose_weight({0.0: same, 0.5: same}, EACH, standard_errors=0.5) == 0
    assert choose_weight({0.0: NOTHING, 0.75: same, 0.25: same}, EACH, standard_errors=0.5) == 0.25


def test_two_standard_errors_leave_noise_out() -> None:
    hundred = np.arange(100, dtype=np.int32)
    still = np.full(100, 0.3)
    noisy, sure = still + np.tile([0.3, -0.28], 50), still + np.tile([0.05, 0.0], 50)
    assert choose_weight({0.0: still, 0.1: noisy, 0.25: still - 0.1}, hundred, standard_errors=2.0) == 0
    assert (
        choose_weight({0.0: still, 0.1: noisy, 0.25: sure, 0.5: sure - 0.01}, hundred, standard_errors=2.0)
        == 0.25
    )


def test_the_standard_error_is_one_over_users() -> None:
    values = np.random.default_rng(3).normal(size=40)
    alone = clustered_error(values, np.arange(40, dtype=np.int32))
    assert alone == pytest.approx(values.std() / np.sqrt(40))
    repeated, users = np.repeat(values, 6), np.repeat(np.arange(40, dtype=np.int32), 6)
    assert clustered_error(repeated, users) == pytest.approx(alone)
    mean, error = paired_gain(repeated + 1, np.ones(240), users)
    assert (mean, error) == pytest.approx((values.mean(), alone))


def test_many_lists_of_few_users_choose_less_than_those_of_many() -> None:
    # Two users gain .2 and -.1: twenty lists of each are still two users.
    values = {0.0: np.zeros(40), 0.5: np.tile([0.2, -0.1], 20)}
    users = {number: np.arange(40, dtype=np.int32) % number for number in (2, 40)}
    assert choose_weight(values, users[40], standard_errors=1.0) == 0.5
    assert choose_weight(values, users[2], standard_errors=1.0) == 0


def test_each_share_is_measured_at_the_weight_that_the_others_choose() -> None:
    # The first share gains from .5 only, the second from .25 only: each is given the other's choice.
    share = np.array([0, 0, 1, 1])
    values = {0.0: NOTHING, 0.25: np.array([0, 0, 0.2, 0.2]), 0.5: np.array([0.3, 0.3, 0, 0])}
    found = cross_chosen(values, EACH, share, standard_errors=0.5)
    assert found.tolist() == [0, 0, 0, 0]
    agreed = {0.0: NOTHING, 0.25: np.array([0.2, 0.2, 0.1, 0.1]), 0.5: NOTHING - 1}
    assert cross_chosen(agreed, EACH, share, standard_errors=0.5).tolist() == [0.2, 0.2, 0.1, 0.1]


def test_where_there_is_one_share_nobody_chooses_for_it() -> None:
    values = {0.0: NOTHING, 0.5: NOTHING + 1}
    assert cross_chosen(values, EACH, np.zeros(4, dtype=np.int64), standard_errors=0.5).tolist() == [0] * 4
