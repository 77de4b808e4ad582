"""A directory that is being written beside its place, and what ended processes left of theirs.

A process that is killed in a write leaves its directory behind, gigabytes of it for a large snapshot. The
writer holds a lock on its directory (``flock``), which ends with the process however that ends; so the next
writer of the same place can tell what is left over from what is being written, and removes the former.
"""

import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MARK = "tacit-unfinished-"
"""In the name of a directory that is being written: a hidden folder of the user has no such name."""
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
    beside, descriptor = _locked_directory(target)
    try:
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        os.close(descriptor)


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
    for found in sorted(target.parent.glob(f"{glob.escape(_prefix(target))}*")):
        if found.is_dir() and not found.is_symlink():
            # What is moved aside belongs to the writer of the directory beside it.
            with _ended(found.with_name(found.name.removesuffix(_OLD))) as ended:
                if ended:
                    shutil.rmtree(found, ignore_errors=True)


def _prefix(target: Path) -> str:
    return f".{target.name}.{_MARK}"


def _locked_directory(target: Path) -> tuple[Path, int]:
    """Return a new directory beside a place, and the descriptor that holds its lock."""
    while True:
        beside = Path(tempfile.mkdtemp(prefix=_prefix(target), dir=target.parent))
        # Another process may take it for left over before it is locked: then it is gone, and another is made.
        with suppress(FileNotFoundError):
            descriptor = os.open(beside, os.O_RDONLY)
            with suppress(OSError):  # a file system without such locks: nothing is taken for left over there
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            if beside.exists():
                return beside, descriptor
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
