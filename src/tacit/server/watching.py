"""Notices that a service is to serve another version, and checks it; a thread of the parent.

Served is a snapshot directory, or the current version of a model directory (`tacit.store.versions`). A few
times a second the thread looks whether the files there are others than before. When they have stayed the same
for one look, it opens them and checks every one. What it finds is a version whose open files the processes of
the service can be given, or the reason why there is none. While the current version is refused, the files of
the older one that is served are watched: they are written again when users are deleted.
"""

import json
import os
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from tacit.core.errors import ArtifactError
from tacit.core.manifest import MANIFEST, OpenSnapshot
from tacit.core.types import Json
from tacit.server.lifeline import MOST_FILES
from tacit.store.versions import Versions, hold, is_model_directory

_PAUSE = 0.2
"""Seconds between two looks."""

_Stamps = tuple[tuple[str, int, int, int], ...]
"""Path, inode, size and time of change of each file: they tell other files without reading them."""


@dataclass(frozen=True)
class Refusal:
    """Why a version is not served.

    Attributes
    ----------
    version : str or None
        Its name, where it is known.
    reason : str
    """

    version: str | None
    reason: str

    @classmethod
    def of(cls, version: str | None, reason: str, directory: Path) -> "Refusal":
        """Return a refusal that clients may see: it does not say where on the machine the directory is."""
        return cls(version, reason.replace(f"{directory.parent}{os.sep}", ""))

    def to_json(self) -> dict[str, Json]:
        """Return it as JSON."""
        return {"version": self.version, "reason": self.reason}


