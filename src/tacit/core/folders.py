"""Folders of files by path or by address: on this machine, or in object storage through PyArrow.

A file is there whole or not at all, so that what is there can be relied on after an interruption.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any, Protocol

from tacit.core.errors import ArtifactError, ConfigError
from tacit.core.extras import require
from tacit.core.manifest import MANIFEST
from tacit.core.places import check_directory_place
from tacit.core.unfinished import remove_left_over, unfinished


class Folder(Protocol):
    """Files by name."""

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each file of the folder by its name; empty where there is no folder yet."""
        ...

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all; an older one is replaced."""
        ...


class LocalFolder:
    """A folder of this machine, made when the first file is written.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each file."""
        if not self._path.is_dir():
            return {}
        return {one.name: one.stat().st_size for one in self._path.iterdir() if one.is_file()}

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        return (self._path / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Write a file beside its place, flush it to the disk and rename it.

        Two workers may write the same part, when one was thought lost: each writes a file of its own first.
        """
        self._path.mkdir(parents=True, exist_ok=True)
        beside = self._path / f".{name}.{os.getpid()}"
        try:
            with beside.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(self._path / name)
        finally:
            beside.unlink(missing_ok=True)


class RemoteFolder:
    """A folder of an object store: ``s3://``, ``gs://``, ``abfs://``, ``hdfs://``, as PyArrow knows them.

    Parameters
    ----------
    address : str
        Options of the store are part of it: ``s3://bucket/lists?region=eu-central-1``. Keys come from the
        environment, as for other programs.

    Raises
    ------
    ConfigError
        If PyArrow does not know the address.
    MissingExtraError
        If PyArrow is not installed.
    """

    def __init__(self, address: str) -> None:
        self._fs: Any = require("pyarrow.fs", "storage")
        invalid = require("pyarrow", "storage").ArrowInvalid
        try:
            self._store, self._path = self._fs.FileSystem.from_uri(address)
        except (invalid, NotImplementedError, OSError) as error:
            raise ConfigError(f"{address} cannot be used: {' '.join(str(error).split())[:200]}") from error

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each file."""
        chosen = self._fs.FileSelector(self._path, allow_not_found=True)
        return {one.base_name: one.size for one in self._store.get_file_info(chosen) if one.is_file}

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        with self.opened(name) as stream:
            content: bytes = stream.read()
        return content

    def opened(self, name: str) -> Any:
        """Return a file to read from any place of it."""
        return self._store.open_input_file(f"{self._path}/{name}")

    def write(self, name: str, content: bytes) -> None:
        """Write a file; object storage shows an object when all of it is there."""
        self._store.create_dir(self._path, recursive=True)
        with self._store.open_output_stream(f"{self._path}/{name}") as stream:
            stream.write(content)


def is_address(place: str) -> bool:
    """Return whether a place is an address of an object store and no path."""
    return "://" in place


def folder_of(place: str) -> Folder:
    """Return the folder of a path or of an address."""
    return RemoteFolder(place) if is_address(place) else LocalFolder(Path(place))


def check_folder_place(place: str, option: str) -> None:
    """Refuse a folder that could not be written, before the work begins.

    Raises
    ------
    ConfigError
    """
    if is_address(place):
        RemoteFolder(place)
        return
    path = Path(place)
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{option} {path} is a file; name a folder, or a file .parquet, .csv or .jsonl")
    check_directory_place(path, option)


def local_file(place: str, kept: Path) -> Path:
    """Return the path of a file; one of object storage is copied into the folder ``kept`` first."""
    if not is_address(place):
        return Path(place)
    path, mark, options = place.partition("?")
    address, _, name = path.rpartition("/")
    copy = kept / name
    copy.write_bytes(RemoteFolder(address + mark + options).read(name))
    return copy


def local_directory(place: str) -> Path:
    """Return the path of a folder; one of object storage is copied to this machine, once for all processes.

    The copy lies among the temporary files of this machine, under a name that depends on all of its content's
    sizes and on its manifest.
    """
    if not is_address(place):
        return Path(place)
    folder = RemoteFolder(place)
    sizes = folder.sizes()
    if MANIFEST not in sizes:
        raise ArtifactError(f"{place} is not a snapshot: it has no {MANIFEST}")
    content = f"{place} {sorted(sizes.items())}".encode() + folder.read(MANIFEST)
    target = Path(tempfile.gettempdir()) / f"tacit-{hashlib.sha256(content).hexdigest()[:16]}"
    if target.is_dir():
        return target
    remove_left_over(target)
    with unfinished(target) as beside:
        for name in sizes:
            (beside / name).write_bytes(folder.read(name))
        try:
            beside.rename(target)
        except OSError:
            if not target.is_dir():  # another process of this machine may have been faster
                raise
    return target
