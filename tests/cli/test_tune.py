"""``tacit tune`` from files to a configuration, through the command line itself."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.test_evaluate import shop_rows, write

from tacit.cli.app import run
from tacit.evaluation import tuning
from tacit.evaluation.split import Split
from tacit.evaluation.tuning import Trial, Tuned
from tacit.models.ease import EASE
from tacit.models.trending import Trending
from tacit.pipeline.config import read_config


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write(tmp_path / "log.csv", "user_id,item_id,event,timestamp", shop_rows())


def retrievers(config: Path) -> dict[str, Any]:
    return {one.name: one for one in read_config(config).retrievers}


def tuned(log: Path, out: Path, *arguments: object) -> int:
    words = ("tune", log, "--out", out, "--encoder", "none", *arguments)
    return run([str(word) for word in words])


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the search is asked for; it finds what stands under "best"."""
    requested: dict[str, Any] = {"best": {"l2": 7.0}, "splits": []}

    def tune(model: Any, split: Split, **budget: Any) -> Tuned:
        requested["splits"].append(split)
        requested["model"], requested["budget"] = model, budget
        trials = [Trial({}, 0.1, 1.0), Trial(dict(requested["best"]), 0.2, 1.0)]
        return Tuned(model.name, trials, "stop" in requested)

    monkeypatch.setattr(tuning, "tune", tune)
    monkeypatch.setattr(tuning, "quality", lambda model, split, **_: requested["qualities"].pop(0))
    requested["qualities"] = [np.array([0.1, 0.1]), np.array([0.2, 0.3])]
    return requested


