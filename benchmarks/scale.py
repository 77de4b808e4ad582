"""Parts on one and on two workers: a log that is read and cleaned, lists of a million users, folds of a fit.

``python benchmarks/scale.py`` generates a log, and lets one worker and then two read it, fit its folds and
compute lists from a snapshot of it. ``--log FILE`` is read in place of the generated one. On a quiet machine
"times" is the ratio of their seconds. "by processor seconds" does not depend on what else the machine does:
what the driver spends counts whole and what its workers spend is shared by them; for threads, which are the
driver, it is left out. With ``--ray`` a batch runs on a Ray cluster of this machine, too.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import tacit
from tacit.core.executor import Executor, LocalExecutor
from tacit.core.progress import SILENT
from tacit.core.seeds import Streams
from tacit.data.catalogue import Catalogue
from tacit.data.interactions import Interactions
from tacit.data.vocabulary import Vocabulary
from tacit.engine.snapshot import Snapshot, save
from tacit.engine.train import train
from tacit.pipeline.config import Config
from tacit.pipeline.firststage import fit_first_stage
from tacit.scale.executors import open_executor
from tacit.scale.partitioned_batch import recommend_to_folder
from tacit.scale.processes import ProcessExecutor

SERVED: dict[str, dict[str, object]] = {"trending": {}, "itemknn": {}, "sessionknn": {}}
"""Retrievers of the snapshot of the batch: it is about the lists, not about the fit."""

STAGES = ["read", "folds", "batch"]
KINDS: dict[str, Callable[[int], Executor]] = {"threads": LocalExecutor, "processes": ProcessExecutor}


def log_of(users: int, items: int, events: int, seed: int = 7) -> pl.DataFrame:
    """Return events of users whose activity and items whose popularity have heavy tails, in tastes."""
    rng = np.random.default_rng(seed)
    activity = rng.pareto(1.5, users) + 0.2
    user = np.concatenate([np.arange(users), rng.choice(users, events - users, p=activity / activity.sum())])
    taste = user % 50
    rank = np.minimum(rng.zipf(1.3, events) - 1, items // 50 - 1)
    item = np.where(rng.random(events) < 0.7, rank * 50 + taste, rng.integers(0, items, events))
    order = np.argsort(rng.random(events))
    return pl.DataFrame(
        {
            "user_id": pl.Series(user[order]).cast(pl.String),
            "item_id": pl.Series(item[order]).cast(pl.String),
            "event": "view",
            "timestamp": pl.Series(np.sort(rng.random(events)) * 86400 * 90 + 1.7e9),
        }
    ).with_columns(seq=pl.lit(None, pl.Int64), value=pl.lit(None, pl.Float64))


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Return the seconds of some work, and the processor seconds of this process and of its children."""
    begun, driver, workers = (
        time.perf_counter(),
        _spent(resource.RUSAGE_SELF),
        _spent(resource.RUSAGE_CHILDREN),
    )
    work()
    spent = {
        "seconds": time.perf_counter() - begun,
        "driver": _spent(resource.RUSAGE_SELF) - driver,
        "workers": _spent(resource.RUSAGE_CHILDREN) - workers,
    }
    return {name: round(value, 2) for name, value in spent.items()}


def _spent(whose: int) -> float:
    use = resource.getrusage(whose)
    return use.ru_utime + use.ru_stime


def batch(snapshot: Snapshot, place: Path, executor: Executor, users: int) -> dict[str, float]:
    ids = snapshot.interactions.users.ids.head(users).to_list()
    with tempfile.TemporaryDirectory() as out:
        return timed(
            lambda: (recommend_to_folder(place, f"{out}/lists", ids, executor=executor), ended(executor))
        )


def read(log: Path, executor: Executor) -> dict[str, float]:
    """Return what the reading and cleaning of a log costs, beside it how many events are left."""

    def work() -> None:
        kept.append(len(tacit.read(log, executor=executor).events))
        ended(executor)

    kept: list[int] = []
    return {**timed(work), "events": kept[0]}


def ended(executor: Executor) -> None:
    """End the processes of an executor, so that their time is known."""
    if isinstance(executor, ProcessExecutor):
        executor.close()


def folds(interactions: Interactions, catalogue: Catalogue, executor: Executor) -> dict[str, float]:
    config = Config(encoder="none", ranker=None)
    config = Config(retrievers=[one for one in config.retrievers if one.name != "content"], ranker=None)
    about: dict[str, Any] = {"protocol": None, "progress": SILENT, "executor": executor}
    return timed(
        lambda: (
            fit_first_stage(config, interactions, catalogue, streams=Streams(7), **about),
            ended(executor),
        )
    )


def report(what: str, one: dict[str, float], two: dict[str, float]) -> None:
    line: dict[str, Any] = {"what": what, "one": one, "two": two}
    line["times"] = round(one["seconds"] / two["seconds"], 2)
    if two["workers"] > two["driver"] / 10:
        line["by processor seconds"] = round(
            (one["driver"] + one["workers"]) / (two["driver"] + two["workers"] / 2), 2
        )
    print(json.dumps({**line, "load": round(os.getloadavg()[0], 1)}), flush=True)


def main() -> None:
    """Print one JSON line for each measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--listed", type=int, nargs="*", help="numbers of users whose lists are computed")
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--fold-events", type=int, default=1_000_000)
    parser.add_argument("--fold-items", type=int, default=4_000)
    parser.add_argument("--log", type=Path, help="a log of more than 512 MiB to read; else one is generated")
    parser.add_argument("--stages", nargs="*", choices=STAGES, default=STAGES)
    parser.add_argument("--kinds", nargs="*", choices=sorted(KINDS), default=sorted(KINDS))
    parser.add_argument("--ray", action="store_true")
    given = parser.parse_args()
    if "read" in given.stages:
        with tempfile.TemporaryDirectory() as scratch:
            log = given.log or written(log_of(given.users, given.items, given.events), Path(scratch))
            report("read and clean, processes", *(read(log, ProcessExecutor(count)) for count in (1, 2)))
    if "folds" in given.stages:
        _folds(given)
    if "batch" in given.stages:
        _batch(given)


def written(log: pl.DataFrame, folder: Path) -> Path:
    """Write a log as text."""
    log.select("user_id", "item_id", "event", "timestamp").write_csv(folder / "log.csv")
    return folder / "log.csv"


def _folds(given: argparse.Namespace) -> None:
    frame = log_of(given.fold_events // 100, given.fold_items, given.fold_events)
    vocabulary = Vocabulary.of(frame["item_id"])
    interactions = Interactions.from_frame(frame, vocabulary)
    catalogue = Catalogue.from_frame(None, vocabulary)
    for name in given.kinds:
        first = folds(interactions, catalogue, KINDS[name](1))
        report(f"folds, {name}", first, folds(interactions, catalogue, KINDS[name](2)))


def _batch(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "model.tacit"
        config = Config(retrievers=SERVED, encoder="none", ranker=None, windows=1)
        snapshot = train(log_of(given.users, given.items, given.events), config=config)
        save(snapshot, place)
        for users in given.listed or [given.users]:
            for name in given.kinds:
                one = batch(snapshot, place, KINDS[name](1), users)
                two = batch(snapshot, place, KINDS[name](2), users)
                report(f"batch of {users:,} users, {name}", one, two)
            if given.ray:
                with open_executor("ray") as ray:
                    report(
                        f"batch of {users:,} users, one process, then Ray",
                        one,
                        batch(snapshot, place, ray, users),
                    )


if __name__ == "__main__":
    sys.exit(main())
