"""Fixtures that every room's tests share."""

import gc
import os
import ssl
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from tests.examples import examples

from tacit.core.threads import wait_briefly

wait_briefly()  # as the commands do, before any test imports torch

# A process of thousands of tests holds millions of objects of imported modules: to look through them for
# garbage at Python's usual pace takes a tenth of its time.
gc.set_threshold(100_000, 20, 100)

# Each client of a test would read all certificates that the world trusts, which takes 20 ms: once is enough.
ssl.create_default_context = cache(ssl.create_default_context)

# The first example of a test pays for imports, and other processes may have the cores: a limit
# of time for one example tells nothing of the code.
settings.register_profile("tacit", examples(50), deadline=None)
settings.load_profile("tacit")

LONG = (
    "test_soak.py", "test_frozen_store.py", "test_workers.py", "test_health.py", "test_api.py",
    "test_on_ray.py", "test_examples.py", "test_own_package.py", "test_never_below_its_parts.py",
    "test_run_a_service.py",
)  # fmt: skip
"""Files that take longest: several processes begin with them, so that none is left with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long files first; what is together in a file stays together."""
    items.sort(key=lambda item: item.path.name not in LONG)


def pytest_collection_finish() -> None:
    """Leave what imports made out of later searches for garbage: an evaluation has one for each model."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def text_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of text vectors that all processes of this run share: each text meets a language model once."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "text_cache"


SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real data sets not found at {SHARED_DATA}")
    return SHARED_DATA
