"""Tacit's default beside the best of its own retrievers, on the tests of `benchmarks/peers`.

``python benchmarks/best_parts.py DATA OUT [TASK ...]`` fits the default on the test cut of each task and asks
it, its blend alone, and each of its retrievers (with the parameters, and the very fit, that they have inside
that whole) for lists. The best retriever is the one that the fit named on its folds. One JSON a task is kept
in OUT and not made again; `benchmarks/peers/table.py` prints those of ``benchmarks/results/parts``. The lists
of the whole and of its blend are kept as those of the comparison with peers, for `benchmarks/peers/judge.py`.
"""

import copy
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
from environments import BUILD
from prepare import SEED, TASKS, Cuts
from search import Meter, write_run
from tacit_models import VERSION, title, write_lists

from tacit.core.progress import SILENT
from tacit.core.seeds import generator
from tacit.core.types import Float64
from tacit.data.ranking import Ranking
from tacit.data.splits import Protocol
from tacit.engine.train import encoded
from tacit.evaluation.bootstrap import interval
from tacit.evaluation.evaluate import fit_model, score
from tacit.evaluation.slices import Slice, slices
from tacit.evaluation.split import Split
from tacit.models.protocol import recommend
from tacit.pipeline.config import Config
from tacit.pipeline.twostage import TwoStage

K = 20
METRIC = "ndcg@10"
APART = ("cold-item",)
"""Slices that the contract leaves out: items without events have places of their own."""


def measured(split: Split, repeats: bool, protocol: Protocol) -> tuple[dict[str, Any], dict[str, Ranking]]:
    """Return what the whole, its blend and each retriever reach on every slice of a split, and the lists."""
    meter = Meter()
    model: TwoStage = fit_model(
        TwoStage(Config(repeats=repeats), protocol=protocol), split, seed=SEED, progress=SILENT
    )
    fit = {"fit_seconds": meter.seconds}
    blend = replace(model.second_, ranker=None, ranker_weight=0.0)
    lists = {"tacit": recommend(model, split.queries, K), "blend": _under(model, blend, split)}
    for one in model.retrievers_:
        lists[one.name] = recommend(one, split.queries, K)
    costs = {**fit, "seconds": meter.seconds, "peak_mb": meter.peak_mb}
    report = model.report_
    named = report.part.retriever if report and report.part else model.retrievers_[0].name
    parts = [_of_slice(part, lists, named) for part in slices(split) if part.name not in APART]
    weight = report.ranker_weight if report else 0.0
    found = {"commit": VERSION.split()[-1], **costs, "ranker_weight": weight, "part": named, "slices": parts}
    return found, lists


def keep_lists(lists: Mapping[str, Ranking], found: Mapping[str, Any], split: Split, out: Path) -> None:
    """Keep the lists of the whole and of its blend as default runs of the comparison."""
    out.mkdir(parents=True, exist_ok=True)
    costs = {name: found[name] for name in ("fit_seconds", "seconds", "peak_mb")}
    for name in ("tacit", "blend"):
        about = {"model": title(name), "library": "tacit", "version": VERSION, "kinds": ["default"]}
        write_lists(lists[name], split, out / f"{title(name)}-default.parquet")
        write_run({**about, "default": {"parameters": {}, **costs}, "trials": 0}, out / f"{title(name)}.json")


def _under(model: TwoStage, second: Any, split: Split) -> Ranking:
    """Return the lists of the same first stage under another second stage."""
    other = copy.copy(model)
    other.second_ = second
    return recommend(other, split.queries, K)


def _of_slice(part: Slice, lists: Mapping[str, Ranking], named: str) -> dict[str, Any]:
    values = {
        name: score(Ranking(one.items[part.rows], one.scores[part.rows]), part)[METRIC]
        for name, one in lists.items()
    }
    retrievers = [name for name in values if name not in ("tacit", "blend")]
    best = max(retrievers, key=lambda name: values[name].mean())
    return {
        "slice": part.name,
        "users": len(part.rows),
        "means": {name: float(one.mean()) for name, one in values.items()},
        "difference": _difference(values["tacit"], values[named]),
        "best_here": best,
        "difference_best_here": _difference(values["tacit"], values[best]),
    }


def _difference(ours: Float64, theirs: Float64) -> list[float]:
    """Return the mean paired difference and its 95 % interval."""
    gained = ours - theirs
    return [float(gained.mean()), *interval(gained, generator(SEED, "bootstrap"))]


def main(data: Path, out: Path, names: Sequence[str]) -> None:
    """Measure the tasks that have no file yet."""
    out.mkdir(parents=True, exist_ok=True)
    for name in names or TASKS:
        report = out / f"{name}.json"
        if report.exists():
            continue
        split = Cuts(TASKS[name], data).test()
        split = replace(split, catalogue=encoded(split.catalogue, "auto")[1])
        found, lists = measured(split, TASKS[name].allow_seen, TASKS[name].protocol)
        keep_lists(lists, found, split, BUILD / "runs" / name)
        report.write_text(json.dumps({"task": name, **found}, indent=1) + "\n", "utf-8")
        print(_line(name, found), flush=True)


def _line(name: str, found: Mapping[str, Any]) -> str:
    every = found["slices"][0]
    means = every["means"]
    figures = (
        f"tacit {means['tacit']:.4f} blend {means['blend']:.4f} {found['part']} {means[found['part']]:.4f}"
    )
    best = f"best {every['best_here']} {means[every['best_here']]:.4f}"
    return f"{name}: {figures}, {best}, {found['fit_seconds']:.0f} s"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
