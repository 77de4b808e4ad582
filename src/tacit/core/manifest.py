"""Directories that are complete or absent: written beside the target, hashed, renamed into place.

A snapshot is a directory with a ``manifest.json`` that names every other file with its size and
sha256, and carries a sha256 of itself. It is written to a temporary sibling, every file and the directory are
flushed to disk, and the sibling is renamed to the target, so no reader sees half of one. While it replaces
an older one, the target is missing for the instant between two renames. What a killed process left beside
the target is removed by the next write (`tacit.core.unfinished`).

The processes of a service must all read the same snapshot, also one that is started again after another
snapshot took the directory's place. So the parent opens every file, checks what it opened, and hands the open
files on (`OpenSnapshot`): they stay readable when the directory is gone.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tacit.core.errors import ArtifactError
from tacit.core.types import Json
from tacit.core.unfinished import old_of, remove_left_over, unfinished

MANIFEST = "manifest.json"
_OWN = ("kind", "format", "files", "sha256")
"""Keys of a manifest that `publish` writes; the others are what it was given."""
MODEL, ENCODER = "model", "encoder"
"""What a directory may hold."""
FORMAT = 2
"""Version of the directory layout; another one on disk is refused by name."""


def publish(
    target: Path, write: Callable[[Path], None], meta: Mapping[str, Json], *, kind: str = MODEL
) -> None:
    """Write a directory beside ``target`` and rename it into place.

    Parameters
    ----------
    target : Path
        The directory to write. An existing one is replaced only after the new one is complete.
    write : callable
        Called with an empty directory; writes the content there.
    meta : mapping
        JSON values to keep in the manifest (versions, seed, data fingerprint).
    kind : str
        What the directory holds, "model" or "encoder"; one of another kind is not replaced.

    Raises
    ------
    ArtifactError
        If ``target`` exists and is not a snapshot: files of the user are never overwritten.
    """
    if target.is_symlink():
        target = target.resolve()  # the link stays, what it points at is replaced
    check_target(target, kind)
    target.parent.mkdir(parents=True, exist_ok=True)
    with unfinished(target) as beside:
        beside.chmod(0o755)
        write(beside)
        files: dict[str, Json] = {
            str(file.relative_to(beside)): {"bytes": file.stat().st_size, "sha256": sha256(file)}
            for file in sorted(beside.rglob("*"))
            if file.is_file()
        }
        manifest: dict[str, Json] = {**meta, "kind": kind, "format": FORMAT, "files": files}
        manifest["sha256"] = _seal(manifest)
        (beside / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", "utf-8")
        _flush_tree(beside)
        _swap(beside, target)
    remove_left_over(target)


def publish_copy(source: Path, target: Path) -> None:
    """Write a copy of a snapshot, as `publish` does, of files that were checked.

    Raises
    ------
    ArtifactError
        If the source is damaged or no snapshot, or ``target`` is something else.
    """
    with OpenSnapshot(source) as opened:
        opened.check()

        def write(place: Path) -> None:
            for name, descriptor in opened.descriptors.items():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(f"/proc/self/fd/{descriptor}", place / name)

        meta = {key: value for key, value in opened.manifest.items() if key not in _OWN}
        publish(target, write, meta, kind=str(opened.manifest.get("kind", MODEL)))


def check_target(target: Path, kind: str = MODEL) -> None:
    """Refuse a path that holds anything but a snapshot of a kind.

    Raises
    ------
    ArtifactError
    """
    if (
        target.exists()
        and not (target / MANIFEST).is_file()
        and (not target.is_dir() or any(target.iterdir()))
    ):
        raise ArtifactError(f"{target} exists and is not a snapshot; choose another directory")
    if (target / MANIFEST).is_file() and (found := _kind(target)) not in (kind, None):
        raise ArtifactError(
            f"{target} holds the {found} of an earlier run, and this one writes the {kind}; "
            "choose another directory"
        )


def _kind(directory: Path) -> str | None:
    """Return what a snapshot holds by its manifest; None where that cannot be read."""
    try:
        found = json.loads((directory / MANIFEST).read_text("utf-8")).get("kind")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def manifest_of(directory: Path) -> dict[str, Json]:
    """Return the manifest of a snapshot, whose files are not read.

    Raises
    ------
    ArtifactError
        If it is missing or damaged, or of another format.
    """
    manifest, _ = _read(directory)
    return manifest


def check_sizes(directory: Path) -> None:
    """Look at the names and sizes of the files of a snapshot, which is quick, and not at what is in them.

    Raises
    ------
    ArtifactError
        If the manifest or a file is missing, extra or damaged, or of another size.
    """
    manifest, listed = _read(directory)
    _check_names(directory, listed)
    files: dict[str, Any] = manifest["files"]  # type: ignore[assignment]
    for name, about in files.items():
        try:
            size = (directory / name).stat().st_size
        except OSError as error:
            raise ArtifactError(f"{directory / name} cannot be read: {error.strerror}") from error
        if size != about["bytes"]:
            raise ArtifactError(
                f"{directory / name} is damaged: it has {size:,} bytes, and {about['bytes']:,} by the "
                "manifest; fit again"
            )


def verify(directory: Path) -> dict[str, Json]:
    """Check every file of a snapshot against its manifest and return the manifest.

    Raises
    ------
    ArtifactError
        If the manifest or a file is missing, a file is changed or extra, or the format is newer than this
        version of Tacit.
    """
    manifest, listed = _read(directory)
    _check_names(directory, listed)
    for name, expected in listed.items():
        if sha256(directory / name) != expected:
            raise _damaged(directory / name)
    return manifest


@dataclass(frozen=True)
class SnapshotFiles:
    """Where the checked files of a snapshot can be read.

    Attributes
    ----------
    directory : Path
        Names the snapshot in messages.
    manifest : mapping
    places : mapping of str to Path
        By the name of the file in the manifest.
    """

    directory: Path
    manifest: Mapping[str, Any]
    places: Mapping[str, Path]

    @classmethod
    def checked(cls, directory: Path) -> "SnapshotFiles":
        """Return the files of a directory after checking all of them.

        Raises
        ------
        ArtifactError
            As by `verify`.
        """
        manifest: dict[str, Any] = verify(directory)
        return cls(directory, manifest, {name: directory / name for name in manifest["files"]})

    @classmethod
    def inherited(
        cls, directory: Path, manifest: Mapping[str, Any], descriptors: Mapping[str, int]
    ) -> "SnapshotFiles":
        """Return the files that a parent checked and this process has open."""
        return cls(directory, manifest, {name: Path(f"/proc/self/fd/{n}") for name, n in descriptors.items()})


class OpenSnapshot:
    """A snapshot whose files are open, to be checked and read by their descriptors; a context manager.

    Parameters
    ----------
    directory : Path

    Attributes
    ----------
    directory : Path
    manifest : mapping
    descriptors : dict of str to int
        By the name of the file; child processes may inherit them.

    Raises
    ------
    ArtifactError
        If the manifest or a file is missing or a file is extra, or the format is newer than this version of
        Tacit.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.descriptors: dict[str, int] = {}
        self.manifest, self._listed = _read(directory)
        _check_names(directory, self._listed)
        try:
            for name in self._listed:
                self.descriptors[name] = os.open(directory / name, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            self.close()
            raise ArtifactError(f"{error.filename} cannot be read: {error.strerror}") from error

    def check(self) -> None:
        """Check what was opened against the manifest.

        Raises
        ------
        ArtifactError
            If a file is changed.
        """
        for name, descriptor in self.descriptors.items():
            with open(descriptor, "rb", closefd=False) as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() != self._listed[name]:
                    raise _damaged(self.directory / name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files in this process."""
        while self.descriptors:
            os.close(self.descriptors.popitem()[1])


def _check_names(directory: Path, listed: Mapping[str, str]) -> None:
    present = {str(p.relative_to(directory)) for p in directory.rglob("*") if not p.is_dir()} - {MANIFEST}
    if odd := present ^ set(listed):
        raise ArtifactError(f"{directory} is damaged: missing or unexpected file {sorted(odd)[0]}; fit again")


def _damaged(file: Path) -> ArtifactError:
    return ArtifactError(f"{file} is damaged: its sha256 differs from the manifest; fit again")


def sha256(file: Path) -> str:
    """Return the sha256 of a file as hexadecimal text."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read(directory: Path) -> tuple[dict[str, Json], dict[str, str]]:
    """Return the manifest of a snapshot and the sha256 of each file that it names."""
    try:
        manifest = json.loads((directory / MANIFEST).read_text("utf-8"))
        version = int(manifest["format"])
        listed = {name: entry["sha256"] for name, entry in manifest["files"].items()}
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ArtifactError(f"{directory} is not a snapshot: it has no {MANIFEST}") from error
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise ArtifactError(f"{directory / MANIFEST} is damaged: {error}; fit again") from error
    if version > FORMAT:
        raise ArtifactError(
            f"{directory} has format {version}, this version reads format {FORMAT}: upgrade tacit"
        )
    if version < FORMAT:
        raise ArtifactError(
            f"{directory} has format {version}, of an older tacit ({manifest.get('tacit')}), and this "
            f"version reads format {FORMAT}: fit again"
        )
    if manifest.get("sha256") != _seal(manifest):
        raise ArtifactError(f"{directory / MANIFEST} is damaged: its own sha256 differs; fit again")
    return manifest, listed


def _seal(manifest: Mapping[str, Json]) -> str:
    content = {name: value for name, value in manifest.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _flush_tree(directory: Path) -> None:
    for path in [*directory.rglob("*"), directory]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _swap(beside: Path, target: Path) -> None:
    # A directory cannot be renamed over a full one: move the old one aside first, put it back on failure.
    old = old_of(beside)
    had_old = target.exists()
    if had_old:
        target.rename(old)
    try:
        beside.rename(target)
    except OSError:
        if had_old:
            old.rename(target)
        raise
    parent = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
    shutil.rmtree(old, ignore_errors=True)
