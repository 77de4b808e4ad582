"""Versions of a model: names that stay within their folder, and a current one that is replaced as a whole."""

import os
import stat
from pathlib import Path

import pytest

from tacit.core.clock import FixedClock
from tacit.core.errors import ArtifactError
from tacit.core.manifest import publish
from tacit.store import versions as module
from tacit.store.versions import CURRENT, Versions, hold, is_model_directory, snapshot_of


@pytest.fixture
def kept(tmp_path: Path) -> Versions:
    """Three versions, of which b is current."""
    found = Versions(tmp_path / "model")
    for name in "abc":
        publish(found.path(name), lambda place: (place / "x").write_bytes(b"x") and None, {})
    found.switch("b")
    return found


def test_versions_are_named_and_one_is_current(kept: Versions) -> None:
    assert kept.names() == ["a", "b", "c"]
    assert kept.current() == "b"
    assert (kept.directory / CURRENT).read_bytes() == b"b\n"
    assert stat.S_IMODE((kept.directory / CURRENT).stat().st_mode) == 0o644
    assert snapshot_of(kept.directory) == kept.path("b") == kept.directory / "versions" / "b"
    kept.switch("a")
    assert kept.current() == "a"
    assert sorted(path.name for path in kept.directory.iterdir()) == [CURRENT, "versions"]


def test_what_is_no_version_is_not_listed(kept: Versions, tmp_path: Path) -> None:
    folder = kept.directory / "versions"
    (folder / ".d.tacit-unfinished-1").mkdir()
    (folder / "-e").mkdir()
    (folder / "file").write_text("x")
    (folder / "link").symlink_to(folder / "a")
    assert kept.names() == ["a", "b", "c"]
    assert Versions(tmp_path / "nothing").names() == []


@pytest.mark.fault(41)
@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../b", "..\\b", "/etc", "a/b", "a/../b", "./a", "a/", "%2e%2e", "%252e%252e"),
        *("a\0", "a\n", "\n", "-a", "_a", ".a", "ä", "a b", "a" * 65, "~root", "$HOME", "a:b", "٣"),
    ],
)
def test_a_name_never_leaves_the_folder(kept: Versions, name: str) -> None:
    with pytest.raises(ArtifactError, match="is no name of a version: one has up to 64"):
        kept.path(name)
    with pytest.raises(ArtifactError, match="is no name of a version"):
        kept.switch(name)
    assert kept.current() == "b"


@pytest.mark.parametrize("name", ["a", "9", "A-b_c.d", "20260805T142233Z-0f9a", "a" * 64, "a..b"])
def test_a_good_name_is_a_folder_among_the_versions(kept: Versions, name: str) -> None:
    assert kept.path(name) == kept.directory / "versions" / name


@pytest.mark.fault(41)
def test_a_link_among_the_versions_is_none(kept: Versions, tmp_path: Path) -> None:
    publish(tmp_path / "elsewhere", lambda place: (place / "x").write_bytes(b"x") and None, {})
    (kept.directory / "versions" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArtifactError, match="link is a link; a version is a directory of its own"):
        kept.switch("link")
    (kept.directory / CURRENT).write_text("link\n")
    with pytest.raises(ArtifactError, match="names link, which is not there"):
        kept.current()


def test_an_unknown_version_is_refused_with_those_that_there_are(kept: Versions) -> None:
    with pytest.raises(ArtifactError, match=r"there is no version d in .*\(there is a, b, c\)"):
        kept.switch("d")
    assert kept.current() == "b"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "CURRENT is missing; choose one by: tacit rollback"),
        (b"", "CURRENT is damaged: it holds no name; choose one by: tacit rollback"),
        (b"../../etc\n", "CURRENT is damaged"),
        (b"b\nc\n", "CURRENT is damaged"),
        (b"b" * 4_096, "CURRENT is damaged"),
        (b"\xff\xfe", "CURRENT cannot be read"),
        (b"gone\n", r"CURRENT names gone, which is not there; .* \(there is a, b, c\)"),
    ],
)
def test_a_damaged_current_is_a_sentence(kept: Versions, content: bytes | None, said: str) -> None:
    (kept.directory / CURRENT).unlink()
    if content is not None:
        (kept.directory / CURRENT).write_bytes(content)
    with pytest.raises(ArtifactError, match=said):
        kept.current()
    with pytest.raises(ArtifactError, match=said):
        snapshot_of(kept.directory)
    with pytest.raises(ArtifactError, match=said):
        kept.prune(1)
    assert kept.names() == ["a", "b", "c"]


