"""The ranker cross-fitted over users beside one with users held out, before any test.

``python benchmarks/decisions/crossfit.py DATA OUT [TASK ...]`` reads the training part of each task of
`benchmarks/peers` alone, cut as `forecast.py` beside it cuts it. The first stage of the default configuration
is fitted once a cut; the default ranker is fitted on it in both ways, with two draws of users and seeds. It
keeps a file for each cut in OUT and prints the tables of docs/decisions/003-how-much-the-ranker-counts.md.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from blend_form import chosen
from forecast import difference, first_stage, quality, reports_of, table

from tacit.core.seeds import Streams, generator
from tacit.core.types import Float32, Float64
from tacit.data.gain import ndcg_of_scores
from tacit.evaluation.split import Split
from tacit.features.candidates import Candidates
from tacit.models.protocol import batches
from tacit.pipeline import ranker_fit, secondstage_fit, weight_choice
from tacit.pipeline.blend import log_softmax
from tacit.pipeline.config import Config
from tacit.pipeline.firststage import FirstStage, assign_parts
from tacit.pipeline.retrieval import collect
from tacit.pipeline.secondstage import pair_scores, weighted_scores
from tacit.pipeline.twostage import TwoStage

SEEDS = (0, 1)
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
TASKS = (
    "ml-100k-time",
    "ml-latest-small-time",
    "mind-sample-time",
    "douban-sample-time",
    "amazon-2023-mini-time",
    "ml-100k-loo",
    "amazon-industrial-loo",
    "retailrocket-subset-random",
)


@contextmanager
def held_out() -> Iterator[None]:
    """Fit as before: 70 % of the users learn, the blend learns from all, lists are independent."""

    def unclustered(values: Float64, _: Any) -> float:
        return float(values.std() / np.sqrt(max(len(values), 1)))

    def whole(refit: Any, examples: Any, _: Any) -> Any:
        return refit([one.labelled for one in examples])

    with ExitStack() as stack:
        for module in (ranker_fit, secondstage_fit):
            stack.enter_context(patch.object(module, "is_cross_fitted", lambda _: False))
        stack.enter_context(patch.object(ranker_fit, "_refitted", whole))
        stack.enter_context(patch.object(weight_choice, "clustered_error", unclustered))
        yield


@contextmanager
def cross_fitted() -> Iterator[None]:
    """Fit as it is."""
    yield


WAYS: Mapping[str, Callable[[], Any]] = {"held out": held_out, "cross-fitted": cross_fitted}


def redrawn(first: FirstStage, seed: int) -> FirstStage:
    """Return the same first stage with other users held out."""
    part = assign_parts(len(first.part), Streams(seed).stream("parts"))
    folds = tuple(replace(fold, part=part[fold.window.queries.user]) for fold in first.folds)
    return replace(first, part=part, folds=folds)


def fitted(first: FirstStage, split: Split, config: Config, seed: int) -> tuple[TwoStage, float]:
    """Return the fitted model and the processor time of its second stage."""
    model = TwoStage(config, protocol=split.protocol, first=redrawn(first, seed))  # type: ignore[arg-type]
    begin = time.process_time()
    model.fit(split.train, split.catalogue, rng=generator(seed, "model"))
    return model, time.process_time() - begin


def scores_of(model: TwoStage, split: Split, found: Candidates) -> tuple[Float32, Float32]:
    """Return the scores of the blend and of the ranker in full: float32[n, c] each."""
    stage = model.second_
    base = log_softmax(stage.blend.score(found))
    if stage.ranker is None or stage.normaliser is None:
        return base, base
    parts, start = [], 0
    for batch in batches(split.queries, found.items.shape[1] * 100):
        stop = start + len(batch)
        part, own = found.take(slice(start, stop)), base[start:stop].copy()
        features = stage.normaliser.transform(stage.maker.transform(batch, part))
        own[part.real] = pair_scores(stage.ranker, features, own[part.real])
        parts.append(own)
        start = stop
    return base, np.concatenate(parts)


def measured(split: Split, repeats: bool) -> dict[str, Any]:
    """Return all figures of one cut."""
    config = Config(repeats=repeats)
    begin = time.process_time()
    first = first_stage(config, split)
    seconds = time.process_time() - begin
    found = collect(first.retrievers, split.queries, config.candidates, split.catalogue.available)
    labels, totals = chosen(split, found.items), np.diff(split.target_offsets)
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    served: dict[str, list[Float64]] = {way: [] for way in WAYS}
    for seed in SEEDS:
        for way, inside in WAYS.items():
            with inside():
                model, took = fitted(first, split, config, seed)
            base, ranked = scores_of(model, split, found)
            values = {w: ndcg_of_scores(weighted_scores(base, ranked, w), labels, totals) for w in WEIGHTS}
            report = model.report_
            assert report is not None
            served[way].append(values[report.ranker_weight])
            runs[way].append(
                {
                    "seconds": took,
                    "weight": report.ranker_weight,
                    "claimed": report.valid_ndcg,
                    "gain": report.gain,
                    "epochs": len(report.epochs),
                    "cut": {str(w): float(v.mean()) for w, v in values.items()},
                    "served": quality(values[report.ranker_weight], split),
                    "gained": difference(values[report.ranker_weight], values[0.0]),
                }
            )
    old, new = (np.mean(served[way], axis=0) for way in WAYS)
    return {
        "users": len(split.queries),
        "queries": [len(fold.part) for fold in first.folds],
        "first stage": seconds,
        "runs": runs,
        "difference": difference(new, old),
        "level": float(old.mean()),
    }


def main(data: Path, out: Path, names: Sequence[str]) -> None:
    """Measure what is missing and print the tables."""
    reports = reports_of(measured, data, out, names or TASKS)
    print(table_of_lists(reports), table_of_gains(reports), sep="\n\n")


def table_of_lists(reports: Mapping[str, list[dict[str, Any]]]) -> str:
    """Return NDCG@10 on each cut held out, the gain of cross-fitting in percent, and seconds of a fit."""
    rows = [
        [
            name,
            str(cut["users"]),
            " ".join(map(str, cut["queries"])),
            f"{cut['level']:.4f}",
            f"{_percent(cut, 'mean'):+.1f} ± {_percent(cut, 'half'):.1f}",
            *(f"{cut['first stage'] + _mean(cut, way, 'seconds'):.1f}" for way in WAYS),
        ]
        for name, cuts in reports.items()
        for cut in cuts
    ]
    head = [
        "task",
        "users",
        "queries of the folds",
        "held out",
        "cross-fitted, %",
        "s held out",
        "s cross-fitted",
    ]
    return table(head, rows)


def table_of_gains(reports: Mapping[str, list[dict[str, Any]]]) -> str:
    """Return for each way and seed: the weight, and the gain in percent, at the fit and on the cut."""
    rows = [
        [name, *(" / ".join(_gain(run, way) for run in cut["runs"][way]) for way in WAYS)]
        for name, cuts in reports.items()
        for cut in cuts
    ]
    return table(["task", *(f"{way}: weight, gain at the fit → on the cut, %" for way in WAYS)], rows)


def _gain(run: Mapping[str, Any], way: str) -> str:
    if run["gain"] is None:
        return "none"
    gain = run["gain"]
    # Before, the gain that was reported was the one at the weight that the same users chose.
    after = gain["after"] if way == "cross-fitted" else run["claimed"][str(run["weight"])]
    claimed = 100 * (after / gain["before"] - 1) if gain["before"] else 0.0
    half = 50 * (gain["high"] - gain["low"]) / gain["before"] if gain["before"] else 0.0
    kept = 100 * (run["cut"][str(run["weight"])] / run["cut"]["0.0"] - 1)
    return f"{run['weight']:g}: {claimed:+.1f} ± {half:.1f} → {kept:+.1f}"


def _percent(cut: Mapping[str, Any], figure: str) -> float:
    return float(100 * cut["difference"][figure] / cut["level"])


def _mean(cut: Mapping[str, Any], way: str, figure: str) -> float:
    return float(np.mean([run[figure] for run in cut["runs"][way]]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
