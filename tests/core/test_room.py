"""A disk that is full, by the words of each library that notices it."""

import errno
import sqlite3
from pathlib import Path

import pytest

from tacit.core.errors import ArtifactError, ConfigError
from tacit.core.room import is_full, reason_of, writing

FULL = [
    (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
    (OSError(errno.EFBIG, "File too large", "/x"), "File too large"),
    (OSError("No space left on device (os error 28)"), "No space left on device"),
    (
        RuntimeError('I/O error: Os { code: 28, message: "No space left on device" }'),
        "No space left on device",
    ),
    (sqlite3.OperationalError("database or disk is full"), "Disk is full"),
    (OSError(errno.EDQUOT, "Disk quota exceeded"), "Disk quota exceeded"),
]


@pytest.mark.fault(8)
@pytest.mark.parametrize(("error", "reason"), FULL)
def test_a_full_disk_is_known_by_the_error_of_any_library(error: Exception, reason: str) -> None:
    assert is_full(error)
    assert reason_of(error) == reason
    with (
        pytest.raises(ConfigError, match=f"directory x cannot be written: {reason}; make room"),
        writing(Path("x")),
    ):
        raise error


def test_another_error_of_a_file_is_a_sentence_without_a_full_disk() -> None:
    with pytest.raises(ConfigError) as refused, writing(Path("x")):
        raise PermissionError(errno.EACCES, "Permission denied")
    assert (
        str(refused.value)
        == "the directory x cannot be written: Permission denied; what it held before is as it was"
    )


@pytest.mark.parametrize(
    "error", [ValueError("no"), ArtifactError("no"), ConfigError("No space left on device")]
)
def test_other_errors_are_as_they_were(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, writing(Path("x")):
        raise error
    assert raised.value is error
