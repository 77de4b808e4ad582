"""Executors by the name that a user gives: ``--executor local|processes|ray|ray://HOST:PORT``."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tacit.core.errors import ConfigError
from tacit.core.executor import Executor, in_threads
from tacit.scale.processes import ProcessExecutor
from tacit.scale.ray_cluster import RayExecutor

LOCAL, PROCESSES, RAY = "local", "processes", "ray"
_ADDRESS = re.compile(r"ray://(?:\[[^]]+\]|[^:/]+):(\d{1,5})")
_LAST_PORT = 65_535


def check_executor(name: str) -> None:
    """Refuse a name that is no executor; no cluster is looked for.

    Raises
    ------
    ConfigError
    """
    address = _ADDRESS.fullmatch(name)
    if name not in (LOCAL, PROCESSES, RAY) and not (address and int(address[1]) <= _LAST_PORT):
        raise ConfigError(
            f"there is no executor {name!r}; use local, processes, ray, or ray://HOST:PORT of a Ray cluster"
        )


@contextmanager
def open_executor(name: str, say: Callable[[str], None] | None = None) -> Iterator[Executor]:
    """Open an executor by its name; its workers end with the ``with`` block.

    Parameters
    ----------
    name : str
    say : callable, optional
        Called with what is to be said of it: which Ray cluster it is.

    Raises
    ------
    ConfigError
        If there is none of that name, or its cluster does not answer.
    MissingExtraError
        If Ray is wanted and not installed.
    """
    check_executor(name)
    if name == LOCAL:
        yield in_threads()
        return
    if name == PROCESSES:
        processes = ProcessExecutor()
        try:
            yield processes
        finally:
            processes.close()
        return
    cluster = RayExecutor(None if name == RAY else name)
    try:
        if say is not None:
            say(cluster.about)
        yield cluster
    finally:
        cluster.close()
