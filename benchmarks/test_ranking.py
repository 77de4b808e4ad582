"""Seconds an epoch and milliseconds a list of the second stage: `pytest -s benchmarks/test_ranking.py`."""

import time
from dataclasses import replace

import numpy as np

from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.vocabulary import Vocabulary
from tacit.encoders.projection import Projection
from tacit.features.candidates import Candidates
from tacit.features.maker import FeatureMaker
from tacit.features.normaliser import Normaliser
from tacit.rankers.mlp import MLP

_ITEMS, _EVENTS, _CANDIDATES = 20_000, 100_000, 200


def test_training_on_a_million_pairs_takes_under_a_minute_an_epoch() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(1_000_000, 150)).astype(np.float32)
    label = (features[:, 0] + rng.normal(size=len(features)) > 2).astype(np.float32)
    group = np.arange(len(label)) // _CANDIDATES
    few = slice(0, 10_000)
    start = time.perf_counter()
    MLP(epochs=1, device="cpu").fit(
        features, label, group, valid=(features[few], label[few], group[few]), rng=rng
    )
    seconds = time.perf_counter() - start
    print(f"\none epoch over 1,000,000 x 150: {seconds:.1f} s")
    assert seconds < 60


def test_features_and_scores_of_one_list() -> None:
    rng = np.random.default_rng(0)
    items = Vocabulary([f"i{n:05d}" for n in range(_ITEMS)])
    vectors = rng.normal(size=(_ITEMS, 32)).astype(np.float32)
    catalogue = replace(Catalogue.from_frame(None, items), vectors=vectors)
    log = Interactions(
        users=Vocabulary(["u"]),
        items=items,
        kinds=("view",),
        user=np.zeros(_EVENTS, dtype=np.int32),
        item=rng.integers(_ITEMS, size=_EVENTS).astype(np.int32),
        weight=np.ones(_EVENTS, dtype=np.float32),
        at=np.sort(rng.random(_EVENTS)) * 1e7,
        kind=np.zeros(_EVENTS, dtype=np.int16),
        timing="time",
    )
    projection = Projection(dimension=32, mode="pca").fit(vectors)
    maker = FeatureMaker(projection=projection).fit(log, catalogue)
    chosen = np.sort(rng.choice(_ITEMS, _CANDIDATES, replace=False)).astype(np.int32)[None]
    scores = rng.random((1, _CANDIDATES, 6)).astype(np.float32)
    candidates = Candidates(chosen, scores, np.array([50]), np.zeros(1), ("a", "b", "c", "d", "e", "f"))
    queries = Queries.of([rng.integers(_ITEMS, size=50).tolist()], now=1e7)
    features = maker.transform(queries, candidates)
    normaliser = Normaliser().fit(features)
    label = np.arange(_CANDIDATES, dtype=np.float32) % 2
    group = np.zeros(_CANDIDATES, dtype=np.int64)
    normal = normaliser.transform(features)
    ranker = MLP(epochs=1, device="cpu").fit(normal, label, group, valid=(normal, label, group), rng=rng)
    made, scored = [], []
    for _ in range(300):
        start = time.perf_counter()
        features = maker.transform(queries, candidates)
        middle = time.perf_counter()
        ranker.score(normaliser.transform(features))
        made.append(middle - start)
        scored.append(time.perf_counter() - middle)
    print(f"\n{_CANDIDATES} candidates, p50: features {1e3 * np.median(made):.2f} ms, ", end="")
    print(f"scores {1e3 * np.median(scored):.2f} ms ({features.shape[1]} columns)")
    assert np.median(made) < 0.002
