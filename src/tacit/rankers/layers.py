"""Layers of networks in NumPy: networks trained with PyTorch are scored without it.

Learned arrays carry the names that PyTorch gives them (``deep.0.weight``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tacit.core.types import Array, Float32

Arrays = Mapping[str, Array]


def numbered(arrays: Arrays, name: str, part: str) -> Iterator[str]:
    """Yield ``name.0``, ``name.1``, ... as far as there are arrays ``name.0.part``, ..."""
    place = 0
    while f"{name}.{place}.{part}" in arrays:
        yield f"{name}.{place}"
        place += 1


def looked_up(arrays: Arrays, name: str, features: Float32) -> Float32:
    """Return the features with the sum of the embeddings of their buckets in place of the buckets.

    Without a table of that name the features are returned as they are. Shapes: ``numbers`` int64[a] and
    ``buckets`` int64[b] are columns of the features, ``table`` is float32[rows, width], and the result
    float32[n, a + width].
    """
    table = arrays.get(f"{name}.table.weight")
    if table is None:
        return features
    bucket = features[:, arrays[f"{name}.buckets"]].astype(np.int64)
    embedded = table[bucket % len(table)] * (bucket > 0)[:, :, None]  # n, b, width; bucket 0 adds nothing
    return np.concatenate([features[:, arrays[f"{name}.numbers"]], embedded.sum(axis=1)], axis=1)


def affine(arrays: Arrays, name: str, features: Float32) -> Float32:
    """Return ``features @ weight.T + bias``: float32[n, outputs]."""
    return np.asarray(features @ arrays[f"{name}.weight"].T + arrays[f"{name}.bias"], dtype=np.float32)


def dense(arrays: Arrays, name: str, features: Float32) -> Float32:
    """Return the output of affine layers with ReLU for float32[n, inputs]; the input where there are none."""
    for layer in numbered(arrays, name, "weight"):
        features = np.maximum(affine(arrays, layer, features), 0)
    return features


@dataclass(frozen=True)
class Stacked:
    """Perceptrons of one shape side by side: their mean output by one product a layer.

    Attributes
    ----------
    members : int
    first : (float32[inputs, members * width], float32[members * width]), or None without a hidden layer
    later : sequence of (float32[members, before, after], float32[members, 1, after])
    last : (float32[members * width, tasks], float32[tasks])
        Divided by the number of members, so that the output is the mean.
    """

    members: int
    first: tuple[Float32, Float32] | None
    later: Sequence[tuple[Float32, Float32]]
    last: tuple[Float32, Float32]

    @classmethod
    def of(cls, members: Sequence[Arrays]) -> "Stacked":
        """Stack the layers ``deep.0``, ``deep.1``, ... and ``out`` of trained networks."""
        weights = [
            [np.stack([one[f"{layer}.{part}"] for one in members]) for part in ("weight", "bias")]
            for layer in numbered(members[0], "deep", "weight")
        ]
        # members, outputs, inputs of each layer; the first one reads the same input for every member.
        first = None
        if weights:
            weight, bias = weights[0]
            first = np.ascontiguousarray(weight.reshape(-1, weight.shape[2]).T), bias.ravel()
        out = np.stack([one["out.weight"] for one in members])  # members, tasks, width
        mean = out.transpose(0, 2, 1).reshape(-1, out.shape[1]) / np.float32(len(members))
        if first is None:  # every member reads the input itself
            mean = out.mean(axis=0).T
        return cls(
            len(members),
            first,
            [(np.ascontiguousarray(w.transpose(0, 2, 1)), b[:, None]) for w, b in weights[1:]],
            (np.ascontiguousarray(mean), np.mean([one["out.bias"] for one in members], axis=0)),
        )

    @property
    def layers(self) -> list[tuple[Float32, Float32]]:
        """The hidden layers: float32[members, before, after] and float32[members, after] of each."""
        later = [(weight, bias[:, 0]) for weight, bias in self.later]
        if self.first is None:
            return []
        weight, bias = self.first
        by_member = weight.reshape(len(weight), self.members, -1).transpose(1, 0, 2)
        return [(np.ascontiguousarray(by_member), bias.reshape(self.members, -1)), *later]

    def mean(self, features: Float32) -> Float32:
        """Return the mean output of the networks: float32[n, tasks]."""
        state = features
        if self.first is not None:
            state = features @ self.first[0]
            state += self.first[1]
            np.maximum(state, 0, out=state)
        if self.later:
            members, width = self.later[0][0].shape[:2]
            by_member = state.reshape(-1, members, width).transpose(1, 0, 2)
            for weight, bias in self.later:
                by_member = by_member @ weight  # members, n, width
                by_member += bias
                np.maximum(by_member, 0, out=by_member)
            state = by_member.transpose(1, 0, 2).reshape(len(features), members * by_member.shape[2])
        weight, bias = self.last
        return np.asarray(state @ weight + bias, dtype=np.float32)


def cross(arrays: Arrays, name: str, features: Float32) -> Float32:
    """Apply cross layers, ``state = features * (W state + b) + state``: float32[n, inputs]."""
    state = features
    for layer in numbered(arrays, name, "up.weight"):
        low = arrays.get(f"{layer}.down.weight")
        state = state + features * affine(arrays, f"{layer}.up", state if low is None else state @ low.T)
    return state


def outer_convolutions(arrays: Arrays, name: str, user: Float32, item: Float32, stride: int) -> Float32:
    """Return the output of convolutions with ReLU over outer products: float32[n, channels, ...].

    The first layer is computed without the outer product itself: ``sum_ab W[a, b] user[p + a] item[q + b]``
    is ``sum_b (sum_a user[p + a] W[a, b]) item[q + b]``, two small matrix products. Without a layer the outer
    product is returned.

    Parameters
    ----------
    user, item : float32[n, ...]
    """
    if f"{name}.0.weight" not in arrays:
        return user[:, None, :, None] * item[:, None, None, :]
    weight, bias = arrays[f"{name}.0.weight"][:, 0], arrays[f"{name}.0.bias"]
    # Windows of each vector: n, windows, width of a window.
    users, items = (
        sliding_window_view(side, width, axis=1)[:, ::stride]
        for side, width in zip((user, item), weight.shape[1:], strict=True)
    )
    halves = np.tensordot(users, weight, axes=(2, 1))  # n, user windows, channels, width of an item window
    n, high, channels, width = halves.shape
    # n, user windows * channels, item windows
    sums = halves.reshape(n, high * channels, width) @ items.transpose(0, 2, 1)
    maps = np.maximum(sums.reshape(n, high, channels, items.shape[1]) + bias[:, None], 0)
    return convolutions(arrays, name, maps.transpose(0, 2, 1, 3), stride, first=1)


def convolutions(arrays: Arrays, name: str, maps: Float32, stride: int, first: int = 0) -> Float32:
    """Return the output of convolutions with ReLU over maps: float32[n, channels, ...].

    Parameters
    ----------
    maps : float32[n, channels, ...]
        One or two dimensions after the channels.
    first : int
        The layer that takes the maps; those before it are skipped.
    """
    for layer in islice(numbered(arrays, name, "weight"), first, None):
        weight, bias = arrays[f"{layer}.weight"], arrays[f"{layer}.bias"]
        maps = np.maximum(_convolved(maps, weight, bias, stride), 0)
    return maps


def joint(logits: Float32, weights: Sequence[float]) -> Float32:
    """Return the log-odds of the weighted mean of probabilities, given their log-odds: float32[n].

    With ``w`` the weights over their sum, ``log(sum w sigmoid(z)) - log(sum w sigmoid(-z))``: by logarithms,
    so that no probability is rounded to 0 or 1.

    Parameters
    ----------
    logits : float32[n, tasks]
    weights : sequence of tasks floats
    """
    weight = np.asarray(weights, dtype=np.float32)
    logits, weight = logits[:, weight > 0], weight[weight > 0]
    if len(weight) == 1:
        return logits[:, 0]
    share = np.log(weight / weight.sum())
    # log sigmoid(z) = -log(1 + exp(-z))
    yes, no = (np.logaddexp.reduce(share - np.logaddexp(0, side), axis=1) for side in (-logits, logits))
    return np.asarray(yes - no, dtype=np.float32)


def _convolved(maps: Float32, weight: Array, bias: Array, stride: int) -> Float32:
    """Return one convolution: float32[n, outputs, ...]; ``weight`` is float32[outputs, channels, ...]."""
    axes = tuple(range(2, maps.ndim))
    windows = sliding_window_view(maps, weight.shape[2:], axis=axes)
    # n, channels, places of a window ..., inside of a window ...
    windows = windows[(slice(None), slice(None), *(slice(None, None, stride) for _ in axes))]
    inside = tuple(range(maps.ndim, windows.ndim))
    sums = np.tensordot(windows, weight, axes=((1, *inside), (1, *axes)))
    return np.moveaxis(sums + bias, -1, 1)
