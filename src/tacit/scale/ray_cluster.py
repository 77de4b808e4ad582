"""An executor on a Ray cluster: its nodes compute parts, and a node that is lost takes nothing with it.

What all parts share is put into the object store of the cluster once; the workers of a node read it from the
memory of their node. Parts of lost workers are computed again by others. Tacit and the files that a job names
must be on every node.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from tacit.core.errors import ConfigError, TacitError
from tacit.core.executor import Executor, Job, Part, Result, cores
from tacit.core.extras import require

RETRIES = 5
"""So often a part is computed again whose worker was lost."""
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
        self._connect(address)

    def _connect(self, address: str | None) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        try:
            self._ray.init(address=address or "auto", **quiet)
        except (ConnectionError, TimeoutError, RuntimeError) as error:
            if address is not None:
                raise ConfigError(
                    f"the Ray cluster {address} does not answer ({type(error).__name__}); is its head "
                    "node up, with the same versions of Ray and Python?"
                ) from error
            self._ray.init(address="local", num_cpus=cores(), include_dashboard=False, **quiet)

    @property
    def workers(self) -> int:
        """How many cores the nodes of the cluster have now."""
        return max(int(self._ray.cluster_resources().get("CPU", 1)), 1)

    def _results(self, job: Job[Any, Any, Result]) -> Iterator[Result]:
        """Yield the results.

        Raises
        ------
        TacitError
            If a part loses its worker again and again.
        """
        handle = [
            self._ray.put(job.shared)
        ]  # in a list: the worker fetches it itself, once for all its parts
        gpus = 1 if job.gpu and self._ray.cluster_resources().get("GPU", 0) >= 1 else 0
        work = self._ray.remote(_work).options(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)
        waiting: deque[Any] = deque()
        sent, count = 0, len(job.parts)
        try:
            for number in range(count):
                while sent < count and len(waiting) <= _AHEAD * self.workers:
                    waiting.append(work.remote(job.function, handle, job.parts[sent]))
                    sent += 1
                yield self._result(waiting.popleft(), number, count)
        finally:
            for one in waiting:
                self._ray.cancel(one, force=False)

    def _result(self, reference: Any, number: int, count: int) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except errors.RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, Exception) and not isinstance(cause, errors.RayError):
                raise cause from None  # what the function itself raised
            if not self._ray.is_initialized() or isinstance(cause, errors.OwnerDiedError):
                raise ConfigError(
                    "the Ray cluster was lost; start it again, and give the same command again"
                ) from error
            raise TacitError(
                f"part {number + 1} of {count} lost its worker more than {RETRIES} times "
                f"({type(error).__name__}): was memory short on its node? Use smaller parts or larger nodes"
            ) from error

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self._ray.shutdown()


def _work(function: Callable[[Any, Part], Result], handle: list[Any], part: Part) -> Result:
    import ray

    name = handle[0].hex()
    if name not in _latest:
        _latest.clear()
        _latest[name] = ray.get(handle[0])
    return function(_latest[name], part)
