"""The cuts that everybody works on, written as Parquet.

A task is a data set with a protocol. Its test cut was that of ``tacit evaluate --candidates log`` when it was
made first; the validation cut is one of the same kind inside the training part. Of the test users only those
with a history are asked about, of the validation users at most `MOST`, drawn with a seed: the same for every
model.

What is counted is said here and nowhere else: `CHOICES` are the events that make a target, an item of the
history or a warm user, and `stated` is what peers are told of strengths. How Tacit itself reads a word or a
rating may change, and with it what its models learn from, but never a cut: `frozen` compares their hashes.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from tacit.core.seeds import generator
from tacit.core.types import Float64, Int32, Int64
from tacit.data import columns as col
from tacit.data import splits
from tacit.data.catalogue import Catalogue
from tacit.data.clean import Rules, clean
from tacit.data.interactions import Interactions, time_of, timing_of
from tacit.data.queries import Queries, gather_ranges
from tacit.data.users import Users
from tacit.data.vocabulary import Vocabulary
from tacit.data.weights import EventWeights, occurrence
from tacit.evaluation.split import Split, first_moments
from tacit.reading.read import read_events, read_items, read_users

SEED = 7
SHARE = 0.1
MOST = 2_000

CHOICES = ("click", "view", "cart", "addtocart", "play", "purchase", "rating", "review", "comment")
"""Events by which a user chose an item, whatever their value; at any other event it was only shown."""

RULES = Rules(
    impossible_times=True, missing_times=True, duplicates=True, burst_seconds=2.0, bots=False, outliers=None
)
"""How logs are cleaned before they are cut: rows alone are looked at, never statistics over the log."""

RATED = ("rating", "review", "comment")
"""Events whose value is a rating."""

Weigh = Callable[[pl.DataFrame], pl.DataFrame]
"""Returns training events with a column of weights."""


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
        return clean(source, RULES, now=float("inf")).events

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
        return self.events.filter(~self._held(self.events))

    def test(self, weigh: Weigh | None = None) -> Split:
        """Return the test cut; the weights of its training events are Tacit's unless told otherwise."""
        return self._cut(self.events, weigh or tacits)

    def valid(self, weigh: Weigh | None = None) -> Split:
        """Return the validation cut; see `test`."""
        return _some(self._cut(self.train, weigh or tacits), MOST)

    def _moment(self, at: Float64) -> float:
        """Return the moment from which a cut in time holds out."""
        return splits.cut_time(at, SHARE)

    def _held(self, events: pl.DataFrame) -> pl.Series:
        """Return where an event is held out by the protocol."""
        user, item = (Vocabulary.of(events[name]).encode(events[name]) for name in (col.USER, col.ITEM))
        at, rng = time_of(events, timing_of(events)), generator(SEED, "split")
        chosen = events.select(_is_choice())[col.EVENT].to_numpy()
        return pl.Series(splits.held_out(user, item, at, chosen, self.task.protocol, SHARE, rng))

    def _cut(self, events: pl.DataFrame, weigh: Weigh) -> Split:
        held = self._held(events)
        train, test = events.filter(~held), events.filter(held)
        items = Vocabulary.of(train[col.ITEM], test[col.ITEM])
        people = Users.of(self.users, train[col.USER])
        log = Interactions.from_frame(weigh(train), items, people)
        cut = self._moment(time_of(events, log.timing)) if self.task.protocol == "time" else None
        users, offsets, targets = self._targets(train, test, items)
        queries = log.queries(
            people.ids.encode(users),
            now=cut,
            moments=first_moments(log, test, users) if len(log.moment_columns) else None,
            exclude_seen=False,
        )
        if not self.task.allow_seen:
            queries = _excluding(queries, Interactions.from_frame(stated(train), items, people))
        catalogue = Catalogue.from_frame(self.items, items)
        catalogue = replace(catalogue, available=np.ones(len(items), dtype=bool))
        return Split(
            self.task.protocol, cut, log, catalogue, queries, offsets, targets, "log", test_events=len(test)
        )

    def _targets(
        self, train: pl.DataFrame, test: pl.DataFrame, items: Vocabulary
    ) -> tuple[pl.Series, Int64, Int32]:
        """Return the users with a history who chose something in the test, and what each of them chose."""
        pair = (col.USER, col.ITEM)
        before, chosen = (part.filter(_is_choice()).select(pair).unique() for part in (train, test))
        if not self.task.allow_seen:
            chosen = chosen.join(before, on=pair, how="anti")
        chosen = chosen.join(before, on=col.USER, how="semi").sort(pair)
        counts = chosen.group_by(col.USER, maintain_order=True).len()
        offsets = np.concatenate([[0], np.cumsum(counts["len"].to_numpy())]).astype(np.int64)
        return counts[col.USER], offsets, items.encode(chosen[col.ITEM])


def tacits(train: pl.DataFrame) -> pl.DataFrame:
    """Return training events as Tacit weighs them by default."""
    return EventWeights.fit(train).weigh(train)


def stated(train: pl.DataFrame) -> pl.DataFrame:
    """Return training events as peers are told them: choices and their ratings; most may ignore these.

    A choice weighs 1 and anything else 0. A rating is scaled over its range: to .2 to 1 in a log of ratings
    alone, to .8 to 1 elsewhere. The n-th time that a user does the same to the same item counts 1 / n.
    """
    value = pl.col(col.VALUE).replace([np.inf, -np.inf, np.nan], None)
    low, high = value.min().over(col.EVENT), value.max().over(col.EVENT)
    least = 0.2 if set(train[col.EVENT]) == {"rating"} else 0.8
    rating = least + (1 - least) * (value - low) / (high - low)
    rated = pl.col(col.EVENT).is_in(RATED) & value.is_not_null() & (high > low)
    weight = _is_choice().cast(pl.Float64) * pl.when(rated).then(rating).otherwise(1.0) / occurrence(train)
    return train.with_columns(weight.cast(pl.Float32).alias(col.WEIGHT))


def _is_choice() -> pl.Expr:
    return pl.col(col.EVENT).is_in(CHOICES)


def _excluding(queries: Queries, log: Interactions) -> Queries:
    """Return the queries without what their users chose in a log: nobody may list it."""
    chosen = log.queries(queries.user)
    return replace(queries, exclude_offsets=chosen.exclude_offsets, exclude=chosen.exclude)


def _some(split: Split, most: int) -> Split:
    rows = np.sort(generator(SEED, "validation users").permutation(len(split.queries))[:most])
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
            write_cut(make(stated), cuts.task, place)


def current(cuts: Cuts, folder: Path) -> bool:
    """Return whether both cuts in a folder are made as today: lists of two cuts cannot be compared."""
    return all(
        _targets(make()).equals(pl.read_parquet(folder / name / "targets.parquet"))
        for name, make in (("valid", cuts.valid), ("test", cuts.test))
    )


def _targets(split: Split) -> pl.DataFrame:
    users = np.repeat(split.queries.user, np.diff(split.target_offsets))
    return pl.DataFrame({"user": users, "item": split.targets})


def write_cut(split: Split, task: Task, place: Path) -> None:
    """Write a cut as peers read it."""
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
