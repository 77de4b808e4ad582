"""One service at a time on a SQLite store, found through symbolic and hard links.

The lock is taken by ``flock`` on the database file itself, so every name of the file leads to it, and on
``FILE.lock`` beside it, which earlier versions took and which also works where ``flock`` on the file would
not.

Of the locks of a file there are two kinds. SQLite takes POSIX locks (``fcntl``): they belong to a process,
and a process loses all of them as soon as it closes *any* descriptor of the file. Locks by ``flock`` belong
to one opened descriptor. On Linux the two kinds do not see each other (on a network file system they do, but
there SQLite has no WAL anyway); elsewhere they may, so there the file itself is not locked. What follows:

- a descriptor of the file that this module opened stays open until SQLite has closed the file;
- a file that this process holds already is recognised by ``stat``, which opens nothing, and refused;
- a service of several processes calls `hold` in the parent, which never opens the file by SQLite, and its
  workers open the store with ``lock=False``: they open no descriptor of the file but those of SQLite.
"""

import fcntl
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tacit.core.errors import ConfigError
from tacit.core.places import check_outside_snapshots
from tacit.store.address import sqlite_file

_LOCKS_ITSELF = sys.platform == "linux"
_KERNEL_LOCKS = Path("/proc/locks")
_UNKNOWN = "unknown"
_LOCK, _LOG = ".lock", "-wal"

_Identity = tuple[int, int]
_held: set[_Identity] = set()
"""Device and inode of the files that this process holds."""


class StoreLock:
    """A SQLite file that is held for one service; the lock ends with the process, however it ends.

    Parameters
    ----------
    file : Path
        It is created, for its owner alone, if it is not there: events are personal data.

    Raises
    ------
    ConfigError
        If the file cannot be opened, or another service holds it.
    """

    def __init__(self, file: Path) -> None:
        create(file)
        self._identity = _identity(file)
        if self._identity in _held:
            raise _in_use(file, str(os.getpid()))
        self._descriptors: list[int] = []
        try:
            self._lock_beside(file)
            if _LOCKS_ITSELF:
                self._lock_itself(file)
        except ConfigError:
            self._close_descriptors()
            raise
        _held.add(self._identity)

    @property
    def descriptor(self) -> int:
        """Descriptor of ``FILE.lock``: a child that inherits it holds the store on, should its parent die."""
        return self._descriptors[0]

    def close(self) -> None:
        """Release the file; SQLite must have closed it in this process."""
        if self._descriptors:
            _held.discard(self._identity)
            self._close_descriptors()

    def _lock_beside(self, file: Path) -> None:
        descriptor = _opened(_beside(file, _LOCK), file)
        self._descriptors.append(descriptor)
        if not _locked(descriptor):
            words = os.pread(descriptor, 64, 0).decode("ascii", "replace").split()
            raise _in_use(file, words[0] if words else _UNKNOWN)
        note = f"{os.getpid()} {os.fstat(descriptor).st_ino} {self._identity[1]}"
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, note.encode(), 0)
        except OSError as error:  # a full disk
            raise _unopened(file, error) from error

    def _lock_itself(self, file: Path) -> None:
        descriptor = _opened(file, file)
        self._descriptors.append(descriptor)
        if not _locked(descriptor):
            raise _in_use(file, _holder(os.fstat(descriptor).st_ino))

    def _close_descriptors(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())


