"""The encoder that needs no language model."""

import numpy as np
import pytest

from tacit.encoders.tfidf import TfidfEncoder

TEXTS = [
    "red cotton shirt for men",
    "blue cotton shirt for women",
    "cast iron frying pan",
    "iron skillet and frying pan",
    "红色纯棉连衣裙",
    "蓝色纯棉连衣裙",
]


def test_alike_texts_are_nearest_in_any_language() -> None:
    vectors = TfidfEncoder(16).fit(TEXTS).encode(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -1)
    assert cosine.argmax(axis=1).tolist() == [1, 0, 3, 2, 5, 4]


def test_the_same_texts_give_the_same_vectors() -> None:
    first, second = (TfidfEncoder(4).fit(TEXTS).encode(TEXTS) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_text_has_its_vector_alone_and_among_others() -> None:
    encoder = TfidfEncoder(4).fit(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode(TEXTS), alone, atol=1e-6)


def test_a_text_of_nothing_known_is_a_zero_vector() -> None:
    encoder = TfidfEncoder(4).fit(TEXTS[:2])
    assert encoder.encode(["", "  ", "ЖЖЖ"]).any() == np.False_
    assert encoder.encode([]).shape == (0, 4)


@pytest.mark.parametrize("texts", [[], ["one"], ["", ""], ["same", "same", "same"]])
def test_too_few_texts_to_learn_from_still_give_finite_vectors(texts: list[str]) -> None:
    vectors = TfidfEncoder(8).fit(texts).encode(["same", "one", ""])
    assert vectors.shape == (3, 8)
    assert np.isfinite(vectors).all()


def test_a_round_trip_changes_nothing() -> None:
    encoder = TfidfEncoder(4).fit(TEXTS)
    again = TfidfEncoder.restore(encoder.arrays())
    assert again.dimension == 4
    np.testing.assert_array_equal(again.encode(TEXTS), encoder.encode(TEXTS))
