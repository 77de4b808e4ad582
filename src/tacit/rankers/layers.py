"""Layers of networks on plain arrays: what PyTorch learned, scored without it.

Learned arrays carry the names that PyTorch gives them (``deep.0.weight``).
"""

from collections.abc import Iterator, Mapping, Sequence
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
    """Return the features with what a table says in place of their buckets; the same where there is none."""
    table = arrays.get(f"{name}.table.weight")
    if table is None:
        return features
    bucket = features[:, arrays[f"{name}.buckets"]].astype(np.int64)
    said = table[bucket % len(table)] * (bucket > 0)[:, :, None]
    return np.concatenate([features[:, arrays[f"{name}.numbers"]], said.sum(axis=1)], axis=1)


def affine(arrays: Arrays, name: str, features: Float32) -> Float32:
    """Return ``features @ weight.T + bias``: float32[n, outputs]."""
    return np.asarray(features @ arrays[f"{name}.weight"].T + arrays[f"{name}.bias"], dtype=np.float32)


def dense(arrays: Arrays, name: str, features: Float32) -> Float32:
    """Return what affine layers with ReLU make of float32[n, inputs]; the same where there are none."""
    for layer in numbered(arrays, name, "weight"):
        features = np.maximum(affine(arrays, layer, features), 0)
    return features


def cross(arrays: Arrays, name: str, features: Float32) -> Float32:
    """Return the features crossed with themselves, once a layer: float32[n, inputs]."""
    state = features
    for layer in numbered(arrays, name, "up.weight"):
        low = arrays.get(f"{layer}.down.weight")
        state = state + features * affine(arrays, f"{layer}.up", state if low is None else state @ low.T)
    return state


def outer_convolutions(arrays: Arrays, name: str, user: Float32, item: Float32, stride: int) -> Float32:
    """Return what convolutions with ReLU make of outer products: float32[n, channels, ...].

    Where there is one, the map is never made: ``sum_ab W[a, b] user[p + a] item[q + b]`` is two products.

    Parameters
    ----------
    user, item : float32[n, ...]
    """
    if f"{name}.0.weight" not in arrays:
        return user[:, None, :, None] * item[:, None, None, :]
    weight, bias = arrays[f"{name}.0.weight"][:, 0], arrays[f"{name}.0.bias"]
    users, items = (
        sliding_window_view(side, width, axis=1)[:, ::stride]
        for side, width in zip((user, item), weight.shape[1:], strict=True)
    )
    halves = np.tensordot(users, weight, axes=(2, 1))  # n, user windows, channels, width of an item window
    n, high, channels, width = halves.shape
    sums = halves.reshape(n, high * channels, width) @ items.transpose(0, 2, 1)
    maps = np.maximum(sums.reshape(n, high, channels, items.shape[1]) + bias[:, None], 0)
    return convolutions(arrays, name, maps.transpose(0, 2, 1, 3), stride, first=1)


def convolutions(arrays: Arrays, name: str, maps: Float32, stride: int, first: int = 0) -> Float32:
    """Return what convolutions with ReLU make of maps, from the first layer on: float32[n, channels, ...].

    Parameters
    ----------
    maps : float32[n, channels, ...]
        One or two dimensions after the channels.
    """
    for layer in islice(numbered(arrays, name, "weight"), first, None):
        weight, bias = arrays[f"{layer}.weight"], arrays[f"{layer}.bias"]
        maps = np.maximum(_convolved(maps, weight, bias, stride), 0)
    return maps


def joint(logits: Float32, weights: Sequence[float]) -> Float32:
    """Return the log-odds of the weighted mean of probabilities, given their log-odds: float32[n].

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
    yes, no = (np.logaddexp.reduce(share - np.logaddexp(0, side), axis=1) for side in (-logits, logits))
    return np.asarray(yes - no, dtype=np.float32)


def _convolved(maps: Float32, weight: Array, bias: Array, stride: int) -> Float32:
    axes = tuple(range(2, maps.ndim))
    windows = sliding_window_view(maps, weight.shape[2:], axis=axes)
    windows = windows[(slice(None), slice(None), *(slice(None, None, stride) for _ in axes))]
    inside = tuple(range(maps.ndim, windows.ndim))
    sums = np.tensordot(windows, weight, axes=((1, *inside), (1, *axes)))
    return np.moveaxis(sums + bias, -1, 1)
