"""Executors of several processes and nodes: order, errors, lost workers, names."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.scale.clusters import Nodes

from tacit.core.errors import ConfigError, DataError, MissingExtraError, TacitError
from tacit.core.executor import Executor, LocalExecutor
from tacit.scale import processes, ray_cluster
from tacit.scale.executors import check_executor, open_executor
from tacit.scale.processes import ProcessExecutor
from tacit.scale.ray_cluster import RayExecutor


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


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_results_are_in_the_order_of_the_parts(executor: Executor, count: int) -> None:
    assert list(executor.map(added, range(count), shared=10)) == list(range(10, 10 + count))


def test_an_error_of_a_part_is_that_of_the_function(executor: Executor) -> None:
    found = executor.map(refusing, range(30), shared=2)
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(DataError, match=r"^part 2 cannot be read$"):
        next(found)


def test_parts_are_computed_in_other_processes_where_the_executor_says_so(executor: Executor) -> None:
    found = set(executor.map(process_of, range(12), shared=None))
    assert (found == {os.getpid()}) == executor.in_process
    assert executor.in_process or os.getpid() not in found


@pytest.mark.parametrize("which", ["processes", "ray"])
def test_a_killed_worker_takes_nothing_with_it(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    chosen = ProcessExecutor(2) if which == "processes" else request.getfixturevalue("on_ray")
    assert list(chosen.map(dying, range(8), shared=tmp_path)) == list(range(8))
    assert (tmp_path / "3").exists()


KILLED = """
import os, signal, sys, threading, time
import numpy as np
from tests.scale.test_executors import summed
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


def summed(shared: np.ndarray, part: int) -> int:
    time.sleep(0.1)
    return int(shared.sum()) + part


@pytest.mark.parametrize("delay", [0.05, 0.3, 0.8, 1.5])
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


def test_parts_that_always_lose_their_worker_are_an_error(
    on_ray: RayExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "RETRIES", 1)
    with pytest.raises(TacitError, match="part 1 of 1 lost its worker more than 1 times"):
        list(on_ray.map(always_dying, [0], shared=None))


def test_a_killed_node_takes_nothing_with_it(nodes: Nodes, on_ray: RayExecutor) -> None:
    found = on_ray.map(added, range(40), shared=1)
    first = [next(found) for _ in range(3)]
    nodes.kill_one()
    assert [*first, *found] == list(range(1, 41))
    nodes.complete()


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


