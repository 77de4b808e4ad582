"""Seconds and memory of fitting models on a generated log of 20 million events x 50,000 items.

``python benchmarks/large_log.py [model ...]`` runs each model (by its name in `tacit evaluate`; ``tacit`` and
``blend`` are the whole default pipeline) in a process of its own and prints a line for each. Users belong to
clusters of taste, items to one cluster each; popularity follows Zipf's law, time is uniform. ``--events N``
makes a smaller log.

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
from typing import Any

import numpy as np

from tacit.core.types import DAY
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries
from tacit.data.vocabulary import Vocabulary
from tacit.models.protocol import recommend
from tacit.pipeline.comparable import models

MODELS = ("trending", "itemknn", "userknn", "ease", "ials", "sequential", "sessionknn", "content", "tacit")
_ITEMS, _CLUSTERS, _DAYS, _A_USER = 50_000, 200, 365, 100
_LOYAL = 0.7
"""Share of a user's events inside the own cluster."""


def generated(events: int) -> tuple[Interactions, Catalogue]:
    """Return a log with ``events / 100`` users, and a catalogue with vectors that know the clusters."""
    rng = np.random.default_rng(0)
    users = events // _A_USER
    user = np.sort(rng.integers(users, size=events, dtype=np.int32))
    item = _zipf(rng, _ITEMS, events)
    taste = rng.integers(_CLUSTERS, size=users, dtype=np.int32)
    loyal = rng.random(events, dtype=np.float32) < _LOYAL
    # Items of a cluster are those with the same remainder, so that each has popular and rare ones.
    item[loyal] += (taste[user] - item % _CLUSTERS)[loyal]
    at = rng.random(events) * _DAYS * DAY
    at = at[np.lexsort((at, user))]
    items = Vocabulary([f"i{n:05d}" for n in range(_ITEMS)])
    log = Interactions(
        users=Vocabulary([f"u{n:07d}" for n in range(users)]),
        items=items,
        kinds=("view",),
        user=user,
        item=np.minimum(item, _ITEMS - 1),
        weight=np.ones(events, dtype=np.float32),
        at=at,
        kind=np.zeros(events, dtype=np.int16),
        timing="time",
    )
    centres = rng.normal(size=(_CLUSTERS, 64))
    vectors = centres[np.arange(_ITEMS) % _CLUSTERS] + rng.normal(size=(_ITEMS, 64))
    return log, replace(Catalogue.from_frame(None, items), vectors=vectors.astype(np.float32))


def _zipf(rng: np.random.Generator, n: int, size: int) -> Any:
    share = np.cumsum(1 / np.arange(1, n + 1))
    return np.searchsorted(share, rng.random(size) * share[-1]).astype(np.int32)


def measured(name: str, events: int) -> dict[str, float]:
    """Return seconds and gigabytes of one fit, and milliseconds of a list and of a batch."""
    log, catalogue = generated(events)
    before = _peak()
    start, processor = time.perf_counter(), time.process_time()
    model = models()[name]().fit(log, catalogue, rng=np.random.default_rng(0))
    fit, cpu = time.perf_counter() - start, time.process_time() - processor
    peak = _peak()
    queries = log.queries(np.arange(64, dtype=np.int32)).last(50)
    return {
        "fit_s": fit,
        "fit_cpu_s": cpu,
        "log_gb": before,
        "peak_gb": peak,
        "list_ms": float(np.median([_milliseconds(model, queries.slice(n, n + 1)) for n in range(64)])),
        "batch_ms": _milliseconds(model, queries),
    }


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
    parser.add_argument("--here", action="store_true", help="in this process")
    asked = parser.parse_args()
    for name in asked.models:
        if asked.here:
            print(json.dumps({"model": name, **measured(name, asked.events)}))
        else:
            subprocess.run(
                [sys.executable, __file__, name, "--here", "--events", str(asked.events)], check=True
            )


if __name__ == "__main__":
    main()
