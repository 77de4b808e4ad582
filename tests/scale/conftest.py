"""The executors of several processes and nodes, and a snapshot on disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.scale.clusters import Nodes
from tests.served import small_snapshot

from tacit.core.executor import Executor
from tacit.engine.snapshot import save
from tacit.scale.processes import ProcessExecutor
from tacit.scale.ray_cluster import RayExecutor


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop's snapshot; read only."""
    place = tmp_path_factory.mktemp("snapshot") / "shop.tacit"
    save(small_snapshot(), place)
    return place


@pytest.fixture(scope="package")
def nodes() -> Iterator[Nodes]:
    """Three nodes; a test that kills one calls ``complete`` before it ends."""
    cluster = Nodes()
    yield cluster
    cluster.close()


@pytest.fixture(scope="package")
def on_ray(nodes: Nodes) -> Iterator[RayExecutor]:
    executor = RayExecutor(nodes.address)
    yield executor
    executor.close()


@pytest.fixture(scope="package")
def several() -> Iterator[ProcessExecutor]:
    """Two processes, which are kept from test to test."""
    executor = ProcessExecutor(2)
    yield executor
    executor.close()


@pytest.fixture(params=["processes", "ray"])
def executor(request: pytest.FixtureRequest) -> Executor:
    """Each executor in turn, with two or three workers."""
    found: Executor = request.getfixturevalue("several" if request.param == "processes" else "on_ray")
    return found
