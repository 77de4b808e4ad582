"""What the parent of a service finds of versions: whole ones, by their open files, or why there is none."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tacit.core.errors import ArtifactError
from tacit.core.manifest import FORMAT, MANIFEST, publish
from tacit.server.lifeline import Message
from tacit.server.received import received_of
from tacit.server.watching import Refusal, Release, Watcher
from tacit.store.versions import CURRENT, Versions


def write(place: Path, content: str) -> None:
    (place / "a.bin").write_text(content)
    (place / "b.bin").write_text(content * 2)


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    """Versions a, b and c, of which b is current."""
    found = Versions(tmp_path / "model")
    for name in "abc":
        publish(found.path(name), lambda place, name=name: write(place, name), {"model": f"model-{name}"})
    found.switch("b")
    return found


@pytest.fixture
def watcher(versions: Versions) -> Iterator[Watcher]:
    opened = Watcher(versions.directory)
    yield opened
    opened.close()


def found_by(watcher: Watcher, seconds: float = 20.0) -> Release | Refusal:
    """Return what the watcher finds next."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := watcher.take():
            assert len(found) == 1
            return found[0]
        time.sleep(0.01)
    raise AssertionError("nothing was found")


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def content_of(release: Release) -> str:
    """Read a release as another process would: by copies of its descriptors."""
    message = Message({"load": release.number}, tuple(os.dup(one) for one in release.descriptors))
    with received_of(message) as received:
        assert received.version == release.version
        assert received.number == release.number
        assert received.files.manifest == release.manifest
        return received.files.places["a.bin"].read_text()


def damage(place: Path, kind: str) -> None:
    """Damage a snapshot as disks, copies and people do."""
    file = place / "b.bin"
    if kind == "a flipped bit":
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    elif kind == "a cut file":
        file.write_bytes(file.read_bytes()[:-1])
    elif kind == "a missing file":
        file.unlink()
    elif kind == "an extra file":
        (place / "c.bin").write_text("c")
    elif kind == "swapped files":
        one, other = file.read_bytes(), (place / "a.bin").read_bytes()
        (place / "a.bin").write_bytes(one)
        file.write_bytes(other)
    elif kind == "no manifest":
        (place / MANIFEST).unlink()
    elif kind == "another format":
        manifest = json.loads((place / MANIFEST).read_text())
        (place / MANIFEST).write_text(json.dumps({**manifest, "format": FORMAT + 1}))
    else:
        (place / MANIFEST).write_text((place / MANIFEST).read_text().replace("model-", "m0del-"))


DAMAGES = {
    "a flipped bit": "model/versions/{}/b.bin is damaged: its sha256 differs",
    "a cut file": "model/versions/{}/b.bin is damaged: its sha256 differs",
    "a missing file": "model/versions/{} is damaged: missing or unexpected file b.bin",
    "an extra file": "model/versions/{} is damaged: missing or unexpected file c.bin",
    "swapped files": "model/versions/{}/a.bin is damaged: its sha256 differs",
    "no manifest": "model/versions/{} is not a snapshot: it has no manifest.json",
    "another format": "model/versions/{} has format 3, this version reads format 2: upgrade tacit",
    "a changed manifest": "model/versions/{}/manifest.json is damaged: its own sha256 differs",
}


def test_the_current_version_comes_first(watcher: Watcher) -> None:
    release, refusal = watcher.first()
    assert refusal is None
    assert str(release) == "model model-b, version b"
    assert content_of(release) == "b"
    release.close()


@pytest.mark.promise("P22")
@pytest.mark.fault(6)
@pytest.mark.parametrize("kind", DAMAGES)
def test_a_service_begins_with_the_newest_whole_version_before_a_damaged_one(
    versions: Versions, watcher: Watcher, kind: str
) -> None:
    versions.switch("c")
    damage(versions.path("c"), kind)
    release, refusal = watcher.first()
    assert release.version == "b"
    assert refusal is not None
    assert refusal.version == "c"
    assert refusal.reason.startswith(DAMAGES[kind].format("c"))
    release.close()


@pytest.mark.promise("P6")
@pytest.mark.parametrize("running", [False, True])
def test_what_is_served_in_place_of_a_damaged_version_is_watched(
    versions: Versions, watcher: Watcher, running: bool
) -> None:
    """It is written again without deleted users, and the service has to follow."""
    damage(versions.path("c"), "a flipped bit")
    if not running:
        versions.switch("c")
    first, refused = watcher.first()
    watcher.start()
    if running:
        versions.switch("c")
    refusal = found_by(watcher) if running else refused
    assert isinstance(refusal, Refusal)
    publish(versions.path("b"), lambda place: write(place, "less"), {"model": "model-less"})
    again = found_by(watcher)
    assert isinstance(again, Release)
    assert (again.version, content_of(again), again.refusal) == ("b", "less", refusal)
    versions.switch("b")  # whoever chooses it is heard
    chosen = found_by(watcher)
    assert isinstance(chosen, Release)
    assert (chosen.version, chosen.refusal) == ("b", None)
    for one in (first, again, chosen):
        one.close()


