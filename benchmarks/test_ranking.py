"""Seconds an epoch and milliseconds a list of the second stage: `pytest -s benchmarks/test_ranking.py`."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tacit.core.errors import MissingExtraError
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.vocabulary import Vocabulary
from tacit.encoders.projection import Projection
from tacit.features.candidates import Candidates
from tacit.features.feature_columns import Column
from tacit.features.maker import FeatureMaker
from tacit.rankers.cnn import CNN
from tacit.rankers.dcn import DCN
from tacit.rankers.lambdamart import LambdaMART
from tacit.rankers.linear import Linear
from tacit.rankers.mlp import MLP
from tacit.rankers.ranker import Pairs, Ranker

_ITEMS, _EVENTS, _CANDIDATES, _FEATURES = 20_000, 100_000, 200, 120

PLAIN = [Column(f"pair_{n}", "retrieval") for n in range(_FEATURES)]
RAW = [
    *(Column(f"{side}_{d}", "text", side) for side in ("user", "item") for d in range(32)),  # type: ignore[arg-type]
    *(Column(f"recent{event}_{d}", "sequence", "user") for event in range(5) for d in range(32)),
    *PLAIN,
]


def learnable(columns: list[Column], n: int) -> Pairs:
    """Pairs in lists of 60 whose first feature matters."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(n, len(columns))).astype(np.float32)
    label = (features[:, -1] + rng.normal(size=n) > 3).astype(np.float32)[:, None]
    base, weight = rng.normal(-5, 1, size=n).astype(np.float32), np.ones(n, dtype=np.float32)
    return Pairs(features, label, np.arange(n) // 60, base, weight)


def milliseconds(call: Callable[[], object], rounds: int = 200) -> float:
    """The median time of a call."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        taken.append(1e3 * (time.perf_counter() - start))
    return float(np.median(taken))


@pytest.mark.parametrize("loss", ["bce", "listwise"])
def test_training_on_a_million_pairs_takes_under_a_minute_an_epoch(loss: str) -> None:
    train, valid = learnable(PLAIN, 1_000_000), learnable(PLAIN, 10_000)
    moments: list[float] = []
    MLP(epochs=1, device="cpu", loss=loss).fit(  # type: ignore[arg-type]
        train,
        valid,
        PLAIN,
        rng=np.random.default_rng(0),
        on_epoch=lambda epoch: moments.append(time.perf_counter()),
    )
    seconds = moments[1] - moments[0]
    print(f"\nmlp, {loss}: one epoch over 1,000,000 x {_FEATURES}, figures included: {seconds:.1f} s")
    assert seconds < 60


@pytest.mark.parametrize(
    ("ranker", "columns", "limit"),
    [
        (Linear(epochs=1), PLAIN, 1.0),
        (MLP(epochs=1), PLAIN, 1.0),
        (MLP(epochs=1, streams=2), RAW, 3.0),
        (DCN(epochs=1), PLAIN, 1.0),
        (DCN(epochs=1, rank=16), PLAIN, 1.0),
        (CNN(epochs=1), RAW, 6.0),
        (LambdaMART(epochs=20, patience=20, threads=1), PLAIN, 6.0),
    ],
    ids=["linear", "mlp", "two streams", "dcn", "dcn of rank 16", "cnn", "lambdamart, 100 trees"],
)
def test_scores_of_one_list(
    ranker: Ranker, columns: list[Column], limit: float, request: pytest.FixtureRequest
) -> None:
    pairs = learnable(columns, 6_000)
    try:
        ranker.fit(pairs, pairs, columns, rng=np.random.default_rng(0))
    except MissingExtraError as error:
        pytest.skip(str(error))
    features, base = pairs.features[:_CANDIDATES], pairs.base[:_CANDIDATES]
    taken = milliseconds(lambda: ranker.score(features, base))
    print(f"\n{request.node.callspec.id}: {_CANDIDATES} candidates x {len(columns)}, p50 {taken:.2f} ms")
    assert taken < limit


def test_features_of_one_list() -> None:
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
    taken = milliseconds(lambda: maker.transform(queries, candidates))
    print(f"\nfeatures of {_CANDIDATES} candidates, p50 {taken:.2f} ms")
    assert taken < 2
