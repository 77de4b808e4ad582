"""The training loop of networks: which epoch is kept, when it stops, and what the seed decides."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.rankers.toys import COLUMNS, line, product, shuffled

from tacit.core.progress import SILENT
from tacit.rankers.layers import Arrays
from tacit.rankers.mlp import MLP
from tacit.rankers.network_training import _Lists, train_network
from tacit.rankers.ranker import Epoch, Pairs

SMALL = 600


def ranker(**given: Any) -> MLP:
    quick = {"hidden": (8,), "members": 2, "batch_size": 64, "learning_rate": 1e-2, "dropout": 0.0}
    return MLP(**{"epochs": 6, "device": "cpu", **quick, **given})


def trained(own: MLP, train: Pairs, valid: Pairs, seed: int = 3) -> tuple[list[Epoch], list[Arrays]]:
    rng = np.random.default_rng(seed)
    return train_network(own, COLUMNS, train, valid, None, rng=rng, progress=SILENT, on_epoch=None)


def scores(own: MLP, members: list[Arrays], pairs: Pairs) -> np.ndarray:
    own.members_ = members
    return own.score(pairs.features, pairs.base)


def opposite(pairs: Pairs) -> Pairs:
    return replace(pairs, label=1 - pairs.label)


def test_the_weights_are_those_of_the_epoch_with_the_lowest_validation_loss() -> None:
    # Half of the validation pairs contradict the training pairs: the loss falls, then rises.
    valid = replace(line(1, SMALL), label=np.concatenate([line(1, SMALL).label[:400], product(1, 200).label]))
    own = ranker(epochs=25, patience=25, learning_rate=3e-2)
    epochs, members = trained(own, line(0, SMALL), valid)
    losses = [epoch.valid_loss for epoch in epochs]
    best = int(np.argmin(losses))
    assert 0 < best < len(losses) - 1
    # The same run, ended at that epoch, has the same weights: what came after it left no trace.
    _, ended = trained(ranker(epochs=best, patience=25, learning_rate=3e-2), line(0, SMALL), valid)
    np.testing.assert_array_equal(scores(own, members, valid), scores(own, ended, valid))


@pytest.mark.parametrize("patience", [1, 3])
def test_training_stops_after_patience_epochs_without_a_gain(patience: int) -> None:
    # Validation is the opposite of what is learned: no epoch is better than epoch 0.
    own = ranker(epochs=20, patience=patience)
    epochs, members = trained(own, line(0, SMALL), opposite(line(1, SMALL)))
    assert [epoch.epoch for epoch in epochs] == list(range(patience + 1))
    held = replace(line(2, SMALL), base=np.random.default_rng(0).normal(size=SMALL).astype(np.float32))
    np.testing.assert_array_equal(scores(own, members, held), held.base)  # epoch 0 adds nothing


def test_without_an_epoch_the_networks_add_nothing() -> None:
    own = ranker(epochs=0)
    epochs, members = trained(own, line(0, SMALL), line(1, SMALL))
    assert [epoch.epoch for epoch in epochs] == [0]
    assert len(members) == own.members
    np.testing.assert_array_equal(scores(own, members, line(2, SMALL)), line(2, SMALL).base)


def test_without_validation_pairs_the_training_loss_decides() -> None:
    none = line(1, SMALL).select(np.zeros(SMALL, dtype=bool))
    own = ranker(epochs=3)
    epochs, members = trained(own, line(0, SMALL), none)
    assert all(np.isnan(epoch.valid_loss) for epoch in epochs)
    assert epochs[-1].train_loss < epochs[0].train_loss
    assert (scores(own, members, line(0, SMALL)) != 0).any()


def test_a_seed_decides_everything_and_another_gives_other_weights() -> None:
    own = ranker(epochs=2, dropout=0.3)
    first, again, other = (
        scores(own, trained(own, line(0, SMALL), line(1, SMALL), seed)[1], line(2, SMALL))
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_members_differ_and_their_mean_is_what_is_measured() -> None:
    own = ranker(epochs=2, members=3, patience=3)
    epochs, members = trained(own, line(0, SMALL), line(1, SMALL))
    weights = [member["deep.0.weight"] for member in members]
    assert all((weights[a] != weights[b]).any() for a, b in ((0, 1), (0, 2), (1, 2)))
    acted, score = line(1, SMALL).acted, scores(own, members, line(1, SMALL))
    best = min(epochs, key=lambda epoch: epoch.valid_loss)
    assert np.mean((score > 0) == (acted > 0)) == pytest.approx(best.valid_accuracy, abs=2 / SMALL)


def test_auto_takes_the_processor_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    own = ranker(epochs=1)
    named = trained(own, line(0, SMALL), line(1, SMALL))[1]
    auto = trained(ranker(epochs=1, device="auto"), line(0, SMALL), line(1, SMALL))[1]
    np.testing.assert_array_equal(scores(own, named, line(2, SMALL)), scores(own, auto, line(2, SMALL)))


def test_batches_hold_every_query_once_and_have_about_the_given_size() -> None:
    rng = np.random.default_rng(0)
    group = np.sort(rng.integers(0, 40, SMALL))
    lists = _Lists.of(replace(shuffled(line(0, SMALL), 1), group=group), "cpu")
    with torch.random.fork_rng():
        batches = list(lists.batches(100))
    assert sorted(torch.cat(batches).tolist()) == list(range(len(np.unique(group))))
    sizes = [int(lists.count[batch].sum()) for batch in batches]
    assert sum(sizes) == SMALL
    assert max(sizes) < 100 + int(lists.count.max())


def test_places_are_those_of_the_pairs_in_padded_lists() -> None:
    pairs = replace(line(0, 6), group=np.array([2, 2, 2, 5, 7, 7]))
    rows, real = _Lists.of(pairs, "cpu").places(torch.tensor([2, 0]))
    assert rows.tolist() == [4, 5, 0, 1, 2]
    assert real.tolist() == [[True, True, False], [True, True, True]]
