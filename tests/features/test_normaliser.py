"""Normalising: training statistics only, everything finite."""

import numpy as np

from tacit.features.normaliser import Normaliser


def test_mean_and_deviation_of_the_training_pairs() -> None:
    made = Normaliser().fit(np.array([[1, 5], [3, 5]], dtype=np.float32))
    np.testing.assert_allclose(made.transform(np.array([[3, 5], [5, 9]], dtype=np.float32)), [[1, 0], [3, 0]])


def test_unknown_is_the_mean_and_extremes_are_clipped() -> None:
    made = Normaliser().fit(np.array([[0], [2], [np.nan]], dtype=np.float32))
    odd = np.array([[np.nan], [1e9], [-np.inf]], dtype=np.float32)
    assert made.transform(odd)[:, 0].tolist() == [0, 6, -6]


def test_restored_equals_stored() -> None:
    features = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    made = Normaliser().fit(features)
    again = Normaliser.restore(made.spec(), made.arrays())
    np.testing.assert_array_equal(made.transform(features), again.transform(features))
