"""The cuts that everybody works on, made by Tacit's own `make_split` and written as Parquet.

A task is a data set with a protocol. Its test cut is that of ``tacit evaluate --candidates log``; the
validation cut is one of the same kind inside the training part. Of the test users only those with a history
are asked about, of the validation users at most `MOST`, drawn with a seed: the same for every model. In a log
of ratings Tacit weighs them as it sees fit; peers are told them as they stand, and most may ignore them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from tacit.core.seeds import generator
from tacit.core.types import Int64
from tacit.data import columns as col
from tacit.data import splits
from tacit.data.clean import Rules, clean
from tacit.data.queries import gather_ranges
from tacit.data.weights import Mode
from tacit.evaluation.split import Split, make_split, training_part
from tacit.reading.read import read_events, read_items, read_users

SEED = 7
SHARE = 0.1
MOST = 2_000


@dataclass(frozen=True)
class Task:
    """A data set with a protocol."""

    name: str
    data: str
    protocol: splits.Protocol
    allow_seen: bool = False


TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task("ml-100k-time", "ml-100k", "time"),
        Task("ml-latest-small-time", "ml-latest-small", "time"),
        Task("amazon-2023-mini-time", "amazon-2023-mini", "time"),
        Task("mind-sample-time", "mind-sample", "time"),
        Task("douban-sample-time", "douban-sample", "time"),
        Task("amazon-industrial-loo", "amazon-industrial", "leave-one-out"),
        Task("ml-100k-loo", "ml-100k", "leave-one-out"),
        Task("yoochoose-100k-loo", "yoochoose-100k", "leave-one-out"),
        Task("retailrocket-subset-random", "retailrocket-subset", "random"),
        Task("completejourney-time", "completejourney", "time"),
        Task("completejourney-time-seen", "completejourney", "time", allow_seen=True),
        Task("amazon-beauty-loo", "amazon-beauty", "leave-one-out"),
        Task("steam-200k-random", "steam-200k", "random"),
        Task("ml-1m-time", "ml-1m", "time"),
        Task("ml-1m-loo", "ml-1m", "leave-one-out"),
    )
}


@dataclass(frozen=True)
class Cuts:
    """The two cuts of a task, from the folder of data sets."""

    task: Task
    data: Path

    @cached_property
    def events(self) -> pl.DataFrame:
        source = read_events(self.data / self.task.data / "events.parquet")
        return clean(source, Rules().rows_only(), now=float("inf")).events

    @cached_property
    def items(self) -> pl.DataFrame | None:
        path = self.data / self.task.data / "items.parquet"
        return read_items(path) if path.exists() else None

    @cached_property
    def users(self) -> pl.DataFrame | None:
        """What is known of users; Tacit makes features of it, peers are not told."""
        path = self.data / self.task.data / "users.parquet"
        return read_users(path) if path.exists() else None

    @cached_property
    def train(self) -> pl.DataFrame:
        """The events before the test."""
        return training_part(self.events, protocol=self.task.protocol, share=SHARE, seed=SEED)

    @property
    def stated(self) -> Mode:
        """How events are weighed for peers: ratings by what they say, all else as for Tacit."""
        return "names" if set(self.events[col.EVENT]) == {"rating"} else "default"

    def test(self, weights: Mode = "default") -> Split:
        return _warm(self._cut(self.events, weights))

    def valid(self, weights: Mode = "default") -> Split:
        return _some(_warm(self._cut(self.train, weights)), MOST)

    def _cut(self, events: pl.DataFrame, weights: Mode) -> Split:
        return make_split(
            events,
            self.items,
            users=self.users,
            protocol=self.task.protocol,
            share=SHARE,
            seed=SEED,
            allow_seen=self.task.allow_seen,
            candidates="log",
            weights=weights,
        )


def _warm(split: Split) -> Split:
    return _asking(split, np.flatnonzero(split.queries.acted().lengths))


def _some(split: Split, most: int) -> Split:
    rows = generator(SEED, "validation users").permutation(len(split.queries))[:most]
    return _asking(split, np.sort(rows))


def _asking(split: Split, rows: Int64) -> Split:
    places, offsets = gather_ranges(split.target_offsets, rows)
    return replace(
        split, queries=split.queries.take(rows), target_offsets=offsets, targets=split.targets[places]
    )


def write(cuts: Cuts, folder: Path) -> None:
    """Write both cuts of a task for peers, unless they are there."""
    for name, make in (("valid", cuts.valid), ("test", cuts.test)):
        place = folder / name
        if not (place / "facts.json").exists():
            place.mkdir(parents=True, exist_ok=True)
            _write(make(cuts.stated), cuts.task, place)


def current(cuts: Cuts, folder: Path) -> bool:
    """Return whether both cuts in a folder are made as today: lists of two cuts cannot be compared."""
    return all(
        _targets(make()).equals(pl.read_parquet(folder / name / "targets.parquet"))
        for name, make in (("valid", cuts.valid), ("test", cuts.test))
    )


def _targets(split: Split) -> pl.DataFrame:
    users = np.repeat(split.queries.user, np.diff(split.target_offsets))
    return pl.DataFrame({"user": users, "item": split.targets})


def _write(split: Split, task: Task, place: Path) -> None:
    log = split.train
    train = pl.DataFrame({"user": log.user, "item": log.item, "weight": log.weight, "at": log.at})
    train.write_parquet(place / "train.parquet")
    _targets(split).write_parquet(place / "targets.parquet")
    facts = {
        "timing": log.timing,
        "protocol": task.protocol,
        "allow_seen": task.allow_seen,
        "events": len(log),
        "users": len(log.active_users()),
        "items": len(split.catalogue),
        "asked": len(split.queries),
        "targets": len(split.targets),
        "cold_targets": float(split.cold[split.targets].mean()) if len(split.targets) else 0.0,
    }
    (place / "facts.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
