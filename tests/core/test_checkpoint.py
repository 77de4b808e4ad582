from pathlib import Path

import pytest
import torch

from tacit.core.checkpoint import Checkpoint, Saved
from tacit.core.errors import ConfigError


def saved() -> Saved:
    network = {"layer.weight": torch.arange(6.0).reshape(2, 3).T, "layer.bias": torch.zeros(2)}
    slots = {0: {"step": torch.tensor(3.0), "exp_avg": torch.ones(2)}, 10: {"step": torch.tensor(4.0)}}
    return Saved(network, {"layer.bias": torch.ones(2)}, slots, {"epochs": [{"loss": 0.5}], "seconds": 1.25})


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    kept = Checkpoint(tmp_path / "deep" / "run", "a")
    assert kept.load() is None
    kept.save(saved())
    found = kept.load()
    assert found is not None
    assert found.numbers == saved().numbers
    torch.testing.assert_close(
        (found.network, found.best, found.slots), (saved().network, saved().best, saved().slots)
    )
    assert [path.name for path in kept.file.parent.iterdir()] == ["run"]  # type: ignore[union-attr]


def test_another_run_is_refused(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "run", "a").save(saved())
    with pytest.raises(ConfigError, match=r"run is of another run .* name another file"):
        Checkpoint(tmp_path / "run", "b").load()


def test_without_a_file_nothing_is_kept() -> None:
    nowhere = Checkpoint(None, "a")
    nowhere.save(saved())
    assert nowhere.load() is None
