"""How long the ranker waits for a better epoch: its loss, gain and seconds by `patience`, before any test.

``python benchmarks/decisions/patience.py DATA OUT [TASK ...]`` reads the training part of each task of
`benchmarks/peers` alone, and predicts its end as `forecast.py` beside it cuts it: two tenths of a cut in
time, the last event of a user or a drawn share otherwise. The first stage of the default configuration is
fitted once for each, and the default ranker on it with each patience. It keeps a file for each cut in OUT
and prints the table of docs/decisions/026-patience.md.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from blend_form import chosen
from crossfit import fitted, scores_of
from forecast import difference, first_stage, reports_of, table
from prepare import TASKS

from tacit.data.gain import ndcg_of_scores
from tacit.evaluation.split import Split
from tacit.pipeline.config import Config
from tacit.pipeline.retrieval import collect
from tacit.pipeline.secondstage import weighted_scores
from tacit.rankers.mlp import MLP

LISTED = tuple(TASKS)
WAYS = (4, 2)
"""Patience of each way; the first is what there was."""


def measured(split: Split, repeats: bool) -> dict[str, Any]:
    """Return all figures of one cut."""
    config = Config(repeats=repeats)
    first = first_stage(config, split)
    found = collect(first.retrievers, split.queries, config.candidates, split.catalogue.available)
    labels, totals = chosen(split, found.items), np.diff(split.target_offsets)
    served, runs = {}, {}
    for patience in WAYS:
        model, seconds = fitted(first, split, replace(config, ranker=MLP(patience=patience)), 0)
        report = model.report_
        assert report is not None
        base, ranked = scores_of(model, split, found)
        blend, served[patience] = (
            ndcg_of_scores(weighted_scores(base, ranked, weight), labels, totals)
            for weight in (0.0, report.ranker_weight)
        )
        runs[str(patience)] = {
            "seconds": seconds,
            "epochs": len(report.epochs),
            "weight": report.ranker_weight,
            "blend": float(blend.mean()),
            "served": float(served[patience].mean()),
            "difference": difference(served[patience], served[WAYS[0]]),
        }
    return {"queries": len(split.queries), "runs": runs}


def main(data: Path, out: Path, names: Sequence[str]) -> None:
    """Measure what is missing and print the table."""
    reports = reports_of(measured, data, out, names, LISTED)
    print(table(HEAD, [row_of(name, cuts) for name, cuts in reports.items()]))


HEAD = (
    "task",
    "queries",
    "blend",
    f"whole, patience {WAYS[0]}",
    *(f"{way} beside it, %" for way in WAYS[1:]),
    *(f"epochs, weight, s of {way}" for way in WAYS),
)


def row_of(name: str, cuts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the figures of a task, cut by cut."""
    runs = [cut["runs"] for cut in cuts]
    return [
        name,
        " ".join(str(cut["queries"]) for cut in cuts),
        " ".join(f"{run[str(WAYS[0])]['blend']:.4f}" for run in runs),
        " ".join(f"{run[str(WAYS[0])]['served']:.4f}" for run in runs),
        *(" ".join(_beside(run, way) for run in runs) for way in WAYS[1:]),
        *(" · ".join(_cost(run[str(way)]) for run in runs) for way in WAYS),
    ]


def _beside(run: Mapping[str, Any], way: int) -> str:
    base, away = run[str(WAYS[0])]["served"], run[str(way)]["difference"]
    return f"{100 * away['mean'] / base:+.1f} ± {100 * away['half'] / base:.1f}"


def _cost(run: Mapping[str, Any]) -> str:
    return f"{run['epochs']}, {run['weight']:g}, {run['seconds']:.0f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
