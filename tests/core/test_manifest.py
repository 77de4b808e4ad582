"""Directories that are whole or not there."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tacit.core.errors import ArtifactError
from tacit.core.manifest import FORMAT, MANIFEST, OpenSnapshot, SnapshotFiles, publish, sha256, verify


def write(directory: Path, *, content: str = "one") -> None:
    (directory / "a.txt").write_text(content, "utf-8")
    (directory / "deep").mkdir()
    (directory / "deep" / "b.bin").write_bytes(bytes(range(256)))


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    target = tmp_path / "parent" / "snapshot"
    publish(target, write, {"seed": 7, "text": "é"})
    return target


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def forged(snapshot: Path, **changes: object) -> None:
    """Rewrite the manifest with changes and, as a forger would, with a right sha256 of its own."""
    from tacit.core import manifest

    document = {**json.loads((snapshot / MANIFEST).read_text("utf-8")), **changes}
    document["sha256"] = manifest._seal(document)
    (snapshot / MANIFEST).write_text(json.dumps(document), "utf-8")


def test_what_is_published_is_whole_and_named_with_size_and_sha256(snapshot: Path) -> None:
    manifest = verify(snapshot)
    assert manifest["seed"] == 7
    assert manifest["format"] == FORMAT
    assert manifest["files"] == {
        "a.txt": {"bytes": 3, "sha256": sha256(snapshot / "a.txt")},
        "deep/b.bin": {"bytes": 256, "sha256": sha256(snapshot / "deep" / "b.bin")},
    }
    assert sha256(snapshot / "a.txt") == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    assert names(snapshot.parent) == ["snapshot"]  # nothing is left beside it
    assert snapshot.stat().st_mode & 0o777 == 0o755


def test_a_new_snapshot_takes_the_place_of_the_old_one(snapshot: Path) -> None:
    publish(snapshot, lambda directory: write(directory, content="two"), {})
    assert (snapshot / "a.txt").read_text() == "two"
    verify(snapshot)
    assert names(snapshot.parent) == ["snapshot"]


@dataclass(frozen=True)
class Flush:
    """One call of os.fsync, and the state of the directory at that moment."""

    path: Path
    content: bytes | None
    renamed: bool


def flushes(target: Path, monkeypatch: pytest.MonkeyPatch, *, content: str = "one") -> list[Flush]:
    """Publish, and return what was flushed to disk meanwhile."""
    seen: list[Flush] = []
    flush = os.fsync

    def watched(descriptor: int) -> None:
        path = (Path("/proc/self/fd") / str(descriptor)).readlink()
        text = path.read_bytes() if path.is_file() else None
        renamed = (target / "a.txt").is_file() and (target / "a.txt").read_text() == content
        flush(descriptor)
        seen.append(Flush(path, text, renamed))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", watched)
        publish(target, lambda directory: write(directory, content=content), {})
    return seen


@pytest.mark.parametrize("content", ["one", "two"])
@pytest.mark.fault(3)
def test_every_file_and_folder_is_on_disk_before_it_is_renamed_into_place(
    snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    target = snapshot if content == "two" else tmp_path / "parent" / "new"  # with and without an older one
    before = [flush for flush in flushes(target, monkeypatch, content=content) if not flush.renamed]
    (beside,) = {flush.path.parent for flush in before if flush.path.name == MANIFEST}
    assert beside.parent == target.parent and beside.name.startswith(f".{target.name}.")
    flushed = {str(flush.path.relative_to(beside)): flush.content for flush in before}
    expected: dict[str, bytes | None] = {
        str(path.relative_to(target)): path.read_bytes() if path.is_file() else None
        for path in [target, *target.rglob("*")]
    }
    assert set(expected) == {".", "a.txt", "deep", "deep/b.bin", MANIFEST}
    assert flushed == expected  # none was flushed before all of it was written


@pytest.mark.parametrize("content", ["one", "two"])
def test_the_folder_around_a_snapshot_is_flushed_after_the_rename(
    snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    target = snapshot if content == "two" else tmp_path / "parent" / "new"
    after = [flush.path for flush in flushes(target, monkeypatch, content=content) if flush.renamed]
    assert after == [target.parent]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.fault(8)
def test_a_write_that_fails_leaves_the_old_snapshot(snapshot: Path, error: BaseException) -> None:
    def half(directory: Path) -> None:
        (directory / "a.txt").write_text("tw")
        raise error

    with pytest.raises(type(error)):
        publish(snapshot, half, {})
    verify(snapshot)
    assert (snapshot / "a.txt").read_text() == "one"
    assert names(snapshot.parent) == ["snapshot"]


def test_a_first_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(directory: Path) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        publish(tmp_path / "snapshot", fail, {})
    assert names(tmp_path) == []


def test_a_rename_that_fails_puts_the_old_snapshot_back(
    snapshot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if target == snapshot and not self.name.endswith(".old"):
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="Input/output"):
        publish(snapshot, lambda directory: write(directory, content="two"), {})
    verify(snapshot)
    assert (snapshot / "a.txt").read_text() == "one"
    assert names(snapshot.parent) == ["snapshot"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_no_snapshot_is_never_overwritten(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "mine"
    if kind == "file":
        target.write_text("a letter")
    else:
        target.mkdir()
        (target / "letter.txt").write_text("a letter")
    with pytest.raises(ArtifactError, match="exists and is not a snapshot"):
        publish(target, write, {})
    assert (target if kind == "file" else target / "letter.txt").read_text() == "a letter"


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    publish(tmp_path, write, {})
    verify(tmp_path)


@pytest.mark.parametrize("name", ["a.txt", "deep/b.bin"])
@pytest.mark.fault(6)
def test_a_changed_file_is_refused_by_name(snapshot: Path, name: str) -> None:
    content = bytearray((snapshot / name).read_bytes())
    content[1] ^= 4
    (snapshot / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=rf"{name} is damaged: its sha256 differs"):
        verify(snapshot)


@pytest.mark.fault(6)
def test_a_missing_file_is_refused_by_name(snapshot: Path) -> None:
    (snapshot / "deep" / "b.bin").unlink()
    with pytest.raises(ArtifactError, match=r"missing or unexpected file deep/b\.bin"):
        verify(snapshot)


@pytest.mark.fault(6)
def test_an_extra_file_is_refused_by_name(snapshot: Path) -> None:
    (snapshot / "deep" / "more.py").write_text("print('hello')")
    with pytest.raises(ArtifactError, match=r"missing or unexpected file deep/more\.py"):
        verify(snapshot)


@pytest.mark.fault(6)
def test_two_files_in_each_others_place_are_refused(snapshot: Path) -> None:
    a, b = (snapshot / "a.txt").read_bytes(), (snapshot / "deep" / "b.bin").read_bytes()
    (snapshot / "a.txt").write_bytes(b)
    (snapshot / "deep" / "b.bin").write_bytes(a)
    with pytest.raises(ArtifactError, match="its sha256 differs"):
        verify(snapshot)


def test_any_changed_bit_of_the_manifest_is_refused(snapshot: Path) -> None:
    whole = (snapshot / MANIFEST).read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        (snapshot / MANIFEST).write_bytes(changed)
        with pytest.raises(ArtifactError):
            verify(snapshot)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"null", b'{"format": 1}', b"\xff\xfe", b'{"format":']
)
def test_a_manifest_that_is_none_is_refused(snapshot: Path, content: bytes) -> None:
    (snapshot / MANIFEST).write_bytes(content)
    with pytest.raises(ArtifactError, match=r"manifest\.json is damaged"):
        verify(snapshot)


@pytest.mark.parametrize("files", [[], ["a.txt", "deep/b.bin"], {"a.txt": None}, {"a.txt": "x"}, None, 3])
def test_a_list_of_files_of_another_shape_is_refused(snapshot: Path, files: object) -> None:
    forged(snapshot, files=files)
    with pytest.raises(ArtifactError, match=r"manifest\.json is damaged"):
        verify(snapshot)


def test_a_newer_format_is_refused_by_name(snapshot: Path) -> None:
    forged(snapshot, format=FORMAT + 1)
    said = f"has format {FORMAT + 1}, this version reads format {FORMAT}: upgrade tacit"
    with pytest.raises(ArtifactError, match=said):
        verify(snapshot)


def test_an_older_format_is_refused_by_name_and_by_who_wrote_it(snapshot: Path) -> None:
    forged(snapshot, format=FORMAT - 1, tacit="0.0.9")
    said = rf"has format {FORMAT - 1}, of an older tacit \(0\.0\.9\), and this version reads format {FORMAT}"
    with pytest.raises(ArtifactError, match=said):
        verify(snapshot)


@pytest.mark.parametrize("name", ["../secret.txt", "deep/../../secret.txt", "/etc/hostname"])
@pytest.mark.fault(41)
def test_a_name_that_leads_out_of_the_directory_is_refused(snapshot: Path, name: str) -> None:
    secret = snapshot.parent / "secret.txt"
    secret.write_text("secret")
    listed = json.loads((snapshot / MANIFEST).read_text("utf-8"))["files"]
    forged(snapshot, files={**listed, name: {"bytes": 6, "sha256": sha256(secret)}})
    with pytest.raises(ArtifactError, match="missing or unexpected file"):
        verify(snapshot)


@pytest.mark.parametrize("place", ["nothing", "file"])
def test_what_is_not_a_snapshot_says_so(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("a letter")
    with pytest.raises(ArtifactError, match=r"is not a snapshot: it has no manifest\.json"):
        verify(tmp_path / place)


def test_a_snapshot_that_may_not_be_read_says_so(snapshot: Path) -> None:
    (snapshot / MANIFEST).unlink()
    os.mkdir(snapshot / MANIFEST)  # noqa: PTH102  reading it fails for every user, root too
    with pytest.raises(ArtifactError, match="Is a directory"):
        verify(snapshot)


def test_a_directory_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    place = tmp_path / "kept"
    publish(place, write, {}, kind="encoder")
    with pytest.raises(
        ArtifactError, match="holds the encoder of an earlier run, and this one writes the model"
    ):
        publish(place, write, {})
    publish(place, write, {}, kind="encoder")


def test_open_files_stay_readable_when_another_snapshot_takes_the_place(snapshot: Path) -> None:
    with OpenSnapshot(snapshot) as opened:
        publish(snapshot, lambda directory: write(directory, content="two"), {})
        opened.check()  # what was opened is whole, whatever stands there now
        files = SnapshotFiles.inherited(opened.directory, opened.manifest, opened.descriptors)
        for _ in range(2):  # each reader begins at the start
            assert files.places["a.txt"].read_text() == "one"
        assert SnapshotFiles.checked(snapshot).places["a.txt"].read_text() == "two"
    assert not opened.descriptors


def test_a_changed_file_is_found_by_its_open_descriptor(snapshot: Path) -> None:
    (snapshot / "a.txt").write_text("eno")
    with (
        OpenSnapshot(snapshot) as opened,
        pytest.raises(ArtifactError, match=r"a\.txt is damaged: its sha256"),
    ):
        opened.check()


def test_a_directory_with_a_file_too_many_is_not_opened(snapshot: Path) -> None:
    (snapshot / "c.txt").write_text("more")
    with pytest.raises(ArtifactError, match=r"missing or unexpected file c\.txt"):
        OpenSnapshot(snapshot)
