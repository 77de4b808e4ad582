"""A snapshot on disk that the commands are tried on."""

from pathlib import Path

import pytest
from tests.served import small_snapshot

from tacit.engine.snapshot import save


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop's snapshot; read only."""
    place = tmp_path_factory.mktemp("snapshot") / "shop.tacit"
    save(small_snapshot(), place)
    return place
