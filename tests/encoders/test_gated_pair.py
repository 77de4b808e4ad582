"""The gated pair: each text by the models that read it, and nothing made of zeros."""

from pathlib import Path

import numpy as np
import pytest

from tacit.encoders.choose import pair, unfitted_pair
from tacit.encoders.gated_pair import PairEncoder
from tacit.encoders.learned import is_centred, restored

ENGLISH = ["red running shoes for men", "a bottle of fresh milk", "cast iron pan", "trail shoes, light"]
CHINESE = ["红色跑步鞋 男士", "纯牛奶 250ml", "铸铁平底锅", "轻便越野跑鞋"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pair") / "vectors.sqlite3"


@pytest.fixture(scope="module")
def encoder(cache: Path) -> PairEncoder:
    return pair("", [*ENGLISH, *CHINESE], cache)


def test_the_english_part_is_zero_for_what_the_english_model_cannot_read(encoder: PairEncoder) -> None:
    vectors = encoder.encode([*ENGLISH, *CHINESE])
    assert vectors.shape == (8, 896)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[:4, :384].any(axis=1).all()
    assert not vectors[4:, :384].any()
    np.testing.assert_allclose(np.linalg.norm(vectors[:4, :384], axis=1), 0.5**0.5, atol=1e-5)


def test_each_item_finds_its_counterpart_in_the_other_language(encoder: PairEncoder) -> None:
    vectors = encoder.encode([*ENGLISH, *CHINESE])
    cosine = vectors[:3] @ vectors[4:7].T
    assert cosine.argmax(axis=0).tolist() == [0, 1, 2]
    assert cosine.argmax(axis=1).tolist() == [0, 1, 2]


def test_a_text_that_no_model_reads_has_no_vector(encoder: PairEncoder) -> None:
    vectors = encoder.encode(["বাংলা ভাষায় লেখা একটি বই", "red shoes"])
    assert not vectors[0].any()
    assert vectors[1].any()


def test_its_means_come_back_from_arrays(encoder: PairEncoder, cache: Path) -> None:
    again = restored("pair", encoder.arrays(), cache)
    assert again.name == encoder.name
    new = ["blue shirt", "蓝色衬衫"]  # in no text that the means were learned from
    np.testing.assert_array_equal(again.encode(new), encoder.encode(new))
    assert is_centred(again)


def test_the_name_holds_both_models_and_the_means(encoder: PairEncoder, cache: Path) -> None:
    other = pair("", [*ENGLISH[:3], *CHINESE], cache)
    assert other.name != encoder.name
    assert "use3:0db566fd0af82cbf" in encoder.name
    assert unfitted_pair(cache).name == encoder.name.rpartition(":")[0]


def test_texts_in_one_language_only_are_no_exception(cache: Path) -> None:
    only = pair("", CHINESE, cache)
    assert not only.encode(CHINESE)[:, :384].any()
    assert np.isfinite(only.encode(ENGLISH)).all()
    assert pair("", [], cache).encode(["tea"]).shape == (1, 896)
