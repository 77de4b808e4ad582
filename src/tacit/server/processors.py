"""How many processors this process may use."""

import os
from math import ceil
from pathlib import Path

_LIMIT = Path("/sys/fs/cgroup/cpu.max")
"""Quota and period of the control group, in microseconds; "max" is no quota."""


def processors(limit: Path = _LIMIT) -> int:
    """Return the number of processors that this process may use, at least 1.

    The operating system may bind it to some of them, and a container may grant it the time of fewer.
    """
    there = len(os.sched_getaffinity(0))
    try:
        quota, period = limit.read_text("ascii").split()
        granted = ceil(int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):  # no limit, or not by this kind of control group
        return there
    return max(1, min(there, granted))
