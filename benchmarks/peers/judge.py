"""Everybody's lists under one measure: Tacit's metrics, with paired intervals against the best tuned peer.

Reads the lists that `search` wrote, and writes one compact JSON a task, which the tables are made of. Rows of
earlier runs whose lists are not here stay as they are; so does the row of a peer that was fitted again with
the same parameters, but for metrics that it lacks. Targets without a training event are also measured apart,
over the users who have one.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from search import KINDS

from tacit.core.seeds import generator
from tacit.core.types import Float64
from tacit.data.ranking import Ranking
from tacit.evaluation import metrics
from tacit.evaluation.bootstrap import interval

METRICS = ("ndcg@10", "recall@10", "recall@20", "mrr@10")
MAIN = METRICS[0]
SHORT = METRICS[1]
"""Measured later than the rest: rows of peers that were not fitted again since then lack it."""
AGAIN = f"{MAIN} fitted again"
"""Of a peer's row whose second fit is another: what the metrics that were added to it belong to."""
COLD = "cold recall@20"
OURS = "tacit"
"""The library whose models are compared; all others are peers."""


def judge(task: Path, runs: Path, out: Path) -> None:
    """Score every run of a task against its test targets."""
    before = json.loads(out.read_text()) if out.exists() else {"best_peer": None, "rows": []}
    targets = pl.read_parquet(task / "test" / "targets.parquet")
    cold = targets.filter(~pl.col("item").is_in(_known(task).implode()))
    rows_before = {(row["model"], row["kind"]): row for row in before["rows"]}
    rows, values = [], {}
    for path in sorted(runs.glob("*.json")):
        told = json.loads(path.read_text())
        for kind in told.get("kinds", KINDS):
            lists = path.with_name(f"{path.stem}-{kind}.parquet")
            found = {}
            if lists.exists():
                scored = scored_lists(lists, targets)
                values[told["model"], kind] = scored[MAIN]
                found = {name: scored[name] for name in METRICS}
                if len(cold):
                    found[COLD] = scored_lists(lists, cold)["recall@20"]
            rows.append(as_it_was(_row(told, kind, found), rows_before.get((told["model"], kind))))
    here = {(row["model"], row["kind"]) for row in rows}
    rows += [row for row in before["rows"] if (row["model"], row["kind"]) not in here]
    rows.sort(key=lambda row: (row["model"], row["kind"]))
    base = best_peer(rows)
    same = base is not None and base["model"] == before["best_peer"]
    for row in rows:
        kept = row.get("difference") if same else None
        row["difference"] = kept or _difference(values, row, base)
    report = {"task": task.name, **json.loads((task / "test" / "facts.json").read_text())}
    report |= {"best_peer": base and base["model"], "cold_users": cold["user"].n_unique(), "rows": rows}
    out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


def best_peer(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the tuned peer with the best NDCG@10 of the test."""
    among = [row for row in rows if row["library"] != OURS and row["kind"] == "tuned" and MAIN in row]
    return max(among, key=lambda row: row[MAIN], default=None)


def as_it_was(row: dict[str, Any], kept: dict[str, Any] | None) -> dict[str, Any]:
    """Return a peer's kept row, with metrics that it lacks taken from the same fit made again.

    The new row is returned where there is none kept, or one of another version or of other parameters.
    """
    same = ("model", "kind", "library", "version", "parameters")
    if kept is None or row["library"] == OURS or MAIN not in kept or any(row[n] != kept[n] for n in same):
        return row
    added = {name: row[name] for name in METRICS if name in row and name not in kept}
    if added and row[MAIN] != kept[MAIN]:
        print(f"{row['model']} {row['kind']}: {MAIN} is {kept[MAIN]} in its row and {row[MAIN]} fitted again")
        added[AGAIN] = row[MAIN]
    return {**kept, **added}


def _known(task: Path) -> pl.Series:
    """Return the items that somebody had to do with in training; to be shown is not enough."""
    train = pl.read_parquet(task / "test" / "train.parquet")
    return train.filter(pl.col("weight") != 0)["item"].unique()


def scored_lists(lists: Path, targets: pl.DataFrame) -> dict[str, Float64]:
    """Return each metric for each user with a target, by user."""
    users, counts = np.unique(targets["user"].to_numpy(), return_counts=True)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    listed = pl.read_parquet(lists).filter(pl.col("user").is_in(users))
    items = np.full((len(users), metrics.LONGEST), -1, dtype=np.int32)
    items[np.searchsorted(users, listed["user"].to_numpy()), listed["rank"].to_numpy() - 1] = listed["item"]
    ranking = Ranking(items, np.zeros(items.shape, dtype=np.float32))
    hit = metrics.hits(ranking, offsets, targets["item"].to_numpy())
    return {**metrics.per_query(hit, counts), SHORT: metrics.recall(hit, counts, 10)}


def _row(told: dict[str, Any], kind: str, found: dict[str, Float64]) -> dict[str, Any]:
    about = {name: told[name] for name in ("model", "library", "version")}
    costs = {
        name: told.get(kind, {}).get(name) for name in ("parameters", "fit_seconds", "seconds", "peak_mb")
    }
    means = {name: round(float(values.mean()), 5) for name, values in found.items()}
    valid = {"valid": told.get(kind, {}).get("valid"), "trials": told["trials"]}
    return {**about, "kind": kind, **means, **costs, **valid}


def _difference(
    values: dict[tuple[str, str], Float64], row: dict[str, Any], base: dict[str, Any] | None
) -> list[float] | None:
    """Return the mean advantage over the best tuned peer and its 95 % interval."""
    ours = values.get((row["model"], row["kind"]))
    theirs = values.get((base["model"], "tuned")) if base else None
    if ours is None or theirs is None:
        return None
    gained = ours - theirs
    low, high = interval(gained, generator(7, "bootstrap"))
    return [round(float(value), 5) for value in (gained.mean(), low, high)]
