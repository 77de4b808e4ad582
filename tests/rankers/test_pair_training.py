"""The training loop of the pair classifier: when it stops, what it keeps, and how it resumes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.rankers.tiny import tiny_bert
from tokenizers import Tokenizer

from tacit.core.errors import ConfigError
from tacit.core.progress import SILENT
from tacit.core.types import Array
from tacit.data.queries import Queries
from tacit.encoders.tokens import tokenised
from tacit.rankers.pair import PairClassifier
from tacit.rankers.pair_network import Base, PairNetwork
from tacit.rankers.pair_tokens import Marks, TokenPairs, histories
from tacit.rankers.pair_training import Examples, Labelled, _batches, _set_rate, train_network
from tacit.rankers.ranker import Epoch

TEXTS = [f"{('red', 'blue')[code % 2]} {('tea', 'cup')[code // 2 % 2]}" for code in range(8)]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("bert"), layers=1)


def network(bert: Path) -> PairNetwork:
    return Base.of(str(bert), device="cpu", dtype="float32").network("mean", 0)


def labelled(bert: Path, seed: int, n: int, *, opposite: bool = False) -> Labelled:
    """Pairs labelled by whether the candidate is red."""
    tokenizer = Tokenizer.from_file(str(bert / "tokenizer.json"))
    tokenizer.no_padding()
    items, marks = tokenised(TEXTS, tokenizer, 4), Marks.of(tokenizer)
    read = histories(Queries.of([[0], [1]]), items, marks, count=1, budget=4)
    rng = np.random.default_rng(seed)
    item = rng.integers(0, len(TEXTS), n).astype(np.int32)
    label = (item % 2 == opposite).astype(np.float32)
    return TokenPairs(read, items, rng.integers(0, 2, n), item, marks), label


def trained(
    bert: Path, *, opposite: bool = False, on_epoch: Any = None, checkpoint: Path | None = None, **given: Any
) -> tuple[list[Epoch], dict[str, Array]]:
    """Train on 64 pairs; ``opposite`` labels the validation pairs the other way round."""
    values: dict[str, Any] = {"epochs": 3, "patience": 9, "learning_rate": 3e-3, "batch_size": 16, **given}
    own = network(bert)
    train = labelled(bert, 0, 64)
    return train_network(
        PairClassifier(**values),
        own,
        Examples(train, train, labelled(bert, 1, 32, opposite=opposite)),
        trained=own.freeze("all"),
        seed=5,
        fingerprint="a run",
        progress=SILENT,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
    )


def figures(epochs: list[Epoch]) -> list[tuple[float, ...]]:
    """What is measured of each epoch: without the values of test pairs, NaN here, which equal nothing."""
    return [(e.epoch, e.train_loss, e.valid_loss, e.train_auc, e.valid_auc) for e in epochs]


def assert_equal(first: dict[str, Array], second: dict[str, Array]) -> None:
    assert set(first) == set(second)
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


def test_epochs_are_numbered_and_the_loss_falls(bert: Path) -> None:
    seen: list[Epoch] = []
    epochs, _ = trained(bert, on_epoch=seen.append)
    assert seen == epochs
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3]
    assert epochs[-1].train_loss < epochs[0].train_loss
    assert epochs[-1].valid_auc > 0.9


def test_seconds_end_it_within_an_epoch(bert: Path) -> None:
    epochs, arrays = trained(bert, epochs=100, seconds=1e-6)
    assert len(epochs) == 1
    assert arrays  # what was learned until then is kept


def test_it_stops_after_patience_epochs_without_a_gain_and_keeps_the_best(bert: Path) -> None:
    epochs, arrays = trained(bert, opposite=True, epochs=12, patience=2)
    losses = [epoch.valid_loss for epoch in epochs]
    assert len(losses) - 1 - int(np.argmin(losses)) == 2
    assert len(losses) < 12
    kept = network(bert)
    kept.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, strict=False)
    pairs, label = labelled(bert, 1, 32, opposite=True)
    score = kept.eval().score(pairs)
    loss = float(np.mean(np.logaddexp(0, score) - label * score))
    assert loss == pytest.approx(min(losses), abs=1e-5)


@pytest.mark.parametrize("end", [1, 2])
@pytest.mark.fault(49)
def test_a_resumed_run_equals_an_uninterrupted_one(bert: Path, tmp_path: Path, end: int) -> None:
    def interrupt(epoch: Epoch) -> None:
        if epoch.epoch == end:
            raise KeyboardInterrupt

    file = tmp_path / "run.safetensors"
    with pytest.raises(KeyboardInterrupt):
        trained(bert, checkpoint=file, on_epoch=interrupt)
    later: list[Epoch] = []
    epochs, arrays = trained(bert, checkpoint=file, on_epoch=later.append)
    whole_epochs, whole = trained(bert)
    assert figures(epochs) == figures(whole_epochs)
    assert [epoch.epoch for epoch in later] == list(range(end + 1, 4))
    assert_equal(arrays, whole)


def test_a_finished_run_is_not_trained_again(bert: Path, tmp_path: Path) -> None:
    file = tmp_path / "run.safetensors"
    later: list[Epoch] = []
    epochs, arrays = trained(bert, checkpoint=file)
    again_epochs, again = trained(bert, checkpoint=file, on_epoch=later.append)
    assert later == []
    assert figures(again_epochs) == figures(epochs)
    assert_equal(again, arrays)


def test_a_checkpoint_of_another_run_is_refused(bert: Path, tmp_path: Path) -> None:
    file = tmp_path / "run.safetensors"
    trained(bert, checkpoint=file, epochs=1)
    file.write_bytes(file.read_bytes().replace(b"a run", b"b run"))
    with pytest.raises(ConfigError, match="another run"):
        trained(bert, checkpoint=file, epochs=1)


def test_the_rate_rises_then_falls_to_nothing() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.AdamW([{"params": [weight], "rate": 2.0}], lr=0.0)
    rates = []
    for share in (0.0, 0.025, 0.05, 0.525, 1.0, 1.5):
        _set_rate(optimiser, share)
        rates.append(optimiser.param_groups[0]["lr"])
    assert rates == pytest.approx([0.0, 1.0, 2.0, 1.0, 0.0, 0.0])


def test_batches_hold_every_pair_once_and_similar_lengths_together() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 1_000)
    batches = list(_batches(lengths, 32, np.random.default_rng(1)))
    assert sorted(np.concatenate(batches).tolist()) == list(range(1_000))
    assert max(map(len, batches)) == 32
    spread = np.mean([np.ptp(lengths[batch]) for batch in batches])
    assert spread < np.ptp(lengths) / 4
