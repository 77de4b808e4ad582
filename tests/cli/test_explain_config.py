"""``tacit explain-config``: a configuration, a snapshot or the usual pipeline as a picture."""

from pathlib import Path

import pytest

from tacit.cli.app import run
from tacit.engine.snapshot import load
from tacit.pipeline.config import Config
from tacit.reporting.pipeline_picture import pipeline_markdown, pipeline_picture


def test_the_usual_pipeline_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain-config"]) == 0
    assert capsys.readouterr().out == pipeline_picture(Config()) + "\n"
    assert run(["explain-config", "--markdown"]) == 0
    assert capsys.readouterr().out == pipeline_markdown(Config())


def test_a_file_and_a_snapshot_are_shown(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain-config", str(directory)]) == 0
    assert capsys.readouterr().out == pipeline_picture(load(directory).pipeline.config) + "\n"
    (tmp_path / "shop.toml").write_text('encoder = "none"\n[retrievers.ease]\nl2 = 3.0\n')
    assert run(["explain-config", "--config", str(tmp_path / "shop.toml")]) == 0
    assert "ease (l2=3.0)" in capsys.readouterr().out


def test_one_configuration_is_shown_at_a_time(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain-config", str(directory), "--config", "shop.toml"]) == 2
    assert "leave one of them out" in capsys.readouterr().err
    assert run(["explain-config", str(directory.parent)]) == 2
    assert "is not a snapshot" in capsys.readouterr().err