def test_a_tuned_configuration_makes_the_whole_trip(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tuned.toml"
    assert tuned(log, out, "--models", "trending,ease", "--trials", 3, "--study", tmp_path / "study.db") == 0
    reported = capsys.readouterr().out
    assert "ease:" in reported
    assert "after 3 trials" in reported
    assert "blend of all:" in reported
    assert out.read_text().startswith("# tacit tune, ")
    assert "ease" in retrievers(out)
    assert tuned(log, out, "--models", "trending,ease", "--trials", 3, "--study", tmp_path / "study.db") == 0
    assert capsys.readouterr().out == reported  # all trials were there
    assert run(["evaluate", str(log), "--config", str(out), "--models", "popular,blend"]) == 0
    assert run(["fit", str(log), "--config", str(out), "--out", str(tmp_path / "shop.tacit")]) == 0


def test_tuned_parameters_take_the_place_of_those_before_and_all_else_stays(
    log: Path, tmp_path: Path, found: dict[str, Any]
) -> None:
    base, out = tmp_path / "base.toml", tmp_path / "tuned.toml"
    base.write_text(
        'ranker = "none"\ncandidates = 50\n[cleaning]\nimpossible_times = false\n[retrievers.trending]\n'
        '[retrievers.old]\nmodel = "ease"\ndecay = 1.0\nhalf_life = 30.0\n'
    )
    found["best"] = {"l2": 7.0, "half_life": None}
    assert tuned(log, out, "--config", base, "--models", "old", "--trials", 9, "--seconds", 60) == 0
    before = read_config(base)
    old = EASE(name="old", decay=1.0, half_life=30.0)
    assert before.retrievers[1] == old
    tuned_one = replace(old, l2=7.0, half_life=None)
    assert read_config(out) == replace(before, encoder="none", retrievers=(before.retrievers[0], tuned_one))
    assert found["model"] == old
    assert (found["budget"]["trials"], found["budget"]["seconds"], found["budget"]["seed"]) == (9, 60, 7)


def test_what_is_tuned_for_repeats_is_fitted_for_them(
    log: Path, tmp_path: Path, found: dict[str, Any]
) -> None:
    found["best"] = {"decay": 0.95}
    assert tuned(log, tmp_path / "tuned.toml", "--models", "repeats", "--allow-seen") == 0
    written = read_config(tmp_path / "tuned.toml")
    assert written.repeats
    assert retrievers(tmp_path / "tuned.toml")["repeats"].decay == 0.95


def test_what_is_better_alone_but_not_in_the_blend_is_not_kept(
    log: Path, tmp_path: Path, found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    found["qualities"] = [np.array([0.2, 0.2, 0.2]), np.array([0.1, 0.2, 0.4])]  # the gain of one user
    assert tuned(log, tmp_path / "tuned.toml", "--models", "ease") == 0
    assert "within noise, so the ones before are" in capsys.readouterr().out
    assert retrievers(tmp_path / "tuned.toml")["ease"] == EASE(decay=1.0)


def test_a_model_that_does_not_stand_in_the_configuration_is_added(
    log: Path, tmp_path: Path, found: dict[str, Any]
) -> None:
    base, out = tmp_path / "base.toml", tmp_path / "tuned.toml"
    base.write_text("[retrievers.trending]\n")
    assert tuned(log, out, "--config", base, "--models", "ease") == 0
    assert read_config(out).retrievers == (Trending(), EASE(l2=7.0))


def test_the_test_of_an_evaluation_is_not_seen_unless_asked_for(
    log: Path, tmp_path: Path, found: dict[str, Any]
) -> None:
    out = tmp_path / "tuned.toml"
    assert tuned(log, out, "--models", "ease", "--share", 0.2) == 0
    assert "cut of its training part" in out.read_text()
    found["qualities"] = [np.zeros(2), np.ones(2)]
    assert tuned(log, out, "--models", "ease", "--share", 0.2, "--all") == 0
    assert "cut of the whole log" in out.read_text()
    part, whole = found["splits"]
    assert len(part.train) + part.test_events == pytest.approx(0.8 * 320, abs=2)
    assert len(whole.train) + whole.test_events == 320
    assert part.cut < whole.cut  # the cut of the whole is that of the evaluation


def test_an_interrupt_ends_the_run_and_keeps_what_was_found(
    log: Path, tmp_path: Path, found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    found["stop"] = True
    assert tuned(log, tmp_path / "tuned.toml", "--models", "ease,itemknn") == 0
    assert len(found["splits"]) == 1
    assert "interrupted" in capsys.readouterr().out
    assert retrievers(tmp_path / "tuned.toml")["ease"].l2 == 7.0


def test_of_a_model_that_stands_there_twice_the_first_is_tuned(
    log: Path, tmp_path: Path, found: dict[str, Any]
) -> None:
    base, out = tmp_path / "base.toml", tmp_path / "tuned.toml"
    base.write_text(
        '[retrievers.lately]\nmodel = "trending"\n[retrievers.ever]\nmodel = "trending"\nhalf_life = inf\n'
    )
    found["best"] = {"half_life": 2.0}
    assert tuned(log, out, "--config", base) == 0
    written = retrievers(out)
    assert (written["lately"].half_life, written["ever"].half_life) == (2.0, float("inf"))


def test_all_retrievers_of_the_configuration_are_tuned_but_those_without_texts(
    log: Path, tmp_path: Path, found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    base = tmp_path / "base.toml"
    base.write_text("[retrievers.trending]\n[retrievers.content]\n[retrievers.rules]\nrules = []\n")
    found["best"] = {"half_life": 2.0}
    code = tuned(log, tmp_path / "tuned.toml", "--config", base)
    reported = capsys.readouterr()
    assert code == 0, reported.err
    assert len(found["splits"]) == 1
    assert "not tuned, because no item has a text or an encoder: content" in reported.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--models", "nonsense"), "there is no retriever 'nonsense'; known: trending"),
        (("--models", "rules"), "nothing to tune in 'rules'; known: trending"),
        (("--models", "content"), "there is nothing to tune"),
        (("--models", " , "), "there is nothing to tune"),
        (("--study", "{log}"), "would overwrite the log"),
        (("--study", "{other}"), "is not a study but another file"),
        (("--study", "{log}/x"), "does not exist"),
        (("--trials", "0"), "--trials"),
    ],
)
def test_wrong_use_is_refused_in_one_sentence(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    out, other = tmp_path / "tuned.toml", tmp_path / "other.txt"
    other.write_text("a letter")
    assert tuned(log, out, *(word.format(log=log, other=other) for word in arguments)) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_only_a_toml_file_is_written(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tuned(log, tmp_path / "tuned.json") == 2
    assert "must end in .toml" in capsys.readouterr().err
