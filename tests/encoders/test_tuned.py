"""A base encoder with a head behind it: learned, kept on disk, read again."""

from pathlib import Path

import numpy as np
import pytest
from tests.encoders.test_head import noisy

from tacit.core.errors import ArtifactError
from tacit.core.types import Float32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.encoders import minilm, tuned
from tacit.encoders.tfidf import TfidfEncoder
from tacit.encoders.tuned import TunedEncoder
from tacit.pipeline.text_encoder import encoder_from
from tacit.testing.generated import small_log


class Reading:
    """Knows the vector of each text of the kit's catalogue."""

    dimension = 15

    def __init__(self, catalogue: Catalogue, vectors: Float32, name: str = "reading:float32") -> None:
        self.name = name
        self._known = dict(zip(catalogue.texts, vectors, strict=True))

    def encode(self, texts: list[str], **_: object) -> Float32:
        return np.stack([self._known[text] for text in texts])


@pytest.fixture(scope="module")
def log() -> Interactions:
    return small_log()[0]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return small_log()[1]


@pytest.fixture(scope="module")
def base(log: Interactions, catalogue: Catalogue) -> Reading:
    return Reading(catalogue, noisy(log))


@pytest.fixture(scope="module")
def built(base: Reading, log: Interactions, catalogue: Catalogue) -> TunedEncoder:
    return tuned.tune(base, "minilm", log, catalogue, rng=np.random.default_rng(7))[0]


def test_it_encodes_as_the_base_centred_and_turned(
    built: TunedEncoder, base: Reading, catalogue: Catalogue
) -> None:
    texts = catalogue.texts.to_list()[:5]
    raw = base.encode(texts) - built.centre.mean_
    turned = raw / np.linalg.norm(raw, axis=1, keepdims=True) @ built.head.matrix
    expected = turned / np.linalg.norm(turned, axis=1, keepdims=True)
    np.testing.assert_allclose(built.encode(texts), expected, atol=1e-5)
    assert built.dimension == built.encode(texts).shape[1] == 15


def test_its_name_tells_the_base_and_the_head(
    built: TunedEncoder, base: Reading, log: Interactions, catalogue: Catalogue
) -> None:
    half = log.select(log.user < 75)
    other = tuned.tune(base, "minilm", half, catalogue, rng=np.random.default_rng(7))[0]
    again = tuned.tune(base, "minilm", log, catalogue, rng=np.random.default_rng(7))[0]
    assert built.name == again.name != other.name
    assert built.name.startswith("reading:float32+head:")


def test_it_is_kept_whole(built: TunedEncoder, base: Reading, catalogue: Catalogue, tmp_path: Path) -> None:
    tuned.save(built, tmp_path / "encoder", {"events": 7})
    assert tuned.is_tuned(tmp_path / "encoder")
    again = tuned.load(tmp_path / "encoder", {"minilm": base}.__getitem__)
    texts = catalogue.texts.to_list()
    np.testing.assert_array_equal(again.encode(texts), built.encode(texts))
    assert again.name == built.name


def test_a_machine_that_computes_less_precisely_may_read_it(
    built: TunedEncoder, log: Interactions, catalogue: Catalogue, tmp_path: Path
) -> None:
    tuned.save(built, tmp_path / "encoder", {})
    elsewhere = Reading(catalogue, noisy(log), "reading:bfloat16")
    assert tuned.load(tmp_path / "encoder", lambda _: elsewhere).name.startswith("reading:bfloat16+head")


def test_another_base_is_refused(
    built: TunedEncoder, log: Interactions, catalogue: Catalogue, tmp_path: Path
) -> None:
    tuned.save(built, tmp_path / "encoder", {})
    with pytest.raises(ArtifactError, match="belongs to another base encoder than 'minilm' is now"):
        tuned.load(tmp_path / "encoder", lambda _: Reading(catalogue, noisy(log), "other:float32"))


def test_a_damaged_one_is_refused(built: TunedEncoder, base: Reading, tmp_path: Path) -> None:
    tuned.save(built, tmp_path / "encoder", {})
    file = tmp_path / "encoder" / "head.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match="damaged"):
        tuned.load(tmp_path / "encoder", lambda _: base)


def test_an_encoder_is_built_from_its_directory_and_the_vectors_of_the_base_are_cached(
    built: TunedEncoder, base: Reading, catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned.save(built, tmp_path / "encoder", {})
    monkeypatch.setattr(minilm, "minilm", lambda: base)
    monkeypatch.setattr(minilm, "name", lambda: base.name)
    monkeypatch.setattr(minilm, "DIMENSION", base.dimension)
    cache = tmp_path / "vectors.sqlite3"
    encoder = encoder_from(str(tmp_path / "encoder"), cache=cache)
    texts = catalogue.texts.to_list()
    expected = built.encode(texts)
    np.testing.assert_array_equal(encoder.encode(texts), expected)
    monkeypatch.setattr(Reading, "encode", None)  # nothing is encoded again
    np.testing.assert_array_equal(encoder.encode(texts), expected)


def test_a_base_that_was_fitted_on_the_texts_is_kept_too(
    log: Interactions, catalogue: Catalogue, tmp_path: Path
) -> None:
    texts = catalogue.texts.to_list()
    base = TfidfEncoder(16).fit(texts)
    built = tuned.tune(base, "tfidf", log, catalogue, rng=np.random.default_rng(7))[0]
    tuned.save(built, tmp_path / "encoder", {})
    again = encoder_from(str(tmp_path / "encoder"))
    np.testing.assert_allclose(again.encode(texts), built.encode(texts), atol=1e-6)
