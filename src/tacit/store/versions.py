"""A model directory: snapshots under names, one of which is current.

::

    DIR/versions/NAME/   each a snapshot (`tacit.core.manifest`)
    DIR/CURRENT          the name of the one to serve, one line of text
    DIR/.refit.lock      held while a refit runs (`tacit.refits`)

A version is never changed in place: a new one is written beside the others under a name of its own, and then
``CURRENT`` is replaced by a rename. So whoever reads ``CURRENT`` finds a whole version, and going back is the
same step as going forward. A process that serves a version holds a lock on its directory (``flock``), which
ends with the process; such a version is not pruned.
"""

import calendar
import fcntl
import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tacit.core.clock import Clock, SystemClock
from tacit.core.errors import ArtifactError
from tacit.core.manifest import MANIFEST, check_sizes, manifest_of, publish_copy
from tacit.core.types import Json
from tacit.core.unfinished import remove_all_left_over

CURRENT, VERSIONS, REFIT_LOCK = "CURRENT", "versions", ".refit.lock"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DATED = re.compile(r"(\d{8}T\d{6})Z-[0-9a-f]{4}")
_TIME = "%Y%m%dT%H%M%S"
_LONGEST = 128
"""Bytes of ``CURRENT`` that are read; a name is shorter."""
_PRUNED = ".pruned-"
"""In front of the name of a version that is being removed."""


@dataclass(frozen=True)
class Version:
    """A version as its manifest describes it; of its files names and sizes were checked, not the content.

    Attributes
    ----------
    name : str
    model : str
        Version of the model, which its answers carry; "" where the manifest cannot be read.
    written_at : float
        Unix seconds; NaN where there is no manifest.
    size : int
        Bytes on disk.
    problem : str
        What is found to be wrong; "" for nothing.
    """

    name: str
    model: str
    written_at: float
    size: int
    problem: str = ""

    def to_json(self) -> dict[str, Json]:
        """Return it as ``GET /v1/models`` and ``tacit versions --json`` show it."""
        return {
            "version": self.name,
            "model": self.model or None,
            "written_at": None if math.isnan(self.written_at) else self.written_at,
            "bytes": self.size,
            "problem": self.problem or None,
        }


