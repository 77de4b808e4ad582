"""Gradient-boosted trees that order lists, added to the log-odds of the first stage.

LambdaMART (Burges, "From RankNet to LambdaRank to LambdaMART", 2010) by LightGBM, boosted from the base.
Trees are grown while NDCG@10 on the validation pairs rises; there may be none at all. The model is kept as
LightGBM's own text in an array of bytes: reading it runs no code.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from tacit.core.extras import require
from tacit.core.parameters import learned, parameter
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Array, Float32
from tacit.data.gain import ndcg_of_pairs
from tacit.features.feature_columns import Column, buckets_of
from tacit.features.normaliser import Scale
from tacit.rankers.ranker import Epoch, OnEpoch, Pairs, ParameterisedRanker
from tacit.rankers.ranker_metrics import accuracy, auc

if TYPE_CHECKING:
    from lightgbm import Booster

_STEP = 5
"""Trees of an epoch: validation pairs are measured after each epoch."""


class LambdaMART(ParameterisedRanker):
    """The base plus a sum of small trees.

    Columns of buckets are not used: a tree cannot tell so many values apart. The loss of its epochs is
    1 - NDCG@10. Weights of pairs are not used: sampled negatives are far from the top of a list, which alone
    decides NDCG@10.

    Parameters
    ----------
    families : sequence of str, optional
        Families of features that it takes; by default those that the feature maker gives by default.
    tasks : mapping of event type to weight
        How much an event of each type adds to the gain of a candidate. Empty: any event gives a gain of 1.
    leaves : int
        The most leaves of a tree.
    learning_rate : float
        Factor on the values of each tree.
    min_pairs : int
        The fewest training pairs in a leaf.
    l2 : float
        L2 regularisation of the values of leaves.
    feature_share, pair_share : float
        Share of the features, and of the pairs, that each tree is grown from.
    epochs : int
        The most epochs, of five trees each.
    patience : int
        Training stops after so many epochs without a higher NDCG@10 on the validation pairs; the best epoch
        is kept.
    threads : int
        Threads that train, as many as there are cores at most; 0 takes all cores. Scoring takes one.
    """

    scale: ClassVar[Scale] = "standard"  # trees depend on the order of values alone

    name: str = "lambdamart"
    families: Sequence[str] | None = None
    tasks: Mapping[str, float] = parameter(default_factory=dict, low=0, high=1e6)
    leaves: int = parameter(default=15, low=2, high=131_072)  # the limit of LightGBM
    learning_rate: float = parameter(default=0.05, above=0, high=10)
    min_pairs: int = parameter(default=50, low=0, high=1_000_000_000)
    l2: float = parameter(default=10.0, low=0, high=1e6)
    feature_share: float = parameter(default=0.5, above=0, high=1)
    pair_share: float = parameter(default=0.7, above=0, high=1)
    epochs: int = parameter(default=60, low=0, high=100_000)
    patience: int = parameter(default=6, low=1, high=100_000)
    threads: int = parameter(default=0, low=0, high=1_024)
    epochs_: list[Epoch] = learned(default_factory=list)
    booster_: "Booster | None" = learned(default=None)

    def fit(
        self,
        train: Pairs,
        valid: Pairs,
        columns: Sequence[Column],
        *,
        test: Pairs | None = None,
        rng: np.random.Generator,
        progress: Progress = SILENT,
        on_epoch: OnEpoch | None = None,
    ) -> Self:
        """Learn from the training pairs and return self; see `tacit.rankers.ranker.Ranker`.

        Raises
        ------
        MissingExtraError
            If LightGBM is not installed or cannot be loaded.
        """
        parts = {"train": train, "valid": valid} | ({} if test is None else {"test": test})
        parts = {name: _without_buckets(pairs, columns) for name, pairs in parts.items()}
        growing = self._growing(parts["train"], seed=int(rng.integers(2**31)))
        scores = {name: pairs.base.copy() for name, pairs in parts.items()}
        watched = "valid_loss" if len(valid) else "train_loss"
        self.epochs_, best = [], 0
        with progress.task("growing trees", total=self.epochs) as task:
            for number in range(self.epochs + 1):
                if number > 0:
                    _grow(growing, number, parts, scores)
                    task.advance()
                self.epochs_.append(self._epoch(number, parts, scores))
                if on_epoch is not None:
                    on_epoch(self.epochs_[-1])
                if getattr(self.epochs_[-1], watched) < getattr(self.epochs_[best], watched):
                    best = number
                elif number - best >= self.patience:
                    break
        self.booster_ = _loaded(growing.model_to_string(num_iteration=best * _STEP)) if best else None
        return self

    def score(self, features: Float32, base: Float32) -> Float32:
        """Return the log-odds of the base plus the sum of the trees: float32[pairs]."""
        if self.booster_ is None or not len(features):
            return base
        return base + _added(self.booster_, features, num_threads=1)

    def arrays(self) -> dict[str, Array]:
        """Return the trees as LightGBM's text in bytes; no bytes where there is no tree."""
        text = "" if self.booster_ is None else self.booster_.model_to_string()
        return {"trees": np.frombuffer(text.encode("utf-8"), dtype=np.uint8)}

    def _take(self, arrays: Mapping[str, Array]) -> None:
        text = str(arrays["trees"].tobytes(), "utf-8")
        self.booster_ = _loaded(text) if text else None

    def _growing(self, train: Pairs, seed: int) -> "Booster":
        lightgbm = load_lightgbm()
        # LightGBM takes levels 0, 1, ... as labels, and the gain of each level.
        gains, level = np.unique(self._gain(train), return_inverse=True)
        parameters = {
            "objective": "lambdarank",
            "label_gain": gains.tolist(),
            "lambdarank_truncation_level": 20,
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.min_pairs,
            "lambda_l2": self.l2,
            "feature_fraction": self.feature_share,
            # LightGBM refuses a sample that is rounded to no pair.
            "bagging_fraction": min(max(self.pair_share, 2 / max(len(train), 1)), 1.0),
            "bagging_freq": 1,
            "num_threads": min(self.threads, os.cpu_count() or 1),
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,
            "verbosity": -1,
        }
        sizes = np.unique(train.group, return_counts=True)[1]
        pairs = lightgbm.Dataset(train.features, level, group=sizes, init_score=train.base, params=parameters)
        booster: Booster = lightgbm.Booster(parameters, pairs)
        return booster

    def _gain(self, pairs: Pairs) -> Float32:
        if not self.tasks:
            return pairs.acted
        return pairs.label @ np.asarray(list(self.tasks.values()), dtype=np.float32)

    def _epoch(self, number: int, parts: Mapping[str, Pairs], scores: Mapping[str, Float32]) -> Epoch:
        figures: dict[str, float] = {}
        for name, pairs in parts.items():
            score, gain = scores[name], ndcg_of_pairs(scores[name], self._gain(pairs), pairs.group)
            figures[f"{name}_loss"] = 1 - float(gain.mean()) if len(gain) else float("nan")
            figures[f"{name}_accuracy"] = accuracy(score, pairs.acted, pairs.weight)
            figures[f"{name}_auc"] = auc(score, pairs.acted)
        return Epoch(number, **figures)


