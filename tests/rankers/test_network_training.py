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
from tacit.rankers.network_training import cross_train, train_network
from tacit.rankers.perceptrons import Perceptron
from tacit.rankers.ranker import Epoch, Pairs
from tacit.rankers.ranking_lists import Lists
from tacit.rankers.torch_training import PaddedLists, torch_networks

SMALL = 600


def ranker(**given: Any) -> MLP:
    quick = {"hidden": (8,), "members": 2, "batch_size": 64, "learning_rate": 1e-2, "dropout": 0.0}
    return MLP(**{"epochs": 6, "device": "cpu", **quick, **given})


class InTorch(MLP):
    """The same perceptron, trained by PyTorch."""

    def learning(self, columns: Any, lists: Lists, *, rng: np.random.Generator) -> Any:
        """Give the networks of PyTorch."""
        return torch_networks(self, columns, lists, rng=rng)


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
    pairs = replace(shuffled(line(0, SMALL), 1), group=group)
    lists = Lists.of(pairs, pairs.base[:, None])
    wanted = np.arange(1, len(lists))
    with torch.random.fork_rng():
        padded = [batch.numpy() for batch in PaddedLists.of(lists, "cpu").batches(100)]
    for batches, queries in (
        (list(lists.batches(wanted, 100, rng)), wanted),
        (padded, np.arange(len(lists))),
    ):
        assert sorted(np.concatenate(batches)) == queries.tolist()
        sizes = [int(lists.count[batch].sum()) for batch in batches]
        assert sum(sizes) == lists.count[queries].sum()
        assert max(sizes) < 100 + int(lists.count.max())


def test_places_are_those_of_the_pairs_in_padded_lists() -> None:
    pairs = replace(line(0, 6), group=np.array([2, 2, 2, 5, 7, 7]))
    lists = Lists.of(pairs, pairs.base[:, None])
    assert lists.rows(np.array([2, 0]))[0].tolist() == [4, 5, 0, 1, 2]
    rows, real = PaddedLists.of(lists, "cpu").places(torch.tensor([2, 0]))
    assert rows.tolist() == [4, 5, 0, 1, 2]
    assert real.tolist() == [[True, True, False], [True, True, True]]


def crossed(own: MLP, pairs: Pairs, share: np.ndarray, seed: int = 3) -> tuple[list[Epoch], list[Arrays]]:
    rng, bases = np.random.default_rng(seed), np.repeat(pairs.base[:, None], own.members, axis=1)
    return cross_train(own, COLUMNS, pairs, share, bases, rng=rng, progress=SILENT, on_epoch=None)


def weights_of(arrays: Arrays) -> np.ndarray:
    return np.concatenate([arrays[name].ravel() for name in sorted(arrays)])


def test_a_network_has_not_learned_from_its_own_share() -> None:
    pairs, share = line(0, SMALL), line(0, SMALL).group % 3
    own = ranker(members=3, epochs=1)
    _, before = crossed(own, pairs, share)
    changed = replace(pairs, label=np.where(share[:, None] == 1, 1 - pairs.label, pairs.label))
    _, after = crossed(own, changed, share)
    same = [np.array_equal(weights_of(a), weights_of(b)) for a, b in zip(before, after, strict=True)]
    assert same == [False, True, False]


def test_validation_is_out_of_fold_and_training_is_not() -> None:
    # Labels at random: what was learned of them is worth nothing for others.
    rng = np.random.default_rng(0)
    pairs = replace(line(0, SMALL), label=rng.integers(0, 2, (SMALL, 1)).astype(np.float32))
    own = ranker(members=3, epochs=20, patience=20, hidden=(64,))
    epochs, _ = crossed(own, pairs, line(0, SMALL).group % 3)
    assert epochs[-1].train_auc > 0.8 > 0.6 > epochs[-1].valid_auc
    assert epochs[-1].valid_loss > epochs[0].valid_loss > epochs[-1].train_loss
    assert np.isnan(epochs[-1].test_loss)


def test_out_of_fold_scores_are_those_of_the_epochs_and_of_single_networks() -> None:
    pairs, share = line(0, SMALL), line(0, SMALL).group % 3
    own = ranker(members=3, epochs=3)
    epochs, own.members_ = crossed(own, pairs, share)
    base = np.random.default_rng(1).normal(size=SMALL).astype(np.float32)
    found = own.score_out_of_fold(pairs.features, base, share)
    for place, arrays in enumerate(own.members_):
        alone = ranker(members=1)
        alone.members_ = [arrays]
        mine = share == place
        np.testing.assert_allclose(found[mine], alone.score(pairs.features[mine], base[mine]), rtol=1e-5)
    plain = own.score_out_of_fold(pairs.features, pairs.base, share)
    loss = np.mean(np.logaddexp(0, plain) - pairs.acted * plain)
    some = Lists.of(pairs, pairs.base[:, None])  # all of its lists are shown
    assert len(some) <= 1_000
    assert epochs[-1].valid_accuracy == np.mean((plain > 0) == (pairs.acted > 0))
    assert loss > 0