class Versions:
    """The versions of a model directory, in the order of their names.

    Parameters
    ----------
    directory : Path
        It need not be there: the first version and the first `switch` make it.
    clock : Clock, optional
        Gives new names.
    """

    def __init__(self, directory: Path, clock: Clock | None = None) -> None:
        self.directory = directory
        self._folder = directory / VERSIONS
        self._clock = clock or SystemClock()

    def names(self) -> list[str]:
        """Return the names of all versions, whole or damaged, sorted: those of `new_name` oldest first."""
        try:
            entries = [*os.scandir(self._folder)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(
            one.name for one in entries if _NAME.fullmatch(one.name) and one.is_dir(follow_symlinks=False)
        )

    def current(self) -> str:
        """Return the name of the current version, which is there.

        Raises
        ------
        ArtifactError
            If ``CURRENT`` is missing or damaged, or names no version.
        """
        file = self.directory / CURRENT
        try:
            with file.open("rb") as stream:
                name = stream.read(_LONGEST).decode("ascii").removesuffix("\n")
        except FileNotFoundError as error:
            raise ArtifactError(f"{file} is missing; {self._how_to_choose()}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise ArtifactError(f"{file} cannot be read ({error}); {self._how_to_choose()}") from error
        if not _NAME.fullmatch(name):
            raise ArtifactError(f"{file} is damaged: it holds no name; {self._how_to_choose()}")
        if not self._is_there(name):
            raise ArtifactError(f"{file} names {name}, which is not there; {self._how_to_choose()}")
        return name

    def path(self, name: str) -> Path:
        """Return the directory of a version, which need not be there: ``DIR/versions/NAME`` and nowhere else.

        Raises
        ------
        ArtifactError
            If it is no name of a version, or a link stands there.
        """
        if not _NAME.fullmatch(name):
            raise ArtifactError(
                f"{name[:80]!r} is no name of a version: one has up to 64 letters, digits, dots, dashes and "
                "underscores and begins with a letter or a digit"
            )
        place = self._folder / name
        if place.is_symlink():
            raise ArtifactError(f"{place} is a link; a version is a directory of its own")
        return place

    def known(self, name: str) -> Path:
        """Return the directory of a version that is there.

        Raises
        ------
        ArtifactError
            If there is no such version.
        """
        place = self.path(name)
        if not place.is_dir():
            raise ArtifactError(f"there is no version {name} in {self.directory}; {self._how_to_choose()}")
        return place

    def before_current(self) -> str:
        """Return the name of the version before the current one.

        Raises
        ------
        ArtifactError
            If there is none, or it is not known which one is current.
        """
        current = self.current()
        earlier = [name for name in self.names() if name < current]
        if not earlier:
            raise ArtifactError(f"there is no version before {current} in {self.directory}")
        return earlier[-1]

    def new_name(self) -> str:
        """Return a name for a new version: the time in UTC and four digits at random.

        It sorts behind the names of all versions that were made so before, also after the clock went back.
        """
        dated = [match[1] for name in self.names() if (match := _DATED.fullmatch(name))]
        now = time.strftime(_TIME, time.gmtime(self._clock.now()))
        if dated and now <= dated[-1]:
            now = _second_after(dated[-1])
        return f"{now}Z-{os.urandom(2).hex()}"

    def listed(self) -> list[Version]:
        """Return all versions with what their manifests say, in the order of `names`."""
        return [_described(name, self._folder / name) for name in self.names()]

    def switch(self, name: str) -> None:
        """Make a version the current one; it is on disk when this returns.

        Raises
        ------
        ArtifactError
            If there is no such version.
        OSError
            If the directory cannot be written; the version is the same as before then.
        """
        self.known(name)
        descriptor, beside = tempfile.mkstemp(prefix=f".{CURRENT}-", dir=self.directory)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(f"{name}\n".encode("ascii"))
                stream.flush()
                os.fchmod(stream.fileno(), 0o644)
                os.fsync(stream.fileno())
            Path(beside).replace(self.directory / CURRENT)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
        _flush(self.directory)

    def prune(self, keep: int) -> list[str]:
        """Remove old versions and return their names.

        Kept are the current version and the ``keep - 1`` before it, all that come after it (one may be about
        to become current), and those that a process serves.

        Parameters
        ----------
        keep : int
            At least 1.

        Raises
        ------
        ArtifactError
            If it is not known which version is current: nothing is removed then.
        """
        if keep < 1:
            raise ValueError("at least one version is kept")
        current = self.current()
        earlier = [name for name in self.names() if name < current]
        self.remove_left_over()
        return [name for name in earlier[: max(0, len(earlier) - (keep - 1))] if self._remove(name)]

    def remove_left_over(self) -> None:
        """Remove what killed processes left of versions that they wrote or removed."""
        remove_all_left_over(self._folder)
        for left in self._folder.glob(f"{_PRUNED}*"):
            shutil.rmtree(left, ignore_errors=True)

    def discard(self, name: str) -> None:
        """Remove a version, whoever serves it: it has its files open.

        Raises
        ------
        OSError
        """
        place = self.path(name)
        aside = place.with_name(f"{_PRUNED}{name}")
        place.rename(aside)  # under its name a version is whole
        shutil.rmtree(aside, ignore_errors=True)

    def _remove(self, name: str) -> bool:
        """Remove a version, unless a process serves it; return whether it is gone."""
        place = self._folder / name
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False  # another process was first
        try:
            with suppress(OSError):  # a file system without such locks: nobody holds one there
                if not _free(descriptor):
                    return False
            self.discard(name)
        finally:
            os.close(descriptor)
        return True

    def way_back(self, name: str) -> str:
        """Return how to go to another version than a damaged one, to follow its problem; "" without one."""
        others = [one for one in self.names() if one != name]
        if not others:
            return ""
        before = [one for one in others if one < name] or others
        return f", or go to another version: tacit rollback {self.directory} {before[-1]}"

    def _is_there(self, name: str) -> bool:
        place = self._folder / name
        return place.is_dir() and not place.is_symlink()

    def _how_to_choose(self) -> str:
        names = self.names()
        if not names:
            return f"{self.directory} holds no version"
        return f"choose one by: tacit rollback {self.directory} NAME (there is {', '.join(names[-5:])})"


def _described(name: str, place: Path) -> Version:
    model, problem, at, size = "", "", math.nan, 0
    with suppress(OSError):  # it is being pruned
        size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
        at = (place / MANIFEST).stat().st_mtime
    try:
        model = str(manifest_of(place).get("model", ""))
        check_sizes(place)
    except ArtifactError as error:
        problem = str(error)
    return Version(name, model, at, size, problem)


def is_model_directory(directory: Path) -> bool:
    """Return whether a directory holds versions, and is no snapshot itself."""
    return (directory / VERSIONS).is_dir() or (directory / CURRENT).is_file()


def snapshot_of(directory: Path) -> Path:
    """Return the directory of a snapshot: that of the current version of a model directory, or the same.

    Raises
    ------
    ArtifactError
        If a model directory does not say which version is current.
    """
    if not is_model_directory(directory):
        return directory
    versions = Versions(directory)
    return versions.path(versions.current())


@contextmanager
def current_snapshot(directory: Path) -> Iterator[Path]:
    """Give the directory of a snapshot, see `snapshot_of`, to read it.

    Raises
    ------
    ArtifactError
        As the reader does; of a damaged version it says how to go to another one.
    """
    place = snapshot_of(directory)
    try:
        yield place
    except ArtifactError as error:
        back = "" if place == directory else Versions(directory).way_back(place.name)
        raise ArtifactError(f"{error}{back}") from error


def publish_version(snapshot: Path, directory: Path) -> str:
    """Copy a snapshot into a model directory, make it the current version, and return its name.

    Raises
    ------
    ArtifactError
        If it is damaged or no snapshot, or the directory holds something else than versions.
    OSError
        If nothing can be written there: the current version is as before then.
    """
    check_place_of_versions(directory)
    versions = Versions(directory)
    name = versions.new_name()
    publish_copy(snapshot_of(snapshot), versions.path(name))
    versions.switch(name)
    return name


def check_model_directory(directory: Path) -> None:
    """Refuse a directory without versions.

    Raises
    ------
    ArtifactError
    """
    if not is_model_directory(directory):
        raise ArtifactError(f"{directory} holds no versions of a model: tacit publish SNAPSHOT DIR makes one")


def check_place_of_versions(directory: Path) -> None:
    """Refuse a place where no version may be written: a snapshot, a file, a folder of something else.

    Other programs have folders with a ``CURRENT`` or ``versions`` of their own. So both must be there, or
    everything that looks like a version must be one.

    Raises
    ------
    ArtifactError
    """
    if not directory.exists():
        return
    held = {one.name for one in directory.iterdir()} if directory.is_dir() else {MANIFEST}
    folder, known = directory / VERSIONS, Versions(directory).names()
    is_own = folder.is_dir() and (
        (directory / CURRENT).is_file() or all((folder / one / MANIFEST).is_file() for one in known)
    )
    if MANIFEST in held or not (is_own or held <= {REFIT_LOCK}):
        raise ArtifactError(f"{directory} exists and holds no versions; choose another directory")


def check_no_versions(directory: Path) -> None:
    """Refuse a model directory where a snapshot is to be written.

    Raises
    ------
    ArtifactError
    """
    if is_model_directory(directory):
        raise ArtifactError(
            f"{directory} holds the versions of a model; write the snapshot to another directory, then: "
            f"tacit publish SNAPSHOT {directory}"
        )


def hold(snapshot: Path) -> int:
    """Return a descriptor that keeps a snapshot from being pruned until it is closed.

    Raises
    ------
    OSError
        If it is not there.
    """
    descriptor = os.open(snapshot, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with suppress(OSError):  # a file system without such locks
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return descriptor


def _free(descriptor: int) -> bool:
    """Return whether nobody else has a lock on an open directory; it is locked then."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _second_after(moment: str) -> str:
    at = time.strptime(moment, _TIME)
    return time.strftime(_TIME, time.gmtime(calendar.timegm(at) + 1))


def _flush(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
