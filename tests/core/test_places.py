"""Where things may be written is checked before the work begins."""

from pathlib import Path

import pytest

from tacit.core.errors import ConfigError
from tacit.core.manifest import publish
from tacit.core.places import (
    check_apart,
    check_directory_place,
    check_name,
    check_outside_snapshots,
    checked_path,
)


@pytest.mark.parametrize("text", ["a\0b", ""])
def test_a_path_that_no_file_system_takes_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"the file .*give (another|a) path"):
        checked_path(text, "file")


def test_a_name_may_be_long_but_not_too_long(tmp_path: Path) -> None:
    check_name(tmp_path / ("x" * 200), "--out")
    with pytest.raises(ConfigError, match=r"--out: a name in .* is longer than"):
        check_name(tmp_path / ("x" * 300), "--out")


def test_a_directory_may_be_new_or_deep(tmp_path: Path) -> None:
    check_directory_place(tmp_path / "a" / "b" / "c", "--out")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match=r"--out .*file/x cannot be written"):
        check_directory_place(tmp_path / "file" / "x", "--out")
    if Path("/proc").is_dir():
        with pytest.raises(ConfigError, match="--out /proc/x cannot be written"):
            check_directory_place(Path("/proc/x"), "--out")


def test_nothing_is_written_into_a_snapshot(tmp_path: Path) -> None:
    snapshot = tmp_path / "s"
    publish(snapshot, lambda target: None, {})
    (tmp_path / "link").symlink_to(snapshot)
    check_outside_snapshots(snapshot, "--out")
    for place in (snapshot / "b.csv", snapshot / "deep" / "b.csv", tmp_path / "link" / "b.csv"):
        with pytest.raises(ConfigError, match=r"--out .* lies within the snapshot .*/s; name a place"):
            check_outside_snapshots(place, "--out")


def test_one_file_by_many_names_is_one_file(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "soft.csv").symlink_to(log)
    (tmp_path / "hard.csv").hardlink_to(log)
    for name in ("log.csv", "folder/../log.csv", "soft.csv", "hard.csv"):
        with pytest.raises(ConfigError, match=r"--out .* would overwrite the log"):
            check_apart({"--out": tmp_path / name}, {"the log": log})
        with pytest.raises(ConfigError, match="--html and --json would both write"):
            check_apart({"--html": log, "--json": str(tmp_path / name)}, {})


def test_a_place_within_another_is_the_same_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--out and --html would both write"):
        check_apart({"--out": tmp_path / "m", "--html": tmp_path / "m" / "x.html"}, {})
    with pytest.raises(ConfigError, match="would overwrite the log"):
        check_apart({"--out": tmp_path / "m"}, {"the log": tmp_path / "m" / "log.csv"})


def test_different_places_and_standard_output_are_no_conflict(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    check_apart(
        {"--html": None, "--json": "-", "--out": tmp_path / "log.parquet"}, {"the log": log, "--items": None}
    )


def test_the_folder_of_the_process_is_no_place_for_a_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in (Path(), tmp_path.parent):
        with pytest.raises(ConfigError, match="is the folder of this process; name one within it"):
            check_directory_place(place, "--out")
