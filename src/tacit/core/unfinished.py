"""A directory that is there for a while, and what ended processes left of theirs.

It is written beside its place, or lies among the temporary files. A process that is killed leaves it behind,
gigabytes of it for a large snapshot or log. Its owner holds a lock on it (``flock``), which ends with the
process however that ends; so the next owner of one at the same place can tell what is left over from what is
in use, and removes the former.
"""

import fcntl
import glob
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

_MARK = "tacit-unfinished-"
"""In the name of a directory that is being written: a hidden folder of the user has no such name."""
_TEMPORARY = "tacit-temporary-"
"""In front of the name of a directory among the temporary files."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_OLD = ".old"
"""End of the name of what is moved aside for the moment of a rename."""


@contextmanager
def unfinished(target: Path) -> Iterator[Path]:
    """Make an empty directory beside a place, lock it, and remove what is left of it at the end.

    Parameters
    ----------
    target : Path
        Where the directory is renamed to when it is complete.
    """
    with _locked_directory(target.parent, _prefix(target)) as beside:
        yield beside


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make an empty directory among the temporary files (``TMPDIR``), and remove it at the end.

    What ended processes of this machine left there is removed first.
    """
    remove_temporary()
    with _locked_directory(Path(tempfile.gettempdir()), _temporary()) as folder:
        yield folder


def remove_temporary() -> None:
    """Remove what ended processes of this machine left of their `temporary_folder`."""
    _remove_ended(Path(tempfile.gettempdir()), _temporary())


def old_of(beside: Path) -> Path:
    """Return the place that what was there before is moved to, while the new directory takes its place."""
    return beside.with_name(beside.name + _OLD)


def remove_left_over(target: Path) -> None:
    """Remove what writers of a place that have ended left beside it.

    What was moved aside by one that ended between two renames goes too: so call this when the place holds
    something complete.

    Parameters
    ----------
    target : Path
    """
    _remove_ended(target.parent, _prefix(target))


def remove_all_left_over(parent: Path) -> None:
    """Remove what writers of any place in a folder that have ended left there."""
    for found in parent.glob(f".*.{_MARK}*"):
        _remove_ended(parent, found.name)


def _remove_ended(parent: Path, prefix: str) -> None:
    for found in sorted(parent.glob(f"{glob.escape(prefix)}*")):
        if found.is_dir() and not found.is_symlink():
            # What is moved aside belongs to the writer of the directory beside it.
            with _ended(found.with_name(found.name.removesuffix(_OLD))) as ended:
                if ended:
                    shutil.rmtree(found, ignore_errors=True)


def _prefix(target: Path) -> str:
    return f".{target.name}.{_MARK}"


@cache
def _temporary() -> str:
    """Return how the names of directories begin of which this machine sees whether they are locked.

    The machines of a cluster share ``TMPDIR``, and not on every file system their locks. The containers of a
    machine share its boot.
    """
    try:
        machine = _BOOT.read_text("ascii").strip()
    except OSError:
        machine = socket.gethostname()
    return f"{_TEMPORARY}{machine}-"


@contextmanager
def _locked_directory(parent: Path, prefix: str) -> Iterator[Path]:
    """Make an empty directory and lock it, and remove what is left of it at the end."""
    folder, descriptor = _new_directory(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _new_directory(parent: Path, prefix: str) -> tuple[Path, int]:
    """Return a new directory, and the descriptor that holds its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        # Another process may take it for left over before it is locked: then it is gone, and another is made.
        with suppress(FileNotFoundError):
            descriptor = os.open(folder, os.O_RDONLY)
            with suppress(OSError):  # a file system without such locks: nothing is taken for left over there
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            if folder.exists():
                return folder, descriptor
            os.close(descriptor)


@contextmanager
def _ended(directory: Path) -> Iterator[bool]:
    """Give whether the writer of a directory has ended; it is locked within the block if so."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError as error:
        yield isinstance(error, FileNotFoundError)
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ended = True
    except OSError:  # somebody has it, or the file system has no such locks
        ended = False
    try:
        yield ended
    finally:
        os.close(descriptor)
