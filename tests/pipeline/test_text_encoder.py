"""From the name of an encoder to the encoder."""

import logging
from pathlib import Path

import pytest

from tacit.core.errors import ArtifactError, ConfigError
from tacit.encoders import minilm
from tacit.encoders.cache import CachedEncoder
from tacit.encoders.tfidf import TfidfEncoder
from tacit.pipeline.text_encoder import check_available, check_source, encoder_from

TEXTS = ["red tea cup", "blue tea cup", "cast iron pan"]


@pytest.mark.parametrize("source", ["auto", "minilm"])
def test_the_embedded_model_is_the_default_and_cached(source: str, tmp_path: Path) -> None:
    encoder = encoder_from(source, TEXTS, cache=tmp_path / "vectors.sqlite3")
    assert isinstance(encoder, CachedEncoder)
    assert encoder.dimension == 384


def test_without_the_files_of_the_model_tfidf_takes_over_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "no-such-package-of-models")
    with caplog.at_level(logging.WARNING):
        encoder = encoder_from("auto", TEXTS)
    assert isinstance(encoder, TfidfEncoder)
    assert encoder.encode(TEXTS).any(axis=1).all()  # fitted on the texts
    assert "using TF-IDF instead of a language model" in caplog.text


def test_a_damaged_model_is_no_reason_to_take_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "SHA256", "0" * 64)
    with pytest.raises(ArtifactError, match="not the known ones"):
        encoder_from("auto", TEXTS)


def test_tfidf_is_fitted_on_the_texts() -> None:
    encoder = encoder_from("tfidf", TEXTS)
    assert isinstance(encoder, TfidfEncoder)
    assert encoder.encode(TEXTS).any(axis=1).all()


def test_an_endpoint_without_a_model_is_refused() -> None:
    with pytest.raises(ConfigError, match="names no model; write endpoint:URL#MODEL"):
        encoder_from("endpoint:http://127.0.0.1:9/v1")


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no model directory"):
        encoder_from(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "encoder is ''"),
        ("a\0b", "encoder is 'a\\x00b'"),
        ("endpoint:ftp://x#y", "must begin with http:// or https://"),
        ("endpoint:http://x", "names no model"),
        ("tfidf:foo", "tfidf takes nothing after a colon"),
    ],
)
def test_a_source_that_is_none_anywhere_is_refused(source: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_source(source)
    assert said in str(error.value)


def test_a_source_may_be_of_another_machine_until_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TACIT_ALLOW_DOWNLOAD", raising=False)
    check_source("zzz")  # a snapshot may name it
    with pytest.raises(ConfigError, match="the model zzz is not on this machine"):
        check_available("zzz")
    for source in ("none", "auto", "tfidf", f"endpoint:http://127.0.0.1:9/v1#{'x' * 300}"):
        check_available(source)
