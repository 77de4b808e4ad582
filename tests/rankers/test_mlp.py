"""The MLP learns what is there, nothing where nothing is, and scores as PyTorch does."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score

from tacit.rankers.mlp import MLP, Epoch, Pairs
from tacit.rankers.quality import accuracy, auc, cross_entropy


def pairs(seed: int, n: int = 3_000) -> Pairs:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 6)).astype(np.float32)
    # A product of two features: a linear model sees nothing.
    label = (features[:, 0] * features[:, 1] > 0).astype(np.float32)
    return features, label, np.arange(n) // 20


def shuffled(made: Pairs, seed: int) -> Pairs:
    return made[0], np.random.default_rng(seed).permutation(made[1]), made[2]


def fitted(train: Pairs, valid: Pairs, **settings: int) -> MLP:
    ranker = MLP(hidden=(32, 16), batch_size=128, device="cpu", **settings)
    return ranker.fit(*train, valid=valid, rng=np.random.default_rng(3))


def test_it_learns_a_crossing() -> None:
    ranker = fitted(pairs(0), pairs(1), epochs=15)
    assert ranker.evaluate(*pairs(2)[:2])["auc"] > 0.95


def test_shuffled_labels_teach_nothing() -> None:
    # One network leans to either side of the truth by its initial weights (deviation .06), so each shuffle
    # starts from its own and the claim is about the mean (standard error .013).
    truth, of_shuffled = [], []
    for seed in range(20):
        ranker = MLP(hidden=(32, 16), batch_size=128, device="cpu", epochs=3)
        valid = shuffled(pairs(1), seed + 100)
        ranker.fit(*shuffled(pairs(0), seed), valid=valid, rng=np.random.default_rng(seed))
        truth.append(ranker.evaluate(*pairs(2)[:2])["auc"])
        of_shuffled.append(ranker.evaluate(*shuffled(pairs(2), seed + 200)[:2])["auc"])
    assert np.mean(truth) == pytest.approx(0.5, abs=0.04)
    assert np.abs(np.array(of_shuffled) - 0.5).max() < 0.04


def test_scores_equal_pytorch() -> None:
    ranker = fitted(pairs(0), pairs(1), epochs=2)
    state = torch.from_numpy(pairs(2)[0])
    for place, (weight, bias) in enumerate(ranker.layers_):
        state = torch.nn.functional.linear(state, torch.from_numpy(weight), torch.from_numpy(bias))
        state = torch.relu(state) if place < len(ranker.layers_) - 1 else state
    np.testing.assert_allclose(ranker.score(pairs(2)[0]), state.numpy()[:, 0], atol=1e-4)


def test_the_best_epoch_is_kept_and_each_epoch_told() -> None:
    told: list[Epoch] = []
    ranker = MLP(hidden=(32,), batch_size=128, device="cpu", epochs=30, patience=2)
    noisy = shuffled(pairs(1), 6)
    ranker.fit(*shuffled(pairs(0), 5), valid=noisy, rng=np.random.default_rng(3), on_epoch=told.append)
    best = min(epoch.valid_loss for epoch in told)
    assert told == ranker.epochs_
    assert len(told) < 30
    assert ranker.evaluate(*noisy[:2])["loss"] == pytest.approx(best, abs=1e-5)


def test_without_validation_pairs_it_still_learns() -> None:
    features, label, group = pairs(1)
    ranker = fitted(pairs(0), (features[:0], label[:0], group[:0]), epochs=15)
    assert ranker.evaluate(features, label)["auc"] > 0.95


def test_the_same_seed_gives_the_same_scores() -> None:
    first, second = (fitted(pairs(0), pairs(1), epochs=2) for _ in range(2))
    np.testing.assert_array_equal(first.score(pairs(2)[0]), second.score(pairs(2)[0]))


def test_restored_equals_stored() -> None:
    ranker = fitted(pairs(0), pairs(1), epochs=1)
    again = MLP.restore(ranker.spec(), ranker.arrays())
    np.testing.assert_array_equal(ranker.score(pairs(2)[0]), again.score(pairs(2)[0]))


def test_quality_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=500).round(1).astype(np.float32)  # with ties
    label = (rng.random(500) < 0.2).astype(np.float32)
    assert auc(logits, label) == pytest.approx(roc_auc_score(label, logits), abs=1e-9)
    assert cross_entropy(logits, label) == pytest.approx(log_loss(label, 1 / (1 + np.exp(-logits))), abs=1e-5)
    assert accuracy(np.array([1, -1, 2, -2], np.float32), np.array([1, 0, 0, 0], np.float32)) == 0.75
