"""How much memory this process may still take."""

from pathlib import Path

GB = 1e9
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def free_gb(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> float:
    """Return the gigabytes that are free on this machine, or in this container if that has a limit.

    Infinity where the system does not say it.
    """
    return min(_of_machine(meminfo), _of_container(cgroup))


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
