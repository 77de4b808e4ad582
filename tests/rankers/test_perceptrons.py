"""Perceptrons in NumPy: their slopes, steps and outputs are those of PyTorch."""

import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from tests.rankers.toys import COLUMNS, CROSSED, line, product
from torch import nn

from tacit.core import kernels
from tacit.rankers.layers import affine, dense
from tacit.rankers.linear import Linear
from tacit.rankers.list_losses import LIST_LOSSES
from tacit.rankers.losses import LOSSES
from tacit.rankers.mlp import MLP
from tacit.rankers.networks import Perceptron as TorchPerceptron
from tacit.rankers.perceptrons import NumPyLayers, Perceptron, _views, in_numpy, layers_of, perceptrons
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
    same, n, limit = of_torch(own), len(lists.features), min(round(dropout * 256), 255)
    pull = np.random.default_rng(2).normal(size=(n, 2)).astype(np.float32)
    draws = own._draws(n)
    own._layers.forward(lists.features, np.arange(n), own._flat, draws, limit)
    own._layers.back(own._flat, pull, own._slopes)
    state = torch.from_numpy(lists.features)
    for layer in same.deep:
        state = torch.relu(layer(state))
        of_layer, draws = np.split(draws, [state.numel()])
        kept = torch.from_numpy(of_layer.reshape(state.shape) >= limit)
        state = state * kept * (256 / (256 - limit))
    (same.out(state) * torch.from_numpy(pull)).sum().backward()
    layers = [*same.deep, same.out]
    for slopes, layer in zip(_views(own._slopes, own._shapes), layers, strict=True):
        expected = np.concatenate([layer.weight.grad.numpy().T, layer.bias.grad.numpy()[None]])
        np.testing.assert_allclose(slopes, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.skipif(kernels.COMPILED is None, reason="the loops are not installed")
@pytest.mark.parametrize("widths", [(6, 2), (1, 1), (70, 64, 32, 1), (17, 33, 5, 3), (40, 130, 2)])
@pytest.mark.parametrize("limit", [0, 64, 255])
@pytest.mark.parametrize("count", [0, 1, 7, 100])
def test_compiled_layers_are_those_of_numpy(widths: tuple[int, ...], limit: int, count: int) -> None:
    rng = np.random.default_rng(count)
    features = rng.normal(size=(50, widths[0])).astype(np.float32)
    rows = rng.integers(0, 50, count)
    weights = rng.normal(size=sum((a + 1) * b for a, b in pairwise(widths))).astype(np.float32)
    draws = rng.integers(0, 256, count * sum(widths[1:-1]), dtype=np.uint8)
    pull = rng.normal(size=(count, widths[-1])).astype(np.float32)
    found = []
    for layers in (layers_of(widths), NumPyLayers(widths)):
        output = layers.forward(features, rows, weights, draws, limit)
        slopes = np.full_like(weights, np.nan)
        layers.back(weights, pull, slopes)
        found += [output, slopes]
    for compiled, in_numpy_ in zip(found[:2], found[2:], strict=True):
        assert compiled.shape == in_numpy_.shape
        scale = np.abs(in_numpy_).max(initial=1)
        np.testing.assert_allclose(compiled / scale, in_numpy_ / scale, atol=1e-5)


@pytest.mark.skipif(kernels.COMPILED is None, reason="the loops are not installed")
def test_compiled_layers_refuse_arrays_that_do_not_fit() -> None:
    layers, none = layers_of((2, 3, 1)), np.empty(0, np.uint8)
    features, rows, weights = np.ones((4, 2), np.float32), np.arange(4), np.ones(13, np.float32)
    with pytest.raises(ValueError, match="beyond the end"):
        layers.forward(features, np.array([4]), weights, none, 0)
    with pytest.raises(ValueError, match="do not fit"):
        layers.forward(features, rows, weights[1:], none, 0)
    with pytest.raises(ValueError, match="do not fit"):
        layers.forward(features, rows, weights, none, 64)
    layers.forward(features, rows, weights, none, 0)
    with pytest.raises(ValueError, match="do not fit"):
        layers.back(weights, np.ones((3, 1), np.float32), weights.copy())


def test_a_share_is_dropped_and_the_mean_stays() -> None:
    own, ones = network((6, 40, 1), dropout=0.25), np.ones((2_000, 6), dtype=np.float32)
    for layer in _views(own._flat, own._shapes):
        layer[:-1], layer[-1] = 0, 1  # every state is 1 before dropout
    own._flat[-41:-1] = 1  # the output is one more than the sum of the states
    rows = np.arange(2_000)
    output = own._layers.forward(ones, rows, own._flat, own._draws(2_000), own._limit)
    assert output.mean() == pytest.approx(41, abs=0.3)
    assert output.std() == pytest.approx((40 * 0.25 / 0.75) ** 0.5, rel=0.1)
    assert (own.added(ones, rows) == 41).all()
    plain = network((6, 40, 40, 1)).added(ones, np.arange(3))
    assert np.array_equal(plain, network((6, 40, 40, 1), dropout=0.25).added(ones, np.arange(3)))


def test_outputs_are_those_of_the_layers_that_serve() -> None:
    own, lists = network(), some_lists()
    arrays = own.arrays()
    expected = affine(arrays, "out", dense(arrays, "deep", lists.features))
    np.testing.assert_allclose(own.added(lists.features, np.arange(len(lists.features))), expected, rtol=1e-5)


def test_untrained_networks_add_nothing_and_differ() -> None:
    lists = Lists.of(line(0, 300), line(0, 300).base[:, None])
    with perceptrons(MLP(), (64, 32), lists, rng=np.random.default_rng(0)) as untrained:
        assert not untrained.added(lists.features, [(0, np.arange(300))])[0].any()
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
        parts = [(place, np.arange(300)) for place in (0, 1)]
        added = [np.abs(one).max() for one in networks.added(lists.features, parts)]
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
