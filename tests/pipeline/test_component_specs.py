"""Components in a snapshot: named by the register; those of another package may break what it needs."""

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tacit.core.entry import OURS
from tacit.core.errors import ArtifactError, ConfigError
from tacit.models.ease import EASE
from tacit.models.trending import Trending
from tacit.pipeline.component_specs import (
    check_origin,
    check_origins,
    named_arrays,
    named_spec,
    registered_class,
    restored,
)
from tacit.pipeline.config import Config
from tacit.pipeline.register import create, find
from tacit.pipeline.text_encoder import encoder_from
from tacit.rankers.mlp import MLP

CODE = """
import numpy as np

class Shelf:
    name = "shelf"

    def fit(self, interactions, catalogue, *, rng):
        return self

    def score(self, queries, items=None):
        return None

    def spec(self):
        return {}

    def arrays(self):
        return {}

    @classmethod
    def restore(cls, spec, arrays, catalogue):
        return spec["no such key"]

class Vectors:
    name, dimension = "vectors", 3

    def encode(self, texts):
        return np.zeros((len(texts), 4), np.float32)

def vectors(argument, texts, cache):
    made = Vectors()
    if argument == "broken":
        raise OSError("no disk")
    if argument == "flat":
        made.dimension = 0
    return made

NUMBER = 3
"""
POINTS = """
[tacit.retrievers]
shelf = odd_package:Shelf
number = odd_package:NUMBER
raises = odd_package_raises:Shelf

[tacit.encoders]
vectors = odd_package:vectors
number = odd_package:NUMBER
"""


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An installed package: its metadata and its modules on the path."""
    info = tmp_path / "odd_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    (tmp_path / "odd_package.py").write_text(CODE)
    (tmp_path / "odd_package_raises.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "odd_package", raising=False)  # every test has its own
    return importlib.import_module("odd_package")


def test_a_spec_that_is_no_json_is_refused(odd: ModuleType) -> None:
    shelf = odd.Shelf()
    assert named_spec("retriever", shelf) == {"entry": "shelf", "distribution": "odd-package", "spec": {}}
    for spec in ({"a": {1, 2}}, {"a": np.float32(1)}, {"a": float("nan")}, ["a"], None):
        shelf.spec = lambda spec=spec: spec
        with pytest.raises(
            ConfigError, match="retriever 'shelf' of odd-package has a spec that is no JSON ob"
        ):
            named_spec("retriever", shelf)


def test_arrays_that_no_file_holds_are_refused(odd: ModuleType) -> None:
    shelf = odd.Shelf()
    assert named_arrays("retriever", shelf) == {}
    for arrays in ({"a": np.array([{}])}, {"a": [1.0]}, {1: np.zeros(1)}, [np.zeros(1)], None):
        shelf.arrays = lambda arrays=arrays: arrays
        with pytest.raises(
            ConfigError, match="'shelf' of odd-package has arrays that a snapshot cannot hold"
        ):
            named_arrays("retriever", shelf)


def test_a_restore_that_fails_is_one_sentence(odd: ModuleType) -> None:
    kept = {"entry": "shelf", "distribution": "odd-package", "spec": {}}
    with pytest.raises(ArtifactError, match=r"'shelf' of odd-package cannot be restored .*KeyError") as error:
        restored("retriever", kept, {}, None)
    assert isinstance(error.value.__cause__, KeyError)
    odd.Shelf.restore = classmethod(lambda *given: None)
    with pytest.raises(ArtifactError, match="was restored as a NoneType"):
        restored("retriever", kept, {}, None)


def test_a_changed_name_that_a_file_cannot_keep_is_refused(odd: ModuleType) -> None:
    shelf = odd.Shelf()
    assert Config(retrievers=[shelf]).to_dict()["retrievers"] == {"shelf": {}}
    shelf.name = "top shelf"
    with pytest.raises(ConfigError, match="'top shelf' of odd-package is registered as 'shelf'"):
        Config(retrievers=[shelf]).to_dict()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: create("retriever", "number"),
            "is registered as odd_package:NUMBER, which is of the type int",
        ),
        (lambda: create("retriever", "raises"), "of odd-package cannot be loaded from .*: division by zero"),
        (lambda: find("encoder", "number").load(), "must name a function that returns an encoder"),
        (lambda: encoder_from("vectors:broken"), r"cannot be made \(OSError: no disk\)"),
        (lambda: encoder_from("vectors:flat"), "the name 'vectors' and the dimension 0"),
    ],
)
def test_what_cannot_be_made_is_named_with_its_package(
    odd: ModuleType, make: Callable[[], Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def test_vectors_of_another_width_are_refused(odd: ModuleType, tmp_path: Path) -> None:
    encoder = encoder_from("vectors", cache=tmp_path / "vectors.sqlite3")
    with pytest.raises(
        ConfigError, match=r"'vectors' \(odd_package.Vectors\) returned float32\[2, 4\] for 2 t"
    ):
        encoder.encode(["a", "b"])


def kept(entry: str, distribution: str = OURS) -> dict[str, Any]:
    return {"entry": entry, "distribution": distribution, "spec": {}}


def pipeline(retrievers: list[dict[str, Any]], ranker: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"retrievers": retrievers, "second": {"ranker": ranker}}


def test_a_component_is_named_by_its_entry_and_not_by_its_own_name() -> None:
    said = named_spec("retriever", EASE(name="recent", l2=3.0))
    assert (said["entry"], said["distribution"]) == ("ease", OURS)
    assert said["spec"] == EASE(name="recent", l2=3.0).spec()
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert registered_class("retriever", said) is EASE
    assert registered_class("ranker", named_spec("ranker", MLP())) is MLP
    variant = named_spec("retriever", Trending(name="popular"))
    assert variant["entry"] == "trending"


def test_what_is_not_registered_cannot_be_kept() -> None:
    class Mine(EASE):
        """A class of somebody's own."""

    with pytest.raises(
        ConfigError, match="Mine is not a registered retriever and cannot be written to a file"
    ):
        named_spec("retriever", Mine())


@pytest.mark.parametrize("ask", [check_origin, registered_class])
def test_a_component_of_another_package_is_refused(ask: Any) -> None:
    with pytest.raises(
        ConfigError,
        match="the retriever 'ease' of the snapshot is of the package easels, but the installed one is of "
        "tacit-recsys; install the first",
    ):
        ask("retriever", kept("ease", "easels"))
    with pytest.raises(
        ConfigError,
        match="'os' of the snapshot is of the package tacit-recsys, which is not installed or has no such",
    ):
        ask("retriever", kept("os"))


def test_every_component_of_a_pipeline_is_looked_at() -> None:
    check_origins(pipeline([kept("ease"), kept("trending")], kept("mlp")))
    check_origins(pipeline([kept("ease")]))
    for wrong in (
        pipeline([kept("ease", "easels"), kept("trending")], kept("mlp")),
        pipeline([kept("ease"), kept("trending", "easels")], kept("mlp")),
        pipeline([kept("ease")], kept("mlp", "easels")),
    ):
        with pytest.raises(ConfigError, match="of the snapshot is of the package easels"):
            check_origins(wrong)
