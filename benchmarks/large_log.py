"""Seconds and memory of fitting models on a generated log of 20 million events x 50,000 items.

``python benchmarks/large_log.py [model ...]`` runs each model (by its name in `tacit evaluate`; ``tacit`` and
``blend`` are the whole default pipeline, ``features`` the statistics of a ranker's features) in a process of
its own and prints a line for each. Users belong to clusters of taste, items to one cluster each; popularity
follows Zipf's law, time is uniform. ``--events N``, ``--items N`` and ``--users N`` make another log; by
default a user has a hundred events on average.

About half of the events repeat a pair of user and item (20 million events hold 10.4 million pairs), so what
works on pairs is easier than on a log without repeats. ``log_gb`` is the peak of making the log.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import polars as pl

from tacit.core.types import DAY
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.vocabulary import Vocabulary
from tacit.features.feature_state import FeatureState
from tacit.models.protocol import recommend
from tacit.pipeline.comparable import models
from tacit.pipeline.secondstage import fit_projection

FEATURES = "features"
MODELS = ("trending", "itemknn", "userknn", "ease", "ials", "sequential", "sessionknn", "content", "tacit")
ITEMS, A_USER = 50_000, 100
_CLUSTERS, _DAYS, _WIDTH = 200, 365, 64
_LOYAL = 0.7
"""Share of a user's events inside the own cluster."""


def generated(events: int, n_items: int, users: int) -> tuple[Interactions, Catalogue]:
    """Return a log, and a catalogue with vectors that know the clusters."""
    rng = np.random.default_rng(0)
    user = np.sort(rng.integers(users, size=events, dtype=np.int32))
    item = _zipf(rng, n_items, events)
    taste = rng.integers(_CLUSTERS, size=users, dtype=np.int32)
    loyal = rng.random(events, dtype=np.float32) < _LOYAL
    # Items of a cluster are those with the same remainder, so that each has popular and rare ones.
    item[loyal] += (taste[user] - item % _CLUSTERS)[loyal]
    at = rng.random(events) * _DAYS * DAY
    at = at[np.lexsort((at, user))]
    items = Vocabulary(_ids("i", n_items))
    log = Interactions(
        users=Vocabulary(_ids("u", users)),
        items=items,
        kinds=("view",),
        user=user,
        item=np.minimum(item, n_items - 1),
        weight=np.ones(events, dtype=np.float32),
        at=at,
        kind=np.zeros(events, dtype=np.int16),
        timing="time",
    )
    centres = rng.standard_normal((_CLUSTERS, _WIDTH), dtype=np.float32)
    vectors = rng.standard_normal((n_items, _WIDTH), dtype=np.float32)
    vectors += centres[np.arange(n_items) % _CLUSTERS]
    catalogue = replace(Catalogue.from_frame(None, items), has_text=np.ones(n_items, dtype=bool))
    return log, replace(catalogue, vectors=vectors)


def _ids(kind: str, count: int) -> pl.Series:
    return kind + pl.int_range(count, eager=True).cast(pl.String).str.zfill(7)


def _zipf(rng: np.random.Generator, n: int, size: int) -> Any:
    share = np.cumsum(1 / np.arange(1, n + 1))
    return np.searchsorted(share, rng.random(size) * share[-1]).astype(np.int32)


def measured(name: str, events: int, items: int, users: int) -> dict[str, float]:
    """Return seconds and gigabytes of one fit, and milliseconds of a list and of a batch."""
    log, catalogue = generated(events, items, users)
    before = _peak()
    start, processor = time.perf_counter(), time.process_time()
    model = fit(name, log, catalogue)
    seconds, cpu = time.perf_counter() - start, time.process_time() - processor
    peak = _peak()
    found = {"fit_s": seconds, "fit_cpu_s": cpu, "log_gb": before, "peak_gb": peak}
    if name == FEATURES:
        return found
    queries = log.queries(np.arange(64, dtype=np.int32)).last(50)
    return found | {
        "list_ms": float(np.median([_milliseconds(model, queries.slice(n, n + 1)) for n in range(64)])),
        "batch_ms": _milliseconds(model, queries),
    }


def fit(name: str, log: Interactions, catalogue: Catalogue) -> Any:
    """Return a fitted model by its name, or the statistics of features."""
    if name == FEATURES:
        projection = fit_projection(log, catalogue)
        return FeatureState.of(log, catalogue, projection, (), collaborative=True)
    return models()[name]().fit(log, catalogue, rng=np.random.default_rng(0))


def _milliseconds(model: Any, queries: Queries) -> float:
    start = time.perf_counter()
    recommend(model, queries, 100)
    return 1e3 * (time.perf_counter() - start)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    """Measure the asked models, each in a fresh process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--users", type=int, help="by default one for a hundred events")
    parser.add_argument("--here", action="store_true", help="in this process")
    asked = parser.parse_args()
    size = asked.events, asked.items, asked.users or max(asked.events // A_USER, 1)
    for name in asked.models:
        if asked.here:
            print(json.dumps({"model": name, **measured(name, *size)}), flush=True)
        else:
            options = zip(("--events", "--items", "--users"), map(str, size), strict=True)
            command = [sys.executable, __file__, name, "--here", *chain.from_iterable(options)]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
