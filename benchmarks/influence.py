"""What one account does to the lists of everybody else: overlap@10 after a fit with its events and without.

``python benchmarks/influence.py DATA [--log NAME] [--events N] [--seeds N] [--learn] [--retriever NAME]``

DATA holds a folder ``ml-100k`` with ``events.parquet`` and ``items.parquet``; ``shop`` is the shop of the
demo, which is generated. One account sends its events in two days after the end of the log, in four ways by
turns: different items at random, the most popular ones, half of all on one item, and what another user chose.
They come as those of a store: they are cleaned, held back and learned from as `tacit refit` does it. With
``--learn`` they are learned from all the same, which tells what the models do by themselves; with
``--retriever NAME`` a model alone is asked. The lists are those of all other users of the log.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tacit import api
from tacit.core.types import DAY
from tacit.data import columns as col
from tacit.data.shop import generate
from tacit.engine.batch import recommend_all
from tacit.engine.new_log import joined_log
from tacit.engine.snapshot import Snapshot
from tacit.engine.train import prepared, trained
from tacit.pipeline.config import Config

ACCOUNT = "one account"
WAYS = ("random", "popular", "one item", "copied")


@dataclass(frozen=True)
class Log:
    """A log with its catalogue."""

    name: str
    events: pl.DataFrame
    items: pl.DataFrame | None


def log_of(data: Path, name: str) -> Log:
    """Return a log by its name."""
    if name == "shop":
        shop = generate()
        return Log(name, shop.events, shop.items)
    items = pl.read_parquet(data / name / "items.parquet").with_columns(pl.col(col.ITEM).cast(pl.String))
    return Log(name, api.read(data / name / "events.parquet").events, items)


def sent(log: pl.DataFrame, events: int, seed: int) -> pl.DataFrame:
    """Return what the account sends, as events of a store."""
    rng, way = np.random.default_rng(seed), WAYS[seed % len(WAYS)]
    ids = log[col.ITEM].unique().sort()
    if way == "popular":
        counts = log[col.ITEM].value_counts().sort("count", col.ITEM, descending=True)
        items = counts[col.ITEM].head(events)
    elif way == "one item":
        items = pl.concat([ids.gather([rng.integers(len(ids))] * (events // 2)), ids.shuffle(seed)])
    elif way == "copied":
        user = log[col.USER].unique().sort()[int(rng.integers(log[col.USER].n_unique()))]
        items = log.filter(pl.col(col.USER) == user)[col.ITEM]
    else:
        items = ids.shuffle(seed)
    places = np.arange(events) % min(len(items), events)
    best = log.filter(pl.col(col.EVENT) == log[col.EVENT].mode()[0])[col.VALUE].max()
    end = float(log[col.TIMESTAMP].max())  # type: ignore[arg-type]
    return pl.DataFrame(
        {
            col.USER: pl.Series([ACCOUNT] * events, dtype=pl.String),
            col.ITEM: items.cast(pl.String).gather(places),
            col.EVENT: [log[col.EVENT].mode()[0]] * events,
            col.TIMESTAMP: np.sort(end + rng.uniform(0, 2 * DAY, events)),
            col.VALUE: pl.Series([best] * events, dtype=pl.Float64),
            col.SEQ: pl.Series([None] * events, dtype=pl.Int64),
            col.LINE: np.arange(events),
            col.SOURCE: pl.Series([None] * events, dtype=pl.String),
        }
    )


def fitted(log: Log, new: pl.DataFrame | None, config: Config, *, learn: bool) -> tuple[Snapshot, int]:
    """Return the fit of a log and new events, and how many of these it learned from."""
    events, held, added = log.events, None, 0
    if new is not None:
        now = float(new[col.TIMESTAMP].max())  # type: ignore[arg-type]
        trusted = [ACCOUNT] if learn else []
        joined = joined_log(log.events, new, config, now=now, trusted=trusted)
        events, held, added = joined.events, joined.held, joined.counts["added"]
    return trained(prepared(events, log.items, config, held=held, on_note=lambda _: None)), added


def lists(snapshot: Snapshot, users: Sequence[str]) -> pl.DataFrame:
    """Return the first ten items of users, one list a row."""
    rows = pl.concat([*recommend_all(snapshot, users, k=10)])
    return rows.group_by(col.USER).agg(pl.col(col.ITEM)).sort(col.USER)


def overlap(one: pl.DataFrame, other: pl.DataFrame) -> float:
    """Return the share of the items of the first lists that the others have too, of all users together."""
    both = one.join(other, on=col.USER, suffix="_other")
    common = both.select(pl.col(col.ITEM).list.set_intersection(f"{col.ITEM}_other").list.len())
    return float(common.to_series().sum() / one[col.ITEM].list.len().sum())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--log", action="append", choices=("ml-100k", "shop"))
    parser.add_argument("--events", type=int, default=1_000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--retriever", action="append")
    asked = parser.parse_args()
    parts = [{"retrievers": {name: {}}, "ranker": None} for name in asked.retriever or ()] or [{}]
    print(
        "| log | model | seed | way | events | learned from | overlap@10 | s |\n" + "| --- " * 8 + "|",
        flush=True,
    )
    for name in asked.log or ("ml-100k", "shop"):
        log = log_of(asked.data, name)
        users = log.events[col.USER].unique().cast(pl.String).sort().to_list()
        for part in parts:
            config = Config(**part)  # type: ignore[arg-type]
            model = next(iter(part.get("retrievers", {"whole": {}})))  # type: ignore[call-overload]
            before = lists(fitted(log, None, config, learn=False)[0], users)
            for seed in range(asked.first, asked.first + asked.seeds):
                begun = time.monotonic()
                new = sent(log.events, asked.events, seed)
                after, added = fitted(log, new, config, learn=asked.learn)
                found, spent = overlap(before, lists(after, users)), time.monotonic() - begun
                way = WAYS[seed % len(WAYS)]
                row = (name, model, seed, way, len(new), added, f"{found:.4f}", f"{spent:.0f}")
                print(f"| {' | '.join(map(str, row))} |", flush=True)


if __name__ == "__main__":
    main()
