"""Fixtures that every room's tests share."""

from pathlib import Path

import pytest

from tacit.core.threads import wait_briefly

wait_briefly()  # as the commands do, before any test imports torch

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real data sets not found at {SHARED_DATA}")
    return SHARED_DATA
