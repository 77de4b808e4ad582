"""Normalising: training statistics only, everything finite."""

import numpy as np
import pytest

from tacit.core.errors import ConfigError
from tacit.features.feature_columns import Column
from tacit.features.normaliser import Normaliser, Scale


def test_mean_and_deviation_of_the_training_pairs() -> None:
    built = Normaliser().fit(np.array([[1, 5], [3, 5]], dtype=np.float32))
    np.testing.assert_allclose(
        built.transform(np.array([[3, 5], [5, 9]], dtype=np.float32)), [[1, 0], [3, 0]]
    )


def test_unknown_is_the_mean_and_extremes_are_clipped() -> None:
    built = Normaliser().fit(np.array([[0], [2], [np.nan]], dtype=np.float32))
    odd = np.array([[np.nan], [1e9], [-np.inf]], dtype=np.float32)
    assert built.transform(odd)[:, 0].tolist() == [0, 6, -6]


def test_a_column_with_gaps_gets_one_that_tells_of_them() -> None:
    features = np.array([[0, np.nan], [2, 1], [4, 3]], dtype=np.float32)
    built = Normaliser().fit(features)
    np.testing.assert_array_equal(built.transform(features)[:, 2:], [[1], [0], [0]])
    columns = (Column("whole", "one"), Column("holed", "other", "item"))
    assert built.columns(columns)[2] == Column("holed_unknown", "other", "item")
    # Only gaps that training had: nothing was learned of the others.
    assert built.transform(np.array([[np.nan, 1]], dtype=np.float32)).shape == (1, 3)


def test_quantiles_take_the_tail_off() -> None:
    features = np.exp(np.random.default_rng(0).normal(0, 3, (5_000, 1))).astype(np.float32)
    built = Normaliser(scale="quantile").fit(features)
    places = np.sort(built.transform(features)[:, 0])
    assert np.abs(np.diff(places)).max() < 0.05  # even, whatever the values
    assert built.transform(np.array([[-1], [1e30]], dtype=np.float32))[:, 0] == pytest.approx(
        [places[0], places[-1]], abs=1e-3
    )
    assert built.transform(np.array([[np.nan]], dtype=np.float32))[0, 0] == 0


def test_an_unknown_scale_is_refused() -> None:
    with pytest.raises(ConfigError, match="known: standard, quantile"):
        Normaliser(scale="nonsense")  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", ["standard", "quantile"])
def test_restored_equals_stored(scale: Scale) -> None:
    features = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    features[3, 1] = np.nan
    built = Normaliser(scale=scale).fit(features)
    again = Normaliser.restore(built.spec(), built.arrays())
    np.testing.assert_array_equal(built.transform(features), again.transform(features))


@pytest.mark.parametrize("scale", ["standard", "quantile"])
def test_buckets_stay_what_they_are(scale: str) -> None:
    columns = [Column("amount", "f"), Column("bucket", "f", "bucket")]
    features = np.array([[1, 0], [3, 2**24 - 1], [np.nan, 7]], dtype=np.float32)
    built = Normaliser(scale=scale).fit(features, columns)  # type: ignore[arg-type]
    assert built.transform(features)[:, 1].tolist() == [0, 2**24 - 1, 7]
    again = Normaliser.restore(built.spec(), built.arrays())
    np.testing.assert_array_equal(again.transform(features), built.transform(features))
    assert [one.name for one in built.columns(columns)] == ["amount", "bucket", "amount_unknown"]
