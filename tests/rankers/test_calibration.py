"""Temperatures that are known are found, and bins say what came."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from tacit.rankers.calibration import Bin, Calibration, calibration_error, reliability

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(-2, 1.5, size=60_000).astype(np.float32)
CAME = (RNG.random(60_000) < expit(TRUTH)).astype(np.float32)
ONES = np.ones(60_000, dtype=np.float32)


@pytest.mark.parametrize(("temperature", "bias"), [(3.0, 0.0), (0.5, 1.0), (1.0, -2.0)])
def test_a_known_temperature_is_found(temperature: float, bias: float) -> None:
    found = Calibration.fit((TRUTH - bias) * temperature, CAME, ONES)
    assert found.temperature == pytest.approx(temperature, rel=0.05)
    assert found.bias == pytest.approx(bias, abs=0.06)
    assert Calibration(**found.spec()) == found  # type: ignore[arg-type]


def test_sampled_negatives_count_for_all() -> None:
    kept = (CAME > 0) | (np.random.default_rng(1).random(60_000) < 0.2)
    weight = np.where(CAME > 0, 1, 5)[kept].astype(np.float32)
    found = Calibration.fit(TRUTH[kept], CAME[kept], weight)
    assert found.temperature == pytest.approx(1, rel=0.05)
    assert found.bias == pytest.approx(0, abs=0.1)


def test_the_order_stays_even_where_scores_say_the_opposite() -> None:
    found = Calibration.fit(-TRUTH, CAME, ONES)
    probability = found.probability(np.array([-5, 0, 5], dtype=np.float32))
    assert (np.diff(probability) >= 0).all()


def test_with_one_class_there_is_nothing_to_fit() -> None:
    assert Calibration.fit(TRUTH, np.zeros_like(CAME), ONES) == Calibration()
    assert Calibration.fit(TRUTH[:0], CAME[:0], ONES[:0]) == Calibration()


def test_true_probabilities_are_reliable_and_others_are_not() -> None:
    good = reliability(expit(TRUTH), CAME, ONES)
    assert len(good) == 10
    assert all(row.observed == pytest.approx(row.predicted, abs=0.04) for row in good)
    assert calibration_error(good) < 0.01
    assert calibration_error(reliability(expit(TRUTH * 3), CAME, ONES)) > 0.05


def test_a_table_by_hand() -> None:
    probability = np.array([0.1, 0.1, 0.5, 0.7], dtype=np.float32)
    label, weight = np.array([0, 1, 1, 0], np.float32), np.array([3, 1, 1, 1], np.float32)
    rows = reliability(probability, label, weight, bins=2)
    assert [row.count for row in rows] == [4, 2]
    assert [row.observed for row in rows] == [0.25, 0.5]
    assert [row.predicted for row in rows] == pytest.approx([0.1, 0.6])
    assert calibration_error([Bin(0.1, 0.25, 4), Bin(0.6, 0.5, 2)]) == pytest.approx((4 * 0.15 + 2 * 0.1) / 6)
    assert reliability(probability[:0], label[:0], weight[:0]) == []
    assert calibration_error([]) == 0


@given(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.integers(0, 1)), min_size=1, max_size=50),
    st.integers(1, 12),
)
def test_bins_hold_every_pair_once_and_in_order(pairs: list[tuple[float, int]], bins: int) -> None:
    probability, label = np.array(pairs, dtype=np.float32).T
    rows = reliability(probability, label, np.ones(len(pairs), dtype=np.float32), bins)
    assert sum(row.count for row in rows) == len(pairs)
    assert sum(row.count * row.observed for row in rows) == pytest.approx(label.sum())
    assert [row.predicted for row in rows] == sorted(row.predicted for row in rows)
    assert len(rows) <= bins
