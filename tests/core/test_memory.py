"""How much memory is free, of the machine and of a container with a limit, and how much is held."""

import subprocess
import sys
from pathlib import Path

from tacit.core.memory import free_gb, held_gb


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


def test_what_a_process_holds_grows_with_it(tmp_path: Path) -> None:
    assert held_gb(tmp_path / "nothing") == 0.0
    # A new process: in this one an array may take room that earlier tests gave back to the heap alone.
    code = (
        "import numpy as np; from tacit.core.memory import held_gb; before = held_gb(); "
        "kept = np.ones(25_000_000); print(before, held_gb() - before)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    before, grown = map(float, said.split())
    assert before > 0.01
    assert 0.15 < grown < 0.3
