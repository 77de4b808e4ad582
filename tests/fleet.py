"""A ``tacit serve`` with several workers, seen from outside: its processes, and what it wrote."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from tests.served import PATIENT

WORKER, ENCODER = "tacit.server.worker", "tacit.server.encoding"


class Fleet:
    """A running service of several processes."""

    def __init__(self, process: subprocess.Popen[str], address: str, log: Path, started: float) -> None:
        self.process = process
        self.address = address
        self.started = started
        self._log = log

    def pids(self, module: str) -> list[int]:
        """Return the processes that run a module."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split() if module in _command(int(pid))]

    def said(self) -> str:
        return self._log.read_text()

    def get(self, path: str, **more: object) -> httpx.Response:
        """Ask over a connection of its own: any worker may answer."""
        return httpx.get(self.address + path, timeout=60, **more)  # type: ignore[arg-type]

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def command(directory: Path, *options: str) -> list[str]:
    return [sys.executable, "-c", "from tacit.cli import main; main()", "serve", str(directory), *options]


@contextmanager
def fleet(
    directory: Path,
    place: Path,
    *,
    workers: int = 3,
    store: str | None = None,
    store_wait: float = PATIENT,
    more: Sequence[str] = (),
    **environment: str,
) -> Iterator[Fleet]:
    """Run a service on a free port, by default with a store in ``place``; all of it is gone at the end."""
    log = place / "log.txt"
    store = store or f"sqlite:///{place / 'store.sqlite3'}"
    options = ["--port", "0", "--workers", str(workers), "--store", store]
    options += ["--store-wait", str(store_wait), *more]
    begun = time.monotonic()
    with log.open("w") as stream:
        process = subprocess.Popen(
            command(directory, *options),
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
            env={**os.environ, **environment},
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line.startswith("listening on "):
            raise AssertionError(f"no ready line but {line!r}: {log.read_text()}")
        yield Fleet(process, line.split()[-1], log, time.monotonic() - begun)
    finally:
        process.kill()  # its children end with it
        process.wait()
        process.stdout.close()


def wait_until(condition: Callable[[], object], seconds: float) -> float:
    """Wait for a condition and return how long it took."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > seconds:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.02)
    return time.monotonic() - begun
