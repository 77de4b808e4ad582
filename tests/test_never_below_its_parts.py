"""The promise of the blend on three small logs: no list of the whole is worse than those of its best part.

Broken where the whole 95 % interval of the paired difference lies below 0, on a part of the test with 200
users or more. The same on real data is a table of benchmarks/RESULTS.md.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from benchmarks.best_parts import measured
from parts import LEAST_USERS, is_broken  # benchmarks.best_parts adds its folder to the path

from tacit.core.types import DAY
from tacit.data import columns as col
from tacit.data.shop import generate
from tacit.engine.train import encoded
from tacit.evaluation.split import Split, make_split
from tacit.testing.generated import small_events, small_items

USERS = 700


def shop() -> Split:
    """A shop with texts: tastes, trends, sessions."""
    goods = generate(seed=11, users=1_500, items=200, events=15_000, days=60)
    return with_texts(make_split(goods.events, goods.items, protocol="time", share=0.25))


def groups() -> Split:
    """Users who stay within two groups of items, and are asked for their last choice."""
    events = small_events(np.random.default_rng(3), n_users=USERS).drop(col.WEIGHT)
    events = events.with_columns(pl.lit(None, dtype=pl.Float64).alias(col.VALUE))
    return with_texts(make_split(events, small_items(90), protocol="leave-one-out"))


def waves() -> Split:
    """No tastes: all users choose what is popular that day, and that changes."""
    rng = np.random.default_rng(5)
    n, items = 9_000, 120
    day = rng.random(n) * 40
    peak = rng.random(items) * 45
    chance = np.exp(-((day[:, None] - peak) ** 2) / 8) + 0.002
    chosen = (chance / chance.sum(axis=1, keepdims=True)).cumsum(axis=1) > rng.random((n, 1))
    events = pl.DataFrame(
        {
            col.USER: [f"u{user}" for user in rng.integers(USERS, size=n)],
            col.ITEM: [f"i{item}" for item in chosen.argmax(axis=1)],
            col.EVENT: "view",
            col.TIMESTAMP: 1.7e9 + day * DAY,
            col.VALUE: pl.Series([None] * n, dtype=pl.Float64),
            col.SEQ: pl.Series([None] * n, dtype=pl.Int64),
        }
    )
    return make_split(events, protocol="time")


def with_texts(split: Split) -> Split:
    return replace(split, catalogue=encoded(split.catalogue, "tfidf")[1])


@pytest.mark.parametrize("log", [shop, groups, waves])
def test_the_whole_is_not_below_its_best_part(log: Callable[[], Split]) -> None:
    split = log()
    protocol = "leave-one-out" if split.cut is None else "time"
    found, _ = measured(split, repeats=False, protocol=protocol)  # type: ignore[arg-type]
    asked = [part for part in found["slices"] if part["users"] >= LEAST_USERS]
    assert asked
    for part in asked:
        mean, low, high = part["difference"]
        assert low <= mean <= high
        assert not is_broken(part), f"{part['slice']}: {found['part']} alone is better, {part}"
