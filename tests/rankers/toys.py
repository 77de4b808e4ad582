"""Pairs to learn from whose truth is known."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tacit.core.errors import MissingExtraError
from tacit.core.types import Array, Float32
from tacit.features.feature_columns import Column
from tacit.rankers.cnn import CNN
from tacit.rankers.dcn import DCN
from tacit.rankers.lambdamart import LambdaMART, load_lightgbm
from tacit.rankers.linear import Linear
from tacit.rankers.mlp import MLP
from tacit.rankers.ranker import Pairs, Ranker

COLUMNS = [
    *(Column(f"user_{d}", "text", "user") for d in range(4)),
    *(Column(f"item_{d}", "text", "item") for d in range(4)),
    *(Column(f"recent{k}_{d}", "sequence", "user") for k in range(3) for d in range(4)),
    *(Column(f"pair_{d}", "retrieval", "pair") for d in range(2)),
]
CROSSED = [COLUMNS[-1], Column("a cross", "crosses", "bucket"), Column("another", "crosses", "bucket")]
"""Two columns of buckets beside an amount that says nothing."""


def without_lightgbm() -> str:
    """Why LightGBM cannot be used here; empty where it can."""
    try:
        load_lightgbm()
    except MissingExtraError as error:
        return str(error)
    return ""


needs_lightgbm = pytest.mark.skipif(bool(without_lightgbm()), reason=without_lightgbm())

CLASSES = (Linear, MLP, DCN, CNN, LambdaMART)
"""Every ranker."""

NEURAL: dict[str, Callable[..., Ranker]] = {
    "linear": Linear,
    "mlp": MLP,
    "two streams": lambda **given: MLP(streams=2, **given),
    "dcn": DCN,
    "low rank": lambda **given: DCN(rank=3, **given),
    "cnn": CNN,
}
"""Every neural ranker, to be made with the parameters that all share."""

ALL = [*NEURAL, pytest.param("lambdamart", marks=needs_lightgbm)]


def built(name: str, epochs: int = 15, **given: Any) -> Ranker:
    """A ranker for the toys."""
    if name == "lambdamart":
        return LambdaMART(epochs=epochs, threads=1, learning_rate=0.1, patience=20, feature_share=1.0)
    quick = {"batch_size": 256, "learning_rate": 5e-3, "dropout": 0.0}
    return NEURAL[name](**{"epochs": epochs, "device": "cpu", **quick, **given})


def line(seed: int, n: int = 3_000) -> Pairs:
    """A weighted sum of features decides."""
    features = drawn(seed, n)
    return labelled(features, features[:, -1] - features[:, -2] > 0.5)


def product(seed: int, n: int = 3_000) -> Pairs:
    """The product of a feature of the user and one of the item decides: a linear model sees nothing."""
    features = drawn(seed, n)
    return labelled(features, features[:, 1] * features[:, 5] > 0)


def bucketed(seed: int, n: int = 3_000) -> Pairs:
    """What the first bucket of `CROSSED` stands for decides; it is huge, or 0 for nothing known."""
    rng = np.random.default_rng(seed)
    bucket = rng.integers(0, 8, (n, 2))
    features = np.concatenate([rng.normal(size=(n, 1)), bucket * [1_000_003, 70_000] % 2**24], axis=1)
    return labelled(features.astype(np.float32), (bucket[:, 0] % 3 == 1) ^ (rng.random(n) < 0.05))


def drawn(seed: int, n: int) -> Float32:
    """Features that are independent of each other."""
    return np.random.default_rng(seed).normal(size=(n, len(COLUMNS))).astype(np.float32)


def labelled(features: Float32, label: Array) -> Pairs:
    """Pairs in lists of 20, of which the first stage says nothing."""
    n = len(features)
    nothing, ones = np.zeros(n, dtype=np.float32), np.ones(n, dtype=np.float32)
    return Pairs(features, label.astype(np.float32).reshape(n, -1), np.arange(n) // 20, nothing, ones)


def shuffled(pairs: Pairs, seed: int) -> Pairs:
    """The labels of other pairs."""
    return replace(pairs, label=np.random.default_rng(seed).permutation(pairs.label))
