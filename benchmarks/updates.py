"""What it costs that the models follow the events of the store, and that lists cost no more for it.

A real log is cut in time: the first part is fitted, the rest comes by the store in batches. The retrievers
are those of the usual configuration that follow events, and item kNN; there is no ranker, but the statistics
of its features follow too. Times of updates are processor time of one thread, without the first update, which
counts pairs of the log once.

    python benchmarks/updates.py ../shared/data/ml-1m --share 0.02 --batches 100 1000 10000
"""

import argparse
import json
import resource
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl

from tacit.core.types import Json
from tacit.data import columns as col
from tacit.engine.engine import Engine
from tacit.engine.requests import Request
from tacit.engine.snapshot import Snapshot, load, save
from tacit.engine.state import State
from tacit.engine.train import train
from tacit.pipeline.config import Config
from tacit.store.records import Event

RETRIEVERS = ("forecast", "popular", "itemknn", "userknn", "userknn-ever", "sessionknn")
ASKED = 300


def fitted(events: pl.DataFrame) -> Snapshot:
    """Return a model of a log as a service has it: mapped from its directory."""
    snapshot = train(
        events, config=Config(retrievers={name: {} for name in RETRIEVERS}, ranker=None, windows=1)
    )
    place = Path(tempfile.mkdtemp()) / "model"
    save(snapshot, place)
    return load(place)


def stored(events: pl.DataFrame) -> list[Event]:
    """Return rows of a log as events of a store."""
    rows = events.select(col.USER, col.ITEM, col.EVENT, col.TIMESTAMP, col.VALUE).iter_rows()
    return [
        Event(str(n), "user", user, item, event, at, value)
        for n, (user, item, event, at, value) in enumerate(rows)
    ]


def list_ms(state: State, users: list[str]) -> dict[str, float]:
    """Return the time of a list from a state, in milliseconds."""
    engine = Engine(state.snapshot)
    engine._current.state = state
    took = []
    for user in users:
        begun = time.perf_counter()
        engine.recommend(Request(user_id=user))
        took.append(1000 * (time.perf_counter() - begun))
    return {"p50": round(float(np.median(took)), 3), "p99": round(float(np.quantile(took, 0.99)), 3)}


def update_ms(state: State, events: list[Event], batch: int) -> tuple[State, dict[str, Json]]:
    """Return the state after up to ten batches, and the processor time of one in milliseconds."""
    took = []
    source = iter(events)
    while len(took) < 11 and (some := list(islice(source, batch))):
        begun = time.thread_time()
        state = state.following(some, 1)
        state.pipeline.recommend(state.snapshot.interactions.queries([0]), 10)
        state.evidence.counts.lift(0, "together")
        took.append(1000 * (time.thread_time() - begun))
    median = float(np.median(took[1:] or took))
    return state, {"events": batch, "ms": round(median, 1), "pause_s": round(median / 30, 1)}


def memory_mb() -> int:
    """Return the memory of this process that no other shares."""
    rows = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(row.split()[1]) for row in rows if row.startswith("Private")) // 1024


def main() -> None:
    """Measure and print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--batches", type=int, nargs="+", default=[100, 1_000, 10_000])
    asked = parser.parse_args()
    log = pl.read_parquet(asked.folder / "events.parquet").with_columns(
        pl.col(col.TIMESTAMP).cast(pl.Float64), pl.lit(None, pl.Int64).alias(col.SEQ)
    )
    log = log.sort(col.TIMESTAMP, maintain_order=True)
    cut = len(log) - int(asked.share * len(log))
    snapshot, later = fitted(log[:cut]), stored(log[cut:])
    state = State.of(snapshot)
    users = snapshot.interactions.users.ids.sample(ASKED, seed=0, with_replacement=True).to_list()
    list_ms(state, users)
    held = memory_mb()
    updates = [update_ms(State.of(snapshot), later, batch)[1] for batch in asked.batches]
    newer = state.following(later, 1)
    list_ms(newer, users)
    before, after, grown = list_ms(state, users), list_ms(newer, users), memory_mb()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    newcomer = replace(snapshot.interactions.queries(np.array([-1], dtype=np.int32)))
    refitted = fitted(log).pipeline.recommend(newcomer, 50).items[0]
    shown = newer.pipeline.recommend(newcomer, 50).items[0]
    stale = snapshot.pipeline.recommend(newcomer, 50).items[0]
    found = {
        "log": asked.folder.name,
        "events": cut,
        "later": len(later),
        "updates": updates,
        "list_ms": {"before": before, "after": after},
        "private_mb": {"before": held, "after": grown, "peak": peak},
        "popular_50_as_refitted": {
            "fit": len(np.intersect1d(stale, refitted)) / 50,
            "followed": len(np.intersect1d(shown, refitted)) / 50,
        },
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
