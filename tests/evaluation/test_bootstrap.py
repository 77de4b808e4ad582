import numpy as np
import pytest

from tacit.evaluation import bootstrap
from tacit.evaluation.bootstrap import RESAMPLES, interval, resampled_means


def test_at_least_a_thousand_resamples() -> None:
    assert RESAMPLES >= 1_000


def test_resampled_means_are_means_of_resamples() -> None:
    # With the values 0 and 1 a resample of two has mean 0, 1/2 or 1, in the ratio 1 : 2 : 1.
    means = resampled_means(np.array([[0.0], [1.0]]), np.random.default_rng(0))[:, 0]
    shares = [np.mean(means == value) for value in (0, 0.5, 1)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.04)


def test_columns_share_their_resamples() -> None:
    values = np.random.default_rng(0).random((50, 1))
    means = resampled_means(np.hstack([values, values + 0.25]), np.random.default_rng(1))
    np.testing.assert_allclose(means[:, 1] - means[:, 0], 0.25)


def test_the_difference_of_columns_is_the_bootstrap_of_the_paired_difference() -> None:
    values = np.random.default_rng(0).random((40, 2))
    means = resampled_means(values, np.random.default_rng(3))
    difference = resampled_means(values[:, :1] - values[:, 1:], np.random.default_rng(3))
    np.testing.assert_allclose(means[:, 0] - means[:, 1], difference[:, 0], atol=1e-12)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(0).random(100)
    assert interval(values, np.random.default_rng(5)) == interval(values, np.random.default_rng(5))


def test_drawing_in_batches_of_bounded_memory_keeps_every_resample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_CELLS", 700)
    means = resampled_means(np.ones((30, 2)), np.random.default_rng(0))
    assert means.shape == (RESAMPLES, 2)
    np.testing.assert_allclose(means, 1)  # every resample has 30 users


def test_an_interval_is_close_to_the_normal_one_for_many_users() -> None:
    values = np.random.default_rng(0).normal(2.0, 3.0, 4_000)
    low, high = interval(values, np.random.default_rng(1))
    error = values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.2 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.2 * error)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    inside = 0
    for _ in range(300):
        low, high = interval(rng.binomial(1, 0.4, 80).astype(float), rng)
        inside += low <= 0.4 <= high
    assert 0.90 <= inside / 300 <= 0.985
