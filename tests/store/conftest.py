"""A throwaway PostgreSQL cluster, where Debian's binaries are installed."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tacit.store.events import EventStore


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a PostgreSQL server of its own, on a socket in a temporary directory."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL under /usr/lib/postgresql: install the package postgresql to run this")
    # PostgreSQL refuses to run as root: then it runs as nobody.
    user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    directory = Path(tempfile.mkdtemp(prefix="tacit-pg-", dir="/tmp"))
    shutil.chown(directory, user)
    account: dict[str, object] = {"user": user, "cwd": directory} if os.getuid() == 0 else {"cwd": directory}

    def run(*command: object) -> None:
        words = [str(word) for word in command]
        subprocess.run(words, check=True, capture_output=True, timeout=60, **account)  # type: ignore[call-overload]

    data = directory / "data"
    run(binaries / "initdb", "-D", data, "-U", "tacit", "-A", "trust", "-E", "UTF8", "--locale=C")
    options = f"-k {directory} -c listen_addresses= -c shared_buffers=16MB"
    # -W and a log file: pg_ctl's pipes would otherwise be held open by the server.
    run(binaries / "pg_ctl", "-D", data, "-o", options, "-l", directory / "log", "-w", "start")
    try:
        yield f"postgresql://tacit@/postgres?host={directory}"
    finally:
        run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'events.sqlite3'}"
    server: str = request.getfixturevalue("empty_postgres")
    return server


@pytest.fixture
def empty_postgres(postgres: str) -> str:
    """Address of an empty store in PostgreSQL."""
    _emptied(postgres)
    return postgres


@pytest.fixture
def store(address: str) -> Iterator[EventStore]:
    opened = EventStore(address)
    yield opened
    opened.close()


def _emptied(server: str) -> None:
    import psycopg

    with psycopg.connect(server) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
