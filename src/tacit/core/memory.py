"""How much memory this process may still take."""

import os
import resource
from pathlib import Path

GB = 1e9
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_STATM = Path("/proc/self/statm")


def free_gb(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> float:
    """Return the gigabytes that are free on this machine, or in this container if that has a limit.

    Infinity where the system does not say it.
    """
    return min(_of_machine(meminfo), _of_container(cgroup))


def held_gb(statm: Path = _STATM) -> float:
    """Return the gigabytes that this process holds; 0 where the system does not say it."""
    try:
        resident = int(statm.read_text().split()[1])
    except OSError:
        return 0.0
    return resident * os.sysconf("SC_PAGE_SIZE") / GB


def allowed_gb() -> float:
    """Return the gigabytes that this process may hold by its own limit (``ulimit -d``); infinity without."""
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return float("inf") if limit == resource.RLIM_INFINITY else limit / GB


def _of_machine(meminfo: Path) -> float:
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return float("inf")
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 / GB if found else float("inf")


def _of_container(cgroup: Path) -> float:
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        used = (cgroup / "memory.current").read_text().strip()
    except OSError:
        return float("inf")
    return float("inf") if limit == "max" else (int(limit) - int(used)) / GB
