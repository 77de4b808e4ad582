"""Small logs once more, over many cuts in time: ``python benchmarks/peers/origins.py DATA [TASK ...]``.

A test cut of a few dozen users says little. Here the last `COUNT` stretches of a log, each a share `SHARE` of
its events, are predicted one after the other, each from all that was before it: by the task's best tuned
peer, with the parameters of its row and in its own environment, and by Tacit's defaults, with the ranker and
without. Users, targets and measure are those of the comparison (`prepare`, `judge`).

Lists are kept in ``build/peers/origins/TASK/NUMBER``, a file for each model, and what is there is not made
again: delete ``*/tacit*`` to fit Tacit again. With ``--peers`` only peers are fitted. What the tables are
made of is written to ``benchmarks/results/origins/TASK.json``.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from environments import BUILD, RESULTS, run_script
from gains import mean_gain
from judge import MAIN, best_peer, scored_lists
from prepare import SEED, TASKS, Cuts, Task, stated, write_cut
from search import K
from tacit_models import VERSION, write_lists

from tacit.core.progress import SILENT
from tacit.core.types import Float64
from tacit.data import columns as col
from tacit.data.interactions import time_of
from tacit.engine.train import encoded
from tacit.evaluation.evaluate import first_stage, fit_model
from tacit.evaluation.split import Split
from tacit.models.protocol import recommend
from tacit.pipeline.config import Config
from tacit.pipeline.twostage import TwoStage

SMALL = ("ml-100k-time", "ml-latest-small-time", "mind-sample-time", "douban-sample-time")
"""The tasks whose test cut has fewer than 500 users."""

COUNT = 10
SHARE = 0.05
"""Of the events of a log, in a stretch: the earliest one is predicted from the half of the log before it."""

OURS = ("tacit", "tacit-blend")
ONLY_PEERS = "--peers"
USERS = "users.parquet"
FACTS = ("events", "asked", "targets")

Row = dict[str, Any]


@dataclass(frozen=True)
class Stretch(Cuts):
    """The cut of a task whose test is one stretch of time; what is later does not exist."""

    whole: Cuts
    start: float
    end: float

    @cached_property
    def events(self) -> pl.DataFrame:
        return self.whole.events.filter(pl.col(col.TIMESTAMP) < self.end)

    @cached_property
    def items(self) -> pl.DataFrame | None:
        return self.whole.items

    @cached_property
    def users(self) -> pl.DataFrame | None:
        return self.whole.users

    def _moment(self, at: Float64) -> float:
        return self.start

    def _held(self, events: pl.DataFrame) -> pl.Series:
        return events[col.TIMESTAMP] >= self.start


def starts(at: Float64) -> Float64:
    """Return the moments at which the last stretches begin, then infinity: float64[COUNT + 1]."""
    shares = 1 - SHARE * np.arange(COUNT, 0, -1)
    return np.append(np.quantile(at, shares, method="higher"), np.inf)


def stretches(cuts: Cuts) -> list[Stretch]:
    """Return the cuts of the last stretches of a task, the earliest first."""
    moments = starts(time_of(cuts.events, "time")).tolist()
    return [Stretch(cuts.task, cuts.data, cuts, start, end) for start, end in pairwise(moments)]


def write_origin(split: Split, task: Task, place: Path) -> None:
    """Write the cut of an origin as peers read it, and the ids of the users asked."""
    (place / "test").mkdir(parents=True, exist_ok=True)
    asked = np.unique(split.queries.user)
    pl.DataFrame({"user": asked, "id": split.train.users.ids[asked]}).write_parquet(place / USERS)
    write_cut(split, task, place / "test")


def fit_peer(peer: Row, place: Path) -> None:
    """Make the lists of a peer at the place of an origin, with the parameters of its row."""
    known = place / "known.json"
    rows = [{**peer, "kind": "default", "parameters": None}, peer]  # its defaults are not wanted
    known.write_text(json.dumps({"rows": rows}), "utf-8")
    run_script(f"{peer['library']}_models", place, place, known, [peer["model"]])
    if not lists_of(peer["model"], place).exists():
        raise SystemExit(f"{peer['model']} made no lists in {place}: the lines above say why")


def fit_tacit(split: Split, place: Path) -> None:
    """Make the lists of Tacit's defaults at the place of an origin, with the ranker and without it."""
    split = replace(split, catalogue=encoded(split.catalogue, "auto")[1])
    config = Config(seed=SEED)
    first = first_stage(config, split)
    for name, own in zip(OURS, (config, replace(config, ranker=None)), strict=True):
        model = fit_model(TwoStage(own, first=first), split, seed=SEED, progress=SILENT)
        write_lists(recommend(model, split.queries, K), split, lists_of(name, place))
    (place / f"{OURS[0]}.json").write_text(json.dumps({"version": VERSION}), "utf-8")


