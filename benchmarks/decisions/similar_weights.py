"""Learned weights of the lists of related items beside equal ones, before any test.

``python benchmarks/decisions/similar_weights.py DATA OUT [TASK ...]`` reads the training part of each task of
`benchmarks/peers` alone, cut as `forecast.py` beside it cuts it. The first stage of the default configuration
is fitted once a cut, and the weights are learned on its folds. They are measured on the end that was cut off:
the context is the last item that a user had chosen, and NDCG@10 is that of what the user chose afterwards. It
keeps a file for each cut in OUT and prints the table of docs/decisions/027-related-items.md.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from forecast import difference, first_stage, reports_of, table
from prepare import TASKS

from tacit.core.seeds import generator
from tacit.core.types import Float64, Int32, Int64
from tacit.data.queries import gather_ranges
from tacit.evaluation.metrics import hits, per_query
from tacit.evaluation.slices import slices
from tacit.evaluation.split import Split
from tacit.pipeline.config import Config
from tacit.pipeline.similar import similar_items
from tacit.pipeline.similar_fit import fit_similar

MOST = 2_000
"""Contexts of a cut, drawn at random."""


def measured(split: Split, repeats: bool) -> dict[str, Any]:
    """Return all figures of one cut."""
    config = Config(repeats=repeats)
    first = first_stage(config, split)
    begin = time.process_time()
    report = fit_similar(first.folds, split.catalogue.available, generator(7, "similar"))["alike"]
    seconds = time.process_time() - begin
    names = list(report.weights)
    ways = {"equal": dict.fromkeys(names, 1.0), "learned": report.weights}
    ways |= {name: {other: float(other == name) for other in names} for name in names}
    found = {way: ndcg(first.retrievers, split, weights) for way, weights in ways.items()}
    return {
        "seconds": seconds,
        "weights": report.weights,
        "fit": [report.equal, report.learned],
        "ndcg": {way: float(values.mean()) for way, values in found.items()},
        "difference": difference(found["learned"], found["equal"]),
    }


def ndcg(retrievers: Sequence[Any], split: Split, weights: Mapping[str, float]) -> Float64:
    """Return NDCG@10 of what users chose after their last choice: float64[n]."""
    rows, items = contexts(split)
    lists = similar_items(
        retrievers,
        items,
        10,
        kind="alike",
        available=split.catalogue.available,
        weights=weights,
        counts=None,
    )
    whole = slices(split)[0]
    places, offsets = gather_ranges(whole.target_offsets, rows)
    return per_query(hits(lists, offsets, whole.targets[places]), whole.totals[rows])["ndcg@10"]


def contexts(split: Split) -> tuple[Int64, Int32]:
    """Return some queries with a choice in their history, and the item of the last."""
    liked = split.queries.keep(split.queries.weight > 0)
    rows = np.flatnonzero(liked.lengths > 0)
    if len(rows) > MOST:
        rows = np.sort(generator(7, "contexts").choice(rows, MOST, replace=False))
    return rows, liked.item[liked.offsets[rows + 1] - 1]


def main(data: Path, out: Path, names: Sequence[str]) -> None:
    """Measure what is missing and print the table."""
    reports = reports_of(measured, data, out, names, tuple(TASKS))
    print(table(HEAD, [row_of(name, cuts) for name, cuts in reports.items()]))


HEAD = ("task", "equal", "learned, %", "best single list", "weights", "s")


def row_of(name: str, cuts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the figures of a task, cut by cut."""
    return [
        name,
        " ".join(f"{cut['ndcg']['equal']:.4f}" for cut in cuts),
        " ".join(_percent(cut) for cut in cuts),
        " ".join(_best(cut) for cut in cuts),
        " · ".join(
            ", ".join(f"{one} {weight:.2f}" for one, weight in cut["weights"].items()) for cut in cuts
        ),
        " ".join(f"{cut['seconds']:.1f}" for cut in cuts),
    ]


def _percent(cut: Mapping[str, Any]) -> str:
    base, away = cut["ndcg"]["equal"], cut["difference"]
    if not base:
        return "-"
    return f"{100 * away['mean'] / base:+.1f} ± {100 * away['half'] / base:.1f}"


def _best(cut: Mapping[str, Any]) -> str:
    best = max(cut["weights"], key=lambda name: cut["ndcg"][name])
    return f"{best} {cut['ndcg'][best]:.4f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