def test_a_cluster_elsewhere_is_reached_by_its_client_server(nodes: Nodes, tmp_path: Path) -> None:
    pytest.importorskip("grpc", reason="Ray's client is not installed: pip install 'tacit-recsys[ray]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Ray's own server of clients, in its simplest form: one client, without a proxy before it.
    words = ["--address", nodes.address, "--port", str(port), "--mode", "legacy"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "ray.util.client.server", *words], stdout=log, stderr=log
        )
    code = (
        "import operator, sys; from tacit.scale.executors import open_executor\n"
        "with open_executor(sys.argv[1]) as executor:\n"
        "    print(list(executor.map(operator.add, range(5), shared=10)))"
    )
    try:  # in a process of its own: this one is connected already
        wait_until(lambda: ray_cluster._unreachable(f"127.0.0.1:{port}") is None)
        done = subprocess.run(
            [sys.executable, "-c", code, f"ray://127.0.0.1:{port}"],
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        server.terminate()
        server.wait(timeout=30)
    assert done.stdout.strip() == "[10, 11, 12, 13, 14]", done.stderr + (tmp_path / "log").read_text()


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from tacit.scale.processes import ProcessExecutor\n"
        "from tests.scale.test_executors import stay\n"
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


def stay(file: str, part: int) -> None:
    """Write the number of this process, and stay."""
    Path(file).write_text(str(os.getpid()))
    time.sleep(600)


def stay_with(shared: tuple[str, bytes], part: int) -> None:
    stay(shared[0], part)


def test_what_a_killed_command_shared_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import sys\n"
        "from tacit.scale.processes import ProcessExecutor\n"
        "from tests.scale.test_executors import stay_with\n"
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


def test_the_cluster_is_said(nodes: Nodes, on_ray: RayExecutor) -> None:
    assert on_ray.about == f"Ray cluster at {nodes.address}: 3 node(s) with 3 core(s)"


def test_a_cluster_that_does_not_answer_is_one_sentence(
    on_ray: RayExecutor, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    def init(**_: object) -> None:
        warnings.warn("the connection timed out, see the documentation", stacklevel=2)
        raise ConnectionError

    monkeypatch.setattr(on_ray._ray, "init", init)
    with socket.create_server(("127.0.0.1", 0)) as other:  # takes connections, and is no cluster
        place = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"the Ray cluster ray://{place} does not answer .* 10001"):
            RayExecutor(f"ray://{place}")
        monkeypatch.setenv("RAY_ADDRESS", place)
        with pytest.raises(ConfigError, match=f"the Ray cluster {place} does not answer"):
            RayExecutor()
    assert not [one for one in recwarn if "timed out" in str(one.message)]


def test_an_address_where_nothing_listens_is_said_before_ray_is_asked(
    on_ray: RayExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init(**_: object) -> None:
        raise AssertionError("Ray was asked, which tries for half a minute")

    monkeypatch.setattr(on_ray._ray, "init", init)
    with socket.socket() as free:  # bound and not listening: nobody else gets the port
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
        said = rf"nothing answers at {place} \(Connection refused\), where --executor says .*ray start --head"
        with pytest.raises(ConfigError, match=said), open_executor(f"ray://{place}"):
            pass
        monkeypatch.setenv("RAY_ADDRESS", place)
        with pytest.raises(ConfigError, match=f"nothing answers at {place} .*, where RAY_ADDRESS says"):
            RayExecutor()
    with pytest.raises(ConfigError, match=r"nothing answers at \.:1 \("):
        RayExecutor("ray://.:1")


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


def test_a_cluster_that_cannot_be_started_here_is_one_sentence(
    on_ray: RayExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init(**_: object) -> None:
        raise Exception("The current node timed out during startup.\nMore.")

    monkeypatch.setattr(on_ray._ray, "init", init)
    monkeypatch.setattr(RayExecutor, "_is_in_a_cluster", lambda _: False)
    with pytest.raises(ConfigError, match=r"Ray did not start on this machine \(The current node timed out"):
        RayExecutor()


def test_a_cluster_that_has_ended_is_none(on_ray: RayExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    utils = on_ray._ray._private.utils
    monkeypatch.setattr(utils, "read_ray_address", lambda: address)
    assert not on_ray._is_in_a_cluster()
    monkeypatch.setattr(utils, "read_ray_address", lambda: on_ray._head)
    assert on_ray._is_in_a_cluster()


def test_a_lost_cluster_is_one_sentence(nodes: Nodes, tmp_path: Path) -> None:
    other, said = nodes.another(), tmp_path / "begun"
    code = (
        "import sys; from tacit.core.errors import ConfigError\n"
        "from tacit.scale import ray_cluster; from tacit.scale.executors import open_executor\n"
        "from tests.scale.test_executors import resting\n"
        "ray_cluster.PATIENCE, ray_cluster._LOOK = 1.0, 0.2\n"
        "try:\n"
        "    with open_executor('ray') as executor:\n"
        "        list(executor.map(resting, [0, 60], shared=sys.argv[1]))\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
    )
    environment = {**os.environ, "RAY_ADDRESS": other.address}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(said)], env=environment, stdout=subprocess.PIPE, text=True
    ) as driver:
        wait_for(said)
        other.kill_all()
        answer, _ = driver.communicate(timeout=60)
    assert "the Ray cluster was lost; start it again, and give the same command again" in answer


def resting(file: str, seconds: int) -> None:
    Path(file).write_text("")
    time.sleep(seconds)


def wait_for(file: Path) -> None:
    wait_until(file.exists)


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["local", "processes", "ray"])
def test_a_command_that_is_told_to_end_leaves_nothing(name: str, nodes: Nodes, tmp_path: Path) -> None:
    log, scratch = tmp_path / "log.csv", tmp_path / "scratch"
    scratch.mkdir()
    rows = "".join(f"u{n % 997},i{n % 89},view,{1_700_000_000 + n}\n" for n in range(300_000))
    log.write_text("user_id,item_id,event,timestamp\n" + rows)
    code = (
        "import sys; from tacit.reading import read, textfile\n"
        "read.LARGE, textfile._BLOCK = 1, 20_000\n"  # so many parts that it takes a while
        "if __name__ == '__main__':\n"
        "    from tacit.cli import main\n"
        "    main()\n"
    )
    script = tmp_path / "command.py"
    script.write_text(code)
    environment = {**os.environ, "RAY_ADDRESS": nodes.address, "TMPDIR": str(scratch)}
    words = [sys.executable, str(script), "check", str(log), "--executor", name]
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as command:
        deadline = time.monotonic() + 60
        while not list(scratch.glob("tacit-*/tables/00000[1-9]-*")) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert command.poll() is None, command.stderr and command.stderr.read()
        command.send_signal(signal.SIGTERM)
        _, said = command.communicate(timeout=30)
    assert not list(scratch.glob("tacit-*")), said
    # On a busy machine Ray has once ended its driver itself, with 1.
    assert command.returncode in (128 + signal.SIGTERM, *([1] if name == "ray" else [])), said


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


def process_and_size(shared: bytes, part: int) -> tuple[int, int]:
    return os.getpid(), len(shared)


def test_a_job_that_is_given_up_does_not_end_the_next(several: ProcessExecutor) -> None:
    found = several.map(added, range(100), shared=1)
    assert next(found) == 1
    found.close()  # type: ignore[attr-defined]
    assert list(several.map(added, range(3), shared=1)) == [1, 2, 3]
