"""What killed writers leave beside a place is removed by the next one, and nothing else."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tacit.core.manifest import publish, verify
from tacit.core.unfinished import old_of, remove_left_over, remove_temporary, temporary_folder, unfinished


def write(directory: Path) -> None:
    (directory / "a.txt").write_text("one")


def hidden(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if one.name.startswith("."))


def writer_in_another_process(target: Path) -> subprocess.Popen[str]:
    """Start a process that publishes at a place and stays in the middle of its writing."""
    code = (
        "import sys, time; from pathlib import Path; from tacit.core.manifest import publish\n"
        "def write(directory):\n"
        "    (directory / 'part').write_text('half'); print('writing', flush=True); time.sleep(600)\n"
        f"publish(Path({str(target)!r}), write, {{}})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def test_what_a_killed_process_left_goes_with_the_next_write_and_not_before_it_ends(tmp_path: Path) -> None:
    target = tmp_path / "model"
    process = writer_in_another_process(target)
    try:
        (left,) = hidden(tmp_path)
        publish(target, write, {})
        assert hidden(tmp_path) == [left]  # its writer is alive
        assert (tmp_path / left / "part").read_text() == "half"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
    publish(target, write, {})
    assert hidden(tmp_path) == []
    verify(target)


@pytest.mark.parametrize(
    "name",
    [
        ".model.settings",
        ".model.tacit-unfinished-file",
        ".other.tacit-unfinished-12345678",
        ".model.tacit-backup",
        "model.x",
    ],
)
def test_what_no_writer_left_stays(tmp_path: Path, name: str) -> None:
    other = tmp_path / name
    if name.endswith("file"):
        other.write_text("mine")
    else:
        other.mkdir()
    publish(tmp_path / "model", write, {})
    assert other.exists()


def test_a_link_with_such_a_name_and_what_it_points_to_stay(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter").write_text("dear")
    (tmp_path / ".model.tacit-unfinished-12345678").symlink_to(mine)
    publish(tmp_path / "model", write, {})
    assert (mine / "letter").read_text() == "dear"
    assert hidden(tmp_path) == [".model.tacit-unfinished-12345678"]


def test_a_temporary_folder_of_a_killed_process_goes_with_the_next_and_not_before_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = (
        "import time; from tacit.core.unfinished import temporary_folder\n"
        "with temporary_folder() as folder:\n"
        "    (folder / 'part').write_text('half'); print(folder, flush=True); time.sleep(600)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        with temporary_folder() as mine:
            assert (left / "part").read_text() == "half"  # its owner is alive
            remove_temporary()
            assert mine.is_dir()
        assert list(tmp_path.iterdir()) == [left]
        process.kill()
    with temporary_folder() as mine:
        assert list(tmp_path.iterdir()) == [mine]
    assert list(tmp_path.iterdir()) == []


def test_temporary_folders_of_other_machines_and_programs_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    others = {"tacit-temporary-another-boot-12345678", "tacit-12345678", "mine"}
    for name in others:
        (tmp_path / name).mkdir()
    with temporary_folder() as made:
        assert {one.name for one in tmp_path.iterdir()} == {*others, made.name}
    remove_temporary()
    assert {one.name for one in tmp_path.iterdir()} == others


def test_what_was_moved_aside_stays_while_its_writer_is_alive(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with unfinished(target) as beside:
        old_of(beside).mkdir()
        remove_left_over(target)
        assert hidden(tmp_path) == sorted([beside.name, old_of(beside).name])
    remove_left_over(target)
    assert hidden(tmp_path) == []


def test_a_writer_whose_directory_is_taken_for_left_over_before_it_is_locked_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, opened = tmp_path / "model", os.open
    first: list[str] = []

    def open_late(path: Path, *arguments: int, **keywords: Any) -> int:
        if not first:
            first.append(Path(path).name)
            remove_left_over(target)  # by another process at this very moment
        return opened(path, *arguments, **keywords)

    monkeypatch.setattr("tacit.core.unfinished.os.open", open_late)
    with unfinished(target) as beside:
        assert beside.is_dir()
        assert beside.name != first[0]
    assert hidden(tmp_path) == []


def test_a_place_whose_name_is_a_pattern_removes_nothing_of_others(tmp_path: Path) -> None:
    left = tmp_path / ".model1.tacit-unfinished-12345678"
    left.mkdir()
    publish(tmp_path / "model[1]", write, {})
    assert left.exists()


def test_a_link_to_a_snapshot_stays_and_what_it_points_at_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "model", tmp_path / "current"
    publish(target, write, {})
    link.symlink_to("model")
    publish(link, lambda directory: (directory / "b.txt").write_text("two") and None, {})
    assert link.is_symlink()
    assert [one.name for one in target.iterdir() if one.suffix == ".txt"] == ["b.txt"]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["current", "model"]
