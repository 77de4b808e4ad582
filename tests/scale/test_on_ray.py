"""All that needs a Ray cluster: in one file, so that one process of the tests has one, and not for long."""

import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.buckets import assert_same as assert_same_log
from tests.scale.claims import (
    check_errors,
    check_evaluation,
    check_files_of_lists,
    check_folder_of_parquet,
    check_killed_worker,
    check_lists_for_a_file,
    check_order,
    check_processes,
    check_search,
    check_told_to_end,
    wait_for,
    wait_until,
)
from tests.scale.clusters import At, Nodes
from tests.scale.jobs import always_dying
from tests.scale.lists import USERS, assert_same_lists, expected, lists_of, written
from tests.scale.logs import log_of, read_and_cleaned, read_in_memory
from tests.scale.stages import FITS, assert_same, first_stage, one_by_one

from tacit.core.errors import ConfigError, TacitError
from tacit.scale import ray_cluster
from tacit.scale.executors import open_executor
from tacit.scale.ray_cluster import RayExecutor


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """Three nodes, until the last test ends them; one that kills a node calls ``complete`` before it ends."""
    cluster = Nodes()
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def on_ray(nodes: Nodes) -> Iterator[RayExecutor]:
    executor = RayExecutor(nodes.address)
    yield executor
    executor.close()


@pytest.fixture
def killing(nodes: Nodes) -> Iterator[Callable[[int], At]]:
    """Progress that kills a node when so many parts are done; the cluster is whole again at the end."""
    killed: list[int] = []

    def kill() -> None:
        nodes.kill_one()
        killed.append(1)

    yield lambda count: At(count, kill)
    assert killed
    nodes.complete()


def test_results_are_in_the_order_of_the_parts(on_ray: RayExecutor) -> None:
    check_order(on_ray)


def test_an_error_of_a_part_is_that_of_the_function(on_ray: RayExecutor) -> None:
    check_errors(on_ray)


def test_parts_are_computed_in_other_processes(on_ray: RayExecutor) -> None:
    check_processes(on_ray)


def test_a_killed_worker_takes_nothing_with_it(on_ray: RayExecutor, tmp_path: Path) -> None:
    check_killed_worker(on_ray, tmp_path)


def test_a_read_goes_on_when_a_node_is_killed_in_the_middle_of_it(
    killing: Callable[[int], At], on_ray: RayExecutor, tmp_path: Path
) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(log_of())
    assert_same_log(read_and_cleaned(path, on_ray, 7, killing(3)), read_in_memory(path))


def test_a_folder_of_parquet_is_the_same_by_executors(
    on_ray: RayExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_folder_of_parquet(on_ray, tmp_path, monkeypatch)


@pytest.mark.fault(49)
def test_a_fit_goes_on_when_a_node_is_killed_in_the_middle_of_it(
    killing: Callable[[int], At], on_ray: RayExecutor
) -> None:
    assert_same(first_stage(on_ray, killing(FITS // 4)), one_by_one())


def test_an_evaluation_has_the_same_figures(on_ray: RayExecutor) -> None:
    check_evaluation(on_ray)


def test_a_search_has_the_same_trials(on_ray: RayExecutor) -> None:
    check_search(on_ray)


def test_files_are_the_same_for_any_executor(on_ray: RayExecutor, directory: Path, tmp_path: Path) -> None:
    check_files_of_lists(on_ray, directory, tmp_path)


def test_lists_for_a_file_are_those_of_the_engine(
    on_ray: RayExecutor, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_lists_for_a_file(on_ray, directory, monkeypatch)


def test_a_batch_goes_on_when_a_node_is_killed_in_the_middle_of_it(
    killing: Callable[[int], At], on_ray: RayExecutor, directory: Path, tmp_path: Path
) -> None:
    done = written(directory, tmp_path / "lists", on_ray, size=3, progress=killing(5))
    assert (done.files, done.users) == (27, USERS)
    assert_same_lists(lists_of(tmp_path / "lists"), expected())


def test_a_command_that_is_told_to_end_leaves_nothing(nodes: Nodes, tmp_path: Path) -> None:
    check_told_to_end("ray", tmp_path, RAY_ADDRESS=nodes.address)


def test_parts_that_always_lose_their_worker_are_an_error(
    on_ray: RayExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "RETRIES", 1)
    with pytest.raises(TacitError, match="part 1 of 1 lost its worker more than 1 times"):
        list(on_ray.map(always_dying, [0], shared=None))


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


def test_a_lost_cluster_is_one_sentence(nodes: Nodes, on_ray: RayExecutor, tmp_path: Path) -> None:
    """The last test: it ends the cluster, of which this process is no part any more."""
    on_ray.close()
    said = tmp_path / "begun"
    code = (
        "import sys; from tacit.core.errors import ConfigError\n"
        "from tacit.scale import ray_cluster; from tacit.scale.executors import open_executor\n"
        "from tests.scale.jobs import resting\n"
        "ray_cluster.PATIENCE, ray_cluster._LOOK = 1.0, 0.2\n"
        "try:\n"
        "    with open_executor('ray') as executor:\n"
        "        list(executor.map(resting, [0, 60], shared=sys.argv[1]))\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
    )
    environment = {**os.environ, "RAY_ADDRESS": nodes.address}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(said)], env=environment, stdout=subprocess.PIPE, text=True
    ) as driver:
        wait_for(said)
        nodes.kill_all()
        answer, _ = driver.communicate(timeout=60)
    assert "the Ray cluster was lost; start it again, and give the same command again" in answer
