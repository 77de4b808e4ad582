"""A Ray cluster of some nodes on this machine, each with processes and an object store of its own."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tacit.core.progress import Silent

ROOT = Path(__file__).parents[2]
OBJECT_STORE = 100 * 2**20
WATCHED = {
    "health_check_initial_delay_ms": 1_000,
    "health_check_period_ms": 1_000,
    "health_check_timeout_ms": 10_000,
    "health_check_failure_threshold": 3,
}
"""A lost node is noticed after three seconds and not after fifteen; one that is slow has ten."""


def ray() -> Any:
    """Return Ray; the test is skipped where it is not installed."""
    return pytest.importorskip("ray", reason="Ray is not installed: pip install 'tacit-recsys[ray]'")


class Nodes:
    """The nodes of a cluster, of one core each.

    Parameters
    ----------
    others : int
        Nodes beside the head.
    """

    def __init__(self, others: int = 2) -> None:
        ray()
        from ray.cluster_utils import Cluster

        # Workers find the tests by this; Tacit itself is installed.
        os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Ray's own
            self._cluster = Cluster(
                initialize_head=True,
                head_node_args={
                    "num_cpus": 1,
                    "include_dashboard": False,
                    "object_store_memory": OBJECT_STORE,
                    "_system_config": WATCHED,
                },
            )
        self.address: str = self._cluster.address
        self._others: list[Any] = []
        self._wanted = others
        self.complete()

    def complete(self) -> None:
        """Start nodes until there are as many as at first."""
        while len(self._others) < self._wanted:
            self._others.append(
                self._cluster.add_node(num_cpus=1, object_store_memory=OBJECT_STORE, wait=False)
            )
        self._cluster.wait_for_nodes()

    def kill_one(self) -> None:
        """Kill the processes of a node; nothing of it is told to end."""
        self._cluster.remove_node(self._others.pop(), allow_graceful=False)

    def kill_all(self) -> None:
        """Kill the processes of all nodes."""
        for node in [*self._others, self._cluster.head_node]:
            node.kill_all_processes(check_alive=False, allow_graceful=False)

    def close(self) -> None:
        self._cluster.shutdown()


class At(Silent):
    """Progress that does something when so many parts are done."""

    def __init__(self, count: int, act: Callable[[], None]) -> None:
        self._left = count
        self._act = act

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator["At"]:
        yield self

    def advance(self, amount: float = 1) -> None:
        self._left -= 1
        if self._left == 0:
            self._act()
