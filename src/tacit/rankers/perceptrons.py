"""Perceptrons that learn side by side, in NumPy.

The default ranker is so small that importing PyTorch takes longer than its training on a small log, and that
PyTorch's own work around each product takes half of a step. The slopes are written out here; the networks are
those of `tacit.rankers.networks.Perceptron`, and a test holds the one against the other.

With x the input of a layer, W and b its weights, and a = relu(x W + b) before dropout, a step back from the
slope g of its output is ``g' = g where a > 0``, ``dW = x' g'``, ``db = sum g'``, ``dx = g' W'``. The products
are compiled where the loops are installed: half the time, and no lock between networks side by side.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from tacit.core import kernels
from tacit.core.devices import AUTO, chosen_device
from tacit.core.seeds import generator
from tacit.core.types import Bool, Float32, Int64, UInt8
from tacit.features.feature_columns import Column, buckets_of
from tacit.rankers.layers import Arrays
from tacit.rankers.list_losses import LIST_LOSSES, Loss
from tacit.rankers.network_training import Trained
from tacit.rankers.ranking_lists import Lists

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8
"""Of AdamW, as in PyTorch."""
_NONE: UInt8 = np.empty(0, dtype=np.uint8)
_PIECE = 2_048
"""Rows whose states stay in the cache of a processor."""
_SMALL = 100_000
"""Weights of a network up to which "auto" takes the processor even where there is a GPU."""


class Layers(Protocol):
    """The products of a perceptron: forward, then back through what the last call forward kept."""

    def forward(self, features: Float32, rows: Int64, weights: Float32, draws: UInt8, limit: int) -> Float32:
        """Return the output for some rows: float32[rows, outputs].

        Parameters
        ----------
        features : float32[n, inputs]
        rows : int64[rows]
        weights : float32[weights]
            Of each layer [inputs + 1, outputs], the last row what is added.
        draws : uint8[rows * hidden]
            For each hidden layer a byte for each of its outputs, of each row. Those below the limit drop
            their number, and the others are scaled up; unused where the limit is 0.
        limit : int
            Of 256.
        """
        ...

    def back(self, weights: Float32, slope: Float32, slopes: Float32) -> None:
        """Fill the slopes of the weights (float32[weights]), given float32[rows, outputs] of the output."""
        ...


class NumPyLayers:
    """`Layers` in NumPy; the twin of the compiled ones.

    Parameters
    ----------
    widths : sequence of int
    """

    def __init__(self, widths: Sequence[int]) -> None:
        self._shapes = _shapes(widths)
        self._states: list[Float32] = []
        self._scale = np.float32(1)

    def forward(self, features: Float32, rows: Int64, weights: Float32, draws: UInt8, limit: int) -> Float32:
        """Return the output for some rows; see `Layers`."""
        # Dropout scales up what it keeps; what is scaled is the weights that read it.
        self._scale = np.float32(256 / (256 - limit))
        self._states = [features[rows]]
        *hidden, last = _views(weights, self._shapes)
        for place, layer in enumerate(hidden):
            state = _affine(self._states[-1], layer, self._scale if place else None)
            np.maximum(state, 0, out=state)
            if limit:
                own, draws = np.split(draws, [state.size])
                state *= own.reshape(state.shape) >= limit
            self._states.append(state)
        return _affine(self._states[-1], last, self._scale if hidden else None)

    def back(self, weights: Float32, slope: Float32, slopes: Float32) -> None:
        """Fill the slopes of the weights; see `Layers`."""
        layers, found = _views(weights, self._shapes), _views(slopes, self._shapes)
        for place in range(len(layers) - 1, -1, -1):
            state, of_layer = self._states[place], found[place]
            np.matmul(state.T, slope, out=of_layer[:-1])
            np.matmul(np.ones(len(slope), dtype=np.float32), slope, out=of_layer[-1])  # a sum over the pairs
            if place:
                of_layer[:-1] *= self._scale
                slope = slope @ (layers[place][:-1] * self._scale).T
                slope *= state > 0  # neither below 0 nor dropped


def layers_of(widths: Sequence[int]) -> Layers:
    """Return the products of a perceptron of these widths, compiled where the loops are installed."""
    compiled: Layers = kernels.loops().Layers(list(widths)) if kernels.COMPILED else NumPyLayers(widths)
    return compiled


class Perceptron:
    """One network while it learns: weights, their slopes and what AdamW keeps, as flat arrays.

    Parameters
    ----------
    widths : sequence of int
        Of the input, the hidden layers and the output.
    learning_rate, weight_decay, dropout : float
        See `tacit.rankers.neural.NeuralRanker`.
    rng : numpy.random.Generator
        Of this network alone: initial weights, the order of the lists and dropout.
    """

    def __init__(
        self,
        widths: Sequence[int],
        *,
        learning_rate: float,
        weight_decay: float,
        dropout: float,
        rng: np.random.Generator,
    ) -> None:
        self._shapes = _shapes(widths)
        size = sum(rows * columns for rows, columns in self._shapes)
        self._flat, self._slopes, self._mean, self._square = np.zeros((4, size), dtype=np.float32)
        # As in PyTorch: within 1 / sqrt(inputs). The last layer stays at zero: untrained, nothing is added.
        for layer in _views(self._flat, self._shapes)[:-1]:
            layer[:] = rng.uniform(-1, 1, layer.shape) / np.sqrt(len(layer) - 1)
        self._layers = layers_of(widths)
        self._hidden = sum(widths[1:-1])
        self._learning_rate, self._weight_decay = learning_rate, weight_decay
        self._limit = min(round(dropout * 256), 255)  # bytes below it drop their number; never all 256
        self._steps = 0
        self.rng = rng

    def added(self, features: Float32, rows: Int64) -> Float32:
        """Return the output for some rows, without dropout: float32[rows, tasks]."""
        return np.concatenate(
            [self._layers.forward(features, some, self._flat, _NONE, 0) for some in _pieces(rows)]
        )

    def learn(self, lists: Lists, queries: Int64, share: int, loss: Loss) -> None:
        """Make one step of AdamW on the lists of some queries, from the base of a share."""
        rows, offsets = lists.rows(queries)
        logits = self._layers.forward(lists.features, rows, self._flat, self._draws(len(rows)), self._limit)
        logits += lists.base[rows, share, None]
        slope = np.empty_like(logits)
        label, weight = lists.label[rows], lists.weight[rows]
        for task in range(logits.shape[1]):
            slope[:, task] = loss(logits[:, task], label[:, task], weight, offsets)[1]
        self._layers.back(self._flat, slope, self._slopes)
        self._step()

    def arrays(self) -> dict[str, Float32]:
        """Return the weights by the names that PyTorch gives them."""
        layers = _views(self._flat, self._shapes)
        names = [*(f"deep.{place}" for place in range(len(layers) - 1)), "out"]
        found: dict[str, Float32] = {}
        for name, layer in zip(names, layers, strict=True):
            found |= {f"{name}.weight": layer[:-1].T.copy(), f"{name}.bias": layer[-1].copy()}
        return found

    def _draws(self, rows: int) -> UInt8:
        """Return a random byte for each output of the hidden layers, of each row."""
        if not self._limit:
            return _NONE
        eight = self.rng.integers(0, 2**64, -(-rows * self._hidden // 8), dtype=np.uint64)
        return eight.view(np.uint8)[: rows * self._hidden]

    def _step(self) -> None:
        """Move the weights by AdamW (Loshchilov and Hutter, ICLR 2019)."""
        self._steps += 1
        slopes, (first, second) = self._slopes, _BETAS
        self._mean += (1 - first) * (slopes - self._mean)
        self._square += (1 - second) * (slopes * slopes - self._square)
        root = np.sqrt(self._square)
        root /= np.sqrt(1 - second**self._steps)
        root += _EPSILON
        self._flat *= 1 - self._learning_rate * self._weight_decay
        self._flat -= (self._learning_rate / (1 - first**self._steps)) * self._mean / root


class Perceptrons:
    """Networks side by side, a thread each as far as there are processors.

    Parameters
    ----------
    networks : sequence of Perceptron
    lists : Lists
    loss : {"bce", "listwise", "pairwise"}
    batch_size : int
    pool : ThreadPoolExecutor
    """

    def __init__(
        self,
        networks: Sequence[Perceptron],
        lists: Lists,
        loss: str,
        batch_size: int,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._networks = networks
        self._lists = lists
        self._loss = LIST_LOSSES[loss]
        self._batch_size = batch_size
        self._pool = pool

    def one_pass(self, learns: Bool) -> None:
        """Let each network learn from its lists once: bool[queries, members]."""
        list(self._pool.map(self._one_pass, range(len(self._networks)), learns.T))

    def _one_pass(self, place: int, learns: Bool) -> None:
        network, share = self._networks[place], place % self._lists.base.shape[1]
        queries = np.flatnonzero(learns)
        if len(queries):
            for batch in self._lists.batches(queries, self._batch_size, network.rng):
                network.learn(self._lists, batch, share, self._loss)

    def added(self, features: Float32, parts: Sequence[tuple[int, Int64]]) -> list[Float32]:
        """Return the output of networks for the rows of each part: float32[rows, tasks]."""
        return list(self._pool.map(lambda part: self._networks[part[0]].added(features, part[1]), parts))

    def arrays(self) -> list[Arrays]:
        """Return the weights of each network."""
        return [network.arrays() for network in self._networks]


def in_numpy(device: str, columns: Sequence[Column], hidden: Sequence[int]) -> bool:
    """Return whether perceptrons over these columns learn in NumPy, on the processor.

    Not where buckets are looked up, nor on a GPU that was named or that a large network makes worth while: a
    step of a small one is a hundred launches of kernels there, whatever it computes.
    """
    widths = [len(columns), *hidden]
    weights = sum(before * after for before, after in zip(widths, hidden, strict=False))
    if buckets_of(columns):
        return False
    if device == AUTO and weights <= _SMALL:
        return True
    return chosen_device(device) == "cpu"


@contextmanager
def perceptrons(
    ranker: Trained, hidden: Sequence[int], lists: Lists, *, rng: np.random.Generator
) -> Iterator[Perceptrons]:
    """Give untrained perceptrons of these widths for a ranker."""
    widths = [lists.features.shape[1], *hidden, lists.label.shape[1]]
    networks = [
        Perceptron(
            widths,
            learning_rate=ranker.learning_rate,
            weight_decay=ranker.weight_decay,
            dropout=ranker.dropout,
            rng=generator(int(seed), "perceptron"),
        )
        for seed in rng.integers(2**63, size=ranker.members)
    ]
    threads = min(ranker.members, os.cpu_count() or 1)
    # The products are small: a second thread of BLAS in each costs more than it brings.
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        yield Perceptrons(networks, lists, ranker.loss, ranker.batch_size, pool)


def _shapes(widths: Sequence[int]) -> list[tuple[int, int]]:
    """Return the shape of each layer: its weights, and below them what is added."""
    return [(before + 1, after) for before, after in pairwise(widths)]


def _pieces(rows: Int64) -> list[Int64]:
    """Return rows in pieces of `_PIECE`."""
    return np.split(rows, np.arange(_PIECE, len(rows), _PIECE))


def _views(flat: Float32, shapes: Sequence[tuple[int, int]]) -> list[Float32]:
    """Return the layers of a flat array: float32[inputs + 1, outputs], the last row what is added."""
    ends = np.cumsum([rows * columns for rows, columns in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends), shapes, strict=True)]


def _affine(state: Float32, layer: Float32, scale: np.float32 | None = None) -> Float32:
    """Return ``scale * state W + b`` for a layer that holds W and b below it."""
    weights = layer[:-1] if scale is None else layer[:-1] * scale
    product: Float32 = np.matmul(state, weights, dtype=np.float32)
    product += layer[-1]
    return product
