"""Logs and models small enough to work out by hand."""

import mmap
from typing import Self

import numpy as np
import polars as pl

from tacit.core.types import Float32, Int32
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.queries import Queries


def frame(
    rows: list[tuple[str, str, float]], *, timing: str = "time", events: list[str] | None = None
) -> pl.DataFrame:
    """Cleaned events of (user, item, moment); the moment is a time, a place in the order, or left out."""
    moment = [float(at) for _, _, at in rows]
    return pl.DataFrame(
        {
            "user_id": [user for user, _, _ in rows],
            "item_id": [item for _, item, _ in rows],
            "event": events or ["view"] * len(rows),
            "timestamp": pl.Series(moment if timing == "time" else [None] * len(rows), dtype=pl.Float64),
            "value": pl.Series([None] * len(rows), dtype=pl.Float64),
            "seq": pl.Series([int(m) if timing == "order" else None for m in moment], dtype=pl.Int64),
            "line": pl.Series(range(1, len(rows) + 1), dtype=pl.Int64),
        }
    )


class Popular:
    """Scores by the number of training events."""

    name = "popular"

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        self.counts = np.bincount(interactions.item, minlength=len(catalogue)).astype(np.float32)
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        scores = np.tile(self.counts, (len(queries), 1))
        return scores if items is None else scores[:, items]


class Counted:
    """Cheats: scores by the counts that it was told beforehand."""

    name = "told"

    def __init__(self, counts: dict[str, float]) -> None:
        self.known_counts = counts

    def fit(self, interactions: Interactions, catalogue: Catalogue, *, rng: np.random.Generator) -> Self:
        self.counts = np.array(
            [self.known_counts.get(id_, 0.0) for id_ in catalogue.items.ids], dtype=np.float32
        )
        return self

    def score(self, queries: Queries, items: Int32 | None = None) -> Float32:
        scores = np.tile(self.counts, (len(queries), 1))
        return scores if items is None else scores[:, items]


def fresh_memory(megabytes: int) -> mmap.mmap:
    """Return memory from the system: what another test has freed before does not serve for it."""
    held = mmap.mmap(-1, megabytes * 1_000_000)
    for place in range(0, len(held), mmap.PAGESIZE):
        held[place] = 1
    return held
