"""The first stage of synthetic catalogues of growing size: time, memory, and the lists of near texts.

    python benchmarks/growth.py [--sizes 2000 20000 100000 1000000] [--users 200] [--lists]
        [--out growth.json]

Nothing is learned: weights between items, histories and vectors are drawn (popular items more often), in the
shapes that fits leave. Each size runs in a process of its own, for its memory. Lists of near texts
are made only with ``--lists`` (a minute at 100,000 items, more beyond); else lists of items of the same group
stand in for them, which cost a request the same.
"""

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import sparse

from tacit.core import kernels
from tacit.core.types import Float32, Int32
from tacit.data.queries import Queries
from tacit.models.content import Content
from tacit.models.ease import EASE
from tacit.models.itemitem import ByItems, ItemItem
from tacit.models.itemknn import ItemKNN
from tacit.models.near_texts import BRIEF, LARGE, LENGTH, SHORT, STEP, WHOLE, NearTexts
from tacit.models.protocol import Recommender
from tacit.models.sequential import Sequential
from tacit.models.sparse_scores import Baseline
from tacit.models.trending import Trending
from tacit.models.userknn import UserKNN
from tacit.pipeline.retrieval import Prepared, candidates

EVENTS, K, WIDTH, GROUP = 50, 100, 128, 500
ROW, FEW = 100, 12_000
"""Weights of each item, and the most items that closed-form models take in."""


def popular(rng: np.random.Generator, n_items: int, count: int) -> Int32:
    """Draw items, popular ones more often: int32[count]."""
    return (n_items * rng.random(count) ** 3).astype(np.int32)


def weights(rng: np.random.Generator, n_items: int, taking_part: int, row: int) -> ItemItem:
    """Draw weights from the first items to each other."""
    row = min(row, taking_part // 2)
    columns = popular(rng, taking_part, taking_part * row)
    offsets = np.concatenate(
        [np.arange(taking_part + 1) * row, np.full(n_items - taking_part, taking_part * row)]
    )
    values = rng.random(len(columns), dtype=np.float32)
    matrix = sparse.csr_array((values, columns, offsets), shape=(n_items, n_items))
    matrix.sum_duplicates()
    return ItemItem(matrix, np.arange(n_items) < taking_part)


def by_items(model: ByItems, drawn: ItemItem) -> ByItems:
    model.weights_ = drawn
    return model


def users_of(rng: np.random.Generator, n_items: int) -> UserKNN:
    """Return neighbours among as many users as items, 20 events each."""
    model, n_users = UserKNN(), n_items
    columns = popular(rng, n_items, 20 * n_users)
    rows = sparse.csr_array(
        (np.ones(len(columns), np.float32), columns, np.arange(n_users + 1) * 20), shape=(n_users, n_items)
    )
    rows.sum_duplicates()
    model.wanted_, model.rarity_ = rows, np.ones(n_items, np.float32)
    model.unit_ = sparse.csr_array(rows.T.tocsr() * np.float32(20**-0.5))
    model._index()
    return model


def texts_of(rng: np.random.Generator, n_items: int, lists: bool) -> tuple[Content, float]:
    """Return texts in groups of items, with lists, and the CPU seconds these took."""
    model, group = Content(), np.arange(n_items) // GROUP
    vectors = rng.standard_normal((n_items // GROUP + 1, WIDTH), dtype=np.float32)[group]
    vectors += 0.7 * rng.standard_normal(vectors.shape, dtype=np.float32)
    model.vectors_ = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    model.known_ = np.ones(n_items, dtype=bool)
    start = time.process_time()
    model.near_ = NearTexts.of(model.vectors_, model.known_) if lists else stand_in(rng, model.vectors_)
    return model, time.process_time() - start


def stand_in(rng: np.random.Generator, vectors: Float32) -> NearTexts:
    """Return lists of items of the same group, with drawn cosines."""
    n_items = len(vectors)
    length = LENGTH if n_items <= LARGE else SHORT if n_items <= WHOLE else BRIEF
    start = np.minimum(np.arange(n_items) // GROUP * GROUP, n_items - GROUP)
    items = (start[:, None] + rng.permutation(GROUP)[:length]).astype(np.int32)
    cosines = np.sort(rng.integers(0, 0.7 / STEP, items.shape, dtype=np.int16), axis=1)[:, ::-1]
    steps = np.abs(vectors).max(axis=1) / 127
    coarse = np.rint(vectors / steps[:, None]).astype(np.int8)
    return NearTexts(items, np.ascontiguousarray(cosines), coarse, steps)


Size = Mapping[str, float]


def measured(n_items: int, users: int, lists: bool) -> Size:
    """Return the figures of one size."""
    rng = np.random.default_rng(0)
    trending = Trending()
    trending.popularity_ = np.sort(rng.random(n_items, dtype=np.float32))[::-1].copy()
    trending.baseline_ = Baseline(trending.popularity_)
    few = min(FEW, n_items)
    texts, seconds = texts_of(rng, n_items, lists)
    retrievers: tuple[Recommender, ...] = (
        trending,
        by_items(ItemKNN(decay=0.7), weights(rng, n_items, n_items, ROW)),
        users_of(rng, n_items),
        by_items(EASE(), weights(rng, n_items, few, 2 * ROW)),
        by_items(Sequential(), weights(rng, n_items, few, 2 * ROW)),
        texts,
    )
    allowed = np.ones(n_items, dtype=bool)
    queries = [Queries.of([popular(rng, n_items, EVENTS).tolist()]) for _ in range(users)]
    prepared = Prepared.of(retrievers, n_items, n_items)
    times = []
    for place, query in enumerate(queries[:20] + queries):
        start = time.thread_time()
        candidates(retrievers, query, K, allowed, prepared=prepared)
        if place >= 20:
            times.append(1e3 * (time.thread_time() - start))
    middle, late = np.quantile(times, [0.5, 0.99])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    found = {"items": n_items, "p50_ms": float(middle), "p99_ms": float(late), "peak_gb": memory}
    return found | ({"lists_s": seconds} if lists else {})


def table(sizes: Sequence[Size]) -> str:
    """Return the figures as a table of Markdown."""
    lines = ["| items | p50 ms | p99 ms | peak GB | lists of near texts, CPU s |", "|---" * 5 + "|"]
    lines += [
        f"| {one['items']:,} | {one['p50_ms']:.2f} | {one['p99_ms']:.2f} | {one['peak_gb']:.2f} | "
        + (f"{one['lists_s']:.1f} |" if "lists_s" in one else "- |")
        for one in sizes
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 20_000, 100_000, 1_000_000])
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--lists", action="store_true")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    print(f"candidates of 6 retrievers, {EVENTS} events, {kernels.STATE}", flush=True)
    sizes = []
    for size in arguments.sizes:  # each in a process of its own, for its memory
        with multiprocessing.get_context("spawn").Pool(1) as process:
            sizes.append(process.apply(measured, (size, arguments.users, arguments.lists)))
    print(table(sizes))
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(sizes, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
