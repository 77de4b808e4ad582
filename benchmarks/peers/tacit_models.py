"""Tacit's own models by the same steps: the same cuts, budget, forks and lists as everybody's.

The cuts are made again in memory (`prepare.Cuts`), since Tacit's models also read texts, event types and
times. ``python tacit_models.py TASK OUT DATA [MODEL ...]``.
"""

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from commit import commit
from prepare import SEED, TASKS, Cuts, current
from search import LONGEST, SECONDS, K, Meter, Parameters, Space, forked, search, summary, write_run

from tacit.core.parameters import values_of
from tacit.core.progress import SILENT
from tacit.core.types import Float32
from tacit.core.version import __version__
from tacit.data.ranking import Ranking
from tacit.engine.train import encoded
from tacit.evaluation.evaluate import fit_model, score
from tacit.evaluation.slices import slices
from tacit.evaluation.split import Split
from tacit.evaluation.tuned_config import retrievers_to_tune
from tacit.evaluation.tuning import surely_better, varied
from tacit.models.protocol import recommend
from tacit.pipeline import comparable, register
from tacit.pipeline.config import Config

VERSION = f"{__version__} {commit()}"
"""Asked when this begins: the checkout may move on meanwhile."""
DECAY = (0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
DAYS = (None, 3.0, 10.0, 30.0, 100.0, 300.0)
SPACES: Mapping[str, Space] = {
    "trending": {"half_life": (None, 0.5, 1.0, 3.0, 7.0, 14.0, 30.0, 90.0, 365.0)},
    "forecast": {
        "smoothing": (0.01, 0.03, 0.1, 0.3, 1.0),
        "horizon": (0.02, 0.05, 0.1, 0.2),
        "l2": (0.3, 1.0, 3.0, 10.0, 30.0),
    },
    "itemknn": {
        "weighting": ("cosine", "bm25", "tfidf"),
        "k": (50, 100, 200, 400),
        "shrinkage": (0.0, 10.0, 40.0, 100.0),
        "decay": DECAY,
        "half_life": DAYS,
    },
    "userknn": {
        "weighting": ("cosine", "tfidf"),
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
    "slim": {
        "l1": (0.0, 0.01, 0.03, 0.1),
        "l2": (0.03, 0.1, 0.3, 1.0, 3.0),
        "neighbours": (50, 100, 200),
        "decay": DECAY,
        "half_life": DAYS,
    },
    "content": {"recent": (3, 10, 30), "closest": (0.1, 0.3, 0.6), "decay": DECAY},
    "ials": {
        "embedding_size": (32, 64, 128),
        "reg": (0.001, 0.003, 0.01, 0.03, 0.1),
        "unobserved": (0.03, 0.1, 0.3, 1.0),
        "decay": DECAY,
    },
    "sequential": {
        "similarity": (0.0, 0.15, 0.3, 0.5),
        "window": (5, 10, 20, 50),
        "decay": DECAY,
        "l2": (0.1, 0.5, 2.0, 10.0),
        "half_life": DAYS,
    },
    "repeats": {"decay": (0.9, 0.97, 0.99, 0.995, 1.0)},
    "sessionknn": {
        "k": (50, 100, 200, 400),
        "decay": DECAY,
        "focus": (0.0, 0.25, 0.5, 0.75, 1.0),
        "rarity": (0.0, 0.25, 0.5, 1.0),
    },
    "covisitation": {
        "window": (3, 5, 10, 20),
        "backward": (0.25, 0.5, 0.75, 1.0),
        "distance": (0.5, 0.65, 0.8, 0.95),
        "popularity": (0.0, 0.15, 0.3, 0.5),
        "decay": DECAY,
    },
    "transformer": {
        "embedding_size": (32, 64, 128),
        "max_length": (20, 50, 100),
        "dropout": (0.1, 0.2, 0.4),
        "learning_rate": (5e-4, 1e-3, 2e-3, 5e-3),
    },
}
"""What is drawn from for each model; one that is not here has its defaults alone."""

GIVEN: Mapping[str, Parameters] = {"transformer": {"minutes": 40 / 60}}
"""What a model is told whatever is drawn: how long to train, as the trained models of peers are."""

LIMIT = 3_600
"""Processor seconds that encoding all texts for the first time may take."""

WHOLE = ("blend", "tacit")
"""Two-stage models: their search is that of their retrievers, who share one budget."""


def measured(make: Callable[[], Any], name: str, cuts: Cuts, out: Path | None = None) -> dict[str, Any]:
    """Fit in a fork on the test cut, or on the validation cut where there is no place for lists."""

    found = vectors(cuts, test=out is not None)

    def job() -> dict[str, Any]:
        split = cuts.test() if out else cuts.valid()
        if found is not None:
            split = replace(split, catalogue=split.catalogue.with_vectors(found))
        meter = Meter()
        model = fit_model(make(), split, seed=SEED, progress=SILENT)
        fit_seconds = meter.seconds
        ranking = recommend(model, split.queries, K)
        costs = {"seconds": meter.seconds, "fit_seconds": fit_seconds, "peak_mb": meter.peak_mb}
        values = score(ranking, slices(split)[0])["ndcg@10"]
        if out:
            write_lists(ranking, split, out)
            return {"ndcg": float(values.mean()), **costs}
        return {"ndcg": float(values.mean()), "values": values, **costs}

    told, seconds = forked(job, LONGEST)
    return {"seconds": seconds, **(told or {"ndcg": None})}


def searched(name: str, own: Parameters, cuts: Cuts, seconds: float = SECONDS) -> list[dict[str, Any]]:
    """Return the trials of one retriever on the validation cut; its own parameters are the first."""

    def trial(drawn: Parameters) -> dict[str, Any]:
        make = partial(register.create, "retriever", name, {**own, **drawn})
        return {"parameters": dict(drawn), **measured(make, name, cuts)}

    return search(trial, SPACES.get(register.find("retriever", name).name, {}), seconds=seconds)


def run(name: str, cuts: Cuts, out: Path) -> None:
    """Tune one model on the validation cut; fit it with its defaults and with the best found."""
    given = GIVEN.get(name, {})
    make = partial(register.create, "retriever", name, given)
    trials = searched(name, given, cuts) if name in SPACES else []
    best = best_of(trials) if trials else {}
    tuned = partial(register.create, "retriever", name, {**given, **best}) if best else make
    _keep(name, make, tuned, summary(trials) if trials else {}, cuts, out)


def run_whole(names: Sequence[str], cuts: Cuts, out: Path) -> None:
    """Tune the retrievers of a two-stage model as `tacit tune` does.

    Each alone, but for those that stand beside another of the same model; what they found is taken if the
    whole gains by it more than its standard error.
    """
    base = Config(repeats=cuts.task.allow_seen)
    share = SECONDS / len(base.retrievers)
    tunable = retrievers_to_tune(None, base)
    best: dict[str, Parameters] = {}
    for one in tunable:
        own = {key: value for key, value in values_of(one).items() if key != "name"}
        best[one.name] = best_of(searched(one.name, own, cuts, share))
    tuned = replace(base, retrievers=tuple(varied(one, best.get(one.name, {})) for one in base.retrievers))
    for name in names:
        protocol = cuts.task.protocol  # what is learned from is cut as the test is
        defaults, changed = (comparable.models(one, protocol=protocol)[name] for one in (base, tuned))
        trials = [
            {"parameters": told, **measured(make, name, cuts)}
            for told, make in (({}, defaults), (best, changed))
        ]
        sure = all(one["ndcg"] is not None for one in trials) and surely_better(
            trials[1]["values"], trials[0]["values"]
        )
        told = {**summary(trials if sure else trials[:1]), "trials": len(trials)}
        _keep(name, defaults, changed if sure else defaults, told, cuts, out)


def _keep(
    name: str,
    make: Callable[[], Any],
    tuned: Callable[[], Any],
    told: Mapping[str, Any],
    cuts: Cuts,
    out: Path,
) -> None:
    kept = {"default": {"parameters": {}, **measured(make, name, cuts, _lists(out, name, "default"))}}
    if tuned is make:  # the same fit again
        kept["tuned"] = dict(kept["default"])
        if (lists := _lists(out, name, "default")).exists():  # a fit that took too long left none
            shutil.copyfile(lists, _lists(out, name, "tuned"))
    else:
        kept["tuned"] = {"parameters": {}, **measured(tuned, name, cuts, _lists(out, name, "tuned"))}
    found = {kind: {**one, **told.get(kind, {})} for kind, one in kept.items()}
    about = {"model": title(name), "library": "tacit", "version": VERSION}
    write_run({**about, **found, "trials": told.get("trials", 0)}, out / f"{title(name)}.json")


def best_of(trials: Sequence[Mapping[str, Any]]) -> Parameters:
    """Return the parameters of the best trial, none where the defaults or nothing did best."""
    return summary(trials)["tuned"]["parameters"] or {}


def title(name: str) -> str:
    return name if name == "tacit" else f"tacit-{name}"


def _lists(out: Path, name: str, kind: str) -> Path:
    return out / f"{title(name)}-{kind}.parquet"


@cache
def vectors(cuts: Cuts, test: bool) -> Float32 | None:
    """Return the item vectors of a cut, made once and outside what is measured; None without texts."""

    def job() -> Float32 | None:
        return encoded((cuts.test() if test else cuts.valid()).catalogue, "auto")[1].vectors

    told: Float32 | None = forked(job, LIMIT)[0]
    return told


def write_lists(ranking: Ranking, split: Split, path: Path) -> None:
    row, rank = np.nonzero(ranking.items >= 0)
    users, items = split.queries.user[row], ranking.items[row, rank]
    pl.DataFrame({"user": users, "item": items, "rank": rank.astype(np.int32) + 1}).write_parquet(path)


def main(task: Path, out: Path, data: Path, names: list[str]) -> None:
    """Run what is missing."""
    out.mkdir(parents=True, exist_ok=True)
    cuts = Cuts(TASKS[task.name], data)
    # In a fork like all work: Polars hangs in a fork of a process that has used it.
    if not forked(partial(current, cuts, task), LIMIT)[0]:
        raise SystemExit(f"the cuts in {task} are not today's; delete it and the runs of its task")
    missing = [name for name in names or comparable.models() if not (out / f"{title(name)}.json").exists()]
    for name in missing:
        if name not in WHOLE:
            run(name, cuts, out)
            print(f"{task.name}: {title(name)}", flush=True)
    if whole := [name for name in missing if name in WHOLE]:
        run_whole(whole, cuts, out)
        print(f"{task.name}: {', '.join(map(title, whole))}", flush=True)


if __name__ == "__main__":
    main(*(Path(place) for place in sys.argv[1:4]), sys.argv[4:])
