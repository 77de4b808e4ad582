"""A throwaway PostgreSQL cluster, where Debian's binaries are installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.store.postgres_server import server

from tacit.store.events import EventStore


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a PostgreSQL server of its own, on a socket in a temporary directory."""
    with server() as running:
        yield running.address


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
    emptied(postgres)
    return postgres


@pytest.fixture
def store(address: str) -> Iterator[EventStore]:
    opened = EventStore(address)
    yield opened
    opened.close()


def emptied(server: str) -> None:
    """Take everything out of a server."""
    import psycopg

    with psycopg.connect(server) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
