"""The executor of several processes, and a snapshot on disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.served import small_snapshot

from tacit.engine.snapshot import save
from tacit.scale.processes import ProcessExecutor


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop's snapshot; read only."""
    place = tmp_path_factory.mktemp("snapshot") / "shop.tacit"
    save(small_snapshot(), place)
    return place


@pytest.fixture(scope="package")
def several() -> Iterator[ProcessExecutor]:
    """Two processes, which are kept from test to test."""
    executor = ProcessExecutor(2)
    yield executor
    executor.close()
