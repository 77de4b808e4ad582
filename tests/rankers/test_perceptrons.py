"""Perceptrons in NumPy: their slopes, steps and outputs are those of PyTorch."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.rankers.toys import COLUMNS, CROSSED, line, product
from torch import nn

from tacit.rankers.layers import affine, dense
from tacit.rankers.linear import Linear
from tacit.rankers.list_losses import LIST_LOSSES
from tacit.rankers.losses import LOSSES
from tacit.rankers.mlp import MLP
from tacit.rankers.networks import Perceptron as TorchPerceptron
from tacit.rankers.perceptrons import Perceptron, in_numpy, perceptrons
from tacit.rankers.ranking_lists import Lists
from tacit.rankers.torch_training import padded

WIDTHS = (6, 5, 4, 2)


def network(widths: tuple[int, ...] = WIDTHS, *, dropout: float = 0.0, seed: int = 0) -> Perceptron:
    rng = np.random.Generator(np.random.SFC64(seed))
    found = Perceptron(widths, learning_rate=1e-2, weight_decay=0.1, dropout=dropout, rng=rng)
    found._flat[:] = rng.normal(size=found._flat.shape)  # the last layer too
    return found


def some_lists(tasks: int = 2) -> Lists:
    rng = np.random.default_rng(1)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(1, 7, 20))])
    n = int(offsets[-1])
    label = (rng.random((n, tasks)) < 0.3).astype(np.float32)
    weight = np.where(label.any(axis=1), 1, rng.choice([0.5, 1, 2.5], n)).astype(np.float32)
    features, base = rng.normal(size=(n, WIDTHS[0])), rng.normal(size=(n, 3))
    return Lists(features.astype(np.float32), label, base.astype(np.float32), weight, offsets)


def of_torch(one: Perceptron, widths: tuple[int, ...] = WIDTHS) -> TorchPerceptron:
    same = TorchPerceptron(nn.Identity(), widths[0], widths[1:-1], 0.0, widths[-1])
    same.load_state_dict({name: torch.from_numpy(array) for name, array in one.arrays().items()})
    return same


@pytest.mark.parametrize("widths", [WIDTHS, (6, 3, 2), (6, 2)])
@pytest.mark.parametrize("loss", LIST_LOSSES)
def test_steps_are_those_of_pytorch(widths: tuple[int, ...], loss: str) -> None:
    lists, own = some_lists(), network(widths)
    same = of_torch(own, widths)
    optimiser = torch.optim.AdamW(same.parameters(), lr=1e-2, weight_decay=0.1)
    for queries in (np.array([3, 0, 7, 12]), np.arange(20), np.array([5, 19, 2])):
        own.learn(lists, queries, 1, LIST_LOSSES[loss])
        rows, offsets = lists.rows(queries)
        count = torch.from_numpy(np.diff(offsets))
        real = torch.arange(int(count.max()))[None] < count[:, None]
        features, label, weight = (
            torch.from_numpy(x[rows]) for x in (lists.features, lists.label, lists.weight)
        )
        logits = same(features) + torch.from_numpy(lists.base[rows, 1])[:, None]
        value = torch.stack(
            [
                LOSSES[loss](padded(logits[:, t], real), padded(label[:, t], real), padded(weight, real))
                for t in range(2)
            ]
        ).sum()
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    for name, tensor in same.state_dict().items():
        if loss != "bce" and name == "out.bias":
            continue  # adding the same to a whole list changes nothing: its slope is rounding alone
        np.testing.assert_allclose(own.arrays()[name], tensor.numpy(), atol=2e-5)


@pytest.mark.parametrize("dropout", [0.25, 0.999])
def test_slopes_under_dropout_are_those_of_pytorch(dropout: float) -> None:
    lists, own = some_lists(), network(dropout=dropout)
    same = of_torch(own)
    own.rng, again = (np.random.Generator(np.random.SFC64(9)) for _ in range(2))
    pull = np.random.default_rng(2).normal(size=(len(lists.features), 2)).astype(np.float32)
    own._back(own._states(lists.features), pull)
    state, zero = torch.from_numpy(lists.features), min(round(dropout * 256), 255)
    for layer in same.deep:
        state = torch.relu(layer(state))
        draws = again.integers(0, 2**64, -(-state.numel() // 8), dtype=np.uint64).view(np.uint8)
        kept = torch.from_numpy(draws[: state.numel()].reshape(state.shape) >= zero)
        state = state * kept * (256 / (256 - zero))
    (same.out(state) * torch.from_numpy(pull)).sum().backward()
    layers = [*same.deep, same.out]
    for slopes, layer in zip(own._layer_slopes, layers, strict=True):
        expected = np.concatenate([layer.weight.grad.numpy().T, layer.bias.grad.numpy()[None]])
        np.testing.assert_allclose(slopes, expected, rtol=1e-3, atol=1e-3)


def test_a_share_is_dropped_and_the_mean_stays() -> None:
    own = network((6, 40, 40, 1), dropout=0.25)
    for layer in own._layers:
        layer[:-1], layer[-1] = 0, 1  # every state is 1 before dropout
    states = own._states(np.ones((2_000, 6), dtype=np.float32))
    assert states[1].mean() == pytest.approx(0.75, abs=0.01)
    assert set(np.unique(states[1])) == {0, 1}
    assert states[2].mean() == pytest.approx(1, abs=0.02)
    plain = network((6, 40, 40, 1)).added(np.ones((3, 6), dtype=np.float32))
    assert np.array_equal(
        plain, network((6, 40, 40, 1), dropout=0.25).added(np.ones((3, 6), dtype=np.float32))
    )


def test_outputs_are_those_of_the_layers_that_serve() -> None:
    own, lists = network(), some_lists()
    arrays = own.arrays()
    expected = affine(arrays, "out", dense(arrays, "deep", lists.features))
    np.testing.assert_allclose(own.added(lists.features), expected, rtol=1e-5)


def test_untrained_networks_add_nothing_and_differ() -> None:
    lists = Lists.of(line(0, 300), line(0, 300).base[:, None])
    with perceptrons(MLP(), (64, 32), lists, rng=np.random.default_rng(0)) as untrained:
        assert not untrained.added(0, lists.features).any()
        first, second = (one["deep.0.weight"] for one in untrained.arrays()[:2])
    assert (first != second).any()
    assert np.abs(first).max() <= 1 / np.sqrt(lists.features.shape[1])
    assert np.abs(first).max() > 0.9 / np.sqrt(lists.features.shape[1])


def test_a_network_without_lists_learns_nothing() -> None:
    lists = Lists.of(line(0, 300), line(0, 300).base[:, None])
    learns = np.ones((len(lists), 2), dtype=bool)
    learns[:, 0] = False
    with perceptrons(MLP(members=2), (4,), lists, rng=np.random.default_rng(0)) as networks:
        networks.one_pass(learns)
        added = [np.abs(networks.added(place, lists.features)).max() for place in (0, 1)]
    assert added[0] == 0 < added[1]


def test_numpy_takes_small_perceptrons_on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tacit.rankers.perceptrons.chosen_device", lambda name: name.replace("auto", "cuda"))
    assert in_numpy("cpu", COLUMNS, (64, 32))
    assert in_numpy("auto", COLUMNS, (64, 32))
    assert not in_numpy("auto", COLUMNS, (4096, 32))
    assert in_numpy("cpu", COLUMNS, (4096, 32))
    assert not in_numpy("cuda", COLUMNS, (64, 32))
    assert not in_numpy("cpu", CROSSED, (64, 32))  # buckets


@pytest.mark.parametrize("ranker", [MLP(epochs=1), Linear(epochs=1)])
def test_a_fit_imports_no_pytorch(ranker: MLP | Linear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tacit.rankers.torch_training", None)  # an import of it fails
    ranker.fit(product(0, 300), product(1, 300), COLUMNS, rng=np.random.default_rng(0))
    assert len(ranker.epochs_) == 2
    none = replace(product(0, 300), features=np.zeros((300, 3), np.float32))
    with pytest.raises(ImportError):
        ranker.fit(none, none, CROSSED, rng=np.random.default_rng(0))
