"""Gradient-boosted trees that order lists, added to what the first stage says.

LambdaMART (Burges, "From RankNet to LambdaRank to LambdaMART", 2010) by LightGBM, boosted from the base.
Trees are grown while NDCG@10 on the validation pairs gets better; that may be none at all. The model is kept
as LightGBM's own text in an array of bytes: reading it runs no code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from tacit.core.extras import require
from tacit.core.progress import SILENT, Progress
from tacit.core.types import Array, Float32, Json
from tacit.data.gain import ndcg_of_pairs
from tacit.features.feature_columns import Column, buckets_of
from tacit.features.normaliser import Scale
from tacit.rankers.parameters import made_of, parameters_of
from tacit.rankers.ranker import Epoch, OnEpoch, Pairs
from tacit.rankers.ranker_metrics import accuracy, auc

if TYPE_CHECKING:
    from lightgbm import Booster

_STEP = 5
"""Trees between two looks at the validation pairs: one epoch."""


@dataclass(kw_only=True, eq=False)
class LambdaMART:
    """The base plus a sum of small trees.

    Buckets are left out: there are more than trees tell apart. The loss that its epochs tell is 1 - NDCG@10.
    Weights of pairs are not used: what stands far below the top of a list has next to nothing to do with it.

    Parameters
    ----------
    families : sequence of str, optional
        Families of features that it is to be given; None is what the feature maker gives by default.
    tasks : mapping of event type to weight
        What an event of each type adds to the gain of a candidate. Empty: anything gains 1.
    leaves : int
        Of a tree, at most.
    learning_rate : float
    min_pairs : int
        Pairs in a leaf, at least.
    l2 : float
        Of the values of leaves.
    feature_share, pair_share : float
        What each tree is grown from.
    epochs : int
        Of five trees each, at most.
    patience : int
        Epochs without a better NDCG@10 on the validation pairs after which it stops; the best is kept.
    threads : int
        To train; 0 takes all cores. Scores take one.
    """

    name: ClassVar[str] = "lambdamart"
    scale: ClassVar[Scale] = "standard"  # trees ask for the order of values alone

    families: Sequence[str] | None = None
    tasks: Mapping[str, float] = field(default_factory=dict)
    leaves: int = 15
    learning_rate: float = 0.05
    min_pairs: int = 50
    l2: float = 10.0
    feature_share: float = 0.5
    pair_share: float = 0.7
    epochs: int = 60
    patience: int = 6
    threads: int = 0
    epochs_: list[Epoch] = field(default_factory=list, init=False, repr=False)
    booster_: "Booster | None" = field(default=None, init=False, repr=False)

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
        """Learn from pairs, stop by others, and return self; see `tacit.rankers.ranker.Ranker`.

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
        """Return the log-odds of the base plus what the trees add: float32[pairs]."""
        if self.booster_ is None or not len(features):
            return base
        return base + _added(self.booster_, features, num_threads=1)

    def spec(self) -> dict[str, Json]:
        """Return the parameters as JSON."""
        return parameters_of(self)

    def arrays(self) -> dict[str, Array]:
        """Return the trees as LightGBM's text in bytes; no bytes where there is no tree."""
        text = "" if self.booster_ is None else self.booster_.model_to_string()
        return {"trees": np.frombuffer(text.encode("utf-8"), dtype=np.uint8)}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Rebuild from what `spec` and `arrays` returned."""
        ranker = made_of(cls, spec)
        text = str(arrays["trees"].tobytes(), "utf-8")
        ranker.booster_ = _loaded(text) if text else None
        return ranker

    def _growing(self, train: Pairs, seed: int) -> "Booster":
        lightgbm = load_lightgbm()
        # Gains are any numbers; LightGBM wants them numbered.
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
            "bagging_fraction": self.pair_share,
            "bagging_freq": 1,
            "num_threads": self.threads,
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
    """Return the pairs with one and the same bucket everywhere: no tree asks for it then."""
    places = buckets_of(columns)
    if not places:
        return pairs
    features = pairs.features.copy()
    features[:, places] = 0
    return replace(pairs, features=features)


def _grow(booster: "Booster", number: int, parts: Mapping[str, Pairs], scores: dict[str, Float32]) -> None:
    """Grow the trees of an epoch, and add what they say to the scores."""
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
