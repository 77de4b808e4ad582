"""CPU time of an answer by sparse scores and by dense ones, in one run on one snapshot.

    python benchmarks/serving_path.py SNAPSHOT [--users 300] [--events 50] [--out FILE]

The old path scores every item by every retriever; the new one lists what a history meets. Both answer the
same queries in turns, so that they share the state of the machine, and their lists are compared. With
``TACIT_KERNELS=off`` the new path is NumPy's.
"""

import argparse
import copy
import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import stage_times

from tacit.core import kernels
from tacit.core.types import Float32, Int32
from tacit.data.queries import Queries
from tacit.engine.snapshot import Snapshot, load
from tacit.models.content import Content
from tacit.models.protocol import Recommender
from tacit.models.sparse_scores import united
from tacit.pipeline.retrieval import Prepared, candidates
from tacit.pipeline.twostage import TwoStage

K = 10


class Dense:
    """A retriever without its sparse scores."""

    def __init__(self, retriever: Recommender) -> None:
        self.retriever, self.name = retriever, retriever.name
        self.by_text = getattr(retriever, "by_text", False)

    def fit(self, *_: Any, **__: Any) -> "Dense":
        return self

    def extended(self, _: Any) -> "Dense":
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        return self.retriever.score(queries, items).copy()


def drawn(snapshot: Snapshot, users: int, events: int) -> list[Queries]:
    """Return the last events of some users, one query each, with what they touched excluded."""
    log = snapshot.interactions
    codes = np.random.default_rng(0).choice(log.n_users, min(users, log.n_users), replace=False)
    whole = log.queries(codes.astype(np.int32), now=log.end + 3_600)
    short = whole.last(events).excluding_seen()
    return [short.slice(place, place + 1) for place in range(len(short))]


def cpu_seconds(call: Callable[[], object]) -> float:
    start = time.thread_time()
    call()
    return time.thread_time() - start


def shown(name: str, old: list[float], new: list[float]) -> None:
    numbers = [
        f"{1e3 * quantile:8.2f}" for of in (old, new) for quantile in np.quantile(of, [0.5, 0.9, 0.99])
    ]
    print(f"{name:12}", *numbers, f"{np.median(old) / np.median(new):8.1f}x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("snapshot", type=Path)
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("--events", type=int, default=50)
    parser.add_argument("--out", type=Path, help="a file for the stages, as JSON")
    arguments = parser.parse_args()
    new: TwoStage = load(arguments.snapshot).pipeline
    queries = drawn(load(arguments.snapshot), arguments.users, arguments.events)
    if any(isinstance(one, Content) and one.near_ is None for one in new.retrievers_):
        seconds = cpu_seconds(lambda: setattr(new, "retrievers_", _indexed(new)))
        print(f"lists of texts (not in the snapshot): {seconds:.1f} s of CPU")
    old = copy.copy(new)
    old.retrievers_ = tuple(Dense(one) for one in new.retrievers_)
    unseen = new.available_ & (new.events_ <= 0)

    def first_stage(model: TwoStage, query: Queries) -> object:
        depth, known = model.config.candidates, model.n_known_
        return candidates(model.retrievers_, query, depth, model.available_, known, unseen=unseen)

    for query in queries[:10]:
        for model in (old, new):
            model.recommend(query, K)
    print(f"{len(new.available_):,} items, {len(queries)} users, {arguments.events} events, {kernels.STATE}")
    print("ms of CPU        old p50      p90      p99  new p50      p90      p99   median")
    calls = {
        "candidates": first_stage,
        "list": lambda model, query: model.recommend(query, K),
        "list, reasons": _answered,
    }
    for name, call in calls.items():
        times: tuple[list[float], list[float]] = ([], [])
        for query in queries:
            for model, kept in zip((old, new), times, strict=True):
                kept.append(cpu_seconds(partial(call, model, query)))
        shown(name, *times)
    pairs = [(old.recommend(query, K).items[0], new.recommend(query, K).items[0]) for query in queries]
    overlap = np.mean([len(np.intersect1d(a, b)) / K for a, b in pairs])
    print(f"overlap@{K} {overlap:.4f}, the same list {np.mean([(a == b).all() for a, b in pairs]):.3f}")
    stages = [stage_times.StageTimes() for _ in range(2)]
    for query in queries:
        for model, times_ in zip((old, new), stages, strict=True):
            with times_.answering():
                _answered(model, query)
    profile = stage_times.microseconds(stages[0], stages[1], len(queries))
    print(stage_times.table(profile))
    each = alone(new, queries)
    print(alone_table(each))
    if arguments.out is not None:
        figures = {"stages": profile, "alone": each}
        arguments.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    batch = Queries.joined(queries)
    rates = [len(batch) / cpu_seconds(partial(model.recommend, batch, K)) for model in (old, new)]
    print(f"batch, users a CPU second: {rates[0]:.0f}, {rates[1]:.0f}")


def alone(model: TwoStage, queries: Sequence[Queries]) -> dict[str, float]:
    """Return the median microseconds of the union of each compiled retriever alone: its share of one call."""
    prepared = Prepared.of(model.retrievers_, model.n_known_, len(model.available_))
    none = np.empty((1, 0), dtype=np.int32)
    found = {}
    for place, scorer in prepared.scorers.items():
        own = {place: scorer}
        call = partial(united, own, none, allowed=model.available_, k=model.config.candidates)
        found[prepared.names[place]] = float(np.median([cpu_seconds(partial(call, one)) for one in queries]))
    return {name: 1e6 * seconds for name, seconds in sorted(found.items(), key=lambda one: -one[1])}


def alone_table(each: Mapping[str, float]) -> str:
    """Return them as a table of Markdown."""
    return "\n".join(
        [
            "| retriever alone, us of CPU | |",
            "|---|---|",
            *(f"| {name} | {taken:.0f} |" for name, taken in each.items()),
        ]
    )


def _answered(model: TwoStage, query: Queries) -> object:
    return model.reasons(query, model.recommend(query, K))


def _indexed(model: TwoStage) -> tuple[Recommender, ...]:
    return tuple(one.indexed() if isinstance(one, Content) else one for one in model.retrievers_)


if __name__ == "__main__":
    main()
