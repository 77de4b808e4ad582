"""Networks of the ranker that leave out a stretch of time each, beside a share of the users, before any test.

``python benchmarks/decisions/stretches_of_time.py DATA OUT [TASK ...]`` reads the training part of each task
of `benchmarks/peers` that is cut in time. It predicts the last stretches of that part (`STRETCHES`), each
from all events before it. The first stage of the default configuration is fitted once
for each, and the default ranker on it in both ways. It keeps a file for each task in OUT and prints the table
of docs/decisions/003-how-much-the-ranker-counts.md.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from blend_form import chosen
from crossfit import fitted, scores_of
from forecast import first_stage, table
from gains import mean_gain
from prepare import TASKS, Cuts

from tacit.core.types import Float64
from tacit.data import columns as col
from tacit.data.gain import ndcg_of_scores
from tacit.engine.train import encoded
from tacit.evaluation.split import Split, make_split
from tacit.pipeline import ranker_fit
from tacit.pipeline.config import Config
from tacit.pipeline.retrieval import collect
from tacit.pipeline.secondstage import weighted_scores

STRETCHES: Mapping[str, tuple[int, float]] = {
    "douban-sample-time": (10, 0.05),
    "mind-sample-time": (10, 0.05),
    "ml-100k-time": (10, 0.05),
    "ml-latest-small-time": (2, 0.1),
    "amazon-2023-mini-time": (2, 0.1),
    "completejourney-time": (2, 0.1),
    "completejourney-time-seen": (2, 0.1),
    "ml-1m-time": (2, 0.1),
}
"""How many stretches of a training part are predicted, and the share of its events in each."""


def shares_of_users() -> AbstractContextManager[Any]:
    """Fit as before."""

    def shares(examples: Any, most: int, _: Any, rng: np.random.Generator) -> Any:
        return ranker_fit._shares_of_users(examples, most, rng)

    return patch.object(ranker_fit, "_shares", shares)


WAYS: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {
    "users": shares_of_users,
    "stretches": nullcontext,
}


def splits(cuts: Cuts) -> Iterator[Split]:
    """Yield the cuts of a training part, the earliest first; all users are asked."""
    count, share = STRETCHES[cuts.task.name]
    at = cuts.train[col.TIMESTAMP].sort()
    for left in reversed(range(count)):
        events = cuts.train
        if left:
            events = events.filter(pl.col(col.TIMESTAMP) < at[int(len(at) * (1 - share * left))])
        split = make_split(
            events,
            cuts.items,
            users=cuts.users,
            protocol="time",
            share=share / (1 - share * left),
            candidates="log",
            allow_seen=cuts.task.allow_seen,
        )
        yield replace(split, catalogue=encoded(split.catalogue, "auto")[1])


def measured(split: Split, repeats: bool) -> dict[str, Any]:
    """Return all figures of one cut: by each way, NDCG@10 of each user without the ranker and with it."""
    config = Config(repeats=repeats)
    first = first_stage(config, split)
    found = collect(first.retrievers, split.queries, config.candidates, split.catalogue.available)
    labels, totals = chosen(split, found.items), np.diff(split.target_offsets)
    runs = {}
    for way, inside in WAYS.items():
        with inside():
            model, seconds = fitted(first, split, config, 0)
        report = model.report_
        assert report is not None
        base, ranked = scores_of(model, split, found)
        before, after = (
            ndcg_of_scores(weighted_scores(base, ranked, weight), labels, totals)
            for weight in (0.0, report.ranker_weight)
        )
        gain = report.gain or {"before": 1.0, "after": 1.0}
        runs[way] = {
            "seconds": seconds,
            "epochs": len(report.epochs),
            "weight": report.ranker_weight,
            "claimed": gain["after"] / gain["before"] - 1 if gain["before"] else 0.0,
            "before": before.tolist(),
            "after": after.tolist(),
        }
    users = split.train.users.ids[split.queries.user].to_list()
    return {"users": users, "queries": [len(fold.part) for fold in first.folds], "runs": runs}


def main(data: Path, out: Path, names: Sequence[str]) -> None:
    """Measure what is missing and print the table."""
    out.mkdir(parents=True, exist_ok=True)
    for name in names or STRETCHES:
        report = out / f"{name}.json"
        if not report.exists():
            cuts = Cuts(TASKS[name], data)
            figures = [measured(split, cuts.task.allow_seen) for split in splits(cuts)]
            report.write_text(json.dumps(figures) + "\n", "utf-8")
    rows = [
        row_of(name, json.loads(path.read_text("utf-8")))
        for name in STRETCHES
        if (path := out / f"{name}.json").exists()
    ]
    print(table(HEAD, rows))


HEAD = (
    "task",
    "cuts",
    "blend",
    *(f"{way}: weights, gain at the fit → on the cuts, %" for way in WAYS),
    "stretches over users, %",
    *(f"s of the second stage, {way}" for way in WAYS),
)


def row_of(name: str, cuts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the figures of a task: means over its cuts, with intervals over users."""
    runs = {way: [cut["runs"][way] for cut in cuts] for way in WAYS}
    level = float(np.mean([np.mean(run["before"]) for run in runs["users"]]))
    users = [pl.Series(cut["users"]) for cut in cuts]
    served = {way: [np.array(run["after"]) for run in runs[way]] for way in WAYS}
    before = [np.array(run["before"]) for run in runs["users"]]
    away = [new - old for new, old in zip(served["stretches"], served["users"], strict=True)]
    return [
        name,
        str(len(cuts)),
        f"{level:.4f}",
        *(
            " ".join(f"{run['weight']:g}" for run in runs[way])
            + f": {100 * np.mean([run['claimed'] for run in runs[way]]):+.1f} → "
            + _percent(users, [a - b for a, b in zip(served[way], before, strict=True)], level)
            for way in WAYS
        ),
        _percent(users, away, level),
        *(f"{np.mean([run['seconds'] for run in runs[way]]):.1f}" for way in WAYS),
    ]


def _percent(users: Sequence[pl.Series], gains: Sequence[Float64], level: float) -> str:
    gain = mean_gain(users, gains)
    low, high = gain.of_users
    return f"{100 * gain.mean / level:+.1f} [{100 * low / level:+.1f}, {100 * high / level:+.1f}]"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
