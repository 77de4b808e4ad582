"""Tacit's own models by the same steps: the same cuts, budget, forks and lists as everybody's.

The cuts are made again in memory (`prepare.Cuts`), since Tacit's models also read texts, event types and
times. ``python tacit_models.py TASK OUT DATA [MODEL ...]``.
"""

import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from prepare import SEED, TASKS, Cuts
from search import LONGEST, K, Meter, Space, best_of, forked, search, write_run

from tacit.core.progress import SILENT
from tacit.core.version import __version__
from tacit.data.ranking import Ranking
from tacit.engine.train import encoded
from tacit.evaluation.evaluate import fit_model, lists, score
from tacit.evaluation.slices import slices
from tacit.evaluation.split import Split
from tacit.pipeline import retrievers, zoo

DECAY = (0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
DAYS = (None, 3.0, 10.0, 30.0, 100.0, 300.0)
SPACES: Mapping[str, Space] = {
    "trending": {"half_life": (None, 0.5, 1.0, 3.0, 7.0, 14.0, 30.0, 90.0, 365.0)},
    "itemknn": {
        "weighting": ("cosine", "bm25", "tfidf"),
        "k": (50, 100, 200, 400),
        "shrinkage": (0.0, 10.0, 40.0, 100.0),
        "decay": DECAY,
        "half_life": DAYS,
    },
    "userknn": {
        "weighting": ("cosine", "bm25", "tfidf"),
        "k": (20, 50, 100, 200, 400),
        "decay": DECAY,
        "half_life": DAYS,
    },
    "ease": {
        "l2": (0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
        "rarity": (0.0, 0.25, 0.5),
        "decay": DECAY,
        "half_life": DAYS,
    },
}


def measured(name: str, cuts: Cuts, out: Path | None, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Fit in a fork on the test cut, or on the validation cut where there is no place for lists."""

    def job() -> dict[str, Any]:
        split = cuts.test() if out else cuts.valid()
        split = replace(split, catalogue=encoded(split.catalogue, "auto")[1])
        model = retrievers.retriever(name, parameters) if parameters else zoo.MODELS[name]()
        meter = Meter()
        fit_model(model, split, seed=SEED, name=name, progress=SILENT)
        fit_seconds = meter.seconds
        ranking = lists(model, split.queries, K)
        if out:
            write_lists(ranking, split, out)
        return {"ndcg": _ndcg(ranking, split), "fit_seconds": fit_seconds, "peak_mb": meter.peak_mb}

    told, seconds = forked(job, LONGEST)
    return {"parameters": dict(parameters), "seconds": seconds, **(told or {"ndcg": None})}


def _ndcg(ranking: Ranking, split: Split) -> float:
    return float(score(ranking, slices(split)[0])["ndcg@10"].mean())


def write_lists(ranking: Ranking, split: Split, path: Path) -> None:
    row, rank = np.nonzero(ranking.items >= 0)
    users, items = split.queries.user[row], ranking.items[row, rank]
    pl.DataFrame({"user": users, "item": items, "rank": rank.astype(np.int32) + 1}).write_parquet(path)


def run(name: str, cuts: Cuts, out: Path) -> None:
    """Search on the validation cut where there is a space, fit with the defaults and with the best."""
    title = name if name == "tacit" else f"tacit-{name}"
    trials = search(partial(measured, name, cuts, None), SPACES.get(name, {}))
    best = best_of(trials) or {}
    found = {"default": measured(name, cuts, out / f"{title}-default.parquet", {})}
    found["tuned"] = measured(name, cuts, out / f"{title}-tuned.parquet", best)
    about = {"model": title, "library": "tacit", "version": __version__}
    write_run({**about, **found, "trials": trials}, out / f"{title}.json")


def main(task: Path, out: Path, data: Path, names: list[str]) -> None:
    """Run what is missing."""
    out.mkdir(parents=True, exist_ok=True)
    for name in names or zoo.MODELS:
        title = name if name == "tacit" else f"tacit-{name}"
        if not (out / f"{title}.json").exists():
            start = time.time()
            run(name, Cuts(TASKS[task.name], data), out)
            print(f"{task.name}: {title} in {time.time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main(*(Path(place) for place in sys.argv[1:4]), sys.argv[4:])
