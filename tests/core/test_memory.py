"""How much memory is free: of the machine, and of a container with a limit."""

from pathlib import Path

from tacit.core.memory import free_gb


def test_the_smaller_of_machine_and_container_counts(tmp_path: Path) -> None:
    meminfo, cgroup = tmp_path / "meminfo", tmp_path / "cgroup"
    assert free_gb(meminfo, cgroup) == float("inf")
    meminfo.write_text("MemTotal: 24000000 kB\nMemAvailable: 9765625 kB\n")
    assert free_gb(meminfo, cgroup) == 10.0
    cgroup.mkdir()
    (cgroup / "memory.current").write_text("1000000000\n")
    (cgroup / "memory.max").write_text("max\n")
    assert free_gb(meminfo, cgroup) == 10.0
    (cgroup / "memory.max").write_text("4000000000\n")
    assert free_gb(meminfo, cgroup) == 3.0


def test_this_machine_says_it() -> None:
    assert 0.01 < free_gb() < 100_000