def test_a_current_that_is_a_folder_is_a_sentence(kept: Versions) -> None:
    (kept.directory / CURRENT).unlink()
    (kept.directory / CURRENT).mkdir()
    with pytest.raises(ArtifactError, match="cannot be read"):
        kept.current()


def test_current_is_on_disk_before_and_after_its_rename(
    kept: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[str, str]] = []
    flush, replace = os.fsync, Path.replace

    def flushed(descriptor: int) -> None:
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        content = place.read_text() if place.is_file() else "folder"
        steps.append(("flush", content))
        assert place.parent == kept.directory or place == kept.directory
        flush(descriptor)

    def replaced(self: Path, target: Path) -> Path:
        steps.append(("rename", target.name))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", replaced)
    kept.switch("c")
    assert steps == [("flush", "c\n"), ("rename", CURRENT), ("flush", "folder")]


@pytest.mark.fault(8)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_switch_that_fails_changes_nothing(
    kept: Versions, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if call == "fsync" else (Path, "replace")), fail)
    with pytest.raises(OSError, match="No space"):
        kept.switch("c")
    assert kept.current() == "b"
    assert sorted(path.name for path in kept.directory.iterdir()) == [CURRENT, "versions"]


def test_new_names_are_times_that_never_go_back(tmp_path: Path) -> None:
    clock = FixedClock(1_780_000_000.5)
    versions = Versions(tmp_path, clock)
    made = []
    for now in (1_780_000_000.5, 1_780_000_000.7, 1_600_000_000.0, 1_780_000_100.0):
        clock.at = now
        made.append(versions.new_name())
        versions.path(made[-1]).mkdir(parents=True)
    assert [name.partition("-")[0] for name in made] == [
        "20260528T202640Z",
        "20260528T202641Z",
        "20260528T202642Z",
        "20260528T202820Z",
    ]
    assert versions.names() == made == sorted(made)


@pytest.mark.promise("P22")
@pytest.mark.parametrize(
    ("current", "keep", "left"),
    [
        ("e", 1, "e"),
        ("e", 3, "cde"),
        ("e", 9, "abcde"),
        ("c", 1, "cde"),
        ("c", 2, "bcde"),
        ("a", 1, "abcde"),
    ],
)
def test_old_versions_are_pruned_and_newer_ones_stay(
    tmp_path: Path, current: str, keep: int, left: str
) -> None:
    versions = Versions(tmp_path)
    for name in "abcde":
        versions.path(name).mkdir(parents=True)
    versions.switch(current)
    assert versions.prune(keep) == [name for name in "abcde" if name not in left]
    assert versions.names() == [*left]
    assert sorted(path.name for path in (tmp_path / "versions").iterdir()) == [*left]


def test_a_version_that_is_served_is_not_pruned(kept: Versions) -> None:
    kept.switch("c")
    descriptor = hold(kept.path("a"))
    assert kept.prune(1) == ["b"]
    os.close(descriptor)
    assert kept.prune(1) == ["a"]
    assert kept.names() == ["c"]


def test_what_a_killed_prune_left_is_removed(kept: Versions, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.switch("c")
    with monkeypatch.context() as patched:
        patched.setattr(module.shutil, "rmtree", lambda *_, **__: None)
        assert kept.prune(2) == ["a"]
    assert kept.names() == ["b", "c"]
    assert len([*(kept.directory / "versions").iterdir()]) == 3
    assert kept.prune(2) == []
    assert len([*(kept.directory / "versions").iterdir()]) == 2


def test_a_snapshot_is_no_model_directory(kept: Versions, tmp_path: Path) -> None:
    assert is_model_directory(kept.directory)
    assert not is_model_directory(kept.path("a"))
    assert not is_model_directory(tmp_path / "nothing")
    assert snapshot_of(kept.path("a")) == kept.path("a")
