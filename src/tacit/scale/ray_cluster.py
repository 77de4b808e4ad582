"""An executor on a Ray cluster: its nodes compute parts, and a node that is lost takes nothing with it.

What all parts share is put into the object store of the cluster once; the workers of a node read it from the
memory of their node. Parts of lost workers are computed again by others. Tacit and the files that a job names
must be on every node.
"""

import os
import re
import signal
import socket
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import Future
from threading import Thread, current_thread, main_thread
from typing import Any

from tacit.core.errors import ConfigError, TacitError
from tacit.core.executor import Executor, Job, Part, Result, cores
from tacit.core.extras import require

RETRIES = 5
"""So often a part is computed again whose worker was lost."""
PATIENCE = 20.0
"""Seconds without an answer of its head node after which a cluster is lost."""

_LOOK, _CONNECT = 5.0, 2.0
"""Seconds between two looks at the cluster, and for a connection to an address of its head node."""

_ADDRESS, _CLIENT = "RAY_ADDRESS", "ray://"
_WORDS = ("", "auto", "local")
"""Addresses that are left to Ray."""
_PLACE = re.compile(rf"(?:{_CLIENT})?([^/]+:\d+)")
_PORT = "ray://HOST:PORT names the port of Ray's client server: 10001 unless told otherwise"
_LOST = "the Ray cluster was lost; start it again, and give the same command again"

_AHEAD = 2
"""So many parts wait for each core, so that none is idle; results that nobody has read yet take memory."""

_latest: dict[str, Any] = {}
"""In a worker: what parts share, by the name of the object; the latest alone."""


