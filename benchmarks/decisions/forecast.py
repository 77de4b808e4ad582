"""The popularity forecast: alone, beside other popularity, and as a part of the blend, before any test.

``python benchmarks/decisions/forecast.py DATA OUT [TASK ...]`` reads the training part of each task of
`benchmarks/peers` alone. It cuts off the last tenth of that part, and again the tenth before it (another cut
than one in time is made once), fits the default retrievers and the forecast on each, and blends subsets of
them without a ranker: a fit serves all subsets, since what one retriever draws changes nothing for another.
It keeps a file for each cut in OUT and prints the tables of docs/decisions/015-popularity-forecast.md.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
from prepare import TASKS, Cuts

from tacit.core.progress import SILENT
from tacit.core.seeds import Streams, generator
from tacit.core.types import Float64
from tacit.data import columns as col
from tacit.engine.train import encoded
from tacit.evaluation.evaluate import score
from tacit.evaluation.slices import slices
from tacit.evaluation.split import CandidatesOf, Split, make_split
from tacit.models.protocol import recommend
from tacit.pipeline import register
from tacit.pipeline.blend import LabelledCandidates
from tacit.pipeline.config import Config
from tacit.pipeline.firststage import FirstStage, Fold, fit_first_stage
from tacit.pipeline.retrieval import collect
from tacit.pipeline.twostage import TwoStage

SEED = 7
CUTS = 2
"""How many stretches of a training part are predicted, each from what was before it."""
TENTH = 0.1
LISTED = (
    "douban-sample-time",
    "ml-latest-small-time",
    "mind-sample-time",
    "amazon-2023-mini-time",
    "ml-100k-time",
    "completejourney-time",
    "completejourney-time-seen",
    "retailrocket-subset-random",
    "ml-100k-loo",
    "amazon-industrial-loo",
    "yoochoose-100k-loo",
)
ALONE = ("popular", "trending", "trending-now", "forecast")
OTHERS = ("itemknn", "userknn", "userknn-ever", "ease", "slim", "sequential", "sessionknn", "content")
POPULARITY: Mapping[str, Sequence[str]] = {
    "three": ("trending", "trending-now", "popular"),
    "three + forecast": ("trending", "trending-now", "popular", "forecast"),
    "popular + forecast": ("popular", "forecast"),
    "forecast": ("forecast",),
}
"""What of popularity is blended with `OTHERS`; the first is what there was."""
PARAMETERS: Mapping[str, Mapping[str, Any]] = {"ease": {"decay": 1.0}, "sequential": {"max_items": 5_000}}


def validation(cuts: Cuts, back: int = 0, candidates: CandidatesOf = "log") -> Split:
    """Return the cut of a training part that leaves out ``back`` tenths more; all users are asked."""
    events = cuts.train
    if back:
        at = events[col.TIMESTAMP].sort()
        events = events.filter(pl.col(col.TIMESTAMP) < at[int(len(at) * (1 - TENTH * back))])
    split = make_split(
        events,
        cuts.items,
        users=cuts.users,
        protocol=cuts.task.protocol,
        candidates=candidates,
        allow_seen=cuts.task.allow_seen,
    )
    return replace(split, catalogue=encoded(split.catalogue, "auto")[1])


def configuration(repeats: bool) -> Config:
    """Return the configuration of every retriever that is compared."""
    names = dict.fromkeys((*POPULARITY["three + forecast"], *OTHERS))
    return Config(retrievers={name: PARAMETERS.get(name, {}) for name in names}, ranker=None, repeats=repeats)


def first_stage(config: Config, split: Split) -> FirstStage:
    return fit_first_stage(
        config,
        split.train,
        split.catalogue,
        protocol=split.protocol,  # type: ignore[arg-type]
        streams=Streams.of(generator(SEED, "model")),
        progress=SILENT,
    )


def part_of(first: FirstStage, names: Sequence[str], split: Split, candidates: int) -> FirstStage:
    """Return the first stage of some of its retrievers, with the candidates of these alone."""

    def some(fold: Fold) -> Fold:
        kept = tuple(one for one in fold.retrievers if one.name in names)
        window = fold.window
        found = collect(kept, window.queries, candidates, split.catalogue.available)
        labelled = LabelledCandidates(found, window.labels(found.items), np.diff(window.target_offsets))
        return replace(fold, retrievers=kept, labelled=labelled)

    kept = tuple(one for one in first.retrievers if one.name in names)
    return replace(first, retrievers=kept, folds=tuple(some(fold) for fold in first.folds))


def alone(name: str, split: Split) -> dict[str, Any]:
    """Return how good a popularity model is, and the processor time of its fit."""
    model = register.create("retriever", name)
    seconds = timed(lambda: model.fit(split.train, split.catalogue, rng=generator(SEED, name)))
    return {"seconds": seconds, **quality(ndcg(model, split), split)}


def blended(first: FirstStage, names: Sequence[str], split: Split, config: Config) -> Float64:
    """Return NDCG@10 of each user by the blend of some retrievers: float64[users]."""
    part = part_of(first, names, split, config.candidates)
    own = replace(config, retrievers=part.retrievers)
    model = TwoStage(own, protocol=split.protocol, first=part)  # type: ignore[arg-type]
    return ndcg(model.fit(split.train, split.catalogue, rng=generator(SEED, "model")), split)


def ndcg(model: Any, split: Split) -> Float64:
    return score(recommend(model, split.queries, 20), slices(split)[0])["ndcg@10"]


def quality(values: Float64, split: Split) -> dict[str, float]:
    return {"all": float(values.mean()), "history": float(values[split.queries.lengths > 0].mean())}


def difference(values: Float64, base: Float64) -> dict[str, float]:
    """Return the paired difference, and half of its 95 % interval."""
    away = values - base
    return {"mean": float(away.mean()), "half": float(1.96 * away.std() / np.sqrt(len(away)))}


def timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def measured(split: Split, repeats: bool) -> dict[str, Any]:
    """Return all figures of one cut."""
    config = configuration(repeats)
    first = first_stage(config, split)
    everything = {one.name for one in first.retrievers}
    popularity = set(POPULARITY["three + forecast"])
    found: dict[str, Any] = {}
    base = None
    for name, own in POPULARITY.items():
        values = blended(first, [*(everything - popularity), *own], split, config)
        base = values if base is None else base
        found[name] = {**quality(values, split), "difference": difference(values, base)}
    history = int((split.queries.lengths > 0).sum())
    return {
        "events": len(split.train),
        "users": len(split.queries),
        "history": history,
        "folds": len(first.folds),
        "alone": {name: alone(name, split) for name in ALONE},
        "blend": found,
    }


def main(data: Path, out: Path, names: Sequence[str]) -> None:
    """Measure what is missing and print the tables."""
    reports = reports_of(measured, data, out, names)
    print(table_alone(reports), table_blend(reports), sep="\n\n")


def reports_of(
    measure: Callable[[Split, bool], dict[str, Any]],
    data: Path,
    out: Path,
    names: Sequence[str],
    listed: Sequence[str] = LISTED,
) -> dict[str, list[dict[str, Any]]]:
    """Measure the cuts of tasks that are missing in a folder, and return all that it holds, by task."""
    out.mkdir(parents=True, exist_ok=True)
    for name in names or listed:
        cuts = Cuts(TASKS[name], data)
        for back in range(CUTS if cuts.task.protocol == "time" else 1):
            report = out / f"{name}.{back}.json"
            if not report.exists():
                figures = measure(validation(cuts, back), cuts.task.allow_seen)
                report.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
                print(report.name, file=sys.stderr, flush=True)
    return {name: read for name in listed if (read := kept(out, name))}


def kept(out: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(out.glob(f"{name}.*.json"))]


def table_alone(reports: Mapping[str, list[dict[str, Any]]]) -> str:
    """Return NDCG@10 of all users / of users with a history, and the seconds of the forecast's fit."""
    rows = [
        [name, *(_pair([one["alone"][model] for one in cuts]) for model in ALONE), f"{_seconds(cuts):.2f}"]
        for name, cuts in reports.items()
    ]
    return table(["task", *ALONE, "fit of `forecast`, s"], rows)


