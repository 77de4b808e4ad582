"""From the name of an encoder to the encoder."""

import importlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tacit.core.errors import ArtifactError, ConfigError
from tacit.encoders import minilm_files, use_tokens
from tacit.encoders.cache import CachedEncoder
from tacit.encoders.deferred import CarefulEncoder
from tacit.encoders.head import Head
from tacit.encoders.projection import Projection
from tacit.encoders.tfidf import TfidfEncoder
from tacit.encoders.tuned import TunedEncoder, save
from tacit.pipeline.text_encoder import check_available, check_source, encoder_from, resolve

TEXTS = ["red tea cup", "blue tea cup", "cast iron pan"]


@pytest.mark.parametrize("source", ["auto", "minilm"])
def test_the_embedded_model_is_the_default_and_cached(source: str, tmp_path: Path) -> None:
    encoder = encoder_from(source, TEXTS, cache=tmp_path / "vectors.sqlite3")
    assert isinstance(encoder, CarefulEncoder)
    assert encoder.dimension == 384
    assert encoder.encode(TEXTS).any(axis=1).all()
    assert (tmp_path / "vectors.sqlite3").exists()


def test_without_the_files_of_the_model_tfidf_takes_over_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(minilm_files, "PACKAGE", "no-such-package-of-models")
    assert resolve("auto", TEXTS).source == "use"
    monkeypatch.setattr(use_tokens, "PACKAGE", "no-such-package-either")
    with caplog.at_level(logging.WARNING):
        encoder = encoder_from("auto", TEXTS)
    assert isinstance(encoder, TfidfEncoder)
    assert encoder.encode(TEXTS).any(axis=1).all()  # fitted on the texts
    assert "using TF-IDF instead of a language model" in caplog.text


def test_a_damaged_model_is_no_reason_to_take_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minilm_files, "SHA256", "0" * 64)
    with pytest.raises(ArtifactError, match="not the known ones"):
        encoder_from("auto", TEXTS, cache=tmp_path / "vectors.sqlite3").encode(TEXTS)


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


def test_a_path_goes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tfidf").mkdir()
    with pytest.raises(ConfigError, match="tfidf"):  # a directory without a model
        encoder_from("tfidf", TEXTS)


LETTERS = """
import numpy as np

class Letters:
    def __init__(self, letters):
        self.letters, self.name, self.dimension = letters, f"letters-{letters}", len(letters)
    def encode(self, texts, *, progress=None):
        return np.array([[text.count(one) for one in self.letters] for text in texts], dtype=np.float32)

def letters(argument, texts, cache):
    return Letters(argument or "abc")

def nothing(argument, texts, cache):
    return "an encoder"
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that registers two encoders, one of which is none."""
    info = tmp_path / "counted_letters-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: counted-letters\nVersion: 1.0\n")
    points = "letters = counted_letters:letters\nnothing = counted_letters:nothing\n"
    (info / "entry_points.txt").write_text(f"[tacit.encoders]\n{points}")
    (tmp_path / "counted_letters.py").write_text(LETTERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield
    sys.modules.pop("counted_letters", None)


@pytest.mark.usefixtures("installed")
def test_an_encoder_of_another_package_takes_an_argument_and_is_cached(tmp_path: Path) -> None:
    encoder = encoder_from("letters", TEXTS, cache=tmp_path / "vectors.sqlite3")
    assert isinstance(encoder, CachedEncoder)
    assert encoder.encode(["abba c"]).tolist() == [[2, 2, 1]]
    other = encoder_from("letters:x:y", TEXTS, cache=tmp_path / "vectors.sqlite3")
    assert other.encode(["x:y::"]).tolist() == [[1, 3, 1]]
    check_source("letters")


@pytest.mark.usefixtures("installed")
def test_what_another_package_gives_must_be_an_encoder() -> None:
    with pytest.raises(
        ConfigError, match="the encoder 'nothing' of counted-letters gave a str; it must give an"
    ):
        encoder_from("nothing", TEXTS)


def test_a_tuned_encoder_is_read_from_its_directory_with_its_base(tmp_path: Path) -> None:
    base = encoder_from("minilm", cache=tmp_path / "vectors.sqlite3")
    vectors = base.encode(TEXTS)
    head = Head(np.eye(base.dimension, 4, dtype=np.float32), strength=1.0)
    made = TunedEncoder(base, "minilm", Projection().fit(vectors), head)
    save(made, tmp_path / "tuned", {})
    again = encoder_from(str(tmp_path / "tuned"), cache=tmp_path / "other.sqlite3")
    assert again.name == made.name
    np.testing.assert_array_equal(again.encode(TEXTS), made.encode(TEXTS))
    assert (tmp_path / "other.sqlite3").exists()  # the base asks the cache that was given
