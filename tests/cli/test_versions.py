"""Versions of a model by commands: publish, versions, rollback, and every command that reads one."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tacit.cli.app import run
from tacit.core.manifest import verify
from tacit.engine.left_out import LeftOut, write_left_out
from tacit.engine.snapshot import load
from tacit.store.events import EventStore
from tacit.store.versions import CURRENT, Versions


@pytest.fixture
def model(directory: Path, tmp_path: Path) -> Path:
    """A model directory with two versions of the small shop."""
    place = tmp_path / "model"
    assert run(["publish", str(directory), str(place)]) == 0
    assert run(["publish", str(directory), str(place)]) == 0
    return place


@pytest.mark.promise("P22")
def test_a_snapshot_is_published_and_the_last_ones_are_kept(
    directory: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = Versions(model).names()
    assert Versions(model).current() == second
    assert verify(Versions(model).path(second)) == verify(directory)
    assert sorted(path.name for path in model.iterdir()) == [CURRENT, "versions"]
    capsys.readouterr()
    assert run(["publish", str(model), str(directory.parent / "model-2")]) == 0  # of one that has versions
    assert capsys.readouterr().out.endswith(" is current\n")
    assert run(["publish", str(directory), str(model), "--keep-versions", "2"]) == 0
    assert capsys.readouterr().out.endswith(f" is current; removed {first}\n")
    assert Versions(model).names()[0] == second


@pytest.mark.promise("P22")
def test_a_roll_back_and_a_way_forward(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = Versions(model).names()
    capsys.readouterr()
    assert run(["rollback", str(model)]) == 0
    assert capsys.readouterr().out == f"{model}: version {first} is current (model {load(model).version})\n"
    assert run(["rollback", str(model)]) == 2
    assert f"there is no version before {first}" in capsys.readouterr().err
    assert run(["rollback", str(model), second]) == 0
    assert Versions(model).current() == second
    (Versions(model).path(first) / "config.toml").write_text("x")
    assert run(["rollback", str(model)]) == 2
    assert "config.toml is damaged" in capsys.readouterr().err
    assert run(["rollback", str(model), "../x"]) == 2
    assert "is no name of a version" in capsys.readouterr().err
    assert Versions(model).current() == second


def test_versions_are_listed(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = Versions(model).names()
    (Versions(model).path(first) / "manifest.json").unlink()
    capsys.readouterr()
    assert run(["versions", str(model)]) == 0
    shown = capsys.readouterr().out
    assert first in shown
    assert "current" in shown
    assert run(["versions", str(model), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["current"] == second
    damaged, whole = document["versions"]
    assert (damaged["version"], damaged["model"], damaged["written_at"]) == (first, None, None)
    assert "has no manifest.json" in damaged["problem"]
    assert (whole["version"], whole["model"], whole["problem"]) == (second, load(model).version, None)
    assert document["left_out"] == {"sources": [], "times": []}
    write_left_out(model, LeftOut(("spam",)))
    config = Versions(model).path(second) / "config.toml"
    written = config.read_bytes()
    config.write_bytes(written[:-1])
    assert run(["versions", str(model)]) == 0
    assert "left out of every refit: source spam" in (told := capsys.readouterr().out)
    assert "damaged" in told
    config.write_bytes(written)
    assert whole["bytes"] == sum(file.stat().st_size for file in Versions(model).path(second).iterdir())
    (model / CURRENT).unlink()
    assert run(["versions", str(model)]) == 0
    assert "CURRENT is missing; choose one by: tacit rollback" in capsys.readouterr().err


def test_every_command_that_reads_a_snapshot_takes_the_current_version(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    item = load(model).catalogue.items.ids[3]
    assert run(["recommend", str(model), "--history", item]) == 0
    assert run(["similar", str(model), "--item", item]) == 0
    assert run(["explain-config", str(model)]) == 0
    out = tmp_path / "lists.csv"
    assert run(["batch", str(model), "--out", str(out), "-k", "3"]) == 0
    assert out.read_text().count("\n") == 1 + 3 * len(load(model).interactions.users)
    first, second = Versions(model).names()
    (Versions(model).path(second) / "config.toml").write_text("x")
    capsys.readouterr()
    for command in (
        ["recommend", str(model), "--history", item],
        ["explain-config", str(model)],
        ["batch", str(model), "--out", str(tmp_path / "other.csv")],
        ["refit", "--out", str(model)],
    ):
        assert run(command) == 2
        said = f"fit again, or go to another version: tacit rollback {model} {first}\n"
        assert capsys.readouterr().err.endswith(said)
    (model / CURRENT).write_text("gone\n")
    capsys.readouterr()
    assert run(["recommend", str(model), "--history", item]) == 2
    assert "CURRENT names gone, which is not there; choose one by: tacit rollback" in capsys.readouterr().err


def test_what_is_no_model_directory_is_refused(
    directory: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log.csv").write_text("user_id,item_id\nu,i\n")
    for command, said in (
        (["fit", str(tmp_path / "log.csv"), "--out", str(model)], "holds the versions of a model; write the"),
        (["rollback", str(directory)], "holds no versions of a model: tacit publish SNAPSHOT DIR makes one"),
        (["versions", str(tmp_path / "nothing")], "holds no versions of a model"),
        (["publish", str(directory), str(tmp_path)], "exists and holds no versions; choose another"),
        (["publish", str(tmp_path / "log.csv"), str(tmp_path / "new")], "is not a snapshot"),
        (["publish", str(directory), str(model), "--keep-versions", "0"], "--keep-versions"),
    ):
        assert run(command) == 2
        assert said in capsys.readouterr().err
    assert len(Versions(model).names()) == 2


def test_nothing_is_written_within_a_snapshot(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One more file there makes it a damaged one."""
    store = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    EventStore(store).close()
    within = directory / "x"
    for command in (
        ["backup", str(within), "--store", store],
        ["backup", str(within), "--store", store, "--deletions"],
        ["restore", str(tmp_path / "store.sqlite3"), "--store", f"sqlite:///{within}"],
        ["key", "new", "--role", "read", "--file", str(within)],
    ):
        assert run(command) == 2
        assert "lies within the snapshot" in capsys.readouterr().err
        verify(directory)
    for missing in (within, tmp_path / "none.sqlite3"):
        assert run(["forget", str(directory), "--store", f"sqlite:///{missing}"]) == 2
        assert "there is no store" in capsys.readouterr().err
        assert not missing.exists()


@pytest.mark.promise("P31")
@pytest.mark.fault(8)
def test_a_full_disk_leaves_the_current_version(
    directory: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names, current = Versions(model).names(), Versions(model).current()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
        assert run(["publish", str(directory), str(model)]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert f"the directory {model} cannot be written: File too large; make room" in capsys.readouterr().err
    assert Versions(model).names() == names
    assert Versions(model).current() == current
    assert sorted(path.name for path in (model / "versions").iterdir()) == names


@pytest.mark.fault(8)
def test_an_output_that_is_full_is_no_fault_of_tacit(model: Path) -> None:
    command = [sys.executable, "-m", "tacit", "versions", str(model), "--json"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("tacit: No space left on device: make room, or choose another disk")
    assert done.stderr.count("\n") == 1