def lists_of(model: str, place: Path) -> Path:
    return place / f"{model}-{'default' if model in OURS else 'tuned'}.parquet"


def report(name: str, peer: Row, places: Sequence[Path]) -> Row:
    """Return all figures of a task from the lists of its origins."""
    ids = [pl.read_parquet(place / USERS)["id"] for place in places]
    scores = {
        model: [scored(model, place) for place in places]
        for model in (peer["model"], *OURS)
        if all(lists_of(model, place).exists() for place in places)
    }
    theirs = scores[peer["model"]]
    ours = [model for model in OURS if model in scores]
    gains = {model: [a - b for a, b in zip(scores[model], theirs, strict=True)] for model in ours}
    return {
        "task": name,
        "peer": {key: peer[key] for key in ("model", "library", "version", "parameters")},
        "tacit": sorted({json.loads((place / f"{OURS[0]}.json").read_text())["version"] for place in places})
        if ours
        else [],
        "users": len(set().union(*ids)),
        "gains": {model: asdict(mean_gain(ids, values)) for model, values in gains.items()},
        "origins": [
            {
                **{key: value for key, value in facts(place).items() if key in FACTS},
                **{model: round(float(values[number].mean()), 5) for model, values in scores.items()},
            }
            for number, place in enumerate(places)
        ],
    }


def scored(model: str, place: Path) -> Float64:
    """Return NDCG@10 of each user asked at an origin, by user: float64[users]."""
    return scored_lists(lists_of(model, place), pl.read_parquet(place / "test" / "targets.parquet"))[MAIN]


def facts(place: Path) -> Row:
    return json.loads((place / "test" / "facts.json").read_text("utf-8"))


def measure(name: str, data: Path, fits: bool) -> Row:
    """Make the lists of a task that are missing, Tacit's only if it ``fits``; return all figures."""
    peer = best_peer(json.loads((RESULTS / f"{name}.json").read_text("utf-8"))["rows"])
    if peer is None:
        raise SystemExit(f"benchmarks/results/{name}.json has no tuned peer; run benchmarks/peers first")
    places = []
    for number, cuts in enumerate(stretches(Cuts(TASKS[name], data))):
        place = BUILD / "origins" / name / f"{number:02}"
        if not (place / USERS).exists():
            write_origin(cuts.test(stated), cuts.task, place)
        if not facts(place)["asked"]:
            continue  # nobody with a history chose anything new
        places.append(place)
        if not lists_of(peer["model"], place).exists():
            fit_peer(peer, place)
        if fits and not all(lists_of(model, place).exists() for model in OURS):
            fit_tacit(cuts.test(), place)
        print(f"{name}: origin {number}", file=sys.stderr, flush=True)
    return report(name, peer, places)


def main(data: Path, names: Sequence[str], fits: bool) -> None:
    out = RESULTS / "origins"
    out.mkdir(exist_ok=True)
    for name in names or SMALL:
        figures = measure(name, data, fits)
        (out / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    given = [one for one in sys.argv[1:] if one != ONLY_PEERS]
    main(Path(given[0]).resolve(), given[1:], fits=ONLY_PEERS not in sys.argv)
