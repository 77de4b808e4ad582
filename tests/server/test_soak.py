"""Two minutes of the soak (`tests.soak`) at a light load; TACIT_SOAK_SECONDS makes it longer."""

import os
from pathlib import Path

import pytest
from tests.soak import Soak, table

SECONDS = float(os.environ.get("TACIT_SOAK_SECONDS", "120"))
PAUSE = 0.1
"""Seconds between two requests of a client: other tests need the processors too."""


@pytest.mark.skipif(not SECONDS, reason="TACIT_SOAK_SECONDS is 0")
@pytest.mark.timeout(SECONDS + 600)
@pytest.mark.fault(50, 1, 15, 23)
@pytest.mark.promise("P42", "P21")
def test_a_mixed_load_with_kills_and_swaps_loses_nothing_and_holds_nothing(tmp_path: Path) -> None:
    soak = Soak(tmp_path, SECONDS, pause=PAUSE)
    soak.run()
    print(table(soak))
    found, ledger = soak.figures(), soak.ledger
    assert ledger.wrong == []
    assert found["faults"] == 0
    assert found["acknowledged"] > SECONDS and found["lists"] > 5 * SECONDS
    assert soak.kills["worker"] >= 2 and soak.kills["service"] >= 1
    assert soak.swaps >= 3 and ledger.models == {"first", "second"}
    assert ledger.deleted >= 1
    # What a short run can show of leaks: no pile of files or threads.
    assert found["files_drift"] < 40 and found["threads_drift"] < 20