def table_blend(reports: Mapping[str, list[dict[str, Any]]]) -> str:
    """Return NDCG@10 of what there was, and the gain of the others on all users, cut by cut."""
    rows = []
    for name, cuts in reports.items():
        gains = [" ".join(_gain(one["blend"], own) for one in cuts) for own in list(POPULARITY)[1:]]
        rows.append([name, _pair([one["blend"]["three"] for one in cuts]), *gains])
    for part in ("all", "history"):
        means = [f"**{_mean_gain(reports, own, part):+.1f}**" for own in list(POPULARITY)[1:]]
        rows.append([f"mean of {'all users' if part == 'all' else 'users with a history'}, %", "", *means])
    return table(["task", *POPULARITY], rows)


def _mean_gain(reports: Mapping[str, list[dict[str, Any]]], own: str, part: str) -> float:
    """Return the mean over tasks of the mean gain of a cut in percent (of logarithms)."""
    gains = [
        np.mean([np.log(one["blend"][own][part] / one["blend"]["three"][part]) for one in cuts])
        for cuts in reports.values()
    ]
    return float(100 * np.expm1(np.mean(gains)))


def _gain(blend: Mapping[str, Any], own: str) -> str:
    base, away = blend["three"]["all"], blend[own]["difference"]
    return f"{100 * away['mean'] / base:+.1f} ± {100 * away['half'] / base:.1f}"


def _pair(cuts: Sequence[Mapping[str, float]]) -> str:
    return " / ".join(f"{np.mean([one[part] for one in cuts]):.4f}" for part in ("all", "history"))


def _seconds(cuts: Sequence[Mapping[str, Any]]) -> float:
    return float(np.mean([one["alone"]["forecast"]["seconds"] for one in cuts]))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
