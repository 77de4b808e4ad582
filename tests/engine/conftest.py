"""Stores for services of several processes; a busy machine is no slow store."""

import pytest
from tests.served import PATIENT
from tests.store.conftest import empty_postgres, postgres

from tacit.engine.engine import Engine

__all__ = ["empty_postgres", "postgres"]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let lists wait longer for the store than by default, unless a test says how long."""
    defaults = Engine.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "store_wait", PATIENT)
