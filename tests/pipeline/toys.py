"""Ranking examples of which it is known what should be learned, and a fold of the generated log."""

from collections.abc import Callable
from functools import cache

import numpy as np

from tacit.core.executor import LOCAL
from tacit.core.seeds import Streams
from tacit.core.types import Array, Bool, Float32
from tacit.features.candidates import Candidates
from tacit.features.families import USUAL
from tacit.features.feature_columns import Column
from tacit.pipeline.blend import LabelledCandidates
from tacit.pipeline.config import Config
from tacit.pipeline.examples import RankingExamples, ranking_examples
from tacit.pipeline.firststage import TEST, TRAIN, VALID, Fold, _fold, _Job
from tacit.pipeline.windows import Window, rank_windows
from tacit.testing.generated import small_log

N, WIDTH = 120, 20
ROLE = np.repeat([TRAIN, VALID, TEST], [80, 25, 15])
RANKER = {
    "name": "mlp", "loss": "bce", "hidden": [8], "epochs": 6, "learning_rate": 0.02, "batch_size": 128,
}  # fmt: skip
CONFIG = Config(retrievers={"trending": {}, "content": {}}, ranker=RANKER)
HELD_OUT = Config(retrievers=CONFIG.retrievers, ranker={**RANKER, "members": 1})
"""With a ranker of one network, which is not cross-fitted."""


def examples_of(
    labels: Float32, scores: Callable[[Float32], Float32], features: Callable[[Float32], Float32]
) -> RankingExamples:
    """Return examples whose retriever scores and features are made from the labels."""
    items = np.tile(np.arange(WIDTH, dtype=np.int32), (N, 1))
    found = Candidates(items, scores(labels), np.full(N, 3), np.zeros(N), ("trending", "content"))
    labelled = LabelledCandidates(found, labels, labels.sum(axis=1).astype(np.int64))
    pair = np.arange(N * WIDTH)
    columns = (Column("one", "toy"), Column("other", "toy"))
    weight = np.ones(N * WIDTH, dtype=np.float32)
    return RankingExamples(
        labelled=labelled,
        user=np.arange(N, dtype=np.int32),
        part=ROLE,
        whole=np.ones(N, dtype=bool),
        columns=columns,
        features=features(labels),
        label=labels.reshape(-1, 1),
        pair=pair,
        weight=weight,
        train_weight=weight,
    )


def some_labels() -> Float32:
    labels = (np.random.default_rng(1).random((N, WIDTH)) < 0.1).astype(np.float32)
    labels[np.arange(N), np.arange(N) % WIDTH] = 1  # everybody chose something
    return labels


def telling(labels: Float32) -> Float32:
    noise = np.random.default_rng(2).random((N, WIDTH, 2))
    return (labels[..., None] + 0.3 * noise).astype(np.float32)


def noise(labels: Float32) -> Float32:
    return np.random.default_rng(3).standard_normal((N, WIDTH, 2)).astype(np.float32)


def flat(make: Callable[[Float32], Float32]) -> Callable[[Float32], Float32]:
    return lambda labels: make(labels).reshape(-1, 2)


@cache
def window() -> Window:
    log, _ = small_log()
    return next(rank_windows(log, "time", count=1, share=0.2, rng=np.random.default_rng(0)))


def fit_fold(config: Config, part: Array) -> Fold:
    """Return the fold of the window alone, with its retrievers fitted; ``part`` is int[users]."""
    _, catalogue = small_log()
    streams = Streams(0)
    job = _Job(config.retrievers, {"fold": window().train}, catalogue, streams)
    own = tuple(job.one(("fold", place)) for place in range(len(config.retrievers)))
    sample = window().sample(config.max_users, streams.stream("queries", "fold"))
    return _fold(sample, own, config, catalogue, part, LOCAL)


def fitted_fold(config: Config, part: int = TRAIN) -> Fold:
    return fit_fold(config, np.full(small_log()[0].n_users, part))


def of_the_window(
    config: Config, part: int = TRAIN, tasks: tuple[str, ...] = (), whole: Bool | None = None
) -> RankingExamples:
    """Return the examples of the window; ``whole`` are the queries of whole lists, by default none."""
    fold = fitted_fold(config, part)
    whole = np.zeros(len(fold.part), dtype=bool) if whole is None else whole
    _, catalogue = small_log()
    return ranking_examples(fold, catalogue, None, USUAL, tasks, whole, np.random.default_rng(0))
