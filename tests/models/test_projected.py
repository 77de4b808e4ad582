"""Projected vectors of large catalogues: the same in blocks, and learned from enough of them."""

import numpy as np
import pytest

from tacit.encoders.projection import Mode, Projection
from tacit.models import projected

VECTORS = np.random.default_rng(0).normal(1.0, 1.0, (300, 8)).astype(np.float32)
ALL = np.ones(len(VECTORS), dtype=bool)


@pytest.mark.parametrize("mode", ["centre", "pca", "whiten"])
def test_blocks_give_the_same_vectors(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = Projection(dimension=5, mode=mode).fit(VECTORS)
    monkeypatch.setattr(projected, "_CELLS", 7 * 8)
    found = projected.transformed(projection, VECTORS)
    np.testing.assert_allclose(found, projection.transform(VECTORS), atol=1e-6)
    assert found.dtype == np.float32


def test_only_the_vectors_of_the_mask_are_learned_from() -> None:
    among = np.arange(300) % 3 == 0
    found = projected.fitted(Projection(), VECTORS, among, centred=False)
    np.testing.assert_array_equal(found.mean_, Projection().fit(VECTORS[among]).mean_)


def test_of_very_many_vectors_evenly_spread_ones_are_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projected, "ENOUGH", 100)
    found = projected.fitted(Projection(), VECTORS, ALL, centred=False)
    rows = np.linspace(0, 299, 100).astype(int)
    np.testing.assert_array_equal(found.mean_, Projection().fit(VECTORS[rows]).mean_)
    assert np.abs(found.mean_ - VECTORS.mean(axis=0)).max() < 0.3