def _without_buckets(pairs: Pairs, columns: Sequence[Column]) -> Pairs:
    """Return the pairs with the same bucket everywhere: no tree can split by a constant column."""
    places = buckets_of(columns)
    if not places:
        return pairs
    features = pairs.features.copy()
    features[:, places] = 0
    return replace(pairs, features=features)


def _grow(booster: "Booster", number: int, parts: Mapping[str, Pairs], scores: dict[str, Float32]) -> None:
    """Grow the trees of an epoch, and add their values to the scores."""
    for _ in range(_STEP):
        booster.update()
    for name, pairs in parts.items():
        if len(pairs):
            first = (number - 1) * _STEP
            scores[name] += _added(booster, pairs.features, start_iteration=first, num_iteration=_STEP)


def _added(booster: "Booster", features: Float32, **which: Any) -> Float32:
    return np.asarray(booster.predict(features, raw_score=True, **which), dtype=np.float32)


def _loaded(text: str) -> "Booster":
    booster: Booster = load_lightgbm().Booster(model_str=text)
    return booster


def load_lightgbm() -> Any:
    """Return the module LightGBM.

    Raises
    ------
    MissingExtraError
        If it is not installed or cannot be loaded.
    """
    return require("lightgbm", "lambdamart", library="libgomp1")
