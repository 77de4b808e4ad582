"""Functions that workers of the tests find by their names."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from tacit.core.errors import DataError


def added(shared: int, part: int) -> int:
    return shared + part


def refusing(shared: int, part: int) -> int:
    if part == shared:
        raise DataError(f"part {part} cannot be read")
    return part


def dying(marks: Path, part: int) -> int:
    """End this very process at part 3, the first time that it is computed."""
    mark = marks / f"{part}"
    if part == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return part


def always_dying(_: None, part: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return part


def process_of(_: None, part: int) -> int:
    return os.getpid()


def stay(file: str, part: int) -> None:
    """Write the number of this process, and stay."""
    Path(file).write_text(str(os.getpid()))
    time.sleep(600)


def stay_with(shared: tuple[str, bytes], part: int) -> None:
    stay(shared[0], part)


def resting(file: str, seconds: int) -> None:
    Path(file).write_text("")
    time.sleep(seconds)


def process_and_size(shared: bytes, part: int) -> tuple[int, int]:
    return os.getpid(), len(shared)


def summed(shared: np.ndarray, part: int) -> int:
    time.sleep(0.1)
    return int(shared.sum()) + part
