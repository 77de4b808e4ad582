import time

import pytest
from tests.evaluation.tinylog import fresh_memory

from tacit.evaluation import meter
from tacit.evaluation.meter import metered


def test_seconds_and_the_peak_of_memory_are_measured() -> None:
    with metered() as cost:
        held = fresh_memory(200)  # given back before the block ends
        time.sleep(0.05)
        held.close()
    assert cost.seconds >= 0.05
    assert 190 < cost.peak_mb < 260


def test_costs_are_reported_after_a_failure_too() -> None:
    with pytest.raises(ValueError, match="broken"), metered() as cost:
        time.sleep(0.01)
        raise ValueError("broken")
    assert cost.seconds >= 0.01


def test_without_proc_the_peak_of_the_process_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter, "_STATM", meter.Path("/no/such/file"))
    with metered() as cost:
        pass
    assert cost.peak_mb >= 0
    assert meter._resident_mb() > 10