class RayExecutor(Executor):
    """Computes parts on a Ray cluster, each on one core.

    Parameters
    ----------
    address : str, optional
        ``ray://HOST:PORT`` of Ray's client server, or ``HOST:PORT`` of a head node that this machine has
        joined. By default the cluster that this machine belongs to, or one of this machine alone, which is
        started here and ends with `close`.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    ConfigError
        If the cluster does not answer.
    """

    in_process = False

    def __init__(self, address: str | None = None) -> None:
        self._ray: Any = require("ray", "ray")
        ending = signal.getsignal(signal.SIGTERM)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they say is said below, in one sentence
            self._connect(address)
        if current_thread() is main_thread():
            signal.signal(signal.SIGTERM, ending)  # Ray puts its own in its place
        is_client = address is not None and address.startswith(_CLIENT)
        self._head = None if is_client else str(self._ray.get_runtime_context().gcs_address)

    def _connect(self, address: str | None) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        self._own = address is None and not self._is_in_a_cluster()
        if self._own:
            self._start(quiet)
            return
        named = address or os.environ.get(_ADDRESS, "")
        _check_reachable(named, _ADDRESS if address is None else "--executor")
        try:
            self._ray.init(address=address or "auto", **quiet)
        except (ConnectionError, TimeoutError, RuntimeError) as error:
            raise ConfigError(
                f"the Ray cluster {named} does not answer "
                f"({type(error).__name__}); is its head node up, with the same versions of Ray and Python? "
                f"({_PORT})"
            ) from error

    def _start(self, quiet: dict[str, Any]) -> None:
        try:
            self._ray.init(address="local", num_cpus=cores(), include_dashboard=False, **quiet)
        except Exception as error:  # Ray says by a plain one that its own processes ended
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ConfigError(f"Ray did not start on this machine ({reason}); try again") from error

    def _is_in_a_cluster(self) -> bool:
        """Return whether this machine belongs to a cluster that is there; Ray notes also those that ended."""
        if os.environ.get(_ADDRESS):
            return True
        noted = self._ray._private.utils.read_ray_address()
        return bool(noted) and _unreachable(noted) is None

    @property
    def about(self) -> str:
        """Which cluster this is, in words."""
        nodes = sum(node["Alive"] for node in self._ray.nodes())
        size = f"{nodes:,} node(s) with {self.workers:,} core(s)"
        if self._own:
            return f"no Ray cluster is running here: one of this machine alone is started, {size}"
        return f"Ray cluster at {self._head or self._ray.get_runtime_context().gcs_address}: {size}"

    @property
    def workers(self) -> int:
        """How many cores the nodes of the cluster have now."""
        return max(int(self._resources().get("CPU", 1)), 1)

    def _resources(self) -> dict[str, float]:
        """Return what the nodes have now.

        Ray asks the head node, however long it takes: the question has a thread of its own.

        Raises
        ------
        ConfigError
            If the cluster is lost.
        """
        answer: Future[dict[str, float]] = Future()

        def ask() -> None:
            try:
                answer.set_result(self._ray.cluster_resources())
            except Exception as error:  # raised again below
                answer.set_exception(error)

        Thread(target=ask, daemon=True).start()
        self._wait(lambda seconds: bool(futures.wait([answer], seconds).done))
        try:
            return answer.result()
        except ConnectionError as error:  # of Ray's client
            raise ConfigError(_LOST) from error

    def _results(self, job: Job[Any, Any, Result]) -> Iterator[Result]:
        """Yield the results.

        Raises
        ------
        ConfigError
            If the cluster is lost.
        TacitError
            If a part loses its worker again and again.
        """
        handle = [self._ray.put(job.shared)]  # in a list: a worker fetches it itself, once for all its parts
        gpus = 1 if job.gpu and self._resources().get("GPU", 0) >= 1 else 0
        work = self._ray.remote(_work).options(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)
        waiting: deque[Any] = deque()
        sent, count = 0, len(job.parts)
        workers, looked = self.workers, time.monotonic()
        try:
            for number in range(count):
                while sent < count and len(waiting) <= _AHEAD * workers:
                    waiting.append(work.remote(job.function, handle, job.parts[sent]))
                    sent += 1
                self._wait(lambda seconds: self._is_ready(waiting[0], seconds))
                yield self._result(waiting.popleft(), number, count)
                if time.monotonic() - looked > _LOOK:  # nodes may have come or gone
                    workers, looked = self.workers, time.monotonic()
        finally:
            if self._ray.is_initialized():
                for one in waiting:
                    self._ray.cancel(one, force=False)

    def _is_ready(self, reference: Any, seconds: float) -> bool:
        """Wait at most so long for a result, and return whether it is there."""
        return bool(self._ray.wait([reference], timeout=seconds, fetch_local=False)[0])

    def _wait(self, is_done: Callable[[float], bool]) -> None:
        """Wait for what takes the seconds that it may wait, and returns whether it is done.

        A process that has lost its cluster is ended by Ray itself after a minute, without a word of ours.

        Raises
        ------
        ConfigError
            If the cluster is lost.
        """
        lost = 0.0
        while not is_done(_LOOK):
            if self._head is None or _unreachable(self._head) is None:
                lost = 0.0
                continue
            lost = lost or time.monotonic()
            if time.monotonic() - lost >= PATIENCE:
                raise ConfigError(_LOST)

    def _result(self, reference: Any, number: int, count: int) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except ConnectionError as error:  # of Ray's client
            raise ConfigError(_LOST) from error
        except errors.RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, Exception) and not isinstance(cause, errors.RayError):
                raise cause from None  # what the function itself raised
            if not self._ray.is_initialized() or isinstance(cause, errors.OwnerDiedError):
                raise ConfigError(_LOST) from error
            raise TacitError(
                f"part {number + 1} of {count} lost its worker more than {RETRIES} times "
                f"({type(error).__name__}): was memory short on its node? Use smaller parts or larger nodes"
            ) from error

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self._ray.shutdown()


def _check_reachable(address: str, source: str) -> None:
    """Refuse an address at which nobody takes connections: Ray itself tries for half a minute.

    ``auto`` and ``local`` are left to Ray; any other names a host and a port.

    Raises
    ------
    ConfigError
    """
    place = _PLACE.fullmatch(address)
    if place is None:
        if address in _WORDS:
            return
        raise ConfigError(
            f"{source} is {address!r}; it must be HOST:PORT or ray://HOST:PORT of a Ray cluster"
        )
    reason = _unreachable(place[1])
    if reason is not None:
        raise ConfigError(
            f"nothing answers at {place[1]} ({reason}), where {source} says that a Ray cluster is; start its "
            f"head node (ray start --head), or correct the address ({_PORT})"
        )


def _unreachable(address: str) -> str | None:
    """Return why nobody takes connections at ``HOST:PORT``, None where somebody does."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT):
            return None
    except (OSError, UnicodeError) as error:  # the latter: no name of a machine
        return getattr(error, "strerror", None) or str(error)


def _work(function: Callable[[Any, Part], Result], handle: list[Any], part: Part) -> Result:
    import ray

    name = handle[0].hex()
    if name not in _latest:
        _latest.clear()
        _latest[name] = ray.get(handle[0])
    return function(_latest[name], part)
