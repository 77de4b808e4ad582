"""The scan of texts beside scores of all items, by the same fitted model, in turns in one run.

    python benchmarks/text_scan.py SNAPSHOT [SNAPSHOT ...] [--users 200] [--items 4000 12000 ...]

Rows of the table: lists of an evaluation (20 places) with all retrievers, candidates of a fit (100 of each
retriever), and candidates by `Content` alone, of all items and of the first of them (``--items``).
`Content` has no lists of near texts, as in an evaluation and in the folds of a fit. Times are processor times
of the thread; each is the median of three.
"""

import argparse
import copy
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tacit.data.queries import Queries
from tacit.engine.snapshot import load
from tacit.models import content
from tacit.models.content import Content
from tacit.models.protocol import batches
from tacit.pipeline.retrieval import candidates, collect

K, CANDIDATES, RETRIEVERS = 20, 100, 10
EVERY = 1 << 40
"""More items than any catalogue has."""


def both(call: Callable[[], Any]) -> tuple[float, float, Any, Any]:
    """Return the seconds of a call with scores of all items and with a scan, and what each returns."""
    seconds: dict[int, list[float]] = {EVERY: [], 0: []}
    found: dict[int, Any] = {}
    kept = content.DENSE_ITEMS
    for _ in range(3):
        for dense in seconds:
            content.DENSE_ITEMS = dense
            start = time.thread_time()
            found[dense] = call()
            seconds[dense].append(time.thread_time() - start)
    content.DENSE_ITEMS = kept
    return float(np.median(seconds[EVERY])), float(np.median(seconds[0])), found[EVERY], found[0]


def without_lists(model: Content, items: int | None = None) -> Content:
    """Return the model without lists of near texts, of the first items alone."""
    plain = copy.copy(model)
    plain.near_, plain.vectors_, plain.known_ = None, model.vectors_[:items], model.known_[:items]
    return plain


def rows(place: Path, users: int, sizes: list[int]) -> Iterator[tuple[str, float, float, float]]:
    """Yield what was measured, milliseconds a query without and with a scan, and the share of equal rows."""
    snapshot = load(place)
    log, model = snapshot.interactions, copy.copy(snapshot.pipeline)
    codes = np.random.default_rng(0).choice(log.n_users, min(users, log.n_users), replace=False)
    queries = log.queries(np.sort(codes).astype(np.int32), now=log.end + 3_600).excluding_seen()
    model.retrievers_ = tuple(
        without_lists(one) if isinstance(one, Content) else one for one in model.retrievers_
    )
    cost = 1e3 / len(queries)
    old, new, a, b = both(lambda: model.recommend(queries, K).items)
    yield "lists of an evaluation", cost * old, cost * new, equal(a, b)
    old, new, a, b = both(lambda: collect(model.retrievers_, queries, CANDIDATES, model.available_).items)
    yield "candidates of a fit", cost * old, cost * new, equal(a, b)
    whole = next(one for one in model.retrievers_ if isinstance(one, Content))
    for n in [*(size for size in sizes if size < len(whole.known_)), len(whole.known_)]:
        own, inside = without_lists(whole, n), queries.keep(queries.item < n)
        old, new, a, b = both(lambda own=own, inside=inside: of_content(own, inside))  # type: ignore[misc]
        yield f"candidates by texts, {n:,} items", cost * old, cost * new, equal(a, b)


def of_content(model: Content, queries: Queries) -> Any:
    allowed = np.full(len(model.known_), True)
    parts = [
        candidates([model], batch, CANDIDATES, allowed).items
        for batch in batches(queries, len(allowed) * RETRIEVERS)
    ]
    width = max(part.shape[1] for part in parts)
    return np.concatenate([np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in parts])


def equal(a: Any, b: Any) -> float:
    return float((a == b).all(axis=1).mean()) if a.shape == b.shape else 0.0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("snapshots", type=Path, nargs="+")
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--items", type=int, nargs="*", default=[])
    given = parser.parse_args()
    print(
        "| snapshot | ms a query of | all items scored | scan | equal rows |\n| --- | --- | --- | --- | --- |"
    )
    for place in given.snapshots:
        for name, old, new, same in rows(place, given.users, given.items):
            print(f"| {place.name} | {name} | {old:.2f} | {new:.2f} | {same:.4f} |", flush=True)