def test_a_network_stops_where_the_other_shares_are_predicted_best() -> None:
    # The labels of the first share are the opposite of the others. Its network, right by all the others,
    # is taken after it has learned what is wrong for its own share.
    pairs = line(0, SMALL)
    share = pairs.group % 6
    mixed = replace(pairs, label=np.where(share[:, None] == 0, 1 - pairs.label, pairs.label))
    own = ranker(members=6, epochs=8, patience=8, loss="bce")
    _, own.members_ = crossed(own, mixed, share)
    found = own.score_out_of_fold(pairs.features, pairs.base, share)
    right = {
        place: np.mean((found > 0)[share == place] == (mixed.acted > 0)[share == place]) for place in (0, 1)
    }
    assert right[0] < 0.3 < 0.55 < right[1]


def test_each_network_starts_from_its_own_base() -> None:
    pairs, share = line(0, SMALL), line(0, SMALL).group % 2
    bases = np.stack([pairs.base, pairs.base + 7], axis=1).astype(np.float32)
    given = {"rng": np.random.default_rng(3), "progress": SILENT, "on_epoch": None}
    epochs, _ = cross_train(ranker(epochs=0), COLUMNS, pairs, share, bases, **given)
    logits = bases[np.arange(SMALL), share]
    expected = np.mean((logits > 0) == (pairs.acted > 0))
    assert epochs[0].valid_accuracy == pytest.approx(expected)
    others = bases[np.arange(SMALL), 1 - share]
    assert epochs[0].train_accuracy == pytest.approx(np.mean((others > 0) == (pairs.acted > 0)))


@pytest.mark.parametrize(("most", "places"), [(3, [0, 2, 4]), (5, [0, 1, 2, 3, 4]), (9, [0, 1, 2, 3, 4])])
def test_some_lists_are_spread_over_all(most: int, places: list[int]) -> None:
    pairs = replace(line(0, 10), group=np.repeat(np.arange(5), [1, 2, 3, 2, 2]))
    lists = Lists.of(pairs, pairs.base[:, None])
    assert lists.spread(most).tolist() == places
    some = lists.take(lists.spread(3))
    assert some.features.tolist() == pairs.features[[0, 3, 4, 5, 8, 9]].tolist()
    assert some.offsets.tolist() == [0, 1, 4, 6]
    assert some.rows(np.array([2]))[0].tolist() == [4, 5]
    assert len(Lists.of(pairs.select(pairs.group < 0), pairs.base[:0, None])) == 0


def test_training_figures_of_some_lists_change_nothing_that_is_learned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pairs, share = line(0, SMALL), line(0, SMALL).group % 3
    own = ranker(members=3, epochs=2)
    (_, *epochs), arrays = crossed(own, pairs, share)
    monkeypatch.setattr("tacit.rankers.network_training._SHOWN", 20)
    (_, *fewer), same = crossed(own, pairs, share)
    assert [weights_of(a).tolist() for a in same] == [weights_of(a).tolist() for a in arrays]
    assert [one.valid_loss for one in fewer] == [one.valid_loss for one in epochs]
    assert [one.train_loss for one in fewer] != [one.train_loss for one in epochs]
    assert [one.valid_auc for one in fewer] != [one.valid_auc for one in epochs]


def test_networks_beyond_the_shares_leave_out_a_share_again() -> None:
    pairs, share = line(0, SMALL), line(0, SMALL).group % 3
    bases = np.stack([pairs.base, pairs.base + 7, pairs.base - 7], axis=1).astype(np.float32)

    def networks(labels: np.ndarray) -> list[Arrays]:
        rng = np.random.default_rng(3)
        given = replace(pairs, label=labels)
        own = ranker(members=5, epochs=1)
        return cross_train(own, COLUMNS, given, share, bases, rng=rng, progress=SILENT, on_epoch=None)[1]

    changed = np.where(share[:, None] == 1, 1 - pairs.label, pairs.label)
    same = [
        np.array_equal(weights_of(a), weights_of(b))
        for a, b in zip(networks(pairs.label), networks(changed), strict=True)
    ]
    assert same == [False, True, False, False, True]


def test_a_part_of_a_batch_has_the_size_that_was_asked_for() -> None:
    # Three of four shares learn: with batches for one step of all, each network makes as many steps as alone.
    steps = {"numpy": 0, "torch": 0}
    own = ranker(members=4, epochs=1, batch_size=75)
    kinds = {"numpy": (Perceptron, "_step", ranker), "torch": (torch.optim.AdamW, "step", InTorch)}
    for name, (kind, step, make) in kinds.items():
        original = getattr(kind, step)

        def counted(self: Any, *given: Any, name: str = name, original: Any = original) -> Any:
            steps[name] += 1
            return original(self, *given)

        own = make(members=4, epochs=1, batch_size=75, device="cpu")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kind, step, counted)
            crossed(own, line(0, SMALL), line(0, SMALL).group % 4)
    # One step moves all networks of PyTorch, and one network of NumPy.
    assert steps["torch"] == SMALL // 100
    assert 4 * SMALL // 100 <= steps["numpy"] <= 4 * (SMALL // 100 + 1)
