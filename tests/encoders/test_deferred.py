"""Encoders that are loaded late, and that give no vector to what they cannot read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tacit.core.progress import SILENT, Progress
from tacit.core.types import Float32
from tacit.encoders import choose
from tacit.encoders.cache import CachedEncoder
from tacit.encoders.deferred import CarefulEncoder, DeferredEncoder
from tacit.encoders.encoder import warm
from tacit.encoders.readers import minilm_reader


class Ones:
    name, dimension = "ones", 3

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> Float32:
        return np.ones((len(texts), 3), dtype=np.float32)


def test_it_is_loaded_for_the_first_text_only_and_once() -> None:
    loaded: list[int] = []
    encoder = DeferredEncoder("ones", 3, lambda: loaded.append(1) or Ones())  # type: ignore[func-returns-value]
    assert encoder.encode([]).shape == (0, 3)
    assert not loaded
    assert encoder.encode(["a"]).tolist() == [[1, 1, 1]]
    encoder.encode(["b"])
    assert loaded == [1]


def test_what_is_cached_needs_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "vectors.sqlite3"
    texts = ["red tea cup", "红色茶杯"]
    expected = choose.pair("", texts, cache).encode(texts)

    def fails() -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("tacit.encoders.minilm.minilm", fails)
    monkeypatch.setattr("tacit.encoders.use.UseEncoder", fails)
    np.testing.assert_array_equal(choose.pair("", texts, cache).encode(texts), expected)


def test_warming_loads_through_every_layer(tmp_path: Path) -> None:
    loaded: list[int] = []
    late = DeferredEncoder("ones", 3, lambda: loaded.append(1) or Ones())  # type: ignore[func-returns-value]
    warm(CarefulEncoder(CachedEncoder(late, tmp_path / "v.sqlite3"), minilm_reader()))
    assert loaded == [1]


def test_an_unreadable_text_gets_zeros(tmp_path: Path) -> None:
    careful = CarefulEncoder(Ones(), minilm_reader(), tmp_path / "v.sqlite3")
    vectors = careful.encode(["red shoes", "红色跑步鞋", "красные кроссовки", "", "Schuhe"])
    assert vectors[:, 0].tolist() == [1, 0, 0, 0, 1]
