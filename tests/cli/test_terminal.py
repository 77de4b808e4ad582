"""Progress where standard error is no terminal: lines that a log can hold."""

import time

import pytest

from tacit.cli import terminal


def test_a_long_step_prints_a_line_now_and_then_and_one_at_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with terminal._lines("reading", 4, every=0.3) as task:
        task.advance(3)
        time.sleep(1.1)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "reading: 3 of 4, 0 s"
    assert lines[-1] == "reading: done in 1 s"
    assert len(lines) >= 3


def test_a_short_step_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.Bars().task("reading", 4) as task:
        task.advance(4)
    assert capsys.readouterr().err == ""


def test_a_step_that_fails_is_not_said_to_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), terminal._lines("reading", None, every=0.1):
        time.sleep(1.05)
        raise ValueError("no")
    said = capsys.readouterr().err
    assert "reading: 1 s" in said
    assert "done" not in said
