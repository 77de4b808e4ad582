"""Executors of several processes: order, errors, lost workers, names. Those of nodes are in `test_on_ray`."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.examples import share_of
from tests.scale.claims import (
    check_errors,
    check_killed_worker,
    check_order,
    check_processes,
    check_told_to_end,
    wait_for,
)
from tests.scale.jobs import added, always_dying, process_and_size, process_of

from tacit.core.errors import ConfigError, MissingExtraError, TacitError
from tacit.core.executor import LocalExecutor
from tacit.scale import processes, ray_cluster
from tacit.scale.executors import check_executor, open_executor
from tacit.scale.processes import ProcessExecutor
from tacit.scale.ray_cluster import RayExecutor


def test_results_are_in_the_order_of_the_parts(several: ProcessExecutor) -> None:
    check_order(several)


def test_an_error_of_a_part_is_that_of_the_function(several: ProcessExecutor) -> None:
    check_errors(several)


def test_parts_are_computed_in_other_processes(several: ProcessExecutor) -> None:
    check_processes(several)


def test_a_killed_worker_takes_nothing_with_it(tmp_path: Path) -> None:
    check_killed_worker(ProcessExecutor(2), tmp_path)


KILLED = """
import os, signal, sys, threading, time
import numpy as np
from tests.scale.jobs import summed
from tacit.scale.processes import ProcessExecutor

def kill(delay):
    time.sleep(delay)
    for one in os.listdir("/proc"):
        try:
            fields = open(f"/proc/{one}/stat").read().rsplit(")", 1)[1].split()
            command = open(f"/proc/{one}/cmdline").read()
        except (OSError, IndexError):
            continue
        if fields[1] == str(os.getpid()) and "spawn_main" in command:
            os.kill(int(one), signal.SIGKILL)
            return

if __name__ == "__main__":
    threading.Thread(target=kill, args=(float(sys.argv[1]),)).start()
    shared = np.ones(3_000_000, dtype=np.float32)
    print(list(ProcessExecutor(2).map(summed, range(6), shared=shared)))
"""


@pytest.mark.parametrize("delay", share_of([0.05, 0.3, 0.8, 1.5], 2))
def test_a_worker_killed_while_it_starts_or_another_does_takes_nothing_with_it(
    delay: float, tmp_path: Path
) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED, encoding="utf-8")
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, str(script), str(delay)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.stdout.strip() == str([3_000_000 + part for part in range(6)]), ended.stderr


def test_workers_that_always_end_are_an_error_and_no_endless_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "TRIES", 2)
    with pytest.raises(TacitError, match="ended 2 times at part 1 of 1: was it killed because memory"):
        list(ProcessExecutor(1).map(always_dying, [0], shared=None))


def test_names_stand_for_executors() -> None:
    with open_executor("local") as local:
        assert isinstance(local, LocalExecutor)
    with open_executor("processes") as several:
        assert isinstance(several, ProcessExecutor)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "threads",
        "ray://",
        "Ray",
        "http://head:10001",
        "ray://head",
        "ray://head:abc",
        "ray://head:65536",
        "ray://:1",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="use local, processes, ray, or ray://HOST:PORT"):
        check_executor(name)


def test_without_ray_the_line_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'tacit-recsys\[ray\]'"), open_executor("ray"):
        pass


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from tacit.scale.processes import ProcessExecutor\n"
        "from tests.scale.jobs import stay\n"
        "if __name__ == '__main__':\n"
        "    list(ProcessExecutor(1).map(stay, [0, 1], shared=sys.argv[1]))\n"
    )
    script, said = tmp_path / "driver.py", tmp_path / "worker"
    script.write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, str(script), str(said)], env=environment) as driver:
        wait_for(said)
        time.sleep(0.2)
        worker = int(said.read_text())
        driver.kill()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{worker}").exists()


def test_what_a_killed_command_shared_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import sys\n"
        "from tacit.scale.processes import ProcessExecutor\n"
        "from tests.scale.jobs import stay_with\n"
        "if __name__ == '__main__':\n"
        "    list(ProcessExecutor(1).map(stay_with, [0, 1], shared=(sys.argv[1], bytes(2**20))))\n"
    )
    script, said, scratch = tmp_path / "driver.py", tmp_path / "worker", tmp_path / "scratch"
    script.write_text(code)
    scratch.mkdir()
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(scratch)}
    with subprocess.Popen([sys.executable, str(script), str(said)], env=environment) as driver:
        wait_for(said)
        monkeypatch.setattr(tempfile, "tempdir", str(scratch))
        ProcessExecutor(1).close()
        (left,) = scratch.glob("tacit-*/shared")  # its owner is alive
        assert left.stat().st_size > 2**20
        driver.kill()
    ProcessExecutor(1).close()
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    "address", ["garbage", "127.0.0.1", "127.0.0.1:abc", "http://127.0.0.1:1", "ray://x"]
)
def test_an_address_of_the_environment_that_is_none_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(ConfigError, match=f"RAY_ADDRESS is '{address}'; it must be HOST:PORT"):
        RayExecutor()


def test_a_machine_that_is_silent_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def connect(_: object, timeout: float) -> socket.socket:
        waits.append(timeout)
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(ConfigError, match=r"nothing answers at \[fd00::1\]:10001 \(timed out\)"):
        ray_cluster._check_reachable("ray://[fd00::1]:10001", "--executor")
    assert sum(waits) <= 5


@pytest.mark.parametrize("name", ["local", "processes"])
def test_a_command_that_is_told_to_end_leaves_nothing(name: str, tmp_path: Path) -> None:
    check_told_to_end(name, tmp_path)


def test_processes_are_kept_between_jobs_that_share_little() -> None:
    executor = ProcessExecutor(1)
    few = [set(executor.map(process_of, range(2), shared=None)) for _ in range(2)]
    much = set(executor.map(process_and_size, range(2), shared=bytes(2 * processes._SMALL)))
    assert few[0] == few[1]
    ((process, size),) = much
    assert size == 2 * processes._SMALL and {process} != few[0]
    executor.close()
    assert set(executor.map(process_of, range(2), shared=None)) != few[0]
    executor.close()


def test_a_job_that_is_given_up_does_not_end_the_next(several: ProcessExecutor) -> None:
    found = several.map(added, range(100), shared=1)
    assert next(found) == 1
    found.close()  # type: ignore[attr-defined]
    assert list(several.map(added, range(3), shared=1)) == [1, 2, 3]


def test_a_cluster_that_is_lost_while_it_is_asked_for_its_cores_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    executor, over = RayExecutor.__new__(RayExecutor), threading.Event()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        executor._head = f"127.0.0.1:{free.getsockname()[1]}"  # where nobody listens
    executor._ray = SimpleNamespace(cluster_resources=over.wait)
    monkeypatch.setattr(ray_cluster, "PATIENCE", 0.1)
    monkeypatch.setattr(ray_cluster, "_LOOK", 0.05)
    with pytest.raises(ConfigError, match="the Ray cluster was lost"):
        assert executor.workers
    over.set()
