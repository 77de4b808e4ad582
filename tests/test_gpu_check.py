"""The check of a device, tried on the processor: its steps fit the code, and it says what fails."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks import gpu

SLOW = ("pair-classifier", "finetuning", "commands", "training-tests")
"""Steps that take many seconds even when tiny; what they import is imported with the others."""


@pytest.fixture(scope="module")
def setting() -> gpu.Setting:
    return gpu.Setting("cpu", tiny=True)


@pytest.mark.parametrize("name", [name for name in gpu.STEPS if name not in SLOW])
def test_a_step_runs_on_the_processor(name: str, setting: gpu.Setting) -> None:
    figures = gpu.attempted(gpu.STEPS[name], setting)
    assert figures["ok"], figures["trace"]
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_steps_after_the_limit_and_after_a_failure(
    setting: gpu.Setting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(_: gpu.Setting) -> gpu.Figures:
        raise gpu.CheckError("the device is on fire")

    monkeypatch.setitem(gpu.STEPS, "broken", broken)
    out = tmp_path / "figures" / "gpu.json"
    found = gpu.report(setting, ["broken", "environment"], out)
    assert not found["broken"]["ok"] and found["broken"]["error"] == "CheckError: the device is on fire"
    assert found["environment"]["ok"]
    assert json.loads(out.read_text("utf-8")) == {"device": "cpu", "tiny": True, "steps": found}
    late = gpu.Setting("cpu", tiny=True, until=-1.0)
    assert gpu.attempted(broken, late) == {"skipped": "-1 seconds are over"}


@pytest.mark.parametrize("wrong", [0.5, float("nan")])
def test_results_that_differ_are_refused(wrong: float) -> None:
    right = np.zeros(3, dtype=np.float32)
    assert gpu.alike(right, right + 0.125, 0.25, "zeros") == 0.125
    with pytest.raises(gpu.CheckError, match=r"zeros: the largest difference is .*; at most 0\.25"):
        gpu.alike(right, right + np.float32(wrong), 0.25, "zeros")


def test_the_tests_that_it_runs_are_there() -> None:
    for name in gpu.TRAINING_TESTS:
        assert (gpu.ROOT / "tests" / name).is_file()


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["--device", "cpu", "--only", "environment"], 0),
        (["--device", "cpu", "--only", "nothing of this name"], 2),
        (["--device", "tpu", "--only", "environment"], 2),
        (["--device", "cuda:999", "--only", "environment"], 2),
    ],
)
def test_the_exit_status(
    options: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu.py", *options])
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    assert ended.value.code == status
    assert ("1 steps in 0 s; failed: none" in capsys.readouterr().out) == (not status)


def test_a_failed_step_is_exit_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(gpu.STEPS, "environment", lambda _: {}["missing"])
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--device", "cpu", "--only", "environment"])
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    assert ended.value.code == 1
