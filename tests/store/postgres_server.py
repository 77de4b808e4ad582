"""A PostgreSQL of a test's own: started, frozen, killed and started again."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


def binaries() -> Path:
    """Return where the programs of PostgreSQL are; the test is skipped where there are none."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL under /usr/lib/postgresql: install the package postgresql to run this")
    return found[-1].parent


class Server:
    """A server on a socket in a directory of its own."""

    def __init__(self, directory: Path, user: str) -> None:
        self._directory = directory
        self._account = {"user": user} if os.getuid() == 0 else {}
        self._bin = binaries()
        self.address = f"postgresql://tacit@/postgres?host={directory}"
        self._run("initdb", "-U", "tacit", "-A", "trust", "-E", "UTF8", "--locale=C")

    def start(self) -> None:
        options = f"-k {self._directory} -c listen_addresses= -c shared_buffers=16MB"
        # -W and a log file: pg_ctl's pipes would otherwise be held open by the server.
        self._run("pg_ctl", "-o", options, "-l", self._directory / "log", "-w", "start")

    def stop(self) -> None:
        self.thaw()
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def freeze(self) -> None:
        """Stop all processes of it: it neither answers nor closes a connection."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End all processes of it at once; `start` recovers."""
        self._signal(signal.SIGKILL)
        # Until somebody reaps it, the number of a dead server passes for one that runs.
        for file in ("data/postmaster.pid", ".s.PGSQL.5432.lock"):
            (self._directory / file).unlink(missing_ok=True)

    def _signal(self, number: int) -> None:
        # The postmaster first, so that it starts and ends nobody meanwhile; again for those that it just had.
        for _ in range(2):
            for pid in self._pids():
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def _pids(self) -> list[int]:
        with suppress(FileNotFoundError):
            main = int((self._directory / "data" / "postmaster.pid").read_text().split()[0])
            with suppress(FileNotFoundError):
                children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
                return [main, *map(int, children)]
        return []

    def _run(self, program: str, *options: object) -> None:
        command = [self._bin / program, "-D", self._directory / "data", *map(str, options)]
        subprocess.run(
            command, check=True, capture_output=True, timeout=60, cwd=self._directory, **self._account
        )


@contextmanager
def server() -> Iterator[Server]:
    """Run a server; nothing of it is left at the end."""
    binaries()
    # PostgreSQL refuses to run as root: then it runs as nobody.
    user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    directory = Path(tempfile.mkdtemp(prefix="tacit-pg-", dir="/tmp"))
    shutil.chown(directory, user)
    try:
        running = Server(directory, user)
        running.start()
        try:
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
