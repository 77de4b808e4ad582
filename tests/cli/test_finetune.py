"""``tacit finetune`` through the command line itself, with the encoder that needs no model."""

import json
from pathlib import Path

import pytest
from tests.cli.test_evaluate import shop_rows, write
from tests.encoders.test_huggingface import WORDS, pool, saved

from tacit.cli.app import run
from tacit.core.manifest import verify
from tacit.encoders import finetune as finetuning
from tacit.encoders.cold import Quality
from tacit.encoders.huggingface import HuggingFaceEncoder
from tacit.pipeline.text_encoder import encoder_from


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    log = write(tmp_path / "log.csv", "user_id,item_id,event,timestamp", shop_rows())
    rows = [(f"i{n}", f"{'red' if n % 2 else 'blue'} tea cup number {n}") for n in range(22)]
    return [str(log), "--items", str(write(tmp_path / "items.csv", "item_id,title", rows))]


def test_a_head_is_learned_told_kept_and_used(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "encoder"
    assert run(["finetune", *files, "--out", str(out), "--base", "tfidf"]) == 0
    reported = " ".join(capsys.readouterr().out.split())
    assert "the encoder as it is: Recall@20" in reported
    assert "of held-out items" in reported
    assert "before," in reported
    assert "It has seen the whole log" in reported
    vectors = encoder_from(str(out)).encode(["blue tea cup"])
    assert vectors.shape[0] == 1
    report = tmp_path / "report.json"
    options = ["--models", "tuned-content,content", "--encoder", str(out), "--json", str(report)]
    assert run(["evaluate", *files, *options]) == 0
    assert {row["name"] for row in json.loads(report.read_text())["models"]} == {"content", "tuned-content"}


def test_events_from_a_time_on_are_not_learned_from(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "encoder"
    assert run(["finetune", *files, "--out", str(out), "--base", "tfidf", "--until", "2023-12-01"]) == 0
    assert "whole log" not in capsys.readouterr().out
    facts = json.loads((out / "manifest.json").read_text())["facts"]
    assert facts["until"] == "2023-12-01"
    assert 0 < facts["events"] < 320


@pytest.mark.parametrize(("until", "said"), [("soon", "is no time"), ("1999-01-01", "no event lies before")])
def test_a_time_that_cannot_be_used_is_refused(
    until: str, said: str, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["finetune", *files, "--out", str(tmp_path / "e"), "--base", "tfidf", "--until", until]) == 2
    assert said in capsys.readouterr().err


def test_a_directory_of_something_else_is_left_alone(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    assert run(["finetune", *files, "--out", str(tmp_path / "mine"), "--base", "tfidf"]) == 2
    assert "is not a snapshot" in capsys.readouterr().err


def test_a_catalogue_without_texts_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write(tmp_path / "log.csv", "user_id,item_id,event,timestamp", shop_rows())
    items = write(tmp_path / "items.csv", "item_id", [(f"i{n}",) for n in range(22)])
    assert run(["finetune", str(log), "--items", str(items), "--out", str(tmp_path / "e")]) == 2
    assert "has a text" in capsys.readouterr().err


def test_the_full_method_wants_a_language_model(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", str(tmp_path / "e"), "--base", "tfidf", "--method", "full"]
    assert run(["finetune", *files, *options]) == 2
    assert "trains a Hugging Face model" in capsys.readouterr().err


@pytest.fixture
def language_model(tmp_path: Path) -> Path:
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(1)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    model = BertModel(BertConfig(vocab_size=len(WORDS), max_position_embeddings=12, **sizes))
    (tmp_path / "bert").mkdir()
    return pool(saved(model, tmp_path / "bert"), pooling_mode_mean_tokens=True)


def test_the_full_method_writes_a_model_where_an_epoch_was_better(
    files: list[str], language_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tuned"
    options = ["--base", str(language_model), "--method", "full", "--layers", "1", "--seconds", "5"]
    assert run(["finetune", *files, "--out", str(out), *options]) == 0
    reported = " ".join(capsys.readouterr().out.split())
    assert "epoch 1" in reported
    assert out.exists() == ("was not written" not in reported)


def test_an_interrupt_leaves_the_best_epoch_so_far(
    files: list[str],
    language_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    qualities = iter([Quality(0.1, 0.1), Quality(0.2, 0.2)])

    def measured(*_: object) -> Quality:
        if (found := next(qualities, None)) is None:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(finetuning, "_evaluated", measured)
    out = tmp_path / "tuned"
    options = ["--base", str(language_model), "--method", "full", "--layers", "1"]
    assert run(["finetune", *files, "--out", str(out), *options]) == 130
    assert "holds the best epoch so far" in " ".join(capsys.readouterr().err.split())
    verify(out)
    assert HuggingFaceEncoder(out).dimension == 16
