"""Items that nobody has touched: what their places bring, and what they cost others, before any test.

``python benchmarks/decisions/unseen_items.py DATA OUT [TASK ...]`` reads the training part of each task of
`benchmarks/peers` alone and cuts off its end as the task is cut; all items of the catalogue are ranked. The
default retrievers are fitted and blended, without a ranker, and asked for lists in several ways. It keeps a
file for each task in OUT and prints the tables of docs/decisions/018-unseen-items.md.
"""

import copy
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from forecast import SEED, difference, table, validation
from prepare import TASKS, Cuts

from tacit.core.progress import SILENT
from tacit.core.seeds import generator
from tacit.core.types import Bool, Float64
from tacit.data.ranking import Ranking
from tacit.evaluation import metrics
from tacit.evaluation.evaluate import fit_model, score
from tacit.evaluation.slices import Slice, slices
from tacit.evaluation.split import Split
from tacit.models.protocol import recommend
from tacit.pipeline import register
from tacit.pipeline.config import Config
from tacit.pipeline.twostage import TwoStage

LISTED = (
    "amazon-2023-mini-time",
    "amazon-industrial-loo",
    "mind-sample-time",
    "ml-100k-time",
    "ml-latest-small-time",
)
K = 10
SHARES = (0.05, 0.1, 0.2, 0.3)
LATE = 0.01
"""Share of the items without events that are taken as having come after the fit."""


def touched(split: Split) -> Slice:
    """Return all users with their targets that have events: the others whom a place may cost something."""
    known = (split.targets >= 0) & ~split.cold[split.targets]
    row = np.repeat(np.arange(len(split.target_offsets) - 1), np.diff(split.target_offsets))
    counts = np.bincount(row[known], minlength=len(split.target_offsets) - 1)
    rows = np.flatnonzero(counts)
    offsets = np.concatenate([[0], np.cumsum(counts[rows])]).astype(np.int64)
    return Slice("touched", rows, offsets, split.targets[known])


def gained(ranking: Ranking, part: Slice) -> Float64:
    """Return NDCG@10 of each user of a slice."""
    return score(ranking.take(part.rows), part)["ndcg@10"]


def places(ranking: Ranking, split: Split, among: Bool) -> dict[str, int]:
    """Return how many of the places went to some items, and how many of those were chosen."""
    given = (ranking.items >= 0) & among[np.maximum(ranking.items, 0)]
    hit = metrics.hits(ranking, split.target_offsets, split.targets)[:, : given.shape[1]] & given
    return {"places": int(given.sum()), "hits": int(hit.sum())}


def without(model: TwoStage) -> TwoStage:
    """Return the recommender without the scale of text scores."""
    other = copy.copy(model)
    other.text_fit_ = None
    return other


def with_late(model: TwoStage, cold: Bool) -> tuple[TwoStage, Bool]:
    """Return a recommender for which some items without events came after the fit, and which they are."""
    late = cold & (generator(SEED, "late").random(len(cold)) < LATE)
    other = copy.copy(model)
    other.events_ = np.where(late, -1, model.events_)
    return other, late


def exploring(model: TwoStage, share: float) -> TwoStage:
    other = copy.copy(model)
    other.config = replace(model.config, explore=share)
    return other


def measured(split: Split, repeats: bool) -> dict[str, Any]:
    """Return all figures of one cut."""
    model = TwoStage(Config(ranker=None, repeats=repeats), protocol=split.protocol)  # type: ignore[arg-type]
    model = fit_model(model, split, seed=SEED, progress=SILENT)
    others = touched(split)
    before = recommend(without(model), split.queries, K)
    after = recommend(model, split.queries, K)
    late, which = with_late(model, split.cold)
    with_place = recommend(late, split.queries, K)
    unseen = np.flatnonzero(split.cold).astype(np.int32)
    head = register.create("retriever", "tuned-content")
    head.fit(split.train, split.catalogue, rng=generator(SEED, "tuned-content"))
    alone = recommend(head, split.queries, K, items=unseen)
    every = slices(split)[0]
    base = gained(before, others)
    return {
        "users": len(split.queries),
        "unseen": len(unseen),
        "items": len(split.catalogue),
        "weights": list(model.text_fit_.weights) if model.text_fit_ else None,
        "all": [float(gained(one, every).mean()) for one in (before, after)],
        "others": float(base.mean()),
        "cost": difference(gained(after, others), base),
        "before": places(before, split, split.cold),
        "after": places(after, split, split.cold),
        "alone": places(alone, split, split.cold),
        "late": places(with_place, split, which),
        "late cost": difference(gained(with_place, others), gained(after, others)),
        "explore": {
            str(share): difference(
                gained(recommend(exploring(model, share), split.queries, K), others), gained(after, others)
            )
            for share in SHARES
        },
    }


def main(data: Path, out: Path, names: Sequence[str]) -> None:
    """Measure what is missing and print the tables."""
    out.mkdir(parents=True, exist_ok=True)
    for name in names or LISTED:
        report = out / f"{name}.json"
        if not report.exists():
            cuts = Cuts(TASKS[name], data)
            figures = measured(validation(cuts, candidates="catalogue"), cuts.task.allow_seen)
            report.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
            print(report.name, file=sys.stderr, flush=True)
    kept = {name: out / f"{name}.json" for name in LISTED}
    reports = {name: json.loads(path.read_text("utf-8")) for name, path in kept.items() if path.exists()}
    print(table_places(reports), table_costs(reports), sep="\n\n")


def table_places(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the places of items without events among the first ten, and how many of them were chosen."""
    ways = ("before", "after", "alone", "late")
    rows = [
        [name, f"{one['unseen']:,} of {one['items']:,}", *(_places(one[way]) for way in ways)]
        for name, one in reports.items()
    ]
    return table(
        ["task", "items without events", "before", "after", "`tuned-content` among them alone", "new"], rows
    )


def table_costs(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the change of NDCG@10 on targets with events, in percent of it."""
    rows = []
    for name, one in reports.items():
        shares = [one["explore"][str(share)] for share in SHARES]
        costs = [one["cost"], one["late cost"], *shares]
        rows.append([name, f"{one['others']:.4f}", *(_percent(cost, one["others"]) for cost in costs)])
    heads = [f"`explore` = {share}" for share in SHARES]
    return table(["task", "NDCG@10 of others", "by text", "a place for a new item", *heads], rows)


def _places(found: Mapping[str, int]) -> str:
    return f"{found['hits']} / {found['places']:,} = {found['hits'] / max(found['places'], 1):.4f}"


def _percent(cost: Mapping[str, float], base: float) -> str:
    return f"{100 * cost['mean'] / base:+.1f} ± {100 * cost['half'] / base:.1f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
