"""Fine-tuning a tiny model whose texts hide what goes together."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from tests.encoders.test_huggingface import WORDS, pool, saved
from transformers import BertConfig, BertModel

from tacit.core.errors import ConfigError
from tacit.data.interactions import Interactions
from tacit.data.vocabulary import Vocabulary
from tacit.encoders.finetune import Epoch, Plan, beeformer_loss, finetune, save_model
from tacit.encoders.huggingface import HuggingFaceEncoder

GROUPS = ("red", "blue", "tea")
FILLERS = ("cup", "with", "a", "lid")
N_ITEMS, N_USERS = 60, 40


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=12,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    (tmp_path / "bert").mkdir()
    return pool(saved(BertModel(config), tmp_path / "bert"), pooling_mode_mean_tokens=True)


def texts() -> list[str]:
    """One word tells the group, many others do not."""
    rng = np.random.default_rng(3)
    return [f"{GROUPS[item % 3]} {' '.join(rng.choice(FILLERS, 6))}" for item in range(N_ITEMS)]


def log() -> Interactions:
    rng = np.random.default_rng(1)
    rows = [
        (f"u{user:02d}", f"i{item:02d}", float(item))
        for user in range(N_USERS)
        for item in rng.permutation(np.arange(user % 3, N_ITEMS, 3))[:12]
    ]
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row").with_columns(
        pl.lit("view").alias("event"), pl.lit(None, dtype=pl.Int64).alias("seq")
    )
    return Interactions.from_frame(frame, Vocabulary([f"i{item:02d}" for item in range(N_ITEMS)]))


def run(encoder: HuggingFaceEncoder, plan: Plan) -> tuple[list[Epoch], list[bool]]:
    better: list[bool] = []
    epochs = finetune(
        encoder,
        log(),
        texts(),
        plan,
        rng=np.random.default_rng(7),
        on_epoch=lambda _, best: better.append(best),
    )
    return epochs, better


QUICK = Plan(layers=1, epochs=4, patience=4, items=32, learning_rate=5e-3)


def test_the_loss_by_hand() -> None:
    root = 0.5**0.5
    A = torch.tensor([[1.0, 0.0], [root, root], [0.0, 1.0]])
    # Of the first item alone: its likeness to all but itself is (0, root, 0), which is not it at all.
    assert beeformer_loss(A, torch.tensor([[1.0, 0.0, 0.0]])).item() == pytest.approx(2)
    # Of the first two: (root, root, root), of which two thirds are theirs.
    assert beeformer_loss(A, torch.tensor([[1.0, 1.0, 0.0]])).item() == pytest.approx(
        2 - 2 * 2 / (2**0.5 * 3**0.5), abs=1e-6
    )


def test_items_that_were_set_aside_are_found_better(model: Path) -> None:
    epochs, better = run(HuggingFaceEncoder(model, dtype="float32"), QUICK)
    assert [epoch.epoch for epoch in epochs] == list(range(len(epochs)))
    assert better[0] is False
    assert any(better)
    assert max(epoch.quality.recall for epoch in epochs) > 1.2 * epochs[0].quality.recall
    assert epochs[-1].loss < epochs[1].loss


def test_only_the_last_layers_learn(model: Path) -> None:
    encoder = HuggingFaceEncoder(model, dtype="float32")
    before = {name: value.clone() for name, value in encoder.model.state_dict().items()}
    run(encoder, QUICK)
    changed = {
        name for name, value in encoder.model.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed
    assert all(name.startswith("encoder.layer.1.") for name in changed)


def test_the_same_seed_gives_the_same_run(model: Path) -> None:
    first, second = (run(HuggingFaceEncoder(model, dtype="float32"), QUICK)[0] for _ in range(2))
    assert [(e.loss, e.quality) for e in first[1:]] == [(e.loss, e.quality) for e in second[1:]]


def test_it_ends_when_its_time_is_up(model: Path) -> None:
    epochs, _ = run(HuggingFaceEncoder(model, dtype="float32"), Plan(layers=1, items=32, seconds=1e-9))
    assert len(epochs) == 2  # a first step is always made


def test_what_is_saved_is_read_as_the_model_it_is(model: Path, tmp_path: Path) -> None:
    encoder = HuggingFaceEncoder(model, dtype="float32")
    run(encoder, QUICK)
    (tmp_path / "out").mkdir()
    save_model(encoder, tmp_path / "out")
    again = HuggingFaceEncoder(tmp_path / "out", dtype="float32")
    encoder.model.eval()
    np.testing.assert_array_equal(again.encode(texts()), encoder.encode(texts()))
    assert again.name != HuggingFaceEncoder(model, dtype="float32").name


def test_a_log_in_which_nobody_chose_two_is_refused(model: Path) -> None:
    encoder = HuggingFaceEncoder(model, dtype="float32")
    one = log()
    alone = one.select(np.diff(one.user, prepend=-1) > 0)
    with pytest.raises(ConfigError, match="nobody chose two items"):
        finetune(encoder, alone, texts(), rng=np.random.default_rng(7), on_epoch=lambda *_: None)