class Turn:
    """The turn of a process to do something, as a context manager: the others wait in the kernel.

    For a write SQLite alone would wait by sleeping, up to 0.1 s between two tries, while the process that
    wrote last finds the file free at once. With turns, processes that write all the time write equally much.

    Of two locks the first is the place at the head of the queue: whoever has it waits for the second, which
    is the turn. With the second alone, a process that gave its turn up would have it again before the one
    that waits for it wakes, and three or four times in a row.

    Parameters
    ----------
    file : Path
        The store.
    suffix : str
        The locks are on a file of this suffix beside it, and on one whose suffix has ``-next`` behind it. A
        process that is killed gives them up.
    check : callable, optional
        Called at the beginning of each turn; what it raises ends the turn.
    """

    def __init__(self, file: Path, suffix: str, check: Callable[[], None] = lambda: None) -> None:
        self._check = check
        self._next: int | None = _opened(_beside(file, f"{suffix}-next"), file)
        self._turn: int | None = _opened(_beside(file, suffix), file)
        self._threads = threading.Lock()

    def __enter__(self) -> None:
        self._threads.acquire()
        if self._next is not None and self._turn is not None:
            fcntl.flock(self._next, fcntl.LOCK_EX)
            fcntl.flock(self._turn, fcntl.LOCK_EX)
            fcntl.flock(self._next, fcntl.LOCK_UN)
        try:
            self._check()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        if self._turn is not None:
            fcntl.flock(self._turn, fcntl.LOCK_UN)
        self._threads.release()

    def close(self) -> None:
        """Close the files of the turn; the second time does nothing."""
        for descriptor in (self._next, self._turn):
            if descriptor is not None:
                os.close(descriptor)
        self._next = self._turn = None


def hold(address: str) -> StoreLock | None:
    """Hold a store for the processes of one service; None where the database itself takes any number.

    The caller must not open the store by SQLite; its workers open it by ``EventStore(address, lock=False)``.

    Raises
    ------
    ConfigError
        If the address names no database that Tacit knows, or another service holds the file.
    """
    file = sqlite_file(address)
    return None if file is None else StoreLock(file)


def create(file: Path) -> None:
    """Create a file that only its owner may read, if it is not there.

    Raises
    ------
    ConfigError
    """
    check_outside_snapshots(file, "the store")
    try:
        if fault := fault_of_log(file):
            raise ConfigError(fault)
        # A descriptor of a file that is there already must not be closed: see the top of this file.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise _unopened(file, error) from error


def fault_of_log(file: Path) -> str:
    """Return what is wrong with the log (WAL) beside a file, which SQLite would take for its own, or "".

    Who holds a store notes in ``FILE.lock`` which file it is, and which ``FILE.lock``: in a copy of the whole
    folder both differ, and the note says nothing.
    """
    log = _beside(file, _LOG)
    try:
        if not log.stat().st_size:
            return ""
    except OSError:
        return ""
    if not file.exists():
        return (
            f"the store {file} is not there, but its log {log} is, with what was stored last: move the file "
            "back beside it, or move the log away to begin a new store"
        )
    lock = _beside(file, _LOCK)
    with suppress(OSError, ValueError):
        _, beside, known = map(int, lock.read_bytes().split())
        if beside == lock.stat().st_ino and known != file.stat().st_ino:
            return (
                f"the log {log} is that of another file, in whose place {file} was put: move that file back, "
                "or move the log away, with what was stored last; `tacit restore --replace` puts a copy back"
            )
    return ""


def _identity(file: Path) -> _Identity:
    try:
        status = file.stat()
    except OSError as error:  # a symbolic link to nothing
        raise _unopened(file, error) from error
    return status.st_dev, status.st_ino


def _beside(file: Path, suffix: str) -> Path:
    place = file.resolve()
    return place.with_name(place.name + suffix)


def _opened(place: Path, store: Path) -> int:
    try:
        return os.open(place, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unopened(store, error) from error


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _holder(inode: int) -> str:
    """Return the process that holds a file by ``flock``, as the kernel lists it."""
    with suppress(OSError):
        for line in _KERNEL_LOCKS.read_text("ascii", "replace").splitlines():
            # 1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
            parts = line.split()
            if len(parts) > 5 and parts[1] == "FLOCK" and parts[5].rpartition(":")[2] == str(inode):
                return parts[4]
    return _UNKNOWN


def _in_use(file: Path, holder: str) -> ConfigError:
    return ConfigError(f"the store {file} is in use by process {holder}; stop it, or serve from PostgreSQL")


def _unopened(file: Path, error: OSError) -> ConfigError:
    return ConfigError(f"cannot open the store {file}: {error.strerror}")
