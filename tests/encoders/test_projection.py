"""Centring, PCA and whitening, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tacit.core.errors import ConfigError
from tacit.encoders.projection import Projection

# Four points around (5, 5, 1): the spread is 3 along (1, 1), 1 along (1, -1) and none along the last axis.
SIDE = np.sqrt(0.5)
AROUND = np.array([[3, 3, 0], [-3, -3, 0], [1, -1, 0], [-1, 1, 0]]) * SIDE
POINTS = (AROUND + np.array([5, 5, 1])).astype(np.float32)


def test_centring_subtracts_the_mean_and_gives_length_one() -> None:
    out = Projection(mode="centre").fit(POINTS).transform(POINTS)
    expected = np.array([[SIDE, SIDE, 0], [-SIDE, -SIDE, 0], [SIDE, -SIDE, 0], [-SIDE, SIDE, 0]])
    np.testing.assert_allclose(out, expected, atol=1e-5)
    assert out.dtype == np.float32


def test_pca_turns_to_the_directions_of_largest_spread() -> None:
    projection = Projection(mode="pca", dimension=2).fit(POINTS)
    np.testing.assert_allclose(
        np.abs(projection.directions_.T), [[SIDE, SIDE, 0], [SIDE, SIDE, 0]], atol=1e-5
    )
    out = projection.transform(np.array([[5 + 3, 5 + 1, 9]], dtype=np.float32))
    # (3, 1) is 4 along (1, 1) and 2 along (1, -1), both times the square root of a half.
    np.testing.assert_allclose(np.abs(out), np.array([[4, 2]]) / np.sqrt(20), atol=1e-5)


def test_whitening_gives_each_direction_the_same_spread() -> None:
    projection = Projection(mode="whiten", dimension=2).fit(POINTS)
    turned = (POINTS - POINTS.mean(axis=0)) @ projection.directions_
    np.testing.assert_allclose((turned**2).mean(axis=0), [1, 1], rtol=1e-4)
    out = projection.transform(np.array([[5 + 3, 5 + 1, 9]], dtype=np.float32))
    # Four units of three and two units of one.
    np.testing.assert_allclose(np.abs(out), np.array([[4 / 3, 2]]) / np.hypot(4 / 3, 2), atol=1e-4)


def test_whitening_does_not_blow_up_a_direction_without_spread() -> None:
    out = Projection(mode="whiten").fit(POINTS).transform(POINTS + np.float32(1e-6))
    assert np.abs(out[:, 2]).max() < 0.01


def test_only_the_given_rows_are_learned_from() -> None:
    projection = Projection(mode="pca").fit(POINTS)
    kept = projection.mean_.copy(), projection.directions_.copy()
    alone = projection.transform(POINTS[:1])
    np.testing.assert_allclose(
        projection.transform(np.concatenate([POINTS, POINTS + 100]))[:1], alone, atol=1e-6
    )
    np.testing.assert_array_equal(projection.mean_, kept[0])
    np.testing.assert_array_equal(projection.directions_, kept[1])
    np.testing.assert_allclose(projection.mean_, [5, 5, 1], atol=1e-5)


def test_zeros_stay_zeros_and_what_is_no_number_counts_as_zero() -> None:
    projection = Projection().fit(POINTS)
    out = projection.transform(np.array([[0, 0, 0], [np.nan] * 3, [np.inf, 0, 0]], dtype=np.float32))
    assert out.tolist() == [[0, 0, 0]] * 3


def test_no_rows_and_one_row_are_enough() -> None:
    for mode in ("centre", "pca", "whiten"):
        empty = Projection(mode=mode).fit(np.empty((0, 3), np.float32))
        np.testing.assert_allclose(np.linalg.norm(empty.transform(POINTS), axis=1), 1, rtol=1e-5)
        assert np.isfinite(Projection(mode=mode).fit(POINTS[:1]).transform(POINTS)).all()


@pytest.mark.parametrize("mode", ["centre", "pca", "whiten"])
def test_a_round_trip_changes_nothing(mode) -> None:
    projection = Projection(dimension=2, mode=mode).fit(POINTS)
    again = Projection.restore(projection.arrays())
    np.testing.assert_array_equal(again.transform(POINTS), projection.transform(POINTS))


@given(arrays(np.float32, (7, 4), elements=st.floats(-100, 100, width=32)))
def test_pca_of_all_directions_keeps_every_cosine(rows) -> None:
    centred = Projection(mode="centre").fit(rows).transform(rows)
    turned = Projection(mode="pca").fit(rows).transform(rows)
    np.testing.assert_allclose(turned @ turned.T, centred @ centred.T, atol=1e-3)


def test_an_unknown_mode_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'zca' is unknown; known: centre, pca, whiten"):
        Projection(mode="zca")  # type: ignore[arg-type]


def test_vectors_that_are_centred_are_not_centred_again() -> None:
    vectors = np.array([[0, 0, 1], [0, 0, -0.5], [3, 4, 1]], dtype=np.float32)
    projection = Projection().fit(vectors, centred=True)
    out = projection.transform(vectors)
    assert not out[:2, :2].any()  # zeros of a part stay zeros
    np.testing.assert_allclose(out[2], vectors[2] / np.linalg.norm(vectors[2]), atol=1e-6)
    turned = Projection(mode="pca", dimension=2).fit(vectors, centred=True)
    assert not turned.mean_.any()
