"""A disk that is full, said in one sentence by whatever library it is noticed."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tacit.core.errors import ConfigError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_IN_WORDS = re.compile(
    r"no space left on device|disk quota exceeded|file too large|disk is full", re.IGNORECASE
)
"""Libraries in Rust and SQLite have errors of their own, which hold these words."""


def is_full(error: BaseException) -> bool:
    """Return whether an error says that a disk has no room, or a file may not become larger."""
    return (isinstance(error, OSError) and error.errno in _FULL) or bool(_IN_WORDS.search(str(error)))


def reason_of(error: BaseException) -> str:
    """Return in words why something could not be written."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    found = _IN_WORDS.search(str(error))
    return found[0].capitalize() if found else str(error)


@contextmanager
def writing(directory: Path) -> Iterator[None]:
    """Say in one sentence that a directory could not be written.

    Raises
    ------
    ConfigError
        In place of an error of the file system.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, ConfigError) or not (isinstance(error, OSError) or is_full(error)):
            raise
        room = "; make room, or choose another disk" if is_full(error) else ""
        raise ConfigError(
            f"the directory {directory} cannot be written: {reason_of(error)}{room}; what it held before is "
            "as it was"
        ) from error
