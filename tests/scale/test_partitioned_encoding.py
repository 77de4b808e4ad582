"""Texts encoded by the workers of an executor: the vectors of one process, and only what is new."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tacit.core.executor import LocalExecutor
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Float32
from tacit.data.catalogue import Catalogue
from tacit.encoders.cache import CachedEncoder
from tacit.engine.train import encoded
from tacit.pipeline import text_encoder
from tacit.pipeline.text_encoder import encode_elsewhere, encoder_from
from tacit.scale.processes import ProcessExecutor
from tacit.testing.generated import small_items

TEXTS = [f"a {colour} {thing}" for colour in ("red", "green", "blue") for thing in ("shirt", "cup", "lamp")]


class Counting(LocalExecutor):
    """An executor of this process that notes its parts."""

    def __init__(self) -> None:
        super().__init__(1)
        self.parts: list[object] = []

    def map(self, function, parts, *, shared, gpu=False):  # type: ignore[no-untyped-def]
        self.parts += parts
        return super().map(function, parts, shared=shared, gpu=gpu)


class Lengths:
    """An encoder whose vector of a text is its length."""

    name, dimension = "lengths", 1

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        return np.array([[len(text)] for text in texts], dtype=np.float32)


class Refusing(Lengths):
    """An encoder that has nothing to do, as others have encoded for it."""

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        raise AssertionError(texts)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TACIT_CACHE", str(tmp_path / "cache"))


def test_new_texts_alone_are_encoded_each_once_in_the_chunks_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_encoder, "CHUNK", 4)
    monkeypatch.setattr(text_encoder, "_of_worker", lambda source: Lengths())
    executor = Counting()
    cached = CachedEncoder(Refusing(), tmp_path / "vectors.sqlite3")
    encode_elsewhere(cached, "lengths", [*TEXTS, *TEXTS], executor, SILENT)
    assert executor.parts == [TEXTS[:4], TEXTS[4:8], TEXTS[8:]]
    encode_elsewhere(cached, "lengths", [*TEXTS, "one more"], executor, SILENT)
    assert executor.parts[3:] == [["one more"]]
    np.testing.assert_array_equal(cached.encode(TEXTS)[:, 0], [len(text) for text in TEXTS])


def test_texts_that_cannot_be_read_are_not_sent() -> None:
    assert encoder_from("minilm").absent([*TEXTS, "\u200b"]) == TEXTS  # type: ignore[attr-defined]


def test_the_vectors_are_those_of_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = Catalogue.from_frame(small_items(20))
    _, elsewhere = encoded(items, "minilm", executor=ProcessExecutor(1))
    monkeypatch.setenv("TACIT_CACHE", str(tmp_path / "other"))
    _, here = encoded(items, "minilm")
    assert elsewhere.vectors is not None and here.vectors is not None
    np.testing.assert_array_equal(elsewhere.vectors, here.vectors)


def test_encoders_that_learn_from_the_texts_encode_them_themselves() -> None:
    executor = Counting()
    encode_elsewhere(encoder_from("tfidf", TEXTS), "tfidf", TEXTS, executor, SILENT)
    assert executor.parts == []