class Release:
    """A version whose files are open and checked, and which is not pruned until it is closed.

    Parameters
    ----------
    place : Path
    version : str or None
        Its name in a model directory.
    number : int
        What it is called between the processes of a service.

    Attributes
    ----------
    version : str or None
    number : int
    refusal : Refusal or None
        Why it is served in place of the current version.

    Raises
    ------
    ArtifactError
        If a file is missing, changed or extra, or the format is of another version of Tacit.
    """

    def __init__(self, place: Path, version: str | None, number: int) -> None:
        self.version = version
        self.number = number
        self.refusal: Refusal | None = None
        self._lock: int | None = None
        with suppress(OSError):  # opening it says what is wrong
            self._lock = hold(place)
        try:
            self._snapshot = OpenSnapshot(place)
        except BaseException:
            self._unlock()
            raise
        try:
            if len(self._snapshot.descriptors) >= MOST_FILES:
                raise ArtifactError(f"{place} is no snapshot of a model: it has too many files")
            self._snapshot.check()
            self._document = _in_memory(
                {
                    "directory": str(place),
                    "version": version,
                    "manifest": self._snapshot.manifest,
                    "files": [*self._snapshot.descriptors],
                }
            )
        except BaseException:
            self._snapshot.close()
            self._unlock()
            raise

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest of the snapshot."""
        return self._snapshot.manifest

    @property
    def descriptors(self) -> Sequence[int]:
        """Open files for other processes (`tacit.server.loading`): a document, and those of the snapshot."""
        return [self._document, *self._snapshot.descriptors.values()]

    def close(self) -> None:
        """Close the files in this process."""
        self._snapshot.close()
        os.close(self._document)
        self._unlock()

    def __str__(self) -> str:
        """Return the model and the name of the version."""
        name = "" if self.version is None else f", version {self.version}"
        return f"model {self.manifest.get('model')}{name}"

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)


class Watcher:
    """Watches a directory from `start` on; `take` returns what was found.

    Parameters
    ----------
    directory : Path
        A snapshot, or a model directory.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._versions = Versions(directory) if is_model_directory(directory) else None
        self._numbers = count()
        self._examined: _Seen | None = None
        self._opened_last: _Seen | None = None
        self._refused: _Seen | None = None
        self._refusal: Refusal | None = None
        self._found: SimpleQueue[Release | Refusal] = SimpleQueue()
        self._woken, self._waking = socket.socketpair()
        for end in (self._woken, self._waking):
            end.setblocking(False)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tacit-watch", daemon=True)

    def first(self) -> tuple[Release, Refusal | None]:
        """Return the version to begin with: the current one or, if that is damaged, the newest before it.

        Returns
        -------
        Release
        Refusal or None
            Why it is not the current one.

        Raises
        ------
        ArtifactError
            If neither it nor an older one is whole.
        """
        self._examined = self._opened_last = self._look()
        if self._versions is None:
            return self._opened(self.directory, None), None
        current: str | None = None
        try:
            current = self._versions.current()
            return self._opened(self._versions.path(current), current), None
        except ArtifactError as error:
            refusal = self._refusal_of(current, error)
        seen = self._examined
        for name in reversed(self._versions.names()):
            if current is None or name < current:
                with suppress(ArtifactError):
                    place = self._versions.path(name)
                    self._opened_last = _Seen(place, name, stamps=_stamps(place, all_of_it=True))
                    release = self._opened(place, name)
                    self._note_refused(seen, refusal)
                    return release, refusal
        raise ArtifactError(f"{refusal.reason}; no version before it is whole")

    def start(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def fileno(self) -> int:
        """Return a descriptor that can be read when something was found."""
        return self._woken.fileno()

    def take(self) -> list[Release | Refusal]:
        """Return what was found since the last call, in its order."""
        with suppress(BlockingIOError):
            self._woken.recv(64)
        found = []
        with suppress(Empty):
            while True:
                found.append(self._found.get_nowait())
        return found

    def close(self) -> None:
        """Stop watching."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        for one in self.take():
            if isinstance(one, Release):
                one.close()
        self._woken.close()
        self._waking.close()

    def _opened(self, place: Path, version: str | None) -> Release:
        return Release(place, version, next(self._numbers))

    def _refusal_of(self, version: str | None, error: ArtifactError) -> Refusal:
        back = "" if version is None or self._versions is None else self._versions.way_back(version)
        return Refusal.of(version, f"{error}{back}", self.directory)

    def _run(self) -> None:
        before = self._examined
        while not self._closing.wait(_PAUSE):
            seen = self._look()
            settled, before = seen == before, seen
            if settled and seen is not None and seen != self._examined:
                self._examine(seen)

    def _look(self) -> "_Seen | None":
        """Return what is there now; None while it is being replaced, and if it is gone.

        In place of what was refused it is what is served meanwhile.
        """
        seen, last = self._look_at_current(), self._opened_last
        if seen is None or seen != self._refused or last is None or last.place == seen.place:
            return seen
        try:
            return replace(last, stamps=_stamps(last.place, all_of_it=False), instead=True)
        except OSError:
            return None

    def _note_refused(self, seen: "_Seen | None", refusal: Refusal) -> None:
        self._refused, self._refusal, last = seen, refusal, self._opened_last
        self._examined = seen
        if seen is not None and last is not None and last.place != seen.place:
            self._examined = replace(last, instead=True)

    def _look_at_current(self) -> "_Seen | None":
        version: str | None = None
        place = self.directory
        try:
            if self._versions is not None:
                version = self._versions.current()
                place = self._versions.path(version)
            return _Seen(place, version, stamps=_stamps(place, all_of_it=version is not None))
        except ArtifactError as error:
            return _Seen(place, version, problem=str(error))
        except OSError:
            return None

    def _examine(self, seen: "_Seen") -> None:
        self._examined = seen
        found: Release | Refusal
        try:
            if seen.problem:
                raise ArtifactError(seen.problem)
            found = self._opened(seen.place, seen.version)
            found.refusal = self._refusal if seen.instead else None
            self._opened_last = replace(seen, instead=False)
            if not seen.instead:
                self._refused = self._refusal = None
        except ArtifactError as error:
            if self._look() != seen:  # it was replaced while it was read
                self._examined = None
                return
            found = self._refusal_of(seen.version, error)
        except Exception as error:  # no file left, ...: whatever it is, the service goes on
            reason = f"{seen.place} cannot be opened: {error}"
            found = Refusal.of(seen.version, reason, self.directory)
        if isinstance(found, Refusal) and not seen.instead:
            self._note_refused(seen, found)
        self._found.put(found)
        with suppress(BlockingIOError):
            self._waking.send(b"\0")


@dataclass(frozen=True)
class _Seen:
    """What stands in the place of the version to serve, or is served instead of one that was refused."""

    place: Path
    version: str | None
    stamps: _Stamps = ()
    problem: str = ""
    instead: bool = False


def _stamps(place: Path, *, all_of_it: bool) -> _Stamps:
    """Return the stamps of the files of a snapshot.

    Raises
    ------
    OSError
        If there is no manifest, unless all that there is counts.
    """
    if not all_of_it:
        (place / MANIFEST).stat()
    found = []
    for file in sorted(place.rglob("*")):
        status = file.stat()
        found.append((str(file), status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def _in_memory(document: Mapping[str, Json]) -> int:
    """Return the descriptor of a file without a name that holds a document: a message may be too short."""
    descriptor = os.memfd_create("tacit-release")
    with os.fdopen(os.dup(descriptor), "w", encoding="utf-8") as stream:
        json.dump(document, stream)
    return descriptor