def test_a_version_after_the_current_one_is_never_chosen(versions: Versions, watcher: Watcher) -> None:
    for name in "ab":
        damage(versions.path(name), "a flipped bit")
    with pytest.raises(ArtifactError, match=r"versions/b/b\.bin is damaged.*no version before it is whole"):
        watcher.first()


@pytest.mark.parametrize("content", [b"", b"../x\n", b"gone\n", None])
def test_a_service_begins_with_the_newest_version_if_none_is_current(
    versions: Versions, watcher: Watcher, content: bytes | None
) -> None:
    (versions.directory / CURRENT).unlink()
    if content is not None:
        (versions.directory / CURRENT).write_bytes(content)
    release, refusal = watcher.first()
    assert release.version == "c"
    assert refusal is not None
    assert "CURRENT" in refusal.reason
    release.close()


@pytest.mark.promise("P22")
@pytest.mark.fault(6)
def test_what_becomes_current_is_found_whole_or_refused(versions: Versions, watcher: Watcher) -> None:
    first, _ = watcher.first()
    watcher.start()
    for kind, said in DAMAGES.items():
        name = versions.new_name()
        shutil.copytree(versions.path("c"), versions.path(name))
        damage(versions.path(name), kind)
        versions.switch(name)
        refused = found_by(watcher)
        assert isinstance(refused, Refusal)
        assert refused.version == name
        assert refused.reason.startswith(said.format(name))
    (versions.directory / CURRENT).write_text("../../etc\n")
    refused = found_by(watcher)
    assert isinstance(refused, Refusal)
    assert refused.reason.startswith("model/CURRENT is damaged: it holds no name")
    versions.switch("a")
    release = found_by(watcher)
    assert isinstance(release, Release)
    assert content_of(release) == "a"
    assert release.number > first.number
    # FORGET writes a version anew under its name: that is another one too.
    publish(versions.path("a"), lambda place: write(place, "new"), {"model": "model-new"})
    again = found_by(watcher)
    assert isinstance(again, Release)
    assert content_of(again) == "new"
    assert content_of(release) == "a"
    for one in (first, release, again):
        one.close()


def test_a_version_that_is_mended_is_found(versions: Versions, watcher: Watcher) -> None:
    release, _ = watcher.first()
    whole = (versions.path("c") / "b.bin").read_bytes()
    damage(versions.path("c"), "a flipped bit")
    watcher.start()
    versions.switch("c")
    assert isinstance(found_by(watcher), Refusal)
    (versions.path("c") / "b.bin").write_bytes(whole)
    mended = found_by(watcher)
    assert isinstance(mended, Release)
    assert content_of(mended) == "c"
    release.close()
    mended.close()


def test_a_version_that_is_open_is_not_pruned(versions: Versions, watcher: Watcher) -> None:
    release, _ = watcher.first()
    versions.switch("c")
    assert versions.prune(1) == ["a"]
    assert content_of(release) == "b"
    release.close()
    assert versions.prune(1) == ["b"]


def test_a_snapshot_that_is_replaced_is_found(tmp_path: Path) -> None:
    place = tmp_path / "shop.tacit"
    publish(place, lambda target: write(target, "old"), {"model": "old"})
    watcher = Watcher(place)
    release, refusal = watcher.first()
    assert str(release) == "model old"
    assert refusal is None
    watcher.start()
    publish(place, lambda target: write(target, "new"), {"model": "new"})
    new = found_by(watcher)
    assert isinstance(new, Release)
    assert (new.version, content_of(new), content_of(release)) == (None, "new", "old")
    damage(place, "a flipped bit")
    refused = found_by(watcher)
    assert refused == Refusal(
        None, "shop.tacit/b.bin is damaged: its sha256 differs from the manifest; fit again"
    )
    shutil.rmtree(place)  # nobody asks for another one
    publish(place, lambda target: write(target, "newest"), {"model": "newest"})
    newest = found_by(watcher)
    assert isinstance(newest, Release)
    assert content_of(newest) == "newest"
    watcher.close()
    for one in (release, new, newest):
        one.close()


def test_a_damaged_snapshot_is_no_beginning(tmp_path: Path) -> None:
    place = tmp_path / "shop.tacit"
    publish(place, lambda target: write(target, "old"), {"model": "old"})
    damage(place, "a cut file")
    before = open_files()
    watcher = Watcher(place)
    with pytest.raises(ArtifactError, match="its sha256 differs"):
        watcher.first()
    watcher.close()
    assert open_files() == before
